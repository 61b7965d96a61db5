"""Compiled forms of the mesh's functions, one mesh each; `mesh.py` has the same maths in `keras.ops`."""

from __future__ import annotations

import numba
import numpy as np

ONE = np.float32(1.0)
SMALLEST = np.float32(1e-12)  # squared length below which `arrays.unit` stops dividing


@numba.njit(nogil=True, cache=True, error_model="numpy")
def sum_area_vectors(p, triangles, out):
    """Adds each triangle's area vector (b − a) × (c − a) to its three vertices of `out`."""
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
        vx, vy, vz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in range(3):
            i = triangles[t, k]
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz


@numba.njit(nogil=True, cache=True, error_model="numpy")
def sum_area_vectors_gradient(p, triangles, g, out):
    """Adds to `out` the derivative of Σ g · sums with respect to the positions."""
    # d((u × v)·g) = du·(v × g) + dv·(g × u), with u = b − a and v = c − a
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        gx, gy, gz = g[a, 0] + g[b, 0] + g[c, 0], g[a, 1] + g[b, 1] + g[c, 1], g[a, 2] + g[b, 2] + g[c, 2]
        ux, uy, uz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
        vx, vy, vz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
        dux, duy, duz = vy * gz - vz * gy, vz * gx - vx * gz, vx * gy - vy * gx
        dvx, dvy, dvz = gy * uz - gz * uy, gz * ux - gx * uz, gx * uy - gy * ux
        out[b, 0] += dux
        out[b, 1] += duy
        out[b, 2] += duz
        out[c, 0] += dvx
        out[c, 1] += dvy
        out[c, 2] += dvz
        out[a, 0] -= dux + dvx
        out[a, 1] -= duy + dvy
        out[a, 2] -= duz + dvz


@numba.njit(nogil=True, cache=True, error_model="numpy")
def unit(v, out):
    """Each row divided by its length."""
    for i in range(v.shape[0]):
        x, y, z = v[i, 0], v[i, 1], v[i, 2]
        scale = ONE / np.sqrt(max(x * x + y * y + z * z, SMALLEST))
        out[i, 0], out[i, 1], out[i, 2] = x * scale, y * scale, z * scale


@numba.njit(nogil=True, cache=True, error_model="numpy")
def unit_gradient(v, g, out):
    """The derivative of Σ g · unit(v) with respect to v: (g − u (u·g)) / |v|."""
    for i in range(v.shape[0]):
        x, y, z = v[i, 0], v[i, 1], v[i, 2]
        squared = x * x + y * y + z * z
        scale = ONE / np.sqrt(max(squared, SMALLEST))
        along = (
            (x * g[i, 0] + y * g[i, 1] + z * g[i, 2]) * scale * scale
            if squared >= SMALLEST
            else scale * np.float32(0.0)
        )
        out[i, 0] = (g[i, 0] - x * along) * scale
        out[i, 1] = (g[i, 1] - y * along) * scale
        out[i, 2] = (g[i, 2] - z * along) * scale
