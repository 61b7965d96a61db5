"""Pictures of what a renderer knows: triangle ids, barycentrics, depth, derivatives, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmreg.arrays import Float, Int
from mmreg.figures.style import PALETTE, WIDTH, new_figure, use_style

BACKGROUND = 0.93  # sRGB grey, as in every picture of the book


def id_colors(ids: Int[np.ndarray, "height width"]) -> Float[np.ndarray, "height width 3"]:
    """A colour for each triangle, unlike its neighbours'; grey where there is none."""
    palette = np.random.default_rng(0).uniform(0.15, 0.95, (4096, 3))
    return np.where((ids >= 0)[..., None], palette[ids % len(palette)], BACKGROUND)


def barycentric_colors(
    barycentrics: Float[np.ndarray, "height width 3"], ids: Int[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """The three weights as red, green and blue; grey where there is no surface."""
    return np.where((ids >= 0)[..., None], np.clip(barycentrics, 0.0, 1.0), BACKGROUND)


def depth_grey(
    depth: Float[np.ndarray, "height width"], ids: Int[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """Near is light, far is dark, over the range of what is seen."""
    seen = ids >= 0
    near, far = depth[seen].min(), depth[seen].max()
    grey = 1.0 - 0.85 * (depth - near) / (far - near)
    return np.where(seen, grey, BACKGROUND)[..., None].repeat(3, axis=-1)


def plot_pixels(
    pictures: Sequence[Float[np.ndarray, "height width 3"]],
    edges_pixels: Float[np.ndarray, "edge 2 2"],
    labels: Sequence[str],
) -> Figure:
    """Few pixels, enlarged, with the triangles' edges drawn over them and the pixel centres marked."""
    figure, axes = new_figure(1, len(pictures), height=1.12 * WIDTH / len(pictures))
    height, width = pictures[0].shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    for axis, picture, label in zip(axes, pictures, labels, strict=True):
        axis.imshow(np.clip(picture, 0.0, 1.0))
        axis.plot(*edges_pixels.transpose(2, 1, 0), color="white", linewidth=1.6)
        axis.plot(*edges_pixels.transpose(2, 1, 0), color="black", linewidth=0.7)
        axis.plot(x.ravel(), y.ravel(), ".", color="black", markersize=1.5)
        axis.set(title=label, xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        axis.grid(False)
    return figure


def plot_barycentrics(
    barycentrics: Float[np.ndarray, "height width 3"], corners_pixels: Float[np.ndarray, "3 2"]
) -> Figure:
    """Each weight over the whole picture: signed, with the triangle and the level lines."""
    figure, axes = new_figure(1, 3, height=3.1)
    loop = np.concatenate([corners_pixels, corners_pixels[:1]])
    for k, axis in enumerate(axes):
        shown = axis.imshow(barycentrics[..., k], cmap="RdBu_r", vmin=-2.0, vmax=2.0)
        lines = axis.contour(barycentrics[..., k], levels=[-1.0, 0.0, 1.0], colors="black", linewidths=[0.8, 1.6, 0.8])
        axis.clabel(lines, fmt="%g", fontsize=11)
        axis.plot(*loop.T, color="black", linewidth=2.0)
        axis.plot(*corners_pixels[k], "o", color="black", markersize=8)
        axis.set(title=f"$\\lambda_{k + 1}$", xticks=[], yticks=[])
        axis.grid(False)
    figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.06, label="weight of the marked corner")
    return figure


def plot_step_and_ramp(
    shift: Float[np.ndarray, " place"],
    ids: Int[np.ndarray, " place"],
    weight: Float[np.ndarray, " place"],
    slope: Float[np.ndarray, " place"],
) -> Figure:
    """What one pixel sees while a corner slides: its triangle's id and a barycentric of triangle 0, and the slope of each.

    The barycentric is solid while the pixel is in triangle 0, dashed where the triangle is extended to it.
    """
    figure, axes = new_figure(2, 2, height=4.3, sharex=True)
    inside = ids == 0
    edge = 0.5 * (shift[inside].max() + shift[~inside].min())
    for own, style in ((inside, "-"), (~inside, "--")):
        axes[0, 0].plot(shift[own], ids[own], color=PALETTE[1])
        axes[1, 0].plot(shift[own], 0.0 * shift[own], color=PALETTE[1])
        axes[0, 1].plot(shift[own], weight[own], style, color=PALETTE[0])
        axes[1, 1].plot(shift[own], slope[own], style, color=PALETTE[0])
    axes[1, 0].plot(edge, 0.0, "o", color=PALETTE[1], markerfacecolor="white", markersize=8)
    axes[1, 1].plot(shift[4::8], np.gradient(weight, shift)[4::8], "o", color="black", markersize=4)
    for axis in axes.flat:
        axis.axvline(edge, color="#888888", linewidth=1.0, linestyle=":")
    axes[0, 0].set(title="triangle id", yticks=[0, 1], ylim=(-0.3, 1.3), ylabel="value")
    axes[0, 1].set(title="barycentric $\\lambda_1$")
    axes[1, 0].set(ylim=(-1.0, 1.0), ylabel="slope")
    axes[1, 1].set(ylim=(1.3 * slope.min(), 0.0))
    figure.supxlabel("shift of the corner (1 is half the picture)", fontsize=12)
    return figure


class EdgeCase(NamedTuple):
    """A picture in which a corner of an edge moves, and its change along one row of pixels, as derivative and as measured.

    `extended` is what the triangles' derivatives would be if each went on over the whole row; NaN where there is no triangle.
    """

    picture: Float[np.ndarray, "height width"]
    edge_pixels: Float[np.ndarray, "2 2"]
    derivative: Float[np.ndarray, " width"]
    extended: Float[np.ndarray, "triangle width"]
    measured: Float[np.ndarray, " width"]


def plot_edges(cases: Mapping[str, EdgeCase], row: int) -> Figure:
    """The pictures with their row marked, and below each the change of the picture along the row."""
    figure, axes = new_figure(2, len(cases), height=4.9, sharex=True, sharey="row")
    for (above, below), (name, case) in zip(axes.T, cases.items(), strict=True):
        pixel = np.arange(case.picture.shape[1])
        above.imshow(case.picture, cmap="gray", vmin=0.0, vmax=1.0, aspect="auto")
        above.plot(*case.edge_pixels.T, color=PALETTE[1], linewidth=1.6)
        x, reach = case.edge_pixels[:, 0].max(), len(pixel) / 6.0
        above.annotate("", (x + reach, 1.5), (x - reach, 1.5), arrowprops={"arrowstyle": "<->", "color": PALETTE[1]})
        above.axhline(row, color=PALETTE[4], linewidth=2.5)
        above.set(title=name, yticks=[], xlim=(-0.5, pixel[-1] + 0.5), ylim=(pixel[-1] + 0.5, -0.5))
        above.grid(False)
        for line in case.extended:
            below.plot(pixel, line, ":", color=PALETTE[0], linewidth=1.6)
        below.plot(pixel, case.derivative, ".", color=PALETTE[0], markersize=9, label="derivative")
        below.plot(pixel, case.measured, "o", color="black", fillstyle="none", markersize=8, label="measured")
        below.set(xlabel="pixel of the row")
    axes[1, 0].set_ylabel("change (grey per pixel)")
    axes[1, 0].legend(loc="upper left", handletextpad=0.1, borderaxespad=0.0)
    return figure


def plot_signed(
    pictures: Mapping[str, Float[np.ndarray, "height width"]], limit: float, label: str, width: float = WIDTH
) -> Figure:
    """Signed quantities per pixel side by side: blue below zero, white at zero, red above."""
    figure, axes = new_figure(1, len(pictures), height=1.22 * width / len(pictures), width=width)
    for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
        shown = axis.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="antialiased")
        axis.set(title=name, xticks=[], yticks=[])
        axis.set_frame_on(False)
        axis.grid(False)
    figure.colorbar(shown, ax=axes, orientation="horizontal", fraction=0.06, label=label)
    return figure


def plot_slopes(
    angle_degrees: Float[np.ndarray, " angle"],
    curves: Mapping[str, tuple[Float[np.ndarray, " angle"], Float[np.ndarray, " angle"]]],
    target_degrees: float,
) -> Figure:
    """Losses along one angle, and their slopes: as measured on the curve, and as the renderer's derivative gives them.

    Args:
        curves: name to (loss, reported slope per degree).
    """
    figure, axes = new_figure(2, len(curves), height=5.6, sharex=True, squeeze=False)
    for (above, below), (name, (loss, slope)) in zip(axes.T, curves.items(), strict=True):
        above.plot(angle_degrees, loss, color=PALETTE[6])
        above.set(title=name, ylim=(0, None))
        measured = np.gradient(loss, angle_degrees)
        scale = 1000.0
        below.plot(angle_degrees, scale * measured, color=PALETTE[6], label="measured")
        below.plot(angle_degrees, scale * slope, color=PALETTE[1], label="reported")
        below.axhline(0.0, color="#888888", linewidth=1.0)
        below.set(xlabel="yaw (degrees)")
        for axis in (above, below):
            axis.axvline(target_degrees, color=PALETTE[0], linestyle="--", linewidth=1.4)
        above.text(target_degrees, 0.97 * above.get_ylim()[1], " target", color=PALETTE[0], va="top", fontsize=11)
    axes[0, 0].set_ylabel("mean squared\ndifference")
    axes[1, 0].set_ylabel("slope\n(thousandths per degree)")
    axes[1, 0].legend(loc="upper left", borderaxespad=0.0)
    return figure


def plot_sliding(
    position: Float[np.ndarray, " place"],
    losses: Mapping[str, Float[np.ndarray, " place"]],
    slopes: Mapping[str, Float[np.ndarray, " place"]],
) -> Figure:
    """Losses of a square that slides towards its place, with short lines along the slopes that its renderer reports."""
    figure, axes = new_figure(1, len(losses), height=3.1)
    for axis, (name, loss), color in zip(axes, losses.items(), PALETTE, strict=False):
        axis.plot(position, loss, color=color)
        chosen = np.linspace(4, len(position) - 5, 9).astype(int)
        reach = 0.03 * (position[-1] - position[0])
        for k in chosen:
            x = position[k] + np.array([-reach, reach])
            axis.plot(x, loss[k] + slopes[name][k] * (x - position[k]), color="black", linewidth=3.0)
        axis.set(title=name, ylim=(-0.08 * loss.max(), None))
    figure.supxlabel("position (pixels from its place)", fontsize=12)
    axes[0].set_ylabel("squared difference,\nsum over pixels")
    return figure


def plot_costs(records: Sequence[Mapping], floor: Sequence[Mapping], batch: int = 8, threads: int = 1) -> Figure:
    """What an image costs forward and backward by its pixels, a panel for each mesh: both paths, and what memory alone would need.

    Args:
        records: the `runs` of `results/benchmarks/rendering.json`; floor: the `records` of its `floor`.
        batch, threads: of the runs that are shown.
    """

    def chosen(rows, **wanted):
        wanted |= {"batch": batch, "threads": threads}
        rows = [r for r in rows if all(r[k] == v for k, v in wanted.items())]
        return sorted(rows, key=lambda r: r["size"])

    meshes = sorted({r["triangles"] for r in records})
    sizes = sorted({r["size"] for r in chosen(records)})
    figure, axes = new_figure(1, len(meshes), height=3.9, sharex=True, sharey=True, squeeze=False)
    curves = (  # rows, colour, label, and where numbers stand beside their points: points of type, upwards
        ([r for r in records if r["path"] == "ops"], PALETTE[1], "keras.ops", "o-", 8),
        ([r for r in records if r["path"] == "native"], PALETTE[0], "compiled", "s-", 8),
        (floor, "#666666", "what memory alone would need", "--", None),
    )
    for axis, triangles in zip(axes[0], meshes, strict=True):
        for rows, color, label, line, lift in curves:
            shown = chosen(rows, triangles=triangles)
            x, y = [r["size"] for r in shown], [r["ms_forward_backward"] for r in shown]
            axis.plot(x, y, line, color=color, label=label)
            for place, value in zip(x, y, strict=True) if lift else ():
                text = f"{value:.1f}" if value < 10.0 else f"{value:.0f}"
                axis.annotate(text, (place, value), (0, lift), textcoords="offset points", ha="center", fontsize=11)
        axis.set(title=f"{round(triangles, -3 if triangles >= 10_000 else 0):,} triangles", xscale="log", yscale="log")
        axis.set_xticks(sizes, [f"{size}²" for size in sizes])
        axis.xaxis.minorticks_off()
        axis.yaxis.set_major_formatter("{x:g}")
        axis.margins(x=0.16, y=0.1)
    axes[0, 0].set_ylabel("milliseconds an image")
    figure.supxlabel("pixels", fontsize=12)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def plot_swatches(colors: Mapping[str, tuple[str, Sequence[Float[np.ndarray, "3"]]]], columns: Sequence[str]) -> Figure:
    """A table of colours: a row has a name, a note, and one patch of sRGB for each column."""
    use_style()
    figure, axis = plt.subplots(figsize=(WIDTH, 0.36 * len(colors) + 0.5))
    for row, (name, (note, patches)) in enumerate(colors.items()):
        axis.text(-0.15, row, f"{name}, {note}", ha="right", va="center", fontsize=11)
        for k, patch in enumerate(patches):
            axis.add_patch(Rectangle((k, row - 0.46), 0.96, 0.92, color=np.clip(patch, 0.0, 1.0)))
    axis.set(xlim=(-2.1, len(columns)), ylim=(len(colors) - 0.5, -0.5), yticks=[])
    axis.set_xticks(np.arange(len(columns)) + 0.48, columns, fontsize=11)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(False)
    for side in axis.spines.values():
        side.set_visible(False)
    return figure


def plot_curves(
    x: Float[np.ndarray, " point"], curves: Mapping[str, Float[np.ndarray, " point"]], xlabel: str, ylabel: str
) -> Figure:
    """Functions of one variable on one pair of axes."""
    figure, axis = new_figure(height=3.1)
    for (name, values), color in zip(curves.items(), PALETTE, strict=False):
        axis.plot(x, values, color=color, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xlim=(x[0], x[-1]))
    axis.legend()
    return figure
