"""Interpolation and Phong shading of covered pixels in one pass, and its derivative in another, one image a call.

`rendering/rasterizer.py` and `rendering/shading.py` have the same maths in `keras.ops`, a whole picture an operation. Here a
pixel's values stay in registers from the barycentrics to the radiance and back, and pixels that see nothing cost nothing.

The letters are those of `shading.phong`: n, v, l are unit vectors to the surface's outside, the camera and a light, d is the diffuse colour
K_d, s the specular one, h the highlight; g_x is the derivative of Σ upstream · radiance with respect to x.
"""

from __future__ import annotations

import numba
import numpy as np

from mmreg.rendering.kernels.interpolation import corner_gradients, corner_offsets

ZERO, ONE, TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
SMALLEST = np.float32(1e-12)  # squared length below which `arrays.unit` stops dividing

# Sums may be reordered and fused with products, a fifth of the time: unlike the choice of triangle, no bit depends on it.
_fast = {"contract", "nsz", "reassoc"}
_options = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": _fast}


@numba.njit(**_options)
def shade(
    position, normal, diffuse, to_clip, light, intensity, ambient, camera, specular, clip, triangles, ids, pixel_x, pixel_y,
    shininess, whole, out,
):  # fmt: skip
    """Fills `out` (height, width, 3) with the radiance of each pixel, 0 where no triangle is seen.

    Args:
        position, normal, diffuse: at the vertices; clip: their clip coordinates, to_clip · (position, 1).
        light, intensity: (light, 3); ambient, camera: (3,); specular: (1,), the constant c of K_s = c − c K_d.
        whole: the shininess as a whole number, −1 where it isn't one.
    """
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                out[row, column, 0] = out[row, column, 1] = out[row, column, 2] = ZERO
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            b0, b1, b2, _ = _barycentrics(corner_offsets(clip, a, b, c, pixel_x[column], pixel_y[row]))
            px, py, pz = _mix(position, a, b, c, b0, b1, b2)
            d0, d1, d2 = _mix(diffuse, a, b, c, b0, b1, b2)
            nx, ny, nz, _, _ = _unit(_mix(normal, a, b, c, b0, b1, b2))
            vx, vy, vz, _, _ = _unit((camera[0] - px, camera[1] - py, camera[2] - pz))
            n_v, k = nx * vx + ny * vy + nz * vz, specular[0]
            s0, s1, s2 = k - k * d0, k - k * d1, k - k * d2
            r0, r1, r2 = d0 * ambient[0], d1 * ambient[1], d2 * ambient[2]
            for index in range(light.shape[0]):
                lx, ly, lz, _, _ = _unit((light[index, 0] - px, light[index, 1] - py, light[index, 2] - pz))
                n_l = nx * lx + ny * ly + nz * lz
                if n_l > ZERO:
                    r_v = TWO * n_l * n_v - (lx * vx + ly * vy + lz * vz)
                    h = _power(r_v, shininess, whole) if r_v > ZERO else ZERO
                    r0 += intensity[index, 0] * (d0 * n_l + s0 * h)
                    r1 += intensity[index, 1] * (d1 * n_l + s1 * h)
                    r2 += intensity[index, 2] * (d2 * n_l + s2 * h)
            out[row, column, 0], out[row, column, 1], out[row, column, 2] = r0, r1, r2


@numba.njit(**_options)
def shade_gradient(
    position, normal, diffuse, to_clip, light, intensity, ambient, camera, specular, clip, triangles, ids, pixel_x, pixel_y,
    shininess, whole, upstream,
    g_position, g_normal, g_diffuse, g_to_clip, g_light, g_intensity, g_ambient, g_camera, g_specular,
):  # fmt: skip
    """Adds to each g_… the derivative of Σ upstream · radiance with respect to that argument of `shade`.

    Clip coordinates are carried on to the positions and the matrix that they were made from.
    """
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            offsets = corner_offsets(clip, a, b, c, pixel_x[column], pixel_y[row])
            b0, b1, b2, inverse = _barycentrics(offsets)
            px, py, pz = _mix(position, a, b, c, b0, b1, b2)
            d0, d1, d2 = _mix(diffuse, a, b, c, b0, b1, b2)
            nx, ny, nz, n_scale, n_long = _unit(_mix(normal, a, b, c, b0, b1, b2))
            vx, vy, vz, v_scale, v_long = _unit((camera[0] - px, camera[1] - py, camera[2] - pz))
            n_v, k = nx * vx + ny * vy + nz * vz, specular[0]
            s0, s1, s2 = k - k * d0, k - k * d1, k - k * d2

            g0, g1, g2 = upstream[row, column, 0], upstream[row, column, 1], upstream[row, column, 2]
            g_ambient[0] += g0 * d0
            g_ambient[1] += g1 * d1
            g_ambient[2] += g2 * d2
            g_d0, g_d1, g_d2 = g0 * ambient[0], g1 * ambient[1], g2 * ambient[2]
            g_px = g_py = g_pz = g_nx = g_ny = g_nz = g_vx = g_vy = g_vz = g_k = ZERO
            for index in range(light.shape[0]):
                lx, ly, lz, l_scale, l_long = _unit((light[index, 0] - px, light[index, 1] - py, light[index, 2] - pz))
                n_l = nx * lx + ny * ly + nz * lz
                if n_l <= ZERO:
                    continue
                r_v = TWO * n_l * n_v - (lx * vx + ly * vy + lz * vz)
                h = _power(r_v, shininess, whole) if r_v > ZERO else ZERO
                g_intensity[index, 0] += g0 * (d0 * n_l + s0 * h)
                g_intensity[index, 1] += g1 * (d1 * n_l + s1 * h)
                g_intensity[index, 2] += g2 * (d2 * n_l + s2 * h)
                i0, i1, i2 = g0 * intensity[index, 0], g1 * intensity[index, 1], g2 * intensity[index, 2]
                g_d0 += i0 * (n_l - k * h)
                g_d1 += i1 * (n_l - k * h)
                g_d2 += i2 * (n_l - k * h)
                g_k += h * (i0 * (ONE - d0) + i1 * (ONE - d1) + i2 * (ONE - d2))
                g_rv = (i0 * s0 + i1 * s1 + i2 * s2) * shininess * (h / r_v) if r_v > ZERO else ZERO
                g_nl = i0 * d0 + i1 * d1 + i2 * d2 + TWO * n_v * g_rv
                g_nv = TWO * n_l * g_rv
                g_nx += g_nl * lx + g_nv * vx
                g_ny += g_nl * ly + g_nv * vy
                g_nz += g_nl * lz + g_nv * vz
                g_vx += g_nv * nx - g_rv * lx
                g_vy += g_nv * ny - g_rv * ly
                g_vz += g_nv * nz - g_rv * lz
                wx, wy, wz = _unit_gradient(
                    lx, ly, lz, l_scale, l_long, g_nl * nx - g_rv * vx, g_nl * ny - g_rv * vy, g_nl * nz - g_rv * vz
                )
                g_light[index, 0] += wx
                g_light[index, 1] += wy
                g_light[index, 2] += wz
                g_px -= wx
                g_py -= wy
                g_pz -= wz
            g_specular[0] += g_k
            wx, wy, wz = _unit_gradient(vx, vy, vz, v_scale, v_long, g_vx, g_vy, g_vz)
            g_camera[0] += wx
            g_camera[1] += wy
            g_camera[2] += wz
            g_px -= wx
            g_py -= wy
            g_pz -= wz
            g_nx, g_ny, g_nz = _unit_gradient(nx, ny, nz, n_scale, n_long, g_nx, g_ny, g_nz)

            q0 = _spread(normal, g_normal, a, b0, g_nx, g_ny, g_nz)
            q1 = _spread(normal, g_normal, b, b1, g_nx, g_ny, g_nz)
            q2 = _spread(normal, g_normal, c, b2, g_nx, g_ny, g_nz)
            q0 += _spread(diffuse, g_diffuse, a, b0, g_d0, g_d1, g_d2)
            q1 += _spread(diffuse, g_diffuse, b, b1, g_d0, g_d1, g_d2)
            q2 += _spread(diffuse, g_diffuse, c, b2, g_d0, g_d1, g_d2)
            q0 += g_px * position[a, 0] + g_py * position[a, 1] + g_pz * position[a, 2]
            q1 += g_px * position[b, 0] + g_py * position[b, 1] + g_pz * position[b, 2]
            q2 += g_px * position[c, 0] + g_py * position[c, 1] + g_pz * position[c, 2]
            mean = q0 * b0 + q1 * b1 + q2 * b2
            q0, q1, q2 = (q0 - mean) * inverse, (q1 - mean) * inverse, (q2 - mean) * inverse  # ∂/∂eᵢ
            u0, v0, u1, v1, u2, v2 = corner_gradients(offsets, q0, q1, q2)

            # offsets are (m_x − X m_w)·(p, 1) and (m_y − Y m_w)·(p, 1) with the matrix's rows m
            x, y = pixel_x[column], pixel_y[row]
            rx, ry, rz = (
                to_clip[0, 0] - x * to_clip[3, 0],
                to_clip[0, 1] - x * to_clip[3, 1],
                to_clip[0, 2] - x * to_clip[3, 2],
            )
            sx, sy, sz = (
                to_clip[1, 0] - y * to_clip[3, 0],
                to_clip[1, 1] - y * to_clip[3, 1],
                to_clip[1, 2] - y * to_clip[3, 2],
            )
            for i, weight, u, v in ((a, b0, u0, v0), (b, b1, u1, v1), (c, b2, u2, v2)):
                g_position[i, 0] += weight * g_px + u * rx + v * sx
                g_position[i, 1] += weight * g_py + u * ry + v * sy
                g_position[i, 2] += weight * g_pz + u * rz + v * sz
            for k in range(3):
                u = u0 * position[a, k] + u1 * position[b, k] + u2 * position[c, k]
                v = v0 * position[a, k] + v1 * position[b, k] + v2 * position[c, k]
                g_to_clip[0, k] += u
                g_to_clip[1, k] += v
                g_to_clip[3, k] -= x * u + y * v
            u, v = u0 + u1 + u2, v0 + v1 + v2
            g_to_clip[0, 3] += u
            g_to_clip[1, 3] += v
            g_to_clip[3, 3] -= x * u + y * v


@numba.njit(inline="always", **_options)
def _barycentrics(offsets):
    """(b₁, b₂, b₃, 1/Σe) with eᵢ = dⱼ × d_k, all 0 for a triangle seen edge-on."""
    x0, y0, x1, y1, x2, y2 = offsets
    e0, e1, e2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
    total = e0 + e1 + e2
    inverse = ONE / total if total != ZERO else ZERO
    return e0 * inverse, e1 * inverse, e2 * inverse, inverse


@numba.njit(inline="always", **_options)
def _mix(values, a, b, c, b0, b1, b2):
    return (
        b0 * values[a, 0] + b1 * values[b, 0] + b2 * values[c, 0],
        b0 * values[a, 1] + b1 * values[b, 1] + b2 * values[c, 1],
        b0 * values[a, 2] + b1 * values[b, 2] + b2 * values[c, 2],
    )


@numba.njit(inline="always", **_options)
def _spread(values, gradient, i, weight, gx, gy, gz):
    """Adds a pixel's derivative to its corner i by the corner's weight; returns the derivative with respect to the weight."""
    gradient[i, 0] += weight * gx
    gradient[i, 1] += weight * gy
    gradient[i, 2] += weight * gz
    return gx * values[i, 0] + gy * values[i, 1] + gz * values[i, 2]


@numba.njit(inline="always", **_options)
def _unit(vector):
    """u = v/|v|, 1/|v|, and whether v is long enough to have a direction (see `arrays.unit`)."""
    x, y, z = vector
    squared = x * x + y * y + z * z
    scale = ONE / np.sqrt(max(squared, SMALLEST))
    return x * scale, y * scale, z * scale, scale, squared >= SMALLEST


@numba.njit(inline="always", **_options)
def _unit_gradient(ux, uy, uz, scale, long, gx, gy, gz):
    """From the derivative g with respect to u = v/|v| to that with respect to v: (g − u (u·g)) / |v|."""
    along = ux * gx + uy * gy + uz * gz if long else ZERO
    return (gx - ux * along) * scale, (gy - uy * along) * scale, (gz - uz * along) * scale


@numba.njit(inline="always", **_options)
def _power(base, exponent, whole):
    """base ** exponent, by squaring where the exponent is the whole number `whole`."""
    if whole < 0:
        return base**exponent
    result, square, left = ONE, base, whole
    while left > 0:
        if left & 1:
            result = result * square
        square = square * square
        left >>= 1
    return result
