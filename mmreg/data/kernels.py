"""A picture with its nuisances, one image a call; `nuisances.py` has the same in `keras.ops`.

Everything goes along lines of contiguous numbers. What works across a picture works down it between two transpositions.
"""

from __future__ import annotations

import numba
import numpy as np

ZERO, ONE = np.float32(0.0), np.float32(1.0)
SMALLEST = np.float32(1e-7)  # weight, beside the middle one's, below which a blur's kernel ends

_options = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}


@numba.njit(**_options)
def wear(image, cover, color, kernel, noise, coarseness, table, cosines, a, b, across, along, out):
    """Fills `out` (height, width, 3).

    Args:
        image: (height, width, 3) sRGB; cover, noise: (height, width); color: (3,).
        kernel: (offset,) the weights of the blur at whole pixels from its middle on; all but the first 0 for none.
        coarseness: by which `table` (block, block) is multiplied; 0 leaves the picture uncompressed.
        cosines: (block, block), the orthonormal transform of a block's column.
        a, b: scratch of the shape (rows, columns, 3); across, along: (columns, rows, 3); rows and columns are the
            picture's, filled up to whole blocks.
    """
    height, width = cover.shape
    for y in range(height):
        line = a[y].reshape(-1)
        for x in range(width):
            hidden = cover[y, x]
            for c in range(3):
                line[3 * x + c] = image[y, x, c] * (ONE - hidden) + color[c] * hidden
    reach = 0
    while reach + 1 < kernel.shape[0] and kernel[reach + 1] > SMALLEST * kernel[0]:
        reach += 1
    if reach > 0:
        _blur_down(a, height, 3 * width, kernel, reach, b)
        _transpose(b, height, width, across)
        _blur_down(across, width, 3 * height, kernel, reach, along)
        _transpose(along, width, height, a)
    for y in range(height):
        line = a[y].reshape(-1)
        for x in range(width):
            for c in range(3):
                line[3 * x + c] += noise[y, x]
    if coarseness > ZERO:
        _compress(a, height, width, coarseness, table, cosines, b, across, along)
    for y in range(height):
        line, target = a[y].reshape(-1), out[y].reshape(-1)
        for i in range(3 * width):
            target[i] = min(max(line[i], ZERO), ONE)


@numba.njit(**_options)
def _add(weight, source, target, count):
    for i in range(count):
        target[i] += weight * source[i]


@numba.njit(**_options)
def _blur_down(source, rows, count, kernel, reach, target):
    """Each row of `target` is the mean of those of `source` around it, by the kernel's weights; there is nothing beyond the picture."""
    for row in range(rows):
        line, total = target[row].reshape(-1), ZERO
        line[:count] = ZERO
        for k in range(max(0, row - reach), min(rows, row + reach + 1)):
            weight = kernel[abs(k - row)]
            total += weight
            _add(weight, source[k].reshape(-1), line, count)
        for i in range(count):
            line[i] /= total


@numba.njit(**_options)
def _transpose(source, rows, columns, target):
    for row in range(rows):
        for column in range(columns):
            for c in range(3):
                target[column, row, c] = source[row, column, c]


@numba.njit(**_options)
def _compress(a, height, width, coarseness, table, cosines, b, across, along):
    """Rounds the cosine transforms of all blocks of `a`, which is filled up as by mirrors on its last edges."""
    rows, columns, block = a.shape[0], a.shape[1], table.shape[0]
    for y in range(rows):
        if y >= height:
            a[y] = a[2 * height - 1 - y]
        for x in range(width, columns):
            for c in range(3):
                a[y, x, c] = a[y, 2 * width - 1 - x, c]
    _mix_down(a, cosines, b)
    _transpose(b, rows, columns, across)
    _mix_down(across, cosines, along)
    for x in range(columns):
        line = along[x].reshape(-1)
        for y in range(rows):
            step = coarseness * table[y % block, x % block]
            for c in range(3):
                line[3 * y + c] = np.rint(line[3 * y + c] / step) * step
    _mix_down(along, cosines.T, across)
    _transpose(across, columns, rows, b)
    _mix_down(b, cosines.T, a)


@numba.njit(**_options)
def _mix_down(source, matrix, target):
    """Every block of rows of `target` is the matrix times that of `source`."""
    block, count = matrix.shape[0], 3 * source.shape[1]
    for row in range(source.shape[0]):
        first = row - row % block
        line = target[row].reshape(-1)
        line[:] = ZERO
        for k in range(block):
            _add(matrix[row % block, k], source[first + k].reshape(-1), line, count)
