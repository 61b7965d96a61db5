"""What becomes of a face while its photograph is spoilt: strips of pictures, curves with their spread, and where they break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmreg.arrays import Float
from mmreg.face import Coefficients
from mmreg.figures.faces import grid
from mmreg.figures.style import PALETTE, WIDTH, new_figure
from mmreg.reconstruct import Reconstructor

BLUE, VERMILION, GREEN = PALETTE[:3]
GREY = "#777777"


def strip(reconstructor: Reconstructor, arrays: Mapping[str, np.ndarray], factor: str, unit: str = "") -> Figure:
    """One person under one factor: photographs above, the faces that come of them below, level by level.

    Args:
        arrays: of the stress experiment's result.
        unit: behind the first level.
    """
    levels = arrays[f"{factor}: levels"]
    faces = Coefficients(arrays[f"{factor}: shape"], arrays[f"{factor}: albedo"])
    photographs = arrays[f"{factor}: photographs"]
    portraits = reconstructor.portrait(faces, 0.0, photographs.shape[1])
    names = [_number(level) for level in levels]
    names[0] += unit
    return grid([list(photographs), list(portraits)], row_labels=["given", "answer"], column_labels=names)


def drift_curves(factors: Mapping[str, Mapping[str, Any]], limit: float, columns: int = 2) -> Figure:
    """Of every factor with levels that are numbers: how far the mesh moves, as a share of how far two people lie apart.

    Line: median over people; band: 10th to 90th percentile; dot with a bar: where the median crosses `limit`, and the bootstrap's 95 %;
    crosses: levels at which the detector misses every second face or more.

    Args:
        factors: of the stress experiment's numbers.
    """
    chosen = {name: f for name, f in factors.items() if not any(isinstance(level, str) for level in f["levels"])}
    rows = -(-len(chosen) // columns)
    figure, axes = new_figure(rows, columns, height=2.45 * rows, sharey=True, squeeze=False)
    for axis in axes.flat[len(chosen) :]:
        axis.axis("off")
    for axis, (name, factor) in zip(axes.flat, chosen.items(), strict=False):
        _drift(axis, name, factor, limit)
    for axis in axes[:, 0]:
        axis.set_ylabel("drift / distance\nof two people", fontsize=11)
    return figure


def _drift(axis: Axes, name: str, factor: Mapping[str, Any], limit: float) -> None:
    levels = np.array(factor["levels"], float)
    falling = levels[0] > levels[-1]
    place = np.log2 if falling else np.asarray  # pixels and qualities go down by halves
    x, curve = place(levels), {k: _floats(v) for k, v in factor["relative_mesh"].items()}
    axis.axhline(1.0, color=GREY, linewidth=1.0, linestyle=":")
    axis.axhline(limit, color=VERMILION, linewidth=1.0, linestyle="--")
    axis.fill_between(x, curve["low"], curve["high"], color=BLUE, alpha=0.2, linewidth=0)
    axis.plot(x, curve["median"], color=BLUE, marker="o", markersize=4)
    found = _floats(factor["face_found"])
    missed = np.flatnonzero(np.nan_to_num(found, nan=1.0) <= 0.5)
    axis.plot(x[missed], np.zeros(len(missed)), "x", color="black", markersize=7, markeredgewidth=1.8)
    broken = factor["breaking_point"]
    for sign in (-1.0, 1.0) if levels.min() < 0.0 else (1.0,):
        if broken and broken["level"] is not None:
            ends = [broken["low"], broken["high"] if broken["high"] is not None else levels[-1]]
            axis.plot(place(sign * np.array(ends, float)), [limit] * 2, color=VERMILION, linewidth=4.5, alpha=0.5)
            axis.plot(place(np.array(sign * broken["level"])), limit, "o", color=VERMILION, markersize=7)
    axis.set_title(name)
    axis.set_xlabel(factor["unit"], fontsize=11)
    axis.set_ylim(-0.08, 1.55)
    if falling:
        axis.invert_xaxis()
        axis.set_xticks(x, [_number(level) for level in levels])


def _floats(values: Sequence[float | None]) -> Float[np.ndarray, " level"]:
    return np.array([np.nan if value is None else value for value in values], float)


def _rounded(level: float) -> str:
    return f"{level:.0f}" if level >= 10.0 else f"{level:.2g}"


def _number(level: Any) -> str:
    if isinstance(level, str):
        return level.replace("_", " ")
    return f"{float(level):g}".replace("-", "−")


def breaking_table(numbers: Mapping[str, Any]) -> str:
    """Factor by factor: where the median person's face has moved half of the way to somebody else, as Markdown."""
    lines = [
        "| what changes | it breaks at | 95 % interval | unit | cosine left at its strongest | detector finds half of the faces up to |",
        "|---|---|---|---|---|---|",
    ]
    for name, factor in numbers["factors"].items():
        broken = factor["breaking_point"]
        if broken is None:
            continue
        last = _number(factor["levels"][-1])
        level = "not at all" if broken["level"] is None else f"**{_rounded(broken['level'])}**"
        ends = [f"beyond {last}" if end is None else _rounded(end) for end in (broken["low"], broken["high"])]
        interval = "" if broken["low"] is None else f"{ends[0]} to {ends[1]}"
        cosine = np.nanmin(_floats(factor["cosine"]["median"]))
        asked = [
            (level, share)
            for level, share in zip(factor["levels"], factor["face_found"], strict=True)
            if share is not None
        ]
        seen = [level for level, share in asked if share > 0.5]
        reach = (
            ""
            if not asked
            else _number(max(map(abs, seen)) if min(factor["levels"]) < 0 else seen[-1])
            if seen
            else "none"
        )
        lines.append(f"| {name} | {level} | {interval} | {factor['unit']} | {cosine:.2f} | {reach} |")
    return "\n".join(lines)


def named_levels(factor: Mapping[str, Any], limit: float) -> Figure:
    """Things that are there or aren't, such as what people wear: the drift of each as a bar with its spread."""
    names = [_number(level) for level in factor["levels"]]
    curve = {k: _floats(v) for k, v in factor["relative_mesh"].items()}
    order = np.argsort(curve["median"])
    figure, axis = new_figure(height=0.9 + 0.36 * len(names))
    places = np.arange(len(names))
    axis.barh(places, curve["median"][order], color=BLUE, height=0.62)
    spread = np.stack([curve["median"] - curve["low"], curve["high"] - curve["median"]])[:, order]
    axis.errorbar(curve["median"][order], places, xerr=spread, fmt="none", ecolor="black", elinewidth=1.2, capsize=3)
    axis.axvline(limit, color=VERMILION, linestyle="--", linewidth=1.2)
    axis.axvline(1.0, color=GREY, linestyle=":", linewidth=1.2)
    axis.set(yticks=places, yticklabels=[names[k] for k in order], xlabel="drift / distance of two people")
    axis.grid(False, axis="y")
    axis.set_axisbelow(True)
    return figure


def style_sheet(reconstructor: Reconstructor, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Portraits in several styles of two people, the first and the one whose face is found most often.

    Pictures above, the faces that come of them below; empty where no face was found.
    """
    portraits = reconstructor.portrait(
        Coefficients(arrays["shape"], arrays["albedo"]), 0.0, arrays["photographs"].shape[1]
    )
    rows, labels = [], []
    fullest = 1 + int(np.argmax((arrays["rows"][1:] >= 0).sum(axis=1)))
    for table in arrays["rows"][[0, fullest]]:
        for pictures, label in ((arrays["photographs"], "given"), (portraits, "answer")):
            rows.append([pictures[row] if row >= 0 else None for row in table])
            labels.append(label)
    return grid(rows, row_labels=labels, column_labels=[str(style) for style in arrays["styles"]], width=WIDTH)


def style_bars(numbers: Mapping[str, Any]) -> Figure:
    """By style: how often a face is found; whose photograph is nearest to the reconstruction; how far the mesh drifts."""
    styles = list(numbers["face_found"])
    known = numbers.get("recognition", {})
    figure, axes = new_figure(1, 3 if known else 1, height=0.8 + 0.42 * len(styles), sharey=True, squeeze=False)
    places = np.arange(len(styles))
    axes[0, 0].barh(places, list(numbers["face_found"].values()), color=GREEN, height=0.62)
    axes[0, 0].set(
        yticks=places,
        yticklabels=styles,
        xlabel="faces found",
        xlim=(0.0, 1.0),
        xticks=(0, 0.5, 1),
        xticklabels=("0", "½", "1"),
    )
    axes[0, 0].invert_yaxis()
    if known:
        shares = np.array([known[s]["top_1"] if known[s] else np.nan for s in styles], float)
        ends = np.array([known[s]["top_1_interval"] if known[s] else (np.nan, np.nan) for s in styles], float).T
        axes[0, 1].barh(places, shares, color=BLUE, height=0.62)
        _whiskers(axes[0, 1], places, shares, ends)
        axes[0, 1].axvline(numbers["chance_top_1"], color=GREY, linestyle=":", linewidth=1.5)
        axes[0, 1].set(xlabel="recognised first", xlim=(0.0, 1.0), xticks=(0, 0.5, 1), xticklabels=("0", "½", "1"))
        drifts = [known[s]["relative_mesh"] if known[s] else None for s in styles]
        middle = np.array([d["median"] if d else np.nan for d in drifts], float)
        ends = np.array([(d["low"], d["high"]) if d else (np.nan, np.nan) for d in drifts], float).T
        axes[0, 2].barh(places, middle, color=VERMILION, height=0.62)
        _whiskers(axes[0, 2], places, middle, ends)
        axes[0, 2].axvline(1.0, color=GREY, linestyle=":", linewidth=1.5)
        axes[0, 2].set(xlabel="drift / distance\nof two people", xlim=(0.0, None))
    for axis in axes.flat:
        axis.grid(False, axis="y")
        axis.set_axisbelow(True)
    return figure


def _whiskers(axis: Axes, places: np.ndarray, values: np.ndarray, ends: Float[np.ndarray, "2 bar"]) -> None:
    reach = np.clip(np.stack([values - ends[0], ends[1] - values]), 0.0, None)
    axis.errorbar(values, places, xerr=reach, fmt="none", ecolor="black", elinewidth=1.2, capsize=3)
