"""Pictures of recognition: distributions of similarities, the earth between two of them, recall by rank, and who was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from mmreg.arrays import Float
from mmreg.evaluation.similarity import Distribution, earth_movers_distance
from mmreg.figures.style import PALETTE, WIDTH, new_figure

__all__ = ["Neighbours", "earth_between", "emd_table", "neighbours_sheet", "recall_curves", "similarity_panels"]

BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK = PALETTE
GREY = "#777777"
FEW = 300  # pairs: below, bins are twice as wide


def similarity_panels(
    pairs: Mapping[str, Mapping], rows: Mapping[str, Mapping], limits: tuple[float, float] = (-0.75, 1.0)
) -> Figure:
    """Densities of similarities: above, all pairs of photographs; below, a row for each kind of rendering, before the same two.

    Args:
        pairs: "same_person" and "different_people" of `experiments.similarity`, each with its density and mean.
        rows: by title, such records of renderings and their own photographs.
        limits: of the axis of similarity.
    """
    coarse = 1 if min(record["pairs"] for record in rows.values()) >= FEW else 2
    figure, axes = new_figure(1 + len(rows), 1, height=1.15 + 1.35 * (1 + len(rows)), sharex=True, squeeze=False)
    top, *others = axes[:, 0]
    two = ((pairs["different_people"], VERMILION, "two people"), (pairs["same_person"], BLUE, "one person"))
    for record, color, _ in two:
        x, y = _steps(record["density"], coarse)
        top.fill_between(x, y, color=color, alpha=0.55, linewidth=0)
        top.axvline(record["mean"], color=color, linewidth=1.5)
    top.set_title("two photographs", loc="left")
    for axis, (title, record) in zip(others, rows.items(), strict=True):
        for pair, color, _ in two:
            axis.plot(*_steps(pair["density"], coarse), color=color, linewidth=1.2)
        x, y = _steps(record["density"], coarse)
        axis.fill_between(x, y, color=GREEN, alpha=0.6, linewidth=0)
        axis.axvline(record["mean"], color=GREEN, linewidth=1.5)
        axis.set_title(f"{title}: mean {_short(record['mean'])}", loc="left")
    for axis in axes[:, 0]:
        axis.set_axisbelow(True)
        axis.set(xlim=limits, ylim=(0.0, None), yticks=[])
        axis.spines["left"].set_visible(False)
        axis.grid(False, axis="y")
    axes[-1, 0].set_xlabel("similarity")
    handles = [Patch(color=color, alpha=0.55, label=f"photographs of {label}") for _, color, label in two[::-1]]
    handles.append(Patch(color=GREEN, alpha=0.6, label="rendering and its photograph"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=11)
    return figure


def _steps(density: Sequence[float], together: int) -> tuple[np.ndarray, np.ndarray]:
    """A density as a line of steps over [-1, 1], with so many bins put together."""
    density = np.reshape(density, (-1, together)).mean(axis=1)
    edges = np.linspace(-1.0, 1.0, len(density) + 1)
    return np.repeat(edges, 2)[1:-1], np.repeat(density, 2)


def _short(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def earth_between(
    one: Distribution, others: Mapping[str, Distribution], title: str, limits: tuple[float, float] = (-0.75, 1.0)
) -> Figure:
    """Cumulative distributions, one panel for each of `others`: the shaded area between two of them is their earth mover's distance."""
    figure, axes = new_figure(1, len(others), height=3.6, sharey=True, squeeze=False)
    x = np.linspace(*limits, 400)
    f = np.array([one.share_below(at) for at in x])
    for axis, (name, other), color in zip(axes[0], others.items(), (BLUE, VERMILION), strict=False):
        g = np.array([other.share_below(at) for at in x])
        axis.fill_between(x, f, g, color=ORANGE, alpha=0.35, linewidth=0)
        axis.plot(x, g, color=color, label=name)
        axis.plot(x, f, color=GREEN, label=title)
        axis.set(xlabel="similarity", xlim=limits, ylim=(0.0, 1.02))
        axis.set_title(f"area {earth_movers_distance(one, other):.3f}")
        axis.legend(loc="upper left", fontsize=10)
    axes[0, 0].set_ylabel("share of pairs below")
    return figure


def recall_curves(panels: Mapping[str, Mapping[str, Mapping[int, float]]]) -> Figure:
    """Recall by the number of nearest photographs, on a logarithmic axis; one panel a title, one line a method.

    Args:
        panels: by title and method, recall by rank. Methods named "chance", "mean face" and "another photograph" are drawn as the
            baselines that they are.
    """
    baselines = {"chance": (GREY, ":"), "mean face": (GREY, "--"), "another photograph": (BLACK, "-.")}
    figure, axes = new_figure(1, len(panels), height=3.9, sharey=True, squeeze=False)
    handles: dict[str, Line2D] = {}
    for axis, (title, methods) in zip(axes[0], panels.items(), strict=True):
        colors = iter((BLUE, ORANGE, GREEN, PURPLE))
        for name, by_rank in methods.items():
            color, style = baselines.get(name) or (next(colors), "-")
            (handles[name],) = axis.plot(
                list(by_rank), list(by_rank.values()), linestyle=style, color=color, label=name,
                marker="o" if style == "-" else None, markersize=4,
            )  # fmt: skip
        axis.set(xscale="log", ylim=(0.0, 1.03), title=title, xlabel="nearest photographs looked at, $k$")
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel("recall")
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=3, fontsize=11)
    return figure


class Neighbours(NamedTuple):
    """A probe and what was found for it: its photograph, its rendering, the nearest photographs, and which show its person."""

    photo: Float[np.ndarray, "h w 3"]
    rendering: Float[np.ndarray, "h w 3"]
    nearest: Sequence[Float[np.ndarray, "h w 3"]]
    right: Sequence[bool]


def neighbours_sheet(rows: Sequence[Neighbours]) -> Figure:
    """A row for each probe: photograph, rendering, the nearest photographs. The person's own are framed thickly in blue and ticked, others thinly."""
    count = 2 + max(len(row.nearest) for row in rows)
    figure, axes = new_figure(len(rows), count, height=0.3 + WIDTH * len(rows) / count, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    for axis in axes.flat:
        axis.axis("off")
    for cells, row in zip(axes, rows, strict=True):
        for axis, picture in zip(cells, (row.photo, row.rendering), strict=False):
            axis.imshow(np.clip(picture, 0.0, 1.0), interpolation="antialiased")
        for axis, picture, right in zip(cells[2:], row.nearest, row.right, strict=False):
            axis.imshow(np.clip(picture, 0.0, 1.0), interpolation="antialiased")
            height, width = picture.shape[:2]
            axis.add_patch(_frame(width, height, BLUE if right else VERMILION, 5.0 if right else 1.2))
            if right:
                axis.text(
                    0.08 * width, 0.93 * height, "✓", color="white", fontsize=13, fontweight="bold", ha="left", va="bottom",
                    bbox={"facecolor": BLUE, "edgecolor": "none", "pad": 1.0},
                )  # fmt: skip
    titles = ["photograph", "rendering", *(f"{k}" for k in range(1, count - 1))]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=11)
    return figure


def _frame(width: int, height: int, color: str, line: float) -> Rectangle:
    return Rectangle((0, 0), width - 1, height - 1, fill=False, edgecolor=color, linewidth=line)


def emd_table(sets: Mapping[str, Mapping[str, Mapping]]) -> str:
    """Earth mover's distances in the layout of the paper's table, in Markdown: a row a method, for each set a column to the same person's
    pairs and one to two people's; the smaller of the two is bold.

    Args:
        sets: by title, by the method's title, records of `experiments.similarity`.
    """
    methods = list(dict.fromkeys(name for methods in sets.values() for name in methods))
    rows = ["| | " + " | ".join(f"{title}: same | diff." for title in sets) + " |", "|---" * (1 + 2 * len(sets)) + "|"]
    for method in methods:
        cells = []
        for records in sets.values():
            record = records.get(method)
            if record is None:
                cells += ["", ""]
                continue
            same, different = (record[f"earth_movers_distance_to_{kind}"] for kind in ("same", "different"))
            cells += [f"**{same:.2f}**" if same < different else f"{same:.2f}"]
            cells += [f"**{different:.2f}**" if different < same else f"{different:.2f}"]
        rows.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
