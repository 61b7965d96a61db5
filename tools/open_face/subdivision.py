"""Mesh refinement as sparse linear operators, so that what holds for the mesh holds for its displacements too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse


def catmull_clark(quads: np.ndarray, vertex_count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """One Catmull-Clark step: the operator from old to new vertices, and the new quads.

    New vertices: the old ones, moved; then a point an edge; then a point a face. Edges on the boundary stay creases.
    """
    face_count = len(quads)
    half_edges = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, edge_of = np.unique(half_edges, axis=0, return_inverse=True)
    edge_of, edge_count = edge_of.reshape(-1), len(edges)
    face_of = np.repeat(np.arange(face_count), 4)

    def incidence(
        rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int], value: float = 1.0
    ) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.full(len(rows), value), (rows, columns)), shape)

    edge_ends = np.repeat(np.arange(edge_count), 2)
    face_point = incidence(face_of, quads.reshape(-1), (face_count, vertex_count), 0.25)
    edge_faces = incidence(edge_of, face_of, (edge_count, face_count))
    edge_midpoint = incidence(edge_ends, edges.reshape(-1), (edge_count, vertex_count), 0.5)
    vertex_edges = incidence(edges.reshape(-1), edge_ends, (vertex_count, edge_count))
    vertex_faces = incidence(quads.reshape(-1), face_of, (vertex_count, face_count))

    on_boundary = _row_sums(edge_faces) == 1
    # interior edge: half the midpoint, a quarter of each face's point; boundary edge: the midpoint
    edge_point = sparse.diags(np.where(on_boundary, 1, 0.5)) @ edge_midpoint
    edge_point = edge_point + sparse.diags(np.where(on_boundary, 0, 0.25)) @ (edge_faces @ face_point)

    # interior vertex of valence n: (F + 2 E + (n − 3) v) / n, F and E the means of face points and edge midpoints
    valence = np.maximum(_row_sums(vertex_faces), 1)
    edge_valence = np.maximum(_row_sums(vertex_edges), 1)
    inside = (
        sparse.diags(1 / valence**2) @ (vertex_faces @ face_point)
        + sparse.diags(2 / (valence * edge_valence)) @ (vertex_edges @ edge_midpoint)
        + sparse.diags((valence - 3) / valence)
    )
    # boundary vertex: half itself, half the mean midpoint of its boundary edges
    boundary_edges = vertex_edges @ sparse.diags(on_boundary.astype(float))
    boundary_valence = np.maximum(_row_sums(boundary_edges), 1)
    border = 0.5 * sparse.identity(vertex_count) + sparse.diags(0.5 / boundary_valence) @ (
        boundary_edges @ edge_midpoint
    )
    is_border = (_row_sums(boundary_edges) > 0).astype(float)
    vertex_point = sparse.diags(1 - is_border) @ inside + sparse.diags(is_border) @ border

    edge_index = vertex_count + edge_of.reshape(face_count, 4)
    face_index = vertex_count + edge_count + np.arange(face_count)
    new_quads = [
        np.stack([quads[:, i], edge_index[:, i], face_index, edge_index[:, (i - 1) % 4]], axis=1) for i in range(4)
    ]
    return sparse.vstack([vertex_point, edge_point, face_point]).tocsr(), np.concatenate(new_quads)


def _row_sums(matrix: sparse.csr_matrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def cut(
    signed_distance: np.ndarray, triangles: np.ndarray, smallest: float = 0.4
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Cuts a mesh where a function of its vertices changes sign, and keeps the positive side.

    New vertices: the kept ones, then a point on each edge that is cut.

    Args:
        smallest: distances nearer to zero are moved out to this, which avoids slivers.
    """
    s = np.where(np.abs(signed_distance) < smallest, np.copysign(smallest, signed_distance), signed_distance)
    keep = s > 0
    kept = np.flatnonzero(keep)
    new_index = np.full(len(s), -1)
    new_index[kept] = np.arange(len(kept))
    crossings: dict[tuple[int, int], int] = {}

    def crossing(a: int, b: int) -> int:
        return len(kept) + crossings.setdefault((min(a, b), max(a, b)), len(crossings))

    result = []
    for triangle in triangles:
        polygon = []
        for a, b in zip(triangle, np.roll(triangle, -1), strict=True):
            if keep[a]:
                polygon.append(new_index[a])
            if keep[a] != keep[b]:
                polygon.append(crossing(a, b))
        result += [[polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1)]

    ends = np.array(list(crossings)).reshape(-1, 2)
    weight = s[ends[:, 0]] / (s[ends[:, 0]] - s[ends[:, 1]])
    rows = np.concatenate([np.arange(len(kept)), np.repeat(len(kept) + np.arange(len(ends)), 2)])
    values = np.concatenate([np.ones(len(kept)), np.stack([1 - weight, weight], axis=1).reshape(-1)])
    columns = np.concatenate([kept, ends.reshape(-1)])
    return sparse.csr_matrix((values, (rows, columns)), (len(kept) + len(ends), len(s))), np.array(result)


def split_edges(
    triangles: np.ndarray, vertex_count: int, is_long: Callable[[int, int], bool]
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Puts a vertex in the middle of every edge that `is_long`, and cuts the triangles beside it; new vertices come last."""
    middles: dict[tuple[int, int], int] = {}

    def middle(a: int, b: int) -> int | None:
        if not is_long(a, b):
            return None
        return vertex_count + middles.setdefault((min(a, b), max(a, b)), len(middles))

    result: list[tuple[int, int, int]] = []
    for a, b, c in triangles:
        ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
        match sum(m is not None for m in (ab, bc, ca)):
            case 0:
                result.append((a, b, c))
            case 3:
                result += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
            case 1:
                corners, m = _turn_to((a, b, c), (ab, bc, ca), split=True)
                result += [(corners[0], m[0], corners[2]), (m[0], corners[1], corners[2])]
            case 2:
                corners, m = _turn_to((a, b, c), (ab, bc, ca), split=False)
                p, q, r = corners
                result += [(p, q, m[1]), (p, m[1], m[2]), (m[2], m[1], r)]
    ends = np.array(list(middles)).reshape(-1, 2)
    new = sparse.csr_matrix(
        (np.full(ends.size, 0.5), (np.repeat(np.arange(len(ends)), 2), ends.reshape(-1))), (len(ends), vertex_count)
    )
    return sparse.vstack([sparse.identity(vertex_count), new]).tocsr(), np.array(result)


def _turn_to(corners: tuple, middles: tuple, split: bool) -> tuple[tuple, tuple]:
    """The triangle turned so that its one split (or unsplit) edge comes first."""
    i = next(i for i in range(3) if (middles[i] is not None) == split)
    return corners[i:] + corners[:i], middles[i:] + middles[:i]
