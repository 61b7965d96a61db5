"""Pictures of the face space: heads before one fixed camera, spectra, whitening, lengths, and how good a model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from mmreg.arrays import Array, Float
from mmreg.data.synthetic import DARKEST_ALBEDO
from mmreg.face import Coefficients, MorphableModel
from mmreg.face.linear_space import LinearSpace
from mmreg.figures.style import PALETTE, new_figure
from mmreg.geometry.camera import Pose, perspective_camera, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import PointLights, linear_to_srgb, render, srgb_to_linear
from mmreg.rendering.lighting import studio_lights

BACKGROUND = 0.93  # sRGB grey, the portraits' own
CAMERA_DISTANCE_MM = 1200.0
CAMERA_HEIGHT_MM = 5.0
WINDOW_MM = 290.0  # the picture's height at the face's distance
ASPECT = 0.8  # width / height of a picture of a head
# how people are drawn: the result file's name, the reader's, marker and colour
SAMPLED = (("independent", "drawn apart", "o", PALETTE[1]), ("identity_sampler", "drawn together", "s", PALETTE[2]))


def heads(
    model: MorphableModel,
    positions: Float[Array, "batch vertex 3"],
    albedos: Float[Array, "batch vertex 3"],
    yaw_degrees: float = 0.0,
    size: int = 180,
    lights: PointLights | None = None,
) -> Float[np.ndarray, "batch size width 3"]:
    """Heads before one camera that doesn't move, so that a larger head is larger in the picture; sRGB in [0, 1].

    Portraits follow the face's five points, as a recogniser's pictures do, and hide its size; these don't.

    Args:
        positions: millimetres, in the model's frame.
        albedos: sRGB, clipped here.
        size: the pictures' height in pixels.
        lights: of one picture, in the camera's frame; the book's own when None.
    """
    margin = round(0.5 * (1.0 - ASPECT) * size)
    pictures = []
    for one, albedo in zip(np.asarray(positions, np.float32), np.asarray(albedos, np.float32), strict=True):
        picture = _head(model, one[None], albedo[None], yaw_degrees, 2 * size, lights or studio_lights(1))
        pictures.append(picture.reshape(size, 2, size, 2, 3).mean(axis=(1, 3))[:, margin:-margin])
    return np.stack(pictures)


def people(model: MorphableModel, coefficients: Coefficients, **options) -> Float[np.ndarray, "batch size width 3"]:
    """`heads` of coefficients."""
    positions = model.positions(coefficients.shape, coefficients.expression)
    return heads(model, positions, model.albedos(coefficients.albedo), **options)


def head_camera(size: int, window_mm: float = WINDOW_MM):
    """The camera of `heads`."""
    position = np.array([[0.0, CAMERA_HEIGHT_MM, CAMERA_DISTANCE_MM]], np.float32)
    fov_y = np.array([2.0 * np.arctan(0.5 * window_mm / CAMERA_DISTANCE_MM)], np.float32)
    return perspective_camera(position, position * np.array([1.0, 1.0, 0.0], np.float32), fov_y, (size, size))


def _head(model, positions, albedos, yaw_degrees, size, lights):
    pose = Pose(*(np.array([angle], np.float32) for angle in (np.deg2rad(yaw_degrees), 0.0, 0.0)))
    rotation = pose.rotation()
    normals = vertex_normals(positions, model.triangles)
    diffuse = srgb_to_linear(np.clip(albedos, DARKEST_ALBEDO, 1.0))
    turned, turned_normals = rotate(rotation, positions), rotate(rotation, normals)
    rendering = render(turned, turned_normals, diffuse, model.triangles, head_camera(size), lights, (size, size))
    covered = np.asarray(rendering.fragments.coverage) > 0
    return np.where(covered, np.asarray(linear_to_srgb(rendering.radiance)), BACKGROUND)[0]


def plot_spectra(spaces: Mapping[str, LinearSpace]) -> Figure:
    """Standard deviation per component, relative to the first of its kind."""
    figure, axis = new_figure(height=2.9)
    for (name, space), color in zip(spaces.items(), PALETTE, strict=False):
        deviations = space.standard_deviations.astype(float)
        axis.plot(np.arange(1, len(deviations) + 1), deviations / deviations[0], color=color, label=name)
    axis.set(yscale="log", xlabel="component", ylabel="standard deviation\n(first = 1)")
    axis.legend(loc="upper right")
    return figure


def plot_whitening(scores: Float[np.ndarray, "face 2"], whitened: Float[np.ndarray, "face 2"]) -> Figure:
    """Faces along their first two components: in millimetres, and divided by the standard deviations."""
    figure, (left, right) = new_figure(1, 2, height=3.5)
    for axis, points, color in ((left, scores, PALETTE[0]), (right, whitened, PALETTE[1])):
        axis.plot(*points.T, "o", color=color, markersize=3.0, alpha=0.55, markeredgewidth=0)
        for times in (1, 2, 3):
            width, height = 2.0 * times * points.std(axis=0)
            axis.add_patch(Ellipse((0, 0), width, height, fill=False, color="black", linewidth=0.9))
        reach = max(1.05 * np.abs(points).max(), 3.2 * points.std(axis=0).max())
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    left.locator_params(nbins=4)
    left.set(title="as measured", xlabel="along component 1 (mm)", ylabel="along component 2 (mm)")
    right.set(title="whitened", xlabel="$s_1$ (standard deviations)", ylabel="$s_2$ (standard deviations)")
    return figure


def plot_lengths(lengths: Float[np.ndarray, " face"], marks: Sequence[tuple[str, float]]) -> Figure:
    """How long the coefficient vectors of random faces are, with other faces marked on the same axis."""
    figure, axis = new_figure(height=2.9)
    axis.hist(lengths, bins=24, color=PALETTE[0])
    axis.set_ylim(0, 1.45 * axis.get_ylim()[1])
    top = axis.get_ylim()[1]
    for (name, length), color in zip(marks, (PALETTE[6], *PALETTE[1:6]), strict=False):
        axis.axvline(length, color=color, linestyle="--", linewidth=1.4)
        axis.text(length, 0.97 * top, f" {name}", color=color, va="top", ha="left", fontsize=11)
    axis.set(
        xlabel="length of the shape coefficients, ‖s‖ (standard deviations)", ylabel="random faces", xlim=(-1, None)
    )
    return figure


def plot_quality(quality: Mapping[str, Mapping]) -> Figure:
    """Compactness, generalisation and specificity over the number of components; shape left, albedo right.

    Args:
        quality: `shape` and `albedo` of `results/face_model.json`, as tools/open_face/quality.py writes it.
    """
    units = {"shape": "mm", "albedo": "sRGB"}
    figure, axes = new_figure(3, 2, height=7.6, sharex=True)
    for column, (name, unit) in zip(axes.T, units.items(), strict=True):
        measured, (compact, general, specific) = quality[name], column
        held, left = 100.0 * np.array(measured["compactness"]), np.array(measured["generalisation"])
        number = np.arange(1, len(held) + 1)
        compact.plot(number, held, color=PALETTE[0])
        compact.set(title=name, ylabel="variance held (%)", ylim=(0, 104))
        general.plot(number, left[1:], color=PALETTE[0])
        general.axhline(left[0], color="black", linestyle=":", linewidth=1.4)
        general.text(190, left[0], "mean face", ha="right", va="bottom", fontsize=11)
        general.set(ylabel=f"error, new faces ({unit})", ylim=(0, 1.2 * left[0]))
        spread = measured["specificity"]
        for kind, label, marker, color in SAMPLED:
            style = {"marker": marker, "markersize": 4.5, "color": color}
            specific.plot(spread["components"], spread[kind], label=label, **style)
        specific.axhline(spread["held_out_people"], color="black", linestyle=":", linewidth=1.4, label="new faces")
        specific.set(ylabel=f"nearest known ({unit})", ylim=(0, 1.75 * max(spread["independent"])), xlabel="components")
        specific.set(xscale="log", xticks=[1, 10, 100], xticklabels=["1", "10", "100"], xlim=(0.9, 220))
        specific.legend(loc="upper left", fontsize=10, borderaxespad=0.2)
    return figure


def plot_anthropometry(sizes: Mapping[str, Mapping]) -> Figure:
    """Means of a model's women and men beside published ones, in published standard deviations.

    Args:
        sizes: `anthropometry` of `results/face_model.json`; each has `female` and `male` with means and deviations in mm. Those
            without published ones are left out.
    """
    sizes = {name: size for name, size in sizes.items() if "published_mean" in size["female"]}
    figure, axis = new_figure(height=4.4)
    axis.axvspan(-1, 1, color="#e4e4e4", zorder=0)
    axis.axvline(0, color="black", linewidth=1.0, zorder=1)
    for gender, marker, color, rise in (("female", "o", PALETTE[1], 0.16), ("male", "s", PALETTE[0], -0.16)):
        for row, size in enumerate(sizes.values()):
            one = size[gender]
            unit, off = one["published_deviation"], one["mean"] - one["published_mean"]
            bar = {"xerr": one["deviation"] / unit, "capsize": 3, "linewidth": 1.6}
            label = {"female": "women", "male": "men"}[gender] if row == 0 else None
            axis.errorbar(off / unit, -row + rise, fmt=marker, color=color, label=label, **bar)
            axis.text(
                3.35, -row + rise, f"{off:+.1f} mm".replace("-", "−"), color=color, va="center", ha="right", fontsize=11
            )
    names = [name.replace("_", " ").replace("interpupillary distance", "between pupils") for name in sizes]
    axis.set(yticks=-np.arange(len(names)), yticklabels=names, ylim=(-len(names) + 0.4, 0.95), xlim=(-2.5, 3.4))
    axis.set_xlabel("published standard deviations from the published mean")
    axis.grid(axis="y", visible=False)
    axis.legend(loc="upper left", ncols=2, borderaxespad=0.1)
    return figure
