"""Matrices of cameras and rotations, with tf_mesh_renderer's arguments and units."""

from __future__ import annotations

import math

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError
from mmreg.geometry import camera
from mmreg.rendering.compat.checks import checked, number_per_image

_DEGENERATE = 1e-6  # shorter vectors have no direction; tf_mesh_renderer's bound


def perspective(
    aspect_ratio: float,
    fov_y: float | Float[Array, " batch"],
    near_clip: float | Float[Array, " batch"],
    far_clip: float | Float[Array, " batch"],
) -> Float[Array, "batch 4 4"]:
    """Camera-to-clip matrices as gluPerspective's; `aspect_ratio` is width / height, `fov_y` in degrees."""
    named = {"fov_y": fov_y, "near_clip": near_clip, "far_clip": far_clip}
    named = {name: ops.convert_to_tensor(value, "float32") for name, value in named.items()}
    batch = max([int(value.shape[0]) for value in named.values() if len(value.shape) == 1], default=1)
    fov_y, near_clip, far_clip = (number_per_image(value, name, batch) for name, value in named.items())
    return camera.perspective(fov_y * (math.pi / 180.0), aspect_ratio, near_clip, far_clip)


def look_at(
    eye: Float[Array, "batch 3"], center: Float[Array, "batch 3"], world_up: Float[Array, "batch 3"]
) -> Float[Array, "batch 4 4"]:
    """World-to-camera matrices as gluLookAt's.

    Raises:
        InputError: an argument of the wrong shape; or a camera at the point that it looks at, or that looks along its up
            vector (these two where values are known, not while a graph is traced).
    """
    center = checked(center, "center", "batch_size, 3", (None, 3))
    batch = center.shape[0]
    eye = checked(eye, "eye", "batch_size, 3", (batch, 3))
    world_up = checked(world_up, "world_up", "batch_size, 3", (batch, 3))
    try:
        values = [np.asarray(ops.convert_to_numpy(v)) for v in (eye, center, world_up)]
    except Exception:  # each backend refuses in its own way to tell the values of a traced tensor
        values = None
    if values is not None:
        forward = values[1] - values[0]
        distance = np.linalg.norm(forward, axis=-1, keepdims=True)
        if not (distance > _DEGENERATE).all():
            raise InputError("eye and center must be apart for a camera to have a direction, but they coincide.")
        if not (np.linalg.norm(np.cross(forward / distance, values[2]), axis=-1) > _DEGENERATE).all():
            raise InputError(
                "world_up must not be 0 nor point along the gaze (center - eye): the camera has no upright."
            )
    return camera.look_at(eye, center, world_up)


def euler_matrices(angles: Float[Array, "batch 3"]) -> Float[Array, "batch 4 4"]:
    """Rotations by X, Y and Z angles in radians, about the fixed axes and in this order: R = R_z R_y R_x."""
    angles = checked(angles, "angles", "batch_size, 3", (None, 3))
    x, y, z = ops.unstack(angles, 3, axis=-1)
    zero = ops.zeros_like(x)
    turn = ops.matmul(camera.Pose(y, zero, z).rotation(), camera.Pose(zero, x, zero).rotation())  # (R_z R_y) R_x
    last = np.broadcast_to(np.float32([0.0, 0.0, 0.0, 1.0]), (angles.shape[0], 1, 4))
    return ops.concatenate([ops.pad(turn, ((0, 0), (0, 0), (0, 1))), last], axis=1)


def transform_homogeneous(
    matrices: Float[Array, "batch 4 4"], vertices: Float[Array, "batch vertex 3"]
) -> Float[Array, "batch vertex 4"]:
    """(x, y, z, w) of M (x, y, z, 1) for every vertex."""
    matrices = checked(matrices, "matrices", "batch_size, 4, 4", (None, 4, 4))
    vertices = checked(vertices, "vertices", "batch_size, vertex_count, 3", (matrices.shape[0], None, 3))
    return camera.Camera(matrices, matrices[:, :3, 3]).project(vertices)  # it projects by its matrix alone
