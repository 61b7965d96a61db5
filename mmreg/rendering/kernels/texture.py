"""Bilinear lookup in a texture, and its derivative, one image a call; `rendering/texture.py` has the same in `keras.ops`."""

from __future__ import annotations

import numba
import numpy as np

ZERO, HALF, ONE, NAN = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(np.nan)


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _neighbours(position, size, repeat):
    """(index before, index after, share of the latter) along one axis; `position` must be finite."""
    if repeat:
        position = position - np.floor(position)
    texel = position * np.float32(size) - HALF
    floor = np.floor(texel)
    share = texel - floor
    # clipped before it becomes a whole number, so that no position leads out of the array
    before = int(min(max(floor, -ONE), np.float32(size)))
    after = before + 1
    if repeat:
        return before % size, after % size, share
    return min(max(before, 0), size - 1), min(after, size - 1), share


@numba.njit(nogil=True, cache=True, error_model="numpy")
def sample(texture, uv, repeat, out):
    """The texture at each uv (v up, row 0 of the texture at the top); NaN where uv isn't finite."""
    height, width, n = texture.shape
    for row in range(uv.shape[0]):
        for column in range(uv.shape[1]):
            u, v = uv[row, column, 0], uv[row, column, 1]
            if not (np.isfinite(u) and np.isfinite(v)):
                out[row, column, :] = NAN
                continue
            left, right, across = _neighbours(u, width, repeat)
            upper, lower, down = _neighbours(ONE - v, height, repeat)
            for k in range(n):
                top = (ONE - across) * texture[upper, left, k] + across * texture[upper, right, k]
                bottom = (ONE - across) * texture[lower, left, k] + across * texture[lower, right, k]
                out[row, column, k] = (ONE - down) * top + down * bottom


@numba.njit(nogil=True, cache=True, error_model="numpy")
def sample_gradient(texture, uv, repeat, upstream, d_texture, d_uv):
    """Adds to `d_texture` and writes `d_uv`, the derivatives of Σ upstream · sample."""
    height, width, n = texture.shape
    for row in range(uv.shape[0]):
        for column in range(uv.shape[1]):
            u, v = uv[row, column, 0], uv[row, column, 1]
            d_across = d_down = ZERO
            if np.isfinite(u) and np.isfinite(v):
                left, right, across = _neighbours(u, width, repeat)
                upper, lower, down = _neighbours(ONE - v, height, repeat)
                for k in range(n):
                    g = upstream[row, column, k]
                    a, b = texture[upper, left, k], texture[upper, right, k]
                    c, d = texture[lower, left, k], texture[lower, right, k]
                    d_across += g * ((ONE - down) * (b - a) + down * (d - c))
                    d_down += g * ((ONE - across) * (c - a) + across * (d - b))
                    d_texture[upper, left, k] += (ONE - down) * (ONE - across) * g
                    d_texture[upper, right, k] += (ONE - down) * across * g
                    d_texture[lower, left, k] += down * (ONE - across) * g
                    d_texture[lower, right, k] += down * across * g
            d_uv[row, column, 0], d_uv[row, column, 1] = np.float32(width) * d_across, -np.float32(height) * d_down
