"""A rendering made into a picture, one image a call: sRGB, before its background, through a lens; `development.py` has the same in
`keras.ops`."""

from __future__ import annotations

import numba
import numpy as np

ZERO, ONE, TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
# sRGB (IEC 61966-2-1): a straight part in the dark, then a power of 1 / 2.4
STRAIGHT_END, STRAIGHT = np.float32(0.0031308), np.float32(12.92)
CURVE, CURVE_OFFSET, EXPONENT = np.float32(1.055), np.float32(0.055), np.float32(1.0 / 2.4)
_ROOTS = np.linspace(0.0031308**0.5, 1.0, 400)
# a parabola within 4 % of the cube root there: two of Halley's steps make that less than float32 can tell
C0, C1, C2 = (np.float32(c) for c in np.polynomial.Polynomial.fit(_ROOTS, np.cbrt(_ROOTS), 2).convert().coef)

_options = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz", "reassoc"},
}


@numba.njit(**_options)
def develop(radiance, ids, background, weights, mirrored_columns, mirrored_rows, picture, padded, out):
    """Fills `out` (height, width, 3).

    Args:
        radiance, background: (height, width, 3); the background in sRGB.
        weights: of the lens's blur, 2 · radius + 1 of them; a single 1 for none.
        mirrored_columns, mirrored_rows: which pixel stands at each place of a line continued by the radius at both ends.
        picture, padded: scratch of the shapes (height, width, 3) and (width + 2 · radius, 3).
    """
    height, width = ids.shape
    for row in range(height):
        _encode(radiance[row].reshape(-1), picture[row].reshape(-1))
        for column in range(width):
            if ids[row, column] < 0:
                for c in range(3):
                    picture[row, column, c] = min(max(background[row, column, c], ZERO), ONE)
        for place in range(padded.shape[0]):
            for c in range(3):
                padded[place, c] = picture[row, mirrored_columns[place], c]
        line, source = picture[row].reshape(-1), padded.reshape(-1)
        line[:] = ZERO
        for k in range(weights.shape[0]):
            _add(weights[k], source[3 * k : 3 * (k + width)], line)
    for row in range(height):
        line = out[row].reshape(-1)
        line[:] = ZERO
        for k in range(weights.shape[0]):
            _add(weights[k], picture[mirrored_rows[row + k]].reshape(-1), line)


@numba.njit(**_options)
def develop_gradient(radiance, ids, weights, mirrored_columns, mirrored_rows, upstream, blurred, padded, out):
    """Fills `out` with the derivative of Σ upstream · picture with respect to the radiance; `blurred` is as `picture` above."""
    height, width = ids.shape
    blurred[:] = ZERO
    for row in range(height):
        line = upstream[row].reshape(-1)
        for k in range(weights.shape[0]):
            _add(weights[k], line, blurred[mirrored_rows[row + k]].reshape(-1))
    for row in range(height):
        padded[:] = ZERO
        line, target = blurred[row].reshape(-1), padded.reshape(-1)
        for k in range(weights.shape[0]):
            _add(weights[k], line, target[3 * k : 3 * (k + width)])
        line[:] = ZERO
        for place in range(padded.shape[0]):
            for c in range(3):
                blurred[row, mirrored_columns[place], c] += padded[place, c]
        _encode_gradient(radiance[row].reshape(-1), line, out[row].reshape(-1))
        for column in range(width):
            if ids[row, column] < 0:
                out[row, column] = ZERO


@numba.njit(**_options)
def _add(weight, source, target):
    for i in range(target.shape[0]):
        target[i] += weight * source[i]


@numba.njit(inline="always", **_options)
def _curve(linear):
    """linear^(5/12) for values from the straight part's end to 1: linear^(1/4) times the cube root of linear^(1/2)."""
    half = np.sqrt(linear)
    root = C0 + half * (C1 + half * C2)
    for _ in range(2):
        cubed = root * root * root
        root = root * (cubed + TWO * half) / (TWO * cubed + half)
    return np.sqrt(half) * root


@numba.njit(**_options)
def _encode(linear, out):
    for i in range(linear.shape[0]):
        x = min(max(linear[i], ZERO), ONE)
        curve = CURVE * _curve(max(x, STRAIGHT_END)) - CURVE_OFFSET
        out[i] = x * STRAIGHT if x <= STRAIGHT_END else curve


@numba.njit(**_options)
def _encode_gradient(linear, upstream, out):
    for i in range(linear.shape[0]):
        x = linear[i]
        inside = min(max(x, STRAIGHT_END), ONE)
        slope = CURVE * EXPONENT * _curve(inside) / inside
        slope = STRAIGHT if x <= STRAIGHT_END else slope
        out[i] = upstream[i] * (slope if (x >= ZERO) & (x <= ONE) else ZERO)
