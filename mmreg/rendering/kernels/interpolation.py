"""Barycentrics from triangle ids, attributes from barycentrics, and the derivatives of both, one image a call."""

from __future__ import annotations

import numba
import numpy as np

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def corner_offsets(clip, a, b, c, x, y):
    """(xᵢ − X wᵢ, yᵢ − Y wᵢ) of the corners: clip space seen from the pixel (X, Y), where little cancels."""
    return (
        clip[a, 0] - x * clip[a, 3],
        clip[a, 1] - y * clip[a, 3],
        clip[b, 0] - x * clip[b, 3],
        clip[b, 1] - y * clip[b, 3],
        clip[c, 0] - x * clip[c, 3],
        clip[c, 1] - y * clip[c, 3],
    )


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def corner_gradients(offsets, q0, q1, q2):
    """Derivatives with respect to the corners' offsets from those with respect to the edge functions eᵢ = dⱼ × d_k."""
    x0, y0, x1, y1, x2, y2 = offsets
    return (
        q2 * y1 - q1 * y2,
        q1 * x2 - q2 * x1,
        q0 * y2 - q2 * y0,
        q2 * x0 - q0 * x2,
        q1 * y0 - q0 * y1,
        q0 * x1 - q1 * x0,
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def barycentrics(clip, triangles, ids, pixel_x, pixel_y, out):
    """bᵢ = (dⱼ × d_k) / Σ for the triangle of each pixel; 0 where no triangle is seen."""
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                out[row, column, 0] = out[row, column, 1] = out[row, column, 2] = ZERO
                continue
            x0, y0, x1, y1, x2, y2 = corner_offsets(
                clip, triangles[t, 0], triangles[t, 1], triangles[t, 2], pixel_x[column], pixel_y[row]
            )
            e0, e1, e2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
            total = e0 + e1 + e2
            inverse = ONE / total if total != ZERO else ZERO
            out[row, column, 0], out[row, column, 1], out[row, column, 2] = e0 * inverse, e1 * inverse, e2 * inverse


@numba.njit(nogil=True, cache=True, error_model="numpy")
def barycentrics_gradient(clip, triangles, ids, pixel_x, pixel_y, upstream, d_clip):
    """Adds to `d_clip` the derivative of Σ upstream · barycentrics with respect to the clip coordinates."""
    for row in range(ids.shape[0]):
        y = pixel_y[row]
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            x = pixel_x[column]
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            x0, y0, x1, y1, x2, y2 = corner_offsets(clip, a, b, c, x, y)
            e0, e1, e2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
            total = e0 + e1 + e2
            inverse = ONE / total if total != ZERO else ZERO
            g0, g1, g2 = upstream[row, column, 0], upstream[row, column, 1], upstream[row, column, 2]
            mean = (g0 * e0 + g1 * e1 + g2 * e2) * inverse
            q0, q1, q2 = (g0 - mean) * inverse, (g1 - mean) * inverse, (g2 - mean) * inverse  # ∂/∂eᵢ
            u0, v0, u1, v1, u2, v2 = corner_gradients((x0, y0, x1, y1, x2, y2), q0, q1, q2)
            d_clip[a, 0] += u0
            d_clip[a, 1] += v0
            d_clip[a, 3] -= x * u0 + y * v0
            d_clip[b, 0] += u1
            d_clip[b, 1] += v1
            d_clip[b, 3] -= x * u1 + y * v1
            d_clip[c, 0] += u2
            d_clip[c, 1] += v2
            d_clip[c, 3] -= x * u2 + y * v2


@numba.njit(nogil=True, cache=True, error_model="numpy")
def interpolate(attributes, weights, triangles, ids, out):
    """Σᵢ bᵢ aᵢ at each pixel; 0 where no triangle is seen."""
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                out[row, column, :] = ZERO
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b0, b1, b2 = weights[row, column, 0], weights[row, column, 1], weights[row, column, 2]
            for k in range(attributes.shape[1]):
                out[row, column, k] = b0 * attributes[a, k] + b1 * attributes[b, k] + b2 * attributes[c, k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def interpolate_gradient(attributes, weights, triangles, ids, upstream, d_attributes, d_weights):
    """Adds to `d_attributes` and writes `d_weights`, the derivatives of Σ upstream · interpolate."""
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            g0 = g1 = g2 = ZERO
            if t >= 0:
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                b0, b1, b2 = weights[row, column, 0], weights[row, column, 1], weights[row, column, 2]
                for k in range(attributes.shape[1]):
                    g = upstream[row, column, k]
                    g0 += g * attributes[a, k]
                    g1 += g * attributes[b, k]
                    g2 += g * attributes[c, k]
                    d_attributes[a, k] += b0 * g
                    d_attributes[b, k] += b1 * g
                    d_attributes[c, k] += b2 * g
            d_weights[row, column, 0], d_weights[row, column, 1], d_weights[row, column, 2] = g0, g1, g2
