"""The triangle seen at each pixel, in `keras.ops`: the reference for the compiled pass, and the way to other devices.

Every triangle is paired with the pixel centres in its bounding box; the pairs that pass the inside test compete for their
pixel, first by depth, then, among the nearest, by the larger id.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Bool, Float, InputError, Int, concrete
from mmreg.geometry.camera import pixel_centres

_SLACK = 0.02  # pixels by which a bounding box is widened, as in the compiled pass
_NOTHING = -(2**31) + 1
_MOST_PAIRS = 2**31 - 1  # they are numbered by 32-bit integers


def triangle_ids_ops(
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[Array, "triangle 3"],
    image_size: tuple[int, int],
    pair_budget: int | None = None,
) -> tuple[Int[Array, "batch height width"], Float[Array, "batch height width"], Bool[Array, ""]]:
    """(ids, depth, complete): `complete` is false when `pair_budget` was too small for all pairs.

    Without a budget there is room for exactly the pairs that there are; under JAX's compiler, which must know their number before
    it sees them, for `default_pair_budget`.

    Raises:
        InputError: there are more pairs than 32-bit integers count.
    """
    batch, (height, width) = clip_vertices.shape[0], image_size
    if not len(triangles):
        nothing = ops.zeros((batch, height, width))
        return ops.cast(nothing, "int32") - 1, nothing + 1.0, ops.convert_to_tensor(True)
    vertices = _normalised(ops.stop_gradient(ops.convert_to_tensor(clip_vertices, "float32")))
    corners = ops.take(vertices, triangles.reshape(-1), axis=1)
    corners = ops.reshape(corners, (batch * len(triangles), 3, 4))  # one list of triangles for the whole batch
    left, right, top, bottom = _pixel_boxes(corners, image_size)
    columns = right - left
    counts = columns * (bottom - top)

    total = ops.sum(counts)
    exact_total = ops.sum(ops.cast(counts, "float32"))  # rounded, but unlike the integer it doesn't start anew at 2³¹
    budget = _budget(total, exact_total, batch, triangles, image_size) if pair_budget is None else pair_budget
    complete = ops.logical_and(total <= budget, exact_total < 0.99 * _MOST_PAIRS)

    pair = ops.arange(budget, dtype="int32")
    triangle = _triangle_of_each_pair(counts, budget)
    local = pair - ops.take(ops.cumsum(counts) - counts, triangle)
    safe_columns = ops.maximum(ops.take(columns, triangle), 1)
    column = ops.clip(ops.take(left, triangle) + local % safe_columns, 0, width - 1)
    row = ops.clip(ops.take(top, triangle) + local // safe_columns, 0, height - 1)
    image = triangle // len(triangles)

    depth, hit = _depth_at(corners, triangle, column, row, image_size)
    hit = ops.logical_and(hit, pair < total)
    pixel = (image * height + row) * width + column
    pixel_count = batch * height * width
    nearness = ops.segment_max(ops.where(hit, -depth, -np.inf), pixel, num_segments=pixel_count)
    winner = ops.logical_and(hit, -depth >= ops.take(nearness, pixel))
    ids = ops.segment_max(ops.where(winner, triangle % len(triangles), _NOTHING), pixel, num_segments=pixel_count)
    ids = ops.reshape(ops.where(ids >= 0, ids, -1), (batch, height, width))
    nearest = ops.reshape(-nearness, (batch, height, width))
    return ops.stop_gradient(ids), ops.stop_gradient(ops.where(ids >= 0, nearest, 1.0)), complete


def _budget(total, exact_total, batch, triangles, image_size):
    """The number of pairs where it can be known or needn't be, else the rule of thumb."""
    known = concrete(exact_total)
    if known is None:
        if keras.config.backend() == "tensorflow":  # whose shapes may depend on values
            return ops.where(exact_total < 0.99 * _MOST_PAIRS, total, 0)  # a total that began anew counts nothing
        return default_pair_budget(batch, len(triangles), image_size)
    if float(known) >= 0.99 * _MOST_PAIRS:
        raise InputError(
            f"The triangles' bounding boxes hold {float(known):.2g} pixels together, more than can be numbered; render fewer or "
            "smaller images at a time, or keep triangles before the camera (one that reaches behind it is tested everywhere)."
        )
    return int(total)


def default_pair_budget(batch: int, triangle_count: int, image_size: tuple[int, int]) -> int:
    """Pairs of a triangle and a pixel in its box that a scene of closed surfaces hardly exceeds: ours, a rule of thumb.

    A triangle that covers anything fills half of its box or less, and a picture is covered two or three times over. Whatever
    exceeds it is noticed, not dropped; `pair_count` measures a scene's own need.
    """
    return batch * (triangle_count + 6 * math.prod(image_size))


def pair_count(
    clip_vertices: Float[Array, "batch vertex 4"], triangles: Int[Array, "triangle 3"], image_size: tuple[int, int]
) -> int:
    """How many pairs of a triangle and a pixel in its box a batch has: what `pair_budget` must at least be."""
    if not len(triangles):
        return 0
    corners = ops.take(_normalised(ops.convert_to_tensor(clip_vertices, "float32")), triangles, axis=1)
    left, right, top, bottom = _pixel_boxes(ops.reshape(corners, (-1, 3, 4)), image_size)
    areas = ops.convert_to_numpy(right - left).astype(np.int64) * ops.convert_to_numpy(bottom - top)
    return int(areas.sum())


def _triangle_of_each_pair(counts: Int[Array, " t"], budget: int | Int[Array, ""]) -> Int[Array, " pair"]:
    """Triangle 0 as often as it has pairs, then triangle 1, …: the number of runs begun at or before each pair, less one.

    A triangle without pairs begins where the next one does, which is then counted last. (A search in the run's ends would do
    too, but XLA compares everything with everything for it.)
    """
    starts = ops.minimum(ops.cumsum(counts) - counts, budget)
    begun = ops.segment_sum(ops.ones_like(starts), starts, num_segments=budget + 1)
    return ops.cumsum(begun[:-1]) - 1


def _normalised(clip: Float[Array, "batch vertex 4"]) -> Float[Array, "batch vertex 4"]:
    """Vertices before the camera divided by w, the others as they are; w = NaN for what isn't finite (see the compiled pass)."""
    xyz, w = clip[..., :3], clip[..., 3:]
    x, y, z = ops.split(xyz, 3, axis=-1)
    inverse = ops.where(w > 0.0, 1.0 / ops.where(w > 0.0, w, 1.0), 1.0)
    inverse = ops.where(ops.isfinite((x + y + z) * inverse), inverse, 1.0)
    new_w = ops.where(inverse == 1.0, w, 1.0)
    return ops.concatenate([xyz * inverse, ops.where(ops.isfinite(x + y + z + w), new_w, np.nan)], axis=-1)


def _pixel_boxes(corners: Float[Array, "t 3 4"], image_size: tuple[int, int]):
    """Half-open pixel ranges (left, right, top, bottom) that hold every centre a triangle may cover."""
    height, width = image_size
    w = corners[..., 3]
    in_front = ops.all(w == 1.0, axis=-1)
    nowhere = ops.logical_or(ops.all(w < 0.0, axis=-1), ops.any(ops.isnan(w), axis=-1))

    def span(pixels, size):
        safe = ops.where(in_front[:, None], pixels, 0.0)
        low = ops.clip(ops.min(safe, axis=-1), 0.0, float(size))
        high = ops.clip(ops.max(safe, axis=-1), 0.0, float(size))
        first = ops.cast(ops.floor(low + (0.5 - _SLACK)), "int32")
        last = ops.minimum(ops.cast(ops.floor(high + (0.5 + _SLACK)), "int32"), size)
        first, last = ops.where(in_front, first, 0), ops.where(in_front, last, size)
        return first, ops.where(nowhere, first, ops.maximum(first, last))

    left, right = span((corners[..., 0] + 1.0) * width * 0.5, width)
    top, bottom = span((1.0 - corners[..., 1]) * height * 0.5, height)
    return left, right, top, bottom


def _depth_at(corners, triangle, column, row, image_size):
    """Depth z/w of each pair's triangle at its pixel, and whether the pixel is inside and between the planes."""
    pixel_x, pixel_y = pixel_centres(image_size)
    x, y = ops.take(pixel_x, column), ops.take(pixel_y, row)
    (x0, y0, z0, w0), (x1, y1, z1, w1), (x2, y2, z2, w2) = (
        ops.unstack(ops.take(corners[:, k], triangle, axis=0), 4, axis=-1) for k in range(3)
    )
    u0, v0, u1, v1, u2, v2 = x0 - x * w0, y0 - y * w0, x1 - x * w1, y1 - y * w1, x2 - x * w2, y2 - y * w2
    e0, e1, e2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    w = e0 * w0 + e1 * w1 + e2 * w2  # has the sign that all edge functions have, where the triangle is seen
    smallest, largest = ops.minimum(ops.minimum(e0, e1), e2), ops.maximum(ops.maximum(e0, e1), e2)
    inside = ops.logical_or(ops.logical_and(w > 0.0, smallest >= 0.0), ops.logical_and(w < 0.0, largest <= 0.0))
    z = (e0 * z0 + e1 * z1 + e2 * z2) / ops.where(inside, w, 1.0)
    return z, ops.logical_and(inside, ops.logical_and(z >= -1.0, z <= 1.0))
