"""A field over a mesh in few bytes: each vertex's number is predicted from its neighbours', and what is left is packed.

`tools/viewer/src/decode.js` undoes it in a page.
"""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Int


def neighbours_first(triangles: Int[np.ndarray, "triangle 3"], vertex_count: int) -> Int[np.ndarray, " vertex"]:
    """The vertices in the order of a walk over the mesh, breadth first, so that nearly each comes after a neighbour."""
    starts, neighbours = _adjacency(triangles, vertex_count)
    order, seen = [], np.zeros(vertex_count, bool)
    for seed in range(vertex_count):
        if seen[seed]:
            continue
        ring = np.array([seed])
        while len(ring):
            seen[ring] = True
            order.append(ring)
            found = np.concatenate([neighbours[starts[v] : starts[v + 1]] for v in ring])
            found = found[~seen[found]]
            ring = found[np.sort(np.unique(found, return_index=True)[1])]  # without repeats, in the order found
    return np.concatenate(order)


def reorder(
    triangles: Int[np.ndarray, "triangle 3"], order: Int[np.ndarray, " vertex"]
) -> Int[np.ndarray, "triangle 3"]:
    """The same triangles with vertex `order[i]` called i, each from its lowest corner on, sorted."""
    name = np.empty(len(order), np.int64)
    name[order] = np.arange(len(order))
    renamed = name[triangles]
    turned = np.take_along_axis(renamed, (renamed.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    return turned[np.lexsort(turned.T[::-1])]


def earlier_neighbours(
    triangles: Int[np.ndarray, "triangle 3"], vertex_count: int
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """All pairs of a vertex and a neighbour that comes before it."""
    starts, neighbours = _adjacency(triangles, vertex_count)
    vertex = np.repeat(np.arange(vertex_count), np.diff(starts))
    earlier = neighbours < vertex
    return vertex[earlier], neighbours[earlier]


def without_prediction(
    numbers: Int[np.ndarray, "vertex 3"], vertex: Int[np.ndarray, " pair"], neighbour: Int[np.ndarray, " pair"]
) -> Int[np.ndarray, "vertex 3"]:
    """What is left of each number after the mean of its earlier neighbours' numbers, rounded, is taken away."""
    count = np.bincount(vertex, minlength=len(numbers))[:, None]
    sums = np.stack([np.bincount(vertex, axis[neighbour], len(numbers)) for axis in numbers.T], axis=1)
    predicted = np.where(count > 0, np.floor(sums / np.maximum(count, 1) + 0.5), 0.0)
    return numbers - predicted.astype(np.int64)


def pack(numbers: Int[np.ndarray, "row number"]) -> bytes:
    """Row by row, each number x as 2x or −2x − 1 and these as four planes of bytes, the lowest first."""
    zigzag = np.where(numbers < 0, -2 * numbers - 1, 2 * numbers).reshape(-1).astype("<u4")
    return zigzag.view(np.uint8).reshape(-1, 4).T.tobytes()


def _adjacency(
    triangles: Int[np.ndarray, "triangle 3"], vertex_count: int
) -> tuple[Int[np.ndarray, " start"], Int[np.ndarray, " neighbour"]]:
    """Each vertex's neighbours in rising order: `neighbours[starts[v] : starts[v + 1]]`."""
    edges = np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))])
    edges = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)
    return np.searchsorted(edges[:, 0], np.arange(vertex_count + 1)), edges[:, 1]
