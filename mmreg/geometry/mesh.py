"""Triangle meshes: normals and distances."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, Int, dot, unit
from mmreg.geometry import kernels, native


def vertex_normals(
    positions: Float[Array, "batch vertex 3"], triangles: Int[Array, "triangle 3"], path: str = "auto"
) -> Float[Array, "batch vertex 3"]:
    """Unit normals at the vertices: the sum of the adjacent triangles' area vectors, normalised.

    n_v ∝ Σ_{t∋v} (p₁ − p₀) × (p₂ − p₀), so a triangle counts by its area. Counter-clockwise triangles, seen from
    outside, give outward normals. A vertex without triangles, or whose area vectors cancel, gets a vector near zero.

    Args:
        positions: any unit of length.
        triangles: numpy array of vertex indices.
        path: "auto", "native" (compiled, TensorFlow on the CPU) or "ops" (`keras.ops`, any backend).
    """
    if path == "native" or (path == "auto" and native.available()):
        triangles = np.ascontiguousarray(triangles, np.int32)
        area_vectors = native.differentiable(
            lambda p: _sum_area_vectors(p, triangles),
            lambda p, g: [_sum_area_vectors_gradient(p, triangles, g)],
            [positions],
            [],
            tuple(positions.shape),
        )
        return unit(area_vectors)
    corners = [ops.take(positions, triangles[:, k], axis=1) for k in range(3)]
    area_vector = ops.cross(corners[1] - corners[0], corners[2] - corners[0])  # b t 3
    flat = ops.transpose(area_vector, (1, 0, 2))  # t b 3
    sums = ops.segment_sum(
        ops.concatenate([flat, flat, flat], axis=0),
        ops.concatenate([triangles[:, 0], triangles[:, 1], triangles[:, 2]], axis=0),
        num_segments=positions.shape[1],
    )
    return unit(ops.transpose(sums, (1, 0, 2)))


def _sum_area_vectors(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    out = np.zeros_like(positions)
    native.each_image(lambda i: kernels.sum_area_vectors(positions[i], triangles, out[i]), len(out))
    return out


def _sum_area_vectors_gradient(positions: np.ndarray, triangles: np.ndarray, upstream: np.ndarray) -> np.ndarray:
    out = np.zeros_like(positions)
    upstream = np.ascontiguousarray(upstream)
    native.each_image(
        lambda i: kernels.sum_area_vectors_gradient(positions[i], triangles, upstream[i], out[i]), len(out)
    )
    return out


def point_to_plane(
    points: Float[Array, "point 3"], plane_points: Float[Array, "point 3"], plane_normals: Float[Array, "point 3"]
) -> Float[Array, " point"]:
    """|(p − q)·n|: how far each point lies from the plane through its partner, in the points' unit.

    Args:
        plane_normals: unit vectors.
    """
    return ops.abs(dot(points - plane_points, plane_normals)[..., 0])
