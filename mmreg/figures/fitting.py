"""Pictures of faces laid over photographs, of points on them, and of what a descent has reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Array, Float
from mmreg.data.synthetic import DARKEST_ALBEDO
from mmreg.face import Coefficients, MorphableModel
from mmreg.figures.style import PALETTE, WIDTH, new_figure
from mmreg.fitting import LandmarkFit
from mmreg.geometry.camera import Camera, Pose, perspective_camera, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import PointLights, linear_to_srgb, render, srgb_to_linear
from mmreg.rendering.lighting import studio_lights

BLUE, VERMILION, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
BACKGROUND = 0.93  # sRGB grey, the portraits' own
WINDOW_MM = 250.0  # what the picture shows at the head's distance
FACE_HEIGHT_MM = 8.0  # of the picture's middle above the model's origin


def portrait_camera(count: int, image_size: tuple[int, int], distance_mm: float = 1200.0) -> Camera:
    """Cameras that look at heads from the front; the picture is cut to the face, which is as large from every distance."""
    position = np.tile(np.float32([[0.0, 0.0, distance_mm]]), (count, 1))
    camera = perspective_camera(
        position, 0.0 * position, np.full(count, WINDOW_MM / distance_mm, np.float32), image_size
    )
    lower = np.tile(np.float32([[0.0, -2.0 * FACE_HEIGHT_MM / WINDOW_MM]]), (count, 1))
    return camera.cropped(np.ones(count, np.float32), lower)


def posed_pictures(
    model: MorphableModel,
    positions: Float[Array, "face vertex 3"],
    albedos: Float[Array, "face vertex 3"],
    pose: Pose,
    camera: Camera,
    image_size: tuple[int, int],
    lights: PointLights | None = None,
    behind: Float[np.ndarray, "face height width 3"] | None = None,
) -> Float[np.ndarray, "face height width 3"]:
    """Heads that turn before a camera, rendered at twice the size; sRGB in [0, 1].

    Args:
        positions: mm, in the model's frame.
        albedos: sRGB, clipped here.
        lights: in the camera's frame, for each face; the book's own when None.
        behind: what shows where there is no head; a plain grey when None.
    """
    height, width = image_size
    positions, albedos = np.asarray(positions, np.float32), np.asarray(albedos, np.float32)
    pictures = []
    for k in range(len(positions)):
        one = slice(k, k + 1)
        turn = Pose(*(np.asarray(angle, np.float32)[one] for angle in pose)).rotation()
        mesh = positions[one]
        light = studio_lights(1) if lights is None else PointLights(*(np.asarray(part)[one] for part in lights))
        rendering = render(
            rotate(turn, mesh),
            rotate(turn, vertex_normals(mesh, model.triangles)),
            srgb_to_linear(np.clip(albedos[one], DARKEST_ALBEDO, 1.0)),
            model.triangles,
            Camera(*(np.asarray(part)[one] for part in camera)),
            light,
            (2 * height, 2 * width),
        )
        covered = np.asarray(rendering.fragments.coverage) > 0
        back = np.full((height, width, 3), BACKGROUND, np.float32) if behind is None else behind[k]
        back = np.repeat(np.repeat(back, 2, axis=0), 2, axis=1)
        fine = np.where(covered[0], np.asarray(linear_to_srgb(rendering.radiance))[0], back)
        pictures.append(fine.reshape(height, 2, width, 2, 3).mean(axis=(1, 3)))
    return np.stack(pictures).astype(np.float32)


def points_over_pictures(
    pictures: Sequence[Float[np.ndarray, "height width 3"]],
    titles: Sequence[str],
    given: Sequence[Float[np.ndarray, "landmark 2"] | None],
    fitted: Sequence[Float[np.ndarray, "landmark 2"] | None],
    columns: int | None = None,
) -> Figure:
    """Pictures in rows; on each, the given points as rings and the model's as dots, and a line between the two of a pair."""
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    cell = WIDTH / columns
    figure, axes = new_figure(rows, columns, height=rows * (cell * height / width + 0.32), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0.0, hspace=0.0)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture, title, wanted, found in zip(axes.flat, pictures, titles, given, fitted, strict=False):
        axis.imshow(np.clip(picture, 0.0, 1.0), interpolation="antialiased")
        axis.set_title(title, fontsize=11)
        if wanted is not None and found is not None:
            axis.plot(*np.stack([wanted, found], axis=1).T, color="black", linewidth=0.7)
        if wanted is not None:
            axis.plot(*wanted.T, "o", markersize=3.0, markerfacecolor="none", color="white", markeredgewidth=1.5)
            axis.plot(*wanted.T, "o", markersize=3.0, markerfacecolor="none", color=BLUE, markeredgewidth=0.8)
        if found is not None:
            axis.plot(*found.T, "o", markersize=2.2, color=VERMILION, markeredgecolor="white", markeredgewidth=0.3)
        axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    return figure


def fitted_panel(
    model: MorphableModel,
    photograph: Float[np.ndarray, "height width 3"],
    points: Float[np.ndarray, "landmark 2"],
    coefficients: Coefficients,
    fit: LandmarkFit,
) -> Figure:
    """A photograph with its points, the fitted face over it, and that face alone: cut to the points."""
    size = photograph.shape[:2]
    mesh = model.positions(coefficients.shape, fit.expression)
    skin = model.albedos(coefficients.albedo)
    over = posed_pictures(model, mesh, skin, fit.pose, fit.camera, size, behind=photograph[None])[0]
    alone = posed_pictures(model, mesh, skin, fit.pose, fit.camera, size)[0]
    middle, half = points.mean(axis=0), 1.1 * np.ptp(points, axis=0).max()
    (left, top), (right, bottom) = np.maximum(middle - half, 0).astype(int), (middle + half).astype(int) + 1
    corner = np.float32([left, top])
    cut = [picture[top:bottom, left:right] for picture in (photograph, over, alone)]
    return points_over_pictures(
        cut,
        ["photograph", "fitted", "alone"],
        [points - corner, points - corner, None],
        [None, fit.landmarks_pixels[0] - corner, None],
    )


def descent_curves(histories: Mapping[str, Float[np.ndarray, "step face"]], marks: Sequence[int] = ()) -> Figure:
    """The landmarks' error by step, the median over faces, with a band from the 10th to the 90th percentile."""
    figure, axis = new_figure(height=2.9)
    for (name, history), color in zip(histories.items(), PALETTE, strict=False):
        steps = np.arange(len(history))
        low, middle, high = 100.0 * np.percentile(history, [10, 50, 90], axis=1)
        axis.plot(steps, middle, color=color, label=name)
        axis.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
    for step in marks:
        axis.axvline(step, color="#999999", linewidth=0.8, linestyle=":")
    axis.set(xlabel="step", ylabel="mean distance of points,\n% of the eyes' distance", yscale="log")
    axis.legend(fontsize=11)
    return figure


def paired_bars(
    groups: Sequence[str], values: Mapping[str, Float[np.ndarray, " group"]], label: str, height: float = 3.6
) -> Figure:
    """Horizontal bars of several kinds beside each other, one cluster a group, the first group on top."""
    figure, axis = new_figure(height=height)
    places = np.arange(len(groups))
    thickness = 0.8 / len(values)
    for k, (name, lengths) in enumerate(values.items()):
        offset = (k - 0.5 * (len(values) - 1)) * thickness
        axis.barh(places + offset, lengths, thickness, color=PALETTE[k], label=name)
    axis.set(yticks=places, yticklabels=groups, xlabel=label)
    axis.invert_yaxis()
    axis.grid(False, axis="y")
    axis.set_axisbelow(True)
    axis.legend(fontsize=11, loc="lower right")
    return figure
