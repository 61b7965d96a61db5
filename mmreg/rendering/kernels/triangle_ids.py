"""The triangle seen at each pixel: an exact float32 scan over triangles with a depth buffer."""

from __future__ import annotations

import numba
import numpy as np

ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
SLACK = np.float32(0.02)  # pixels by which a bounding box is widened, so that rounding never loses a covered centre


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=False)
def triangle_ids(clip, triangles, pixel_x, pixel_y, ids, depth, screen):
    """Fills `ids` (−1 where nothing is seen) and `depth` (z/w, 1 there) for one image.

    Args:
        clip: (vertex, 4) float32 clip coordinates.
        pixel_x, pixel_y: normalised device coordinates of the pixel centres of each column and row.
        screen: (vertex, 2) float32 scratch.

    Equal depths go to the later triangle. Triangles behind the camera are skipped; those that cross its plane are tested
    at every pixel, with the sign of the determinant settling their orientation. NaN never passes a test.
    """
    height, width = ids.shape
    for row in range(height):
        for column in range(width):
            ids[row, column] = -1
            depth[row, column] = ONE
    _project(clip, np.float32(width), np.float32(height), screen)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        first_column, last_column, first_row, last_row = _pixel_box(clip, screen, a, b, c, width, height)
        if first_column >= last_column or first_row >= last_row:
            continue
        ax, ay, az, aw = clip[a, 0], clip[a, 1], clip[a, 2], clip[a, 3]
        bx, by, bz, bw = clip[b, 0], clip[b, 1], clip[b, 2], clip[b, 3]
        cx, cy, cz, cw = clip[c, 0], clip[c, 1], clip[c, 2], clip[c, 3]
        # rows of the adjugate of [[ax bx cx], [ay by cy], [aw bw cw]]: edge functions, up to one common factor
        m0, m1, m2 = by * cw - bw * cy, cx * bw - cw * bx, bx * cy - cx * by
        m3, m4, m5 = cy * aw - ay * cw, ax * cw - aw * cx, cx * ay - ax * cy
        m6, m7, m8 = ay * bw - aw * by, bx * aw - ax * bw, ax * by - bx * ay
        if ax * m0 + bx * m3 + cx * m6 < ZERO:
            m0, m1, m2, m3, m4, m5, m6, m7, m8 = -m0, -m1, -m2, -m3, -m4, -m5, -m6, -m7, -m8
        for row in range(first_row, last_row):
            y = pixel_y[row]
            for column in range(first_column, last_column):
                x = pixel_x[column]
                e0 = m0 * x + m1 * y + m2
                e1 = m3 * x + m4 * y + m5
                e2 = m6 * x + m7 * y + m8
                if e0 >= ZERO and e1 >= ZERO and e2 >= ZERO:
                    total = e0 + e1 + e2
                    if total > ZERO:
                        b0, b1, b2 = e0 / total, e1 / total, e2 / total
                        z = (b0 * az + b1 * bz + b2 * cz) / (b0 * aw + b1 * bw + b2 * cw)
                        if z >= -ONE and z <= depth[row, column]:
                            depth[row, column] = z
                            ids[row, column] = t


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _project(clip, width, height, screen):
    for i in range(clip.shape[0]):
        w = clip[i, 3]
        inverse = ONE / w if w > ZERO else np.float32(np.nan)
        screen[i, 0] = (clip[i, 0] * inverse + ONE) * width * HALF
        screen[i, 1] = (ONE - clip[i, 1] * inverse) * height * HALF


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _pixel_box(clip, screen, a, b, c, width, height):
    x0, x1, x2 = screen[a, 0], screen[b, 0], screen[c, 0]
    y0, y1, y2 = screen[a, 1], screen[b, 1], screen[c, 1]
    total = x0 + x1 + x2 + y0 + y1 + y2
    if not np.isfinite(total):  # a vertex at or behind the camera's plane
        behind = clip[a, 3] < ZERO and clip[b, 3] < ZERO and clip[c, 3] < ZERO
        return (0, 0, 0, 0) if behind else (0, width, 0, height)
    left = max(min(x0, x1, x2), ZERO)
    right = min(max(x0, x1, x2), np.float32(width))
    top = max(min(y0, y1, y2), ZERO)
    bottom = min(max(y0, y1, y2), np.float32(height))
    if left > right or top > bottom:
        return 0, 0, 0, 0
    # pixel i's centre lies at i + ½; the casts round towards zero
    return (
        int(left + HALF - SLACK),
        min(int(right + HALF + SLACK), width),
        int(top + HALF - SLACK),
        min(int(bottom + HALF + SLACK), height),
    )
