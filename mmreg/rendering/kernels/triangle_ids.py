"""The triangle seen at each pixel: an exact float32 scan over triangles with a depth buffer, one image a call.

`rendering/triangle_ids.py` has the same arithmetic in `keras.ops`, operation for operation, so that both round alike.
"""

from __future__ import annotations

import numba
import numpy as np

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
# Pixels by which a bounding box is widened on either side, so that rounding never loses a covered centre; pixel i's centre lies at
# i + ½, and the casts below round towards zero.
SLACK = np.float32(0.02)
BEFORE, AFTER = HALF - SLACK, HALF + SLACK
# A triangle's depth at a pixel lies between its corners' but for rounding, some 1e-6; what is farther behind is hidden.
DEPTH_MARGIN = np.float32(1e-5)
WINDOW = 4  # pixels a side of the windows whose farthest depth is known; most boxes of what is hidden fit into one
SAMPLES = 512  # triangles that are asked which side of the mesh is the near one

_options = {"nogil": True, "cache": True, "error_model": "numpy"}
_unsigned = np.uint64  # an index that is known not to count from the end


@numba.njit(**_options)
def triangle_ids(clip, triangles, pixel_x, pixel_y, ids, depth, vertices, waiting, farthest):
    """Fills `ids` (−1 where nothing is seen) and `depth` (z/w, 1 there) for one image.

    Args:
        clip: (vertex, 4) float32 clip coordinates.
        pixel_x, pixel_y: normalised device coordinates of the pixel centres of each column and row.
        vertices, waiting, farthest: scratch of the shapes (vertex, 4) float32, (triangle, 3) int32, and the picture's, float32.

    Equal depths go to the later triangle. Triangles behind the camera are skipped; those that cross its plane are tested at
    every pixel. A vertex that isn't finite takes its triangles along. The order of the work doesn't change the result:
    the side of the mesh that is mostly nearer comes first, and most of the other is then found hidden before it is scanned.
    """
    height, width = ids.shape
    wide, high = np.float32(width), np.float32(height)
    ids[:] = -1
    depth[:] = ONE
    _normalise(clip, vertices)
    near_side = _near_side(vertices, triangles)
    first, last = 0, triangles.shape[0]  # the near side's triangles wait from here on, the far side's up to there
    for t in range(triangles.shape[0]):
        a, b, c = _unsigned(triangles[t, 0]), _unsigned(triangles[t, 1]), _unsigned(triangles[t, 2])
        w0, w1, w2 = vertices[a, 3], vertices[b, 3], vertices[c, 3]
        if w0 + w1 + w2 != np.float32(3.0):  # no w is more than 1
            if not (w0 < ZERO and w1 < ZERO and w2 < ZERO) and not np.isnan(w0 + w1 + w2):
                _scan_everywhere(t, vertices, a, b, c, pixel_x, pixel_y, ids, depth)
            continue
        x0, y0, x1, y1, x2, y2 = (
            vertices[a, 0],
            vertices[a, 1],
            vertices[b, 0],
            vertices[b, 1],
            vertices[c, 0],
            vertices[c, 1],
        )
        # clipped at both ends: a number that 32 bits don't hold becomes any other when it is cast
        left = min(max((min(x0, x1, x2) + ONE) * (wide * HALF), ZERO), wide)
        right = min(max((max(x0, x1, x2) + ONE) * (wide * HALF), ZERO), wide)
        top = min(max((ONE - max(y0, y1, y2)) * (high * HALF), ZERO), high)
        bottom = min(max((ONE - min(y0, y1, y2)) * (high * HALF), ZERO), high)
        first_column, end_column = np.int32(left + BEFORE), min(np.int32(right + AFTER), np.int32(width))
        first_row, end_row = np.int32(top + BEFORE), min(np.int32(bottom + AFTER), np.int32(height))
        if (first_column >= width) | (end_column <= 0) | (first_row >= height) | (end_row <= 0):
            continue  # out of the picture, and so are its neighbours
        # whether a triangle is kept, and where, is hard to predict: it is always written, and a place is only sometimes used up
        kept = np.int64((first_column < end_column) & (first_row < end_row))
        near = np.int64(((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) * near_side >= ZERO)
        place = _unsigned(first if near else last - 1)
        waiting[place, 0] = t
        waiting[place, 1] = first_column | (end_column << np.int32(16))
        waiting[place, 2] = first_row | (end_row << np.int32(16))
        first += kept & near
        last -= kept & (1 - near)

    low = np.int32(0xFFFF)
    for k in range(first + triangles.shape[0] - last):
        if k == first:
            _farthest_in_windows(depth, farthest)
        place = _unsigned(k if k < first else triangles.shape[0] - 1 - (k - first))
        t, columns, rows = waiting[place, 0], waiting[place, 1], waiting[place, 2]
        first_column, end_column = columns & low, columns >> np.int32(16)
        first_row, end_row = rows & low, rows >> np.int32(16)
        a, b, c = (
            _unsigned(triangles[_unsigned(t), 0]),
            _unsigned(triangles[_unsigned(t), 1]),
            _unsigned(triangles[_unsigned(t), 2]),
        )
        x0, y0, z0 = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        x1, y1, z1 = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        x2, y2, z2 = vertices[c, 0], vertices[c, 1], vertices[c, 2]
        if k >= first:
            behind = min(z0, z1, z2) - DEPTH_MARGIN
            depth_there = farthest[_unsigned(first_row), _unsigned(first_column)]
            if (end_row - first_row > WINDOW) | (end_column - first_column > WINDOW):
                depth_there = max(depth_there, _farthest_in_box(farthest, first_row, end_row, first_column, end_column))
            if depth_there < behind:
                continue
        area = (end_row - first_row) * (end_column - first_column)
        row, column = first_row, first_column
        for _ in range(area):
            x, y = pixel_x[_unsigned(column)], pixel_y[_unsigned(row)]
            u0, v0, u1, v1, u2, v2 = x0 - x, y0 - y, x1 - x, y1 - y, x2 - x, y2 - y
            e0, e1, e2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
            w = e0 + e1 + e2
            z = (e0 * z0 + e1 * z1 + e2 * z2) / w
            former, former_id = depth[_unsigned(row), _unsigned(column)], ids[_unsigned(row), _unsigned(column)]
            nearer = (z < former) | ((z == former) & (t > former_id))
            seen = _inside(e0, e1, e2, w) & (z >= -ONE) & nearer
            depth[_unsigned(row), _unsigned(column)] = z if seen else former
            ids[_unsigned(row), _unsigned(column)] = t if seen else former_id
            row, column = _next(row, column, first_column, end_column)


@numba.njit(**_options)
def _normalise(clip, out):
    """Vertices before the camera divided by w, so that their w is 1; others as they are; w = NaN for what isn't finite.

    A positive factor moves no vertex in the picture, and the edge functions notice it by a positive factor alone.
    """
    for i in range(clip.shape[0]):
        x, y, z, w = clip[i, 0], clip[i, 1], clip[i, 2], clip[i, 3]
        inverse = ONE / w if w > ZERO else ONE
        if not np.isfinite((x + y + z) * inverse):  # divided by next to nothing, or not finite to begin with
            inverse = ONE
        out[i, 0], out[i, 1], out[i, 2] = x * inverse, y * inverse, z * inverse
        out[i, 3] = (w if inverse == ONE else ONE) if np.isfinite(x + y + z + w) else np.float32(np.nan)


@numba.njit(**_options)
def _near_side(vertices, triangles):
    """+1 if triangles that run counter-clockwise in the picture are nearer than the others on the average, else −1."""
    depth, area = np.zeros(2), np.zeros(2)
    for t in range(0, triangles.shape[0], triangles.shape[0] // SAMPLES + 1):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if vertices[a, 3] + vertices[b, 3] + vertices[c, 3] == np.float32(3.0):
            ux, uy = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1]
            vx, vy = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1]
            doubled = ux * vy - vx * uy
            side = 0 if doubled >= ZERO else 1
            depth[side] += abs(doubled) * min(vertices[a, 2], vertices[b, 2], vertices[c, 2])
            area[side] += abs(doubled)
    return ONE if depth[0] * area[1] <= depth[1] * area[0] else -ONE  # the mean depths, weighted by area, compared


@numba.njit(**_options)
def _farthest_in_windows(depth, out):
    """The farthest depth in the window that begins at each pixel and ends after `WINDOW` rows and columns, or with the picture."""
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            out[row, column] = depth[row, column]
        for k in range(1, WINDOW):
            for column in range(width - k):
                out[row, column] = max(out[row, column], depth[row, column + k])
    for row in range(height):
        for k in range(row + 1, min(row + WINDOW, height)):
            for column in range(width):
                out[row, column] = max(out[row, column], out[k, column])


@numba.njit(**_options)
def _farthest_in_box(farthest, first_row, end_row, first_column, end_column):
    """At least the farthest depth in a box, by windows of which the last may reach beyond it."""
    result = -ONE
    row = first_row
    while row < end_row:
        column = first_column
        while column < end_column:
            result = max(result, farthest[_unsigned(row), _unsigned(column)])
            column += np.int32(WINDOW)
        row += np.int32(WINDOW)
    return result


@numba.njit(inline="always", **_options)
def _next(row, column, first_column, end_column):
    """The next pixel of a box, without a branch: most boxes hold one to four pixels, and a loop in a loop is hard to predict."""
    column += np.int32(1)
    wraps = column == end_column
    return row + np.int32(wraps), first_column if wraps else column


@numba.njit(**_options)
def _scan_everywhere(t, vertices, a, b, c, pixel_x, pixel_y, ids, depth):
    """Tests every pixel against a triangle that reaches behind the camera."""
    x0, y0, z0, w0 = vertices[a, 0], vertices[a, 1], vertices[a, 2], vertices[a, 3]
    x1, y1, z1, w1 = vertices[b, 0], vertices[b, 1], vertices[b, 2], vertices[b, 3]
    x2, y2, z2, w2 = vertices[c, 0], vertices[c, 1], vertices[c, 2], vertices[c, 3]
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            x, y = pixel_x[column], pixel_y[row]
            u0, v0, u1, v1, u2, v2 = x0 - x * w0, y0 - y * w0, x1 - x * w1, y1 - y * w1, x2 - x * w2, y2 - y * w2
            e0, e1, e2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
            w = e0 * w0 + e1 * w1 + e2 * w2
            z = (e0 * z0 + e1 * z1 + e2 * z2) / w
            former = depth[row, column]
            nearer = z < former or (z == former and t > ids[row, column])
            if _inside(e0, e1, e2, w) and z >= -ONE and nearer:
                depth[row, column] = z
                ids[row, column] = t


@numba.njit(inline="always", **_options)
def _inside(e0, e1, e2, w):
    """Whether a point of the triangle before the camera is seen at the pixel: w has the sign that all edge functions have."""
    return ((w > ZERO) & (min(e0, e1, e2) >= ZERO)) | ((w < ZERO) & (max(e0, e1, e2) <= ZERO))
