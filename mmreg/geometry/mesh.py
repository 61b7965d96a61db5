"""Triangle meshes: normals and distances."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError, Int, concrete, dot, unit
from mmreg.geometry import kernels, native

CROP_RADIUS_MM = 95.0  # around the nose's tip, of the faces that are measured (section 6.2)


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

    Raises:
        InputError: shapes or indices that fit no mesh.
    """
    shape = tuple(positions.shape)
    if len(shape) != 3 or shape[-1] != 3:
        raise InputError(f"positions must have the shape (batch, vertex, 3), not {shape}.")
    triangles = check_triangles(triangles, shape[1])
    if native.wanted(path):

        def forward(p):
            if shape[1] is None:  # only now is the number of vertices known
                check_triangles(triangles, p.shape[1])
            return _normals(p, triangles)

        normals, _ = native.differentiable(
            forward,
            lambda p, *rest: [_normals_gradient(p, triangles, *rest)],
            [positions],
            [],
            tuple(positions.shape),
            [(tuple(positions.shape), "float32")],
        )
        return normals
    corners = [ops.take(positions, triangles[:, k], axis=1) for k in range(3)]
    area_vector = ops.cross(corners[1] - corners[0], corners[2] - corners[0])  # b t 3
    flat = ops.transpose(area_vector, (1, 0, 2))  # t b 3
    sums = ops.segment_sum(
        ops.concatenate([flat, flat, flat], axis=0),
        ops.concatenate([triangles[:, 0], triangles[:, 1], triangles[:, 2]], axis=0),
        num_segments=positions.shape[1],
    )
    return unit(ops.transpose(sums, (1, 0, 2)))


def check_triangles(triangles: Array, vertex_count: int | None) -> Int[np.ndarray, "triangle 3"]:
    """The triangles as contiguous int32, once they are known to index vertices that there are.

    Args:
        vertex_count: None while a graph is traced for any number of vertices; whoever runs it must check again then.

    Raises:
        InputError: they don't, or aren't known while a graph is traced.
    """
    known = concrete(triangles)
    if known is None:
        raise InputError(
            f"triangles must be an array that is known when a graph is traced, not {type(triangles).__name__}; pass a numpy array."
        )
    if known.ndim != 2 or known.shape[1] != 3 or not np.issubdtype(known.dtype, np.integer):
        raise InputError(
            f"triangles must be whole numbers of the shape (triangle, 3), not {known.dtype} {known.shape}."
        )
    if len(known) and (known.min() < 0 or (vertex_count is not None and known.max() >= vertex_count)):
        there = (
            "vertices from 0 on" if vertex_count is None else f"the {vertex_count} vertices (0 to {vertex_count - 1})"
        )
        raise InputError(f"triangles must index {there}, but reach from {known.min()} to {known.max()}.")
    return np.ascontiguousarray(known, np.int32)


def _normals(positions: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(unit normals, sums of area vectors)."""
    normals, sums = native.empty(positions.shape), native.empty(positions.shape)

    def one(i):
        sums[i].fill(0.0)
        kernels.sum_area_vectors(positions[i], triangles, sums[i])
        kernels.unit(sums[i], normals[i])

    native.each_image(one, len(positions))
    return normals, sums


def _normals_gradient(positions, triangles, sums, upstream) -> np.ndarray:
    out = native.empty(positions.shape)

    def one(i):
        g = native.scratch("gradient of area vectors", positions.shape[1:], np.float32)
        kernels.unit_gradient(sums[i], upstream[i], g)
        out[i].fill(0.0)
        kernels.sum_area_vectors_gradient(positions[i], triangles, g, out[i])

    native.each_image(one, len(positions))
    return out


def point_to_plane(
    points: Float[Array, "point 3"], plane_points: Float[Array, "point 3"], plane_normals: Float[Array, "point 3"]
) -> Float[Array, " point"]:
    """|(p − q)·n|: how far each point lies from the plane through its partner, in the points' unit.

    Args:
        plane_normals: unit vectors.
    """
    return ops.abs(dot(points - plane_points, plane_normals)[..., 0])


def vertices_around(
    positions: Float[np.ndarray, "vertex 3"],
    triangles: Int[np.ndarray, "triangle 3"],
    centre: Float[np.ndarray, "3"],
    radius: float = CROP_RADIUS_MM,
) -> tuple[Int[np.ndarray, " kept"], Int[np.ndarray, "kept_triangle 3"]]:
    """The triangles whose corners all lie within `radius` of a point: their vertices' indices, and the triangles in that numbering."""
    near = np.linalg.norm(np.asarray(positions) - centre, axis=1) <= radius
    used, numbered = np.unique(triangles[near[triangles].all(axis=1)], return_inverse=True)
    return used, numbered.reshape(-1, 3).astype(np.int32)
