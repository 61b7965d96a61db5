"""The triangle seen at each pixel, in `keras.ops`: the reference for the compiled pass, and the way to other devices.

Every triangle is paired with the pixel centres in its bounding box; the pairs that pass the inside test compete for their
pixel, first by depth, then, among the nearest, by the larger id.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Bool, Float, Int
from mmreg.geometry.camera import pixel_centres

_SLACK = 0.02  # pixels by which a bounding box is widened, as in the compiled pass
_NOTHING = -(2**31) + 1


def triangle_ids_ops(
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[Array, "triangle 3"],
    image_size: tuple[int, int],
    pair_budget: int | None = None,
) -> tuple[Int[Array, "batch height width"], Float[Array, "batch height width"], Bool[Array, ""]]:
    """(ids, depth, complete): `complete` is false when `pair_budget` was too small for all pairs."""
    batch, (height, width) = clip_vertices.shape[0], image_size
    clip_vertices = ops.stop_gradient(ops.convert_to_tensor(clip_vertices, "float32"))
    corners = ops.take(clip_vertices, triangles.reshape(-1), axis=1)
    corners = ops.reshape(corners, (batch * len(triangles), 3, 4))  # one list of triangles for the whole batch
    left, right, top, bottom = _pixel_boxes(corners, image_size)
    columns = right - left
    counts = columns * (bottom - top)

    ends = ops.cumsum(counts)
    total = ends[-1] if len(triangles) else ops.convert_to_tensor(0)
    budget = int(total) if pair_budget is None and not _is_symbolic(total) else pair_budget
    pair = ops.arange(total if budget is None else budget, dtype="int32")
    # the triangle whose run of pairs holds this one; triangles without pairs end where they begin, and are passed over
    triangle = ops.minimum(ops.searchsorted(ends, pair, side="right"), counts.shape[0] - 1)
    inside_budget = pair < total
    local = pair - (ops.take(ends, triangle) - ops.take(counts, triangle))
    safe_columns = ops.maximum(ops.take(columns, triangle), 1)
    column = ops.clip(ops.take(left, triangle) + local % safe_columns, 0, width - 1)
    row = ops.clip(ops.take(top, triangle) + local // safe_columns, 0, height - 1)
    image = triangle // max(len(triangles), 1)

    depth, hit = _depth_at(corners, triangle, column, row, image_size)
    hit = ops.logical_and(hit, inside_budget)
    pixel = (image * height + row) * width + column
    pixel_count = batch * height * width
    nearness = ops.segment_max(ops.where(hit, -depth, -np.inf), pixel, num_segments=pixel_count)
    winner = ops.logical_and(hit, -depth >= ops.take(nearness, pixel))
    ids = ops.segment_max(
        ops.where(winner, triangle % max(len(triangles), 1), _NOTHING), pixel, num_segments=pixel_count
    )
    ids = ops.reshape(ops.where(ids >= 0, ids, -1), (batch, height, width))
    nearest = ops.reshape(-nearness, (batch, height, width))
    depth = ops.where(ids >= 0, nearest, 1.0)
    complete = ops.convert_to_tensor(True) if budget is None else total <= budget
    return ops.stop_gradient(ids), ops.stop_gradient(depth), complete


def _is_symbolic(value) -> bool:
    try:
        int(value)
    except Exception:  # each backend refuses in its own way to turn a traced value into a number
        return True
    return False


def _pixel_boxes(corners: Float[Array, "t 3 4"], image_size: tuple[int, int]):
    """Half-open pixel ranges (left, right, top, bottom) that hold every centre a triangle may cover."""
    height, width = image_size
    w = corners[..., 3]
    in_front = ops.all(w > 0.0, axis=-1)
    inverse = 1.0 / ops.where(w > 0.0, w, 1.0)
    x = (corners[..., 0] * inverse + 1.0) * width * 0.5
    y = (1.0 - corners[..., 1] * inverse) * height * 0.5
    finite = ops.logical_and(in_front, ops.isfinite(ops.sum(x + y, axis=-1)))
    behind = ops.all(w < 0.0, axis=-1)

    def span(values, size):
        safe = ops.where(finite[:, None], values, 0.0)
        low = ops.clip(ops.min(safe, axis=-1), 0.0, float(size))
        high = ops.clip(ops.max(safe, axis=-1), 0.0, float(size))
        first = ops.cast(ops.floor(low + (0.5 - _SLACK)), "int32")
        last = ops.minimum(ops.cast(ops.floor(high + (0.5 + _SLACK)), "int32"), size)
        first, last = ops.where(finite, first, 0), ops.where(finite, last, size)
        return first, ops.where(behind, first, ops.maximum(first, last))

    left, right = span(x, width)
    top, bottom = span(y, height)
    return left, right, top, bottom


def _depth_at(corners, triangle, column, row, image_size):
    """Depth z/w of each pair's triangle at its pixel, and whether the pixel is inside and between the planes."""
    pixel_x, pixel_y = pixel_centres(image_size)
    x, y = ops.take(pixel_x, column), ops.take(pixel_y, row)
    (ax, ay, az, aw), (bx, by, bz, bw), (cx, cy, cz, cw) = (
        ops.unstack(ops.take(corners[:, k], triangle, axis=0), 4, axis=-1) for k in range(3)
    )
    m = [
        (by * cw - bw * cy, cx * bw - cw * bx, bx * cy - cx * by),
        (cy * aw - ay * cw, ax * cw - aw * cx, cx * ay - ax * cy),
        (ay * bw - aw * by, bx * aw - ax * bw, ax * by - bx * ay),
    ]
    sign = ops.where(ax * m[0][0] + bx * m[1][0] + cx * m[2][0] < 0.0, -1.0, 1.0)
    e = [sign * (edge[0] * x + edge[1] * y + edge[2]) for edge in m]
    total = e[0] + e[1] + e[2]
    inside = ops.logical_and(ops.logical_and(e[0] >= 0.0, e[1] >= 0.0), ops.logical_and(e[2] >= 0.0, total > 0.0))
    b0, b1, b2 = (edge / ops.where(inside, total, 1.0) for edge in e)
    z = (b0 * az + b1 * bz + b2 * cz) / ops.where(inside, b0 * aw + b1 * bw + b2 * cw, 1.0)
    return z, ops.logical_and(inside, ops.logical_and(z >= -1.0, z <= 1.0))
