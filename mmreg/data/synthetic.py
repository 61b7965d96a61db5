"""Photographs of faces that don't exist: a face of the model, in random pose and light, framed as the encoder wants it.

Both the synthetic training faces and the renderings of predicted faces are made here, so that they differ in their
coefficients alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
from keras import ops
from PIL import Image

from mmreg.arrays import Array, Float, InputError
from mmreg.color import srgb_to_linear
from mmreg.face.coefficients import Coefficients
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry import native
from mmreg.geometry.camera import Pose, perspective_camera, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering.development import develop
from mmreg.rendering.lighting import LightSettings, PointLights, sample_lights, studio_lights
from mmreg.rendering.renderer import Rendering, render
from mmreg.rendering.shading import SPECULAR_CONSTANT

DARKEST_ALBEDO = 0.012  # sRGB; linear models overshoot [0, 1] in rare places


class Scene(NamedTuple):
    """Everything in a picture but the face, for a batch of pictures."""

    pose: Pose
    camera_distance: Float[Array, " batch"]  # mm from the model's origin
    crop_scale: Float[Array, " batch"]  # beside the exact framing of the five points
    crop_offset_pixels: Float[Array, "batch 2"]  # x right, y down
    lights: PointLights
    background: Float[Array, "batch rows columns 3"]  # sRGB, enlarged to the picture
    specular_constant: Float[Array, " batch"]

    @property
    def batch(self) -> int:
        """How many pictures."""
        return int(self.camera_distance.shape[0])


@dataclass(frozen=True)
class SceneSettings:
    """The pictures that `sample_scenes` draws. Paper: random pose and illumination, ranges not stated; these are ours."""

    yaw_deviation_degrees: float = 15.0
    pitch_deviation_degrees: float = 7.5
    roll_deviation_degrees: float = 3.0
    limit: float = 2.6  # poses beyond so many deviations are moved there
    distance_mm: tuple[float, float] = (600.0, 1800.0)
    crop_scale_jitter: float = 0.03  # standard deviation of the logarithm
    crop_offset_jitter: float = 2.0  # pixels
    background_cells: int = 5
    specular_constant: tuple[float, float] = (0.4 * SPECULAR_CONSTANT, 1.3 * SPECULAR_CONSTANT)
    lens_blur_pixels: float = 0.8  # standard deviation
    light: LightSettings = field(default_factory=LightSettings)


DEFAULT_SCENES = SceneSettings()


def sample_scenes(batch: int, seed: int, settings: SceneSettings = DEFAULT_SCENES) -> Scene:
    """Draws random poses, lights, crops and backgrounds (numpy, float32); the same seed draws the same."""
    rng = np.random.default_rng(seed)

    def angle(deviation_degrees):
        turns = np.clip(rng.normal(size=batch), -settings.limit, settings.limit)
        return np.deg2rad(deviation_degrees * turns).astype(np.float32)

    pose = Pose(
        angle(settings.yaw_deviation_degrees),
        angle(settings.pitch_deviation_degrees),
        angle(settings.roll_deviation_degrees),
    )
    cells = (batch, settings.background_cells, settings.background_cells)
    background = (
        rng.uniform(0.08, 0.85, (batch, 1, 1, 1))
        + rng.uniform(-0.12, 0.12, (batch, 1, 1, 3))
        + rng.normal(0.0, 0.16, (*cells, 1))
        + rng.normal(0.0, 0.04, (*cells, 3))
    )
    scene = Scene(
        pose,
        rng.uniform(*settings.distance_mm, batch),
        np.exp(rng.normal(0.0, settings.crop_scale_jitter, batch)),
        rng.normal(0.0, settings.crop_offset_jitter, (batch, 2)),
        sample_lights(batch, int(rng.integers(2**31)), settings.light),
        np.clip(background, 0.0, 1.0),
        rng.uniform(*settings.specular_constant, batch),
    )
    return scene._replace(
        **{
            name: np.asarray(getattr(scene, name), np.float32)
            for name in ("camera_distance", "crop_scale", "crop_offset_pixels", "background", "specular_constant")
        }
    )


def studio_scene(
    batch: int, yaw_degrees: float = 0.0, pitch_degrees: float = 0.0, background: float = 0.93, scale: float = 1.0
) -> Scene:
    """The book's own picture: the same light, distance and plain background for every face.

    Args:
        background: sRGB grey.
        scale: 1 frames the face as an encoder sees it; less shows more of the head.
    """
    ones = np.ones(batch, np.float32)
    pose = Pose(ones * np.deg2rad(yaw_degrees), ones * np.deg2rad(pitch_degrees), 0.0 * ones)
    pose = Pose(*(np.asarray(a, np.float32) for a in pose))
    return Scene(
        pose,
        1200.0 * ones,
        scale * ones,
        np.zeros((batch, 2), np.float32),
        studio_lights(batch),
        np.full((batch, 1, 1, 3), background, np.float32),
        SPECULAR_CONSTANT * ones,
    )


def photograph(
    model: MorphableModel,
    coefficients: Coefficients,
    scene: Scene,
    template: Float[np.ndarray, "5 2"],
    image_size: tuple[int, int],
    lens_blur_pixels: float = DEFAULT_SCENES.lens_blur_pixels,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Float[Array, "batch height width 3"]:
    """Pictures of faces in scenes, sRGB in [0, 1]; differentiable in the coefficients.

    The head turns before a fixed camera; then the picture is cropped so that the model's own five points fall on the
    encoder's template, as an aligned photograph's do. No detector is needed, and the framing is differentiated too.

    Args:
        coefficients: of as many faces as there are scenes, or of fewer: then each face is photographed in the same number of
            scenes, the first ones are the first face's, and what doesn't depend on the scene is computed once a face.
        template: wanted places of the five points in the picture, in pixels (see `Encoder.template`).
        image_size: (height, width).
        lens_blur_pixels: standard deviation of a Gaussian; 0 leaves the picture as sharp as it was sampled.

    Raises:
        InputError: the number of scenes isn't a multiple of the number of faces.
    """
    faces = model.positions(coefficients.shape, coefficients.expression), model.albedos(coefficients.albedo)
    return photograph_surface(*faces, model, scene, template, image_size, lens_blur_pixels, path, pair_budget)


def photograph_surface(
    positions: Float[Array, "face vertex 3"],
    albedos: Float[Array, "face vertex 3"],
    model: MorphableModel,
    scene: Scene,
    template: Float[np.ndarray, "5 2"],
    image_size: tuple[int, int],
    lens_blur_pixels: float = DEFAULT_SCENES.lens_blur_pixels,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Float[Array, "batch height width 3"]:
    """`photograph` for faces that needn't be the model's own, on its mesh: vertices in mm, albedo in sRGB.

    Args:
        model: whose triangles and five points are the faces'.
    """
    rendering = _expose(positions, albedos, model, scene, template, image_size, path, pair_budget)
    background = _enlarged(scene.background, image_size)
    return develop(rendering.radiance, rendering.fragments.triangle_ids, background, float(lens_blur_pixels), path)


def _expose(faces, albedos, model, scene, template, image_size, path="auto", pair_budget=None) -> Rendering:
    """The rendering of faces in scenes, framed for the encoder; as many views of each as there are scenes a face."""
    views, left = divmod(scene.batch, faces.shape[0])
    if left or not views:
        raise InputError(
            f"{scene.batch} scenes can't be shared out evenly to {faces.shape[0]} faces; give every face as many."
        )
    surface = [faces, vertex_normals(faces, model.triangles, path), _linear_albedo(albedos)]
    positions, normals, albedo = (ops.repeat(s, views, axis=0) if views > 1 else s for s in surface)

    # the head stays where it is, camera and lights turn about it: the same picture, and two passes over the mesh less
    rotation = scene.pose.rotation()
    lights = scene.lights._replace(
        position_world=rotate(ops.transpose(rotation, (0, 2, 1)), ops.convert_to_tensor(scene.lights.position_world))
    )
    zero = ops.zeros_like(ops.convert_to_tensor(scene.camera_distance))
    position = ops.stack([zero, zero, ops.convert_to_tensor(scene.camera_distance)], axis=-1)
    camera = perspective_camera(position, ops.zeros_like(position), zero + 0.3, image_size).seen_by(rotation)
    vertices, weights = model.five_points
    five_points = ops.matmul(weights, ops.take(positions, vertices, axis=1))  # b 5 3
    camera = camera.framing(five_points, template, image_size)
    height, width = image_size
    to_ndc = np.array([2.0 / width, -2.0 / height], np.float32)
    camera = camera.cropped(scene.crop_scale, ops.convert_to_tensor(scene.crop_offset_pixels) * to_ndc)

    specular_constant = ops.convert_to_tensor(scene.specular_constant)[:, None, None, None]
    return render(
        positions,
        normals,
        albedo,
        model.triangles,
        camera,
        lights,
        image_size,
        specular_constant,
        path=path,
        pair_budget=pair_budget,
    )


def _enlarged(
    cells: Float[Array, "batch rows columns 3"], image_size: tuple[int, int]
) -> Float[Array, "batch height width 3"]:
    """A few cells made a smooth picture, by cubic interpolation: two small matrices, for a resize costs as much as a rendering."""
    if tuple(cells.shape[1:3]) == tuple(image_size):
        return ops.convert_to_tensor(cells)
    down, across = (_cubic(cells.shape[axis], size) for axis, size in zip((1, 2), image_size, strict=True))
    columns = ops.einsum("hr,brwc->bhwc", down, ops.convert_to_tensor(cells))
    return ops.einsum("wk,bhkc->bhwc", across, columns)


@cache
def _cubic(count: int, size: int) -> Float[np.ndarray, "size count"]:
    """The weights by which `count` values in a row become `size` of them."""
    unit_values = Image.fromarray(np.eye(count, dtype=np.float32))
    return np.asarray(unit_values.resize((count, size), Image.Resampling.BICUBIC))


def visible_part(
    model: MorphableModel, template: Float[np.ndarray, "5 2"], image_size: tuple[int, int], rings: int = 3
) -> MorphableModel:
    """The model without what an encoder never sees: the back of the head, and what lies outside its pictures.

    Kept are the triangles of the mean face seen in a fan of poses, and `rings` of neighbours around them for the faces that
    differ from the mean. The picture's background shows through where a head is cut; coefficients mean what they meant.
    """
    yaws, pitches = np.meshgrid(np.deg2rad([-40.0, -20.0, 0.0, 20.0, 40.0]), np.deg2rad([-20.0, 0.0, 20.0]))
    keep = np.zeros(model.vertex_count, bool)
    neutral = Coefficients.neutral(model)
    mean_face = model.positions(neutral.shape), model.albedos(neutral.albedo)
    for yaw, pitch in zip(yaws.ravel().astype(np.float32), pitches.ravel().astype(np.float32), strict=True):
        pose = Pose(*(np.array([angle], np.float32) for angle in (yaw, pitch, 0.0)))
        scene = studio_scene(1)._replace(pose=pose, crop_scale=np.full(1, 0.94, np.float32))
        rendering = _expose(*mean_face, model, scene, template, image_size)
        ids = np.unique(np.asarray(rendering.fragments.triangle_ids))
        keep[model.triangles[ids[ids >= 0]]] = True
    for _ in range(rings):
        keep[model.triangles[keep[model.triangles].any(axis=1)]] = True
    return model.crop(keep).in_picture_order()


@native.fused
def _linear_albedo(albedo):
    return srgb_to_linear(ops.clip(albedo, DARKEST_ALBEDO, 1.0))
