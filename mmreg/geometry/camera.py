"""Pose and perspective camera.

Right-handed, y up; a camera looks along its own −z. Clip space is OpenGL's: a point is seen where −w ≤ x, y, z ≤ w,
and x/w, y/w run from −1 (left, bottom) to +1 (right, top).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, unit


class Pose(NamedTuple):
    """The turn of a head, applied yaw first, then pitch, then roll. All zero faces the camera.

    Positive yaw turns the face to its own left (the viewer's right), positive pitch bows it down, positive roll tilts its
    crown to the viewer's left.
    """

    yaw_radians: Float[Array, " batch"]
    pitch_radians: Float[Array, " batch"]
    roll_radians: Float[Array, " batch"]

    def rotation(self) -> Float[Array, "batch 3 3"]:
        """R = R_z(roll) R_x(pitch) R_y(yaw); a point turns by R p."""
        yaw, pitch, roll = (ops.convert_to_tensor(a, "float32") for a in self)
        zero, one = ops.zeros_like(yaw), ops.ones_like(yaw)

        def matrix(*entries):
            return ops.reshape(ops.stack(entries, axis=-1), (-1, 3, 3))

        cy, sy, cp, sp = ops.cos(yaw), ops.sin(yaw), ops.cos(pitch), ops.sin(pitch)
        cr, sr = ops.cos(roll), ops.sin(roll)
        about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
        about_x = matrix(one, zero, zero, zero, cp, -sp, zero, sp, cp)
        about_z = matrix(cr, -sr, zero, sr, cr, zero, zero, zero, one)
        return ops.matmul(about_z, ops.matmul(about_x, about_y))


def rotate(
    rotation: Float[Array, "batch 3 3"], vectors: Float[Array, "batch point 3"]
) -> Float[Array, "batch point 3"]:
    """R v for every vector v."""
    return ops.matmul(vectors, ops.transpose(rotation, (0, 2, 1)))


class Camera(NamedTuple):
    """Where a camera stands and how it maps the world to clip space."""

    world_to_clip: Float[Array, "batch 4 4"]
    position_world: Float[Array, "batch 3"]

    def project(self, positions_world: Float[Array, "batch vertex 3"]) -> Float[Array, "batch vertex 4"]:
        """Homogeneous clip coordinates (x, y, z, w) of world points."""
        matrix = ops.transpose(self.world_to_clip, (0, 2, 1))  # row vectors: p_clip = p M^T
        return ops.matmul(positions_world, matrix[:, :3]) + matrix[:, 3:]

    def seen_by(self, rotation: Float[Array, "batch 3 3"]) -> Camera:
        """The camera as a subject sees it that turns by `rotation` about the origin: it turns the other way round.

        Projecting p by it is projecting R p by this one, but a camera is turned more cheaply than a mesh.
        """
        x, y, z, w = ops.split(self.world_to_clip, 4, axis=2)
        turned = ops.matmul(ops.concatenate([x, y, z], axis=2), rotation)
        position = ops.matmul(ops.transpose(rotation, (0, 2, 1)), self.position_world[:, :, None])[..., 0]
        return Camera(ops.concatenate([turned, w], axis=2), position)

    def cropped(self, scale: Float[Array, " batch"], offset_ndc: Float[Array, "batch 2"]) -> Camera:
        """The same camera with its picture enlarged by `scale` about the centre, then moved by `offset_ndc`.

        Offsets are in normalised device coordinates: 2 is the picture's width (height). Cropping a photograph is a linear
        map of clip space, x' = s x + o w, so it leaves the perspective as it was.
        """
        scale, offset_ndc = ops.convert_to_tensor(scale), ops.convert_to_tensor(offset_ndc)
        x, y, rest = self.world_to_clip[:, :1], self.world_to_clip[:, 1:2], self.world_to_clip[:, 2:]
        w = self.world_to_clip[:, 3:]
        s, o = scale[:, None, None], offset_ndc[:, :, None, None]
        return self._replace(world_to_clip=ops.concatenate([s * x + o[:, 0] * w, s * y + o[:, 1] * w, rest], axis=1))

    def framing(
        self,
        points_world: Float[Array, "batch point 3"],
        template_pixels: Float[Array, "*batch point 2"],
        image_size: tuple[int, int],
    ) -> Camera:
        """The same camera, cropped so that the points fall on a template as nearly as scale and shift allow.

        Least squares over the points, in closed form, hence differentiable; it is how an aligned photograph is framed, so
        renderings and photographs meet the recogniser alike.

        Args:
            template_pixels: wanted places (x right, y down; whole numbers are pixel centres), the same for all or each its own.
            image_size: (height, width) of the picture.
        """
        clip = self.project(points_world)
        seen = clip[..., :2] / clip[..., 3:]
        wanted = pixels_to_ndc(template_pixels, image_size)
        wanted = ops.convert_to_tensor(wanted if wanted.ndim == 3 else wanted[None], "float32")
        # a pixel must be as wide as high for one scale to serve both axes
        aspect = ops.convert_to_tensor(np.array([image_size[1] / image_size[0], 1.0], np.float32))
        seen_mean, wanted_mean = ops.mean(seen, axis=1, keepdims=True), ops.mean(wanted, axis=1, keepdims=True)
        d_seen, d_wanted = (seen - seen_mean) * aspect, (wanted - wanted_mean) * aspect
        scale = ops.sum(d_seen * d_wanted, axis=(1, 2)) / ops.sum(d_seen * d_seen, axis=(1, 2))
        return self.cropped(scale, wanted_mean[:, 0] - scale[:, None] * seen_mean[:, 0])


def look_at(
    position: Float[Array, "batch 3"], target: Float[Array, "batch 3"], up: Float[Array, "batch 3"]
) -> Float[Array, "batch 4 4"]:
    """World-to-camera matrices of cameras at `position` that look at `target`, with `up` pointing up in the picture.

    A target at the position, or an up vector along the view, has no answer; the result is then degenerate (not NaN).
    """
    position, target, up = (ops.convert_to_tensor(v, "float32") for v in (position, target, up))
    forward = unit(target - position)
    right = unit(ops.cross(forward, up))
    true_up = ops.cross(right, forward)
    rotation = ops.stack([right, true_up, -forward], axis=1)  # b row 3
    shift = -ops.matmul(rotation, position[:, :, None])
    last_row = ops.zeros_like(rotation[:, :1])
    bottom = ops.concatenate([last_row, ops.ones_like(last_row[:, :, :1])], axis=2)
    return ops.concatenate([ops.concatenate([rotation, shift], axis=2), bottom], axis=1)


def perspective(
    fov_y_radians: Float[Array, " batch"],
    aspect: float,
    near: float | Float[Array, " batch"],
    far: float | Float[Array, " batch"],
) -> Float[Array, "batch 4 4"]:
    """Camera-to-clip matrices of a pinhole with vertical field of view `fov_y_radians`; `aspect` is width / height.

    `near` and `far`, in the scene's unit, are the distances that map to clip depth −1 and +1.
    """
    focal = 1.0 / ops.tan(0.5 * ops.convert_to_tensor(fov_y_radians, "float32"))
    zero, one = ops.zeros_like(focal), ops.ones_like(focal)
    a, b = (far + near) / (near - far), 2.0 * far * near / (near - far)
    rows = [focal / aspect, zero, zero, zero, zero, focal, zero, zero, zero, zero, a * one, b * one]
    return ops.reshape(ops.stack([*rows, zero, zero, -one, zero], axis=-1), (-1, 4, 4))


def perspective_camera(
    position: Float[Array, "batch 3"],
    target: Float[Array, "batch 3"],
    fov_y_radians: Float[Array, " batch"],
    image_size: tuple[int, int],
    near: float = 50.0,
    far: float = 20_000.0,
    up: Float[Array, "batch 3"] | None = None,
) -> Camera:
    """A camera at `position` (mm) looking at `target`, for pictures of `image_size` (height, width)."""
    position = ops.convert_to_tensor(position, "float32")
    if up is None:
        up = ops.broadcast_to(ops.convert_to_tensor([0.0, 1.0, 0.0]), ops.shape(position))
    view = look_at(position, target, up)
    projection = perspective(fov_y_radians, image_size[1] / image_size[0], near, far)
    return Camera(ops.matmul(projection, view), position)


def clip_to_pixels(clip: Float[Array, "*shape 4"], image_size: tuple[int, int]) -> Float[Array, "*shape 2"]:
    """Pixel coordinates (x right, y down; whole numbers are pixel centres) of clip-space points with w > 0."""
    height, width = image_size
    x, y = clip[..., 0] / clip[..., 3], clip[..., 1] / clip[..., 3]
    return ops.stack([(x + 1.0) * (width / 2) - 0.5, (1.0 - y) * (height / 2) - 0.5], axis=-1)


def pixels_to_ndc(pixels: Float[Array, "*shape 2"], image_size: tuple[int, int]) -> Float[Array, "*shape 2"]:
    """Normalised device coordinates of pixel coordinates: the inverse of `clip_to_pixels` at w = 1."""
    height, width = image_size
    pixels = np.asarray(pixels, np.float32)
    return np.stack([(pixels[..., 0] + 0.5) * (2 / width) - 1.0, 1.0 - (pixels[..., 1] + 0.5) * (2 / height)], axis=-1)


def pixel_centres(image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Normalised device x of each column and y of each row, rounded once to float32."""
    height, width = image_size
    x = (np.arange(width) + 0.5) / (0.5 * width) - 1.0
    y = ((np.arange(height) + 0.5) / (0.5 * height) - 1.0)[::-1]
    return np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
