"""Pictures of what a recogniser sees and of what a regressor learns from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmreg.arrays import Float
from mmreg.encoders.alignment import Detection
from mmreg.encoders.registry import Encoder
from mmreg.face import Coefficients, MorphableModel
from mmreg.face.linear_space import LinearSpace
from mmreg.figures.style import PALETTE, WIDTH, new_figure
from mmreg.reconstruct import framed_photograph as framed_photograph
from mmreg.reconstruct import portrait

BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK = PALETTE
GREY = "#777777"

TERM_TITLES = {
    "parameter": "$L_{param}$ (synthetic faces)",
    "identity": "$L_{id}$",
    "batch_distribution": "$L_{batchdistr}$",
    "loopback": "$L_{loopback}$",
}


class Curve(NamedTuple):
    """A line in a figure, with a band around it unless `low` is None."""

    label: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def plaster_portrait(
    model: MorphableModel, shape: Float[np.ndarray, "batch s"], encoder: Encoder, yaw_degrees: float, size: int
) -> Float[np.ndarray, "batch size size 3"]:
    """Portraits of shapes alone: the whole surface is one grey, so that nothing painted can pass for relief."""
    coordinates = len(model.albedo.mean)
    grey = LinearSpace(
        np.full(coordinates, 0.66, np.float32), np.zeros((coordinates, 1), np.float32), np.ones(1, np.float32)
    )
    colorless = Coefficients(shape, np.zeros((len(shape), 1), np.float32))
    return portrait(replace(model, albedo=grey), colorless, encoder, yaw_degrees, size)


def similarity_matrices(
    pictures: Float[np.ndarray, "picture height width 3"], matrices: Mapping[str, Float[np.ndarray, "picture picture"]]
) -> Figure:
    """Every picture against every other: cosines in cells, the pictures along the edges; one panel a title."""
    count = len(pictures)
    figure, axes = new_figure(1, len(matrices), height=WIDTH / len(matrices) + 0.35, squeeze=False)
    for axis, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        axis.imshow(matrix, cmap="cividis", vmin=-0.3, vmax=1.0, extent=(0, count, count, 0))
        for k, picture in enumerate(np.clip(pictures, 0.0, 1.0)):
            axis.imshow(picture, extent=(k + 0.04, k + 0.96, -0.04, -0.96), interpolation="bilinear")
            axis.imshow(picture, extent=(-0.96, -0.04, k + 0.96, k + 0.04), interpolation="bilinear")
            for j in range(count):
                shade = "white" if matrix[k, j] < 0.55 else "black"
                axis.text(j + 0.5, k + 0.5, _short(matrix[k, j]), ha="center", va="center", color=shade, fontsize=11)
        axis.set(xlim=(-1, count), ylim=(count, -1), xticks=[], yticks=[], title=title)
        axis.grid(False)
        for side in axis.spines.values():
            side.set_visible(False)
    return figure


def _short(value: float) -> str:
    """Two digits without the nought: .97, −.04, 1."""
    text = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
    return "1" if text == "1.00" else text.replace("0.", ".")


def detection_panel(
    photo: Float[np.ndarray, "height width 3"],
    detection: Detection,
    chip: Float[np.ndarray, "h w 3"],
    chip_points: Float[np.ndarray, "5 2"],
) -> Figure:
    """A photograph with the box and the five points found in it, and the upright chip cut from it."""
    figure, (left, right) = new_figure(1, 2, height=3.6)
    points = detection.points
    for axis, image, marks, title in (
        (left, photo, points, "found in the photograph"),
        (right, chip, chip_points, f"the chip, {chip.shape[1]} × {chip.shape[0]} pixels"),
    ):
        axis.imshow(np.clip(image, 0.0, 1.0))
        axis.scatter(*marks.T, s=34, color=ORANGE, edgecolor="black", linewidth=0.8)
        axis.set(xticks=[], yticks=[], title=title)
        axis.grid(False)
    x0, y0, x1, y1 = detection.box
    left.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=ORANGE, linewidth=2.0))
    return figure


def activations_panel(
    chip: Float[np.ndarray, "h w 3"],
    maps: Mapping[str, np.ndarray],
    features: Float[np.ndarray, " feature"],
    embedding: Float[np.ndarray, " embedding"],
) -> Figure:
    """A chip, the mean over channels of some of a network's maps, and below them its last two layers as bars."""
    figure, _ = new_figure(height=5.2)
    figure.clear()
    layout = figure.add_gridspec(3, len(maps) + 1, height_ratios=(1.15, 1.0, 1.0))
    for column, (title, image) in enumerate([("chip", np.clip(chip, 0.0, 1.0)), *maps.items()]):
        axis = figure.add_subplot(layout[0, column])
        axis.imshow(image, cmap="cividis")
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=11)
        axis.grid(False)
    for row, (values, name, color) in enumerate(
        ((features, "features $f$", BLUE), (embedding, "embedding $φ$", GREEN))
    ):
        axis = figure.add_subplot(layout[row + 1, :])
        axis.bar(np.arange(len(values)), values, width=1.0, color=color)
        axis.set(xlim=(-1, len(values)), ylabel=name)
        axis.set_axisbelow(True)
        axis.grid(False, axis="x")
    axis.set_xlabel("number of the unit")
    return figure


def similarity_histograms(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Cosines of same-person pairs and of different-person pairs as histograms, one panel a title."""
    figure, axes = new_figure(1, len(panels), height=3.1, sharey=False, squeeze=False)
    for axis, (title, (same, different)) in zip(axes[0], panels.items(), strict=True):
        bins = np.linspace(min(different.min(), same.min()), 1.0, 45)
        axis.hist(different, bins, color=VERMILION, alpha=0.75, label="two people")
        axis.hist(same, bins, color=BLUE, alpha=0.75, label="one person")
        axis.set(title=title, xlabel="cosine of two embeddings")
        axis.set_axisbelow(True)
    axes[0, 0].set_ylabel("pairs")
    axes[0, 0].legend(loc="upper left")
    return figure


def curve_under_pictures(
    pictures: Sequence[Float[np.ndarray, "h w 3"]],
    at: Sequence[float],
    curves: Sequence[Curve],
    x_label: str,
    level: float | None = None,
    level_label: str = "95 % of pairs of two people lie below",
    y_label: str = "centred cosine",
) -> Figure:
    """Curves, and above each of the places `at` on their x axis the picture that belongs there."""
    figure, (strip, axis) = new_figure(2, 1, height=4.4, gridspec_kw={"height_ratios": (1.0, 2.3)})
    strip.axis("off")
    x = curves[0].x
    margin = 0.5 * (max(at) - min(at)) / max(len(at) - 1, 1)
    limits = (min(x.min(), min(at) - margin), max(x.max(), max(at) + margin))
    axis.set_xlim(limits)
    for place, picture in zip(at, pictures, strict=True):
        along = (place - limits[0]) / (limits[1] - limits[0])
        inset = strip.inset_axes((along - 0.47 / len(at), 0.0, 0.94 / len(at), 1.0))
        inset.imshow(np.clip(picture, 0.0, 1.0))
        inset.axis("off")
    for k, curve in enumerate(curves):
        axis.plot(curve.x, curve.y, color=PALETTE[k], label=curve.label, marker="o", markersize=4)
        if curve.low is not None:
            axis.fill_between(curve.x, curve.low, curve.high, color=PALETTE[k], alpha=0.2, linewidth=0)
    if level is not None:
        axis.axhline(level, color=VERMILION, linestyle="--", linewidth=1.5, label=level_label)
    axis.set(xlabel=x_label, ylabel=y_label, ylim=(min(0.0, *(c.y.min() for c in curves)) - 0.05, 1.05))
    axis.legend(loc="lower center", fontsize=11)
    return figure


def two_clouds(
    clouds: Mapping[str, Float[np.ndarray, "face 2"]],
    marks: Mapping[str, Float[np.ndarray, " 2"]],
    axis_labels: tuple[str, str],
) -> Figure:
    """Embeddings of several kinds of faces in a plane, with each kind's mean, and single faces marked by name."""
    figure, axis = new_figure(height=5.2)
    for k, (name, points) in enumerate(clouds.items()):
        axis.scatter(*points.T, s=9, color=PALETTE[k], alpha=0.4, linewidth=0, label=name)
        axis.scatter(*points.mean(axis=0), s=170, color=PALETTE[k], marker="X", edgecolor="white", linewidth=1.5)
    for name, point in marks.items():
        axis.scatter(*point, s=190, color=BLACK, marker="*", edgecolor="white", label=name, zorder=5)
    axis.set(xlabel=axis_labels[0], ylabel=axis_labels[1])
    axis.set_aspect("equal", adjustable="box")
    legend = figure.legend(loc="outside upper center", ncols=3, fontsize=11, handletextpad=0.2)
    for handle in legend.legend_handles:
        handle.set(alpha=1.0, sizes=[100.0])
    return figure


def smooth(values: Sequence[float], window: int = 9) -> Float[np.ndarray, " step"]:
    """The running mean over `window` steps, shorter at both ends."""
    weights = np.ones(min(window, len(values)))
    return np.convolve(values, weights, "same") / np.convolve(np.ones(len(values)), weights, "same")


def term_curves(
    histories: Mapping[str, Sequence[Mapping[str, float]]], terms: Sequence[str], columns: int = 2
) -> Figure:
    """Each loss term by step, one panel a term, one line a run; faint: every step, bold: its running mean."""
    rows = -(-len(terms) // columns)
    figure, axes = new_figure(rows, columns, height=2.7 * rows, squeeze=False)
    for axis, term in zip(axes.flat, terms, strict=False):
        for k, (name, history) in enumerate(histories.items()):
            steps, values = [h["step"] for h in history], [h[term] for h in history]
            axis.plot(steps, values, color=PALETTE[k], alpha=0.3, linewidth=1.0)
            axis.plot(steps, smooth(values), color=PALETTE[k], label=name)
        axis.set(title=TERM_TITLES[term], xlabel="step")
    if len(histories) > 1:
        axes.flat[0].legend(fontsize=11)
    return figure


def correlation_bars(parts: Mapping[str, Float[np.ndarray, " component"]], chance: float, first: int = 10) -> Figure:
    """Correlation of predicted and true coefficients: the first ones as bars, below them all by their number.

    Args:
        chance: correlations of unrelated numbers lie within ± this, 19 times out of 20.
    """
    figure, (top, bottom) = new_figure(2, 1, height=5.4)
    width = 0.8 / len(parts)
    for k, (name, values) in enumerate(parts.items()):
        places = np.arange(1, first + 1) + (k - 0.5 * (len(parts) - 1)) * width
        top.bar(places, values[:first], width, color=PALETTE[k], label=name)
        bottom.plot(np.arange(1, len(values) + 1), values, ".", color=PALETTE[k], markersize=5, label=name)
    for axis in (top, bottom):
        axis.set_axisbelow(True)
        axis.axhspan(-chance, chance, color=GREY, alpha=0.25, linewidth=0, label="chance")
        axis.set(ylabel="correlation", ylim=(min(-0.25, 1.05 * min(v.min() for v in parts.values())), 1.0))
    top.set(xticks=np.arange(1, first + 1), xlabel="coefficient: the first ten")
    top.legend(ncols=3, loc="upper right", fontsize=11)
    bottom.set_xlabel("coefficient: all of them")
    return figure


def spread_cost(spreads: np.ndarray, costs: Mapping[str, Float[np.ndarray, " spread"]], per: float) -> Figure:
    """What L_batchdistr asks of batches by their spread; one line a batch size; dotted: one for every coefficient."""
    figure, axis = new_figure(height=3.5)
    for k, (name, cost) in enumerate(costs.items()):
        axis.plot(spreads, cost, color=PALETTE[k], label=name)
    axis.axhline(per, color=GREY, linestyle=":", linewidth=1.5)
    axis.text(0.9, per, "one for each coefficient", ha="center", va="bottom", fontsize=11, color="#444444")
    axis.set(xlabel="spread of the batch, in the model's standard deviations", ylabel="$L_{batchdistr}$", yscale="log")
    axis.legend(fontsize=11)
    return figure


def moments_scatter(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], limit: float | None = None) -> Figure:
    """Each coefficient as a point, its mean and its deviation over many faces; a panel for each run, a ring at (0, 1).

    Args:
        runs: by name, the (face, coefficient) arrays of shape and of albedo.
        limit: largest mean shown; None takes it from the data.
    """
    columns = len(runs) if len(runs) < 4 else 2
    count = -(-len(runs) // columns)
    figure, axes = new_figure(count, columns, height=0.6 + 2.8 * count, sharex=True, sharey=True, squeeze=False)
    for axis, (name, parts) in zip(axes.flat, runs.items(), strict=False):
        for part, color, label in zip(parts, (BLUE, ORANGE), ("shape", "albedo"), strict=True):
            axis.scatter(part.mean(axis=0), part.std(axis=0), s=11, color=color, alpha=0.6, linewidth=0, label=label)
        axis.scatter([0.0], [1.0], s=150, facecolor="none", edgecolor=BLACK, linewidth=1.6, label="the model")
        axis.set_title(name)
        if limit is not None:
            axis.set_xlim(-limit, limit)
    for axis in axes[:, 0]:
        axis.set_ylabel("standard deviation")
    for axis in axes[-1]:
        axis.set_xlabel("mean")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=11)
    return figure


def runs_table(summary: dict) -> str:
    """Training runs side by side, as a table in Markdown: `results/training/summary.json`, chance and photographs beside them."""
    head = [
        "| run | steps | first / first five | own photo removed | similarity | skin tone, ρ | same person, AUC | shape, mm |",
        "|---|---|---|---|---|---|---|---|",
    ]
    base = summary["baselines"]
    chance, photos, mean = base["chance"], base["photo_against_photo"], base["mean_face"]
    rows = [
        f"| *chance* | | {chance['top_1']:.3f} / {chance['top_5']:.3f} | {chance['top_1_no_source']:.3f} / "
        f"{chance['top_5_no_source']:.3f} | | | | |",
        f"| *mean face* | | | | | | | {mean['geometry_mm']:.2f} |",
    ]
    for run in summary["runs"]:
        steps = run["profile"]["stage_two_steps"] if run["stage"] == 2 else 0
        rows.append(
            f"| {run['what']} | {steps:,} | {run['top1']:.2f} / {run['top5']:.2f} | {run['top1_no_source']:.2f} / "
            f"{run['top5_no_source']:.2f} | {run['similarity']:.2f} | {run['skin_tone_rho']:.2f} "
            f"| {run['coefficient_auc']:.3f} | {run['geometry_mm']:.2f} |"
        )
    rows += [
        f"| *photo against photo* | | | {photos['top1_no_source']:.2f} / {photos['top5_no_source']:.2f} "
        f"| {photos['same_person']:.2f} | | {photos['area_under_curve']:.3f} | |",
        f"| *nearest face of the model* | | | | | | | {base['nearest_in_the_model']['geometry_mm']:.2f} |",
    ]
    return "\n".join([*head, *rows])
