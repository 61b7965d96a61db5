"""Pictures and tables of how far reconstructions are from scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import fill

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Float
from mmreg.encoders.registry import Encoder
from mmreg.face import Coefficients, MorphableModel
from mmreg.face.linear_space import LinearSpace
from mmreg.figures.faces import grid
from mmreg.figures.style import PALETTE, WIDTH, new_figure
from mmreg.reconstruct import portrait

MAP = "cividis"
UNKNOWN = 0.75  # grey, where no scan is


def error_map_portraits(
    model: MorphableModel,
    encoder: Encoder,
    maps: Mapping[str, Float[np.ndarray, " vertex"]],
    limit_mm: float,
    size: int = 256,
    label: str = "mean distance from the scan (mm)",
) -> Figure:
    """Millimetres painted on the mean face, from the front and from the side; a column a method, grey where nothing is known (NaN).

    Args:
        limit_mm: what the lightest colour stands for; larger values are drawn like it.
    """
    rows = [
        [_painted(model, encoder, _colours(values, limit_mm), yaw, size) for values in maps.values()]
        for yaw in (0.0, 40.0)
    ]
    figure = grid(rows, column_labels=list(maps), width=WIDTH)
    scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(0.0, limit_mm), MAP)
    bar = figure.colorbar(scale, ax=figure.axes, location="bottom", fraction=0.05, aspect=40, pad=0.02, extend="max")
    bar.set_label(label)
    return figure


def _colours(values: Float[np.ndarray, " vertex"], limit_mm: float) -> Float[np.ndarray, "vertex 3"]:
    colours = mpl.colormaps[MAP](np.clip(np.nan_to_num(values) / limit_mm, 0.0, 1.0))[:, :3]
    return np.where(np.isnan(values)[:, None], UNKNOWN, colours)


def _painted(model, encoder, colours, yaw: float, size: int) -> Float[np.ndarray, "size size 3"]:
    """The mean face in these colours (sRGB), in the book's light."""
    flat = colours.astype(np.float32).ravel()
    paint = LinearSpace(flat, np.zeros((len(flat), 1), np.float32), np.ones(1, np.float32))
    face = Coefficients(
        np.zeros((1, model.shape.component_count), np.float32),
        np.zeros((1, 1), np.float32),
    )
    return portrait(replace(model, albedo=paint), face, encoder, yaw, size)[0]


def errors_by_protocol(errors_mm: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> Figure:
    """Mean error and its deviation over people: a panel for each protocol, a row for each method, a mark for each video.

    Args:
        errors_mm: as the geometry experiment writes them: protocol, method, video, mean and deviation.
    """
    methods = list(next(iter(errors_mm.values())))
    videos = list(dict.fromkeys(v for table in errors_mm.values() for m in table.values() for v in m))
    colours = dict(zip((v for v in videos if v != "any"), PALETTE, strict=False)) | {"any": "#444444"}
    marks = dict(zip(colours, "osDv^P", strict=False)) | {"any": "X"}
    columns = min(2, len(errors_mm))
    rows = -(-len(errors_mm) // columns)
    figure, axes = new_figure(
        rows, columns, height=(0.45 * len(methods) + 0.9) * rows + 0.5, sharey=True, sharex=True, squeeze=False
    )
    for axis, (protocol, table) in zip(axes.flat, errors_mm.items(), strict=False):
        for row, method in enumerate(methods):
            for k, (video, found) in enumerate(table[method].items()):
                place = row + 0.2 * (k - 0.5 * (len(table[method]) - 1))
                axis.errorbar(
                    found["mean"], place, xerr=found["deviation"], fmt=marks[video], color=colours[video], markersize=6,
                    elinewidth=1.3, label=video if video != "any" else "no video",
                )  # fmt: skip
        axis.set_title(protocol, fontsize=12)
        axis.set_yticks(range(len(methods)), [fill(method, 16) for method in methods])
        axis.set_ylim(len(methods) - 0.5, -0.5)
    ends = [
        one["mean"] + one["deviation"] for table in errors_mm.values() for m in table.values() for one in m.values()
    ]
    for axis in axes[-1]:
        axis.set_xlabel("error (mm)")
        axis.set_xlim(0.0, 1.05 * max(ends))
    found = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4, fontsize=11)
    return figure


def errors_table(errors_mm: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """One protocol's errors as a table in Markdown: a row for each method, mean ± deviation over people for each video."""
    videos = [v for v in dict.fromkeys(v for table in errors_mm.values() for v in table) if v != "any"]
    lines = ["| method | " + " | ".join(videos) + " |", "|---|" + "---|" * len(videos)]
    for method, table in errors_mm.items():
        cells = [table.get(video, table.get("any")) for video in videos]
        text = [f"{c['mean']:.2f} ± {c['deviation']:.2f}" if c else "" for c in cells]
        lines.append(f"| {method} | " + " | ".join(text) + " |")
    return "\n".join(lines)
