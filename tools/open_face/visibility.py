"""What can be seen of a mesh: a small orthographic depth buffer, ambient occlusion, normals."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def _fill_depths(x, y, depth, triangles, buffer):
    height, width = buffer.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t]
        area = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a])
        if abs(area) < 1e-12:
            continue
        left, right = max(0, int(min(x[a], x[b], x[c]))), min(width - 1, int(max(x[a], x[b], x[c])) + 1)
        top, bottom = max(0, int(min(y[a], y[b], y[c]))), min(height - 1, int(max(y[a], y[b], y[c])) + 1)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                px, py = column + 0.5, row + 0.5
                u = ((x[b] - px) * (y[c] - py) - (x[c] - px) * (y[b] - py)) / area
                v = ((x[c] - px) * (y[a] - py) - (x[a] - px) * (y[c] - py)) / area
                if u < -1e-6 or v < -1e-6 or u + v > 1 + 1e-6:
                    continue
                d = u * depth[a] + v * depth[b] + (1 - u - v) * depth[c]
                if d < buffer[row, column]:
                    buffer[row, column] = d


def vertex_normals(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(vertex, 3) unit normals, area-weighted."""
    corners = positions[triangles]
    area_vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [np.bincount(triangles.reshape(-1), np.repeat(area_vectors[:, k], 3), len(positions)) for k in range(3)], axis=1
    )
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


def visible_from(
    positions: np.ndarray, triangles: np.ndarray, direction: np.ndarray, resolution: int, extent: float, bias: float
) -> np.ndarray:
    """(vertex,) whether each vertex is seen from infinitely far away in a direction.

    Args:
        extent: width, in mm, of the square about the origin that the depth buffer covers.
        bias: mm by which a vertex may lie behind the surface.
    """
    aside = np.cross(direction, [0, 1, 0] if abs(direction[1]) < 0.9 else [1, 0, 0])
    aside /= np.linalg.norm(aside)
    scale = resolution / extent
    x = resolution / 2 + positions @ aside * scale
    y = resolution / 2 + positions @ np.cross(aside, direction) * scale
    depth = 1000 - positions @ direction
    buffer = np.full((resolution, resolution), 1e9)
    _fill_depths(x, y, depth, triangles.astype(np.int64), buffer)
    rows, columns = (np.clip(a.astype(int), 0, resolution - 1) for a in (y, x))
    return depth < buffer[rows, columns] + bias


def ambient_occlusion(positions: np.ndarray, triangles: np.ndarray, directions: int = 160) -> np.ndarray:
    """(vertex,) the share of the cosine-weighted sky that a vertex sees, over directions on a Fibonacci sphere."""
    normals = vertex_normals(positions, triangles)
    i = np.arange(directions) + 0.5
    polar, turn = np.arccos(1 - 2 * i / directions), np.pi * (1 + 5**0.5) * i
    sky = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
    seen, total = np.zeros(len(positions)), np.zeros(len(positions))
    for direction in sky:
        cosine = np.maximum(normals @ direction, 0)
        seen += cosine * visible_from(positions, triangles, direction, resolution=256, extent=360, bias=2.5)
        total += cosine
    return seen / np.maximum(total, 1e-6)
