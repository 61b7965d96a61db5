"""Interpolation and Phong shading of covered pixels in one pass, and its derivative in another, one image a call.

`rendering/rasterizer.py` and `rendering/shading.py` have the same maths in `keras.ops`, a whole picture an operation. Here
covered pixels go through in blocks: first what they need is gathered from the vertices, where the processor waits for memory and
can wait for many pixels at once; then the block is lit, in loops over contiguous numbers that become vector instructions.

The letters are those of `shading.phong`: n, v, l are unit vectors to the surface's outside, the camera and a light, d is the diffuse
colour K_d, k the specular constant, h the highlight; g_x is the derivative of Σ upstream · radiance with respect to x.
"""

from __future__ import annotations

import numba
import numpy as np

from mmreg.rendering.kernels.interpolation import corner_gradients, corner_offsets

ZERO, ONE, TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
SMALLEST = np.float32(1e-12)  # squared length below which `arrays.unit` stops dividing

BLOCK = 64  # pixels: a block of all the rows below stays in the first-level cache
# Where a block's rows begin. P, N, D: position, normal, diffuse colour; V: view; R: radiance; L: light; G: upstream.
(
    PX, PY, PZ, NX, NY, NZ, D0, D1, D2, VX, VY, VZ, N_SCALE, V_SCALE, NV, R0, R1, R2,
    LX, LY, LZ, L_SCALE, NL, RV, H, SQUARE, G0, G1, G2, G_PX, G_PY, G_PZ, G_NX, G_NY, G_NZ, G_VX, G_VY, G_VZ,
    G_D0, G_D1, G_D2, X0, Y0, X1, Y1, X2, Y2, B0, B1, B2, INVERSE, ROWS,
) = (BLOCK * row for row in range(52))  # fmt: skip

# Sums may be reordered and fused with products: unlike the choice of triangle, no bit depends on it.
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
    block = np.ones(ROWS, position.dtype)
    places = np.empty((BLOCK, 2), np.int64)
    count = 0
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            if ids[row, column] < 0:
                out[row, column, 0] = out[row, column, 1] = out[row, column, 2] = ZERO
            else:
                _gather(position, normal, diffuse, clip, triangles, ids, pixel_x, pixel_y, row, column, block, count)
                places[count, 0], places[count, 1] = row, column
                count += 1
            last = row == ids.shape[0] - 1 and column == ids.shape[1] - 1
            if count == BLOCK or (last and count > 0):
                _look(block, camera)
                for index in range(light.shape[0]):
                    _meet_light(block, light[index], shininess, whole)
                    _add_light(block, intensity[index], specular[0], index == 0)
                for j in range(count):
                    r, c = places[j, 0], places[j, 1]
                    for k, d, radiance in ((0, D0, R0), (1, D1, R1), (2, D2, R2)):
                        direct = block[radiance + j] if light.shape[0] > 0 else ZERO
                        out[r, c, k] = ambient[k] * block[d + j] + direct
                count = 0


@numba.njit(**_options)
def shade_gradient(
    position, normal, diffuse, to_clip, light, intensity, ambient, camera, specular, clip, triangles, ids, pixel_x, pixel_y,
    shininess, whole, upstream,
    g_position, g_normal, g_diffuse, g_to_clip, g_light, g_intensity, g_ambient, g_camera, g_specular,
):  # fmt: skip
    """Adds to each g_… the derivative of Σ upstream · radiance with respect to that argument of `shade`.

    Clip coordinates are carried on to the positions and the matrix that they were made from.
    """
    block = np.ones(ROWS, position.dtype)
    places = np.empty((BLOCK, 2), np.int64)
    count = 0
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            if ids[row, column] >= 0:
                _gather(position, normal, diffuse, clip, triangles, ids, pixel_x, pixel_y, row, column, block, count)
                places[count, 0], places[count, 1] = row, column
                block[G0 + count] = upstream[row, column, 0]
                block[G1 + count] = upstream[row, column, 1]
                block[G2 + count] = upstream[row, column, 2]
                count += 1
            last = row == ids.shape[0] - 1 and column == ids.shape[1] - 1
            if count == BLOCK or (last and count > 0):
                for j in range(count, BLOCK):  # what is left of an earlier block counts nothing
                    block[G0 + j] = block[G1 + j] = block[G2 + j] = ZERO
                _look(block, camera)
                _begin_gradient(block, ambient, g_ambient)
                for index in range(light.shape[0]):
                    _meet_light(block, light[index], shininess, whole)
                    _light_gradient(
                        block, intensity[index], specular[0], shininess, g_light[index], g_intensity[index], g_specular
                    )
                _look_gradient(block, g_camera)
                for j in range(count):
                    r, c = places[j, 0], places[j, 1]
                    _scatter(
                        block, j, triangles, ids[r, c], pixel_x[c], pixel_y[r], position, normal, diffuse, to_clip,
                        g_position, g_normal, g_diffuse, g_to_clip,
                    )  # fmt: skip
                count = 0


@numba.njit(inline="always", **_options)
def _gather(position, normal, diffuse, clip, triangles, ids, pixel_x, pixel_y, row, column, block, j):
    """The block's pixel j: barycentrics bᵢ = eᵢ / Σe with eᵢ = dⱼ × d_k, and what the corners carry, mixed by them."""
    t = ids[row, column]
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    x0, y0, x1, y1, x2, y2 = corner_offsets(clip, a, b, c, pixel_x[column], pixel_y[row])
    e0, e1, e2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
    total = e0 + e1 + e2
    inverse = ONE / total if total != ZERO else ZERO
    b0, b1, b2 = e0 * inverse, e1 * inverse, e2 * inverse
    block[X0 + j], block[Y0 + j], block[X1 + j], block[Y1 + j], block[X2 + j], block[Y2 + j] = x0, y0, x1, y1, x2, y2
    block[B0 + j], block[B1 + j], block[B2 + j], block[INVERSE + j] = b0, b1, b2, inverse
    block[PX + j] = b0 * position[a, 0] + b1 * position[b, 0] + b2 * position[c, 0]
    block[PY + j] = b0 * position[a, 1] + b1 * position[b, 1] + b2 * position[c, 1]
    block[PZ + j] = b0 * position[a, 2] + b1 * position[b, 2] + b2 * position[c, 2]
    block[NX + j] = b0 * normal[a, 0] + b1 * normal[b, 0] + b2 * normal[c, 0]
    block[NY + j] = b0 * normal[a, 1] + b1 * normal[b, 1] + b2 * normal[c, 1]
    block[NZ + j] = b0 * normal[a, 2] + b1 * normal[b, 2] + b2 * normal[c, 2]
    block[D0 + j] = b0 * diffuse[a, 0] + b1 * diffuse[b, 0] + b2 * diffuse[c, 0]
    block[D1 + j] = b0 * diffuse[a, 1] + b1 * diffuse[b, 1] + b2 * diffuse[c, 1]
    block[D2 + j] = b0 * diffuse[a, 2] + b1 * diffuse[b, 2] + b2 * diffuse[c, 2]


@numba.njit(**_options)
def _look(block, camera):
    """Unit normals n and views v, and n·v."""
    cx, cy, cz = camera[0], camera[1], camera[2]
    for j in range(BLOCK):
        nx, ny, nz = block[NX + j], block[NY + j], block[NZ + j]
        n_scale = ONE / np.sqrt(max(nx * nx + ny * ny + nz * nz, SMALLEST))
        vx, vy, vz = cx - block[PX + j], cy - block[PY + j], cz - block[PZ + j]
        v_scale = ONE / np.sqrt(max(vx * vx + vy * vy + vz * vz, SMALLEST))
        nx, ny, nz, vx, vy, vz = nx * n_scale, ny * n_scale, nz * n_scale, vx * v_scale, vy * v_scale, vz * v_scale
        block[NX + j], block[NY + j], block[NZ + j], block[N_SCALE + j] = nx, ny, nz, n_scale
        block[VX + j], block[VY + j], block[VZ + j], block[V_SCALE + j] = vx, vy, vz, v_scale
        block[NV + j] = nx * vx + ny * vy + nz * vz


@numba.njit(**_options)
def _meet_light(block, light, shininess, whole):
    """Unit directions l to a light, max(n·l, 0), max(r·v, 0) where n·l > 0, and the highlight h = (r·v)^shininess."""
    px, py, pz = light[0], light[1], light[2]
    for j in range(BLOCK):
        lx, ly, lz = px - block[PX + j], py - block[PY + j], pz - block[PZ + j]
        scale = ONE / np.sqrt(max(lx * lx + ly * ly + lz * lz, SMALLEST))
        lx, ly, lz = lx * scale, ly * scale, lz * scale
        n_l = max(block[NX + j] * lx + block[NY + j] * ly + block[NZ + j] * lz, ZERO)
        r_v = TWO * n_l * block[NV + j] - (lx * block[VX + j] + ly * block[VY + j] + lz * block[VZ + j])
        block[LX + j], block[LY + j], block[LZ + j], block[L_SCALE + j] = lx, ly, lz, scale
        block[NL + j] = n_l
        block[RV + j] = r_v if (n_l > ZERO) & (r_v > ZERO) else ZERO
    if whole < 0:
        for j in range(BLOCK):
            block[H + j] = block[RV + j] ** shininess if block[RV + j] > ZERO else ZERO
        return
    for j in range(BLOCK):
        block[H + j] = ONE if block[RV + j] > ZERO else ZERO
        block[SQUARE + j] = block[RV + j]
    while whole > 0:  # by squaring
        if whole & 1:
            for j in range(BLOCK):
                block[H + j] *= block[SQUARE + j]
        for j in range(BLOCK):
            block[SQUARE + j] *= block[SQUARE + j]
        whole >>= 1


@numba.njit(**_options)
def _add_light(block, intensity, k, first):
    """Adds I (K_d n·l + K_s h) to the radiance, which the first light begins."""
    i0, i1, i2 = intensity[0], intensity[1], intensity[2]
    kept = ZERO if first else ONE
    for j in range(BLOCK):
        n_l, h = block[NL + j], block[H + j]
        d0, d1, d2 = block[D0 + j], block[D1 + j], block[D2 + j]
        block[R0 + j] = kept * block[R0 + j] + i0 * (d0 * n_l + (k - k * d0) * h)
        block[R1 + j] = kept * block[R1 + j] + i1 * (d1 * n_l + (k - k * d1) * h)
        block[R2 + j] = kept * block[R2 + j] + i2 * (d2 * n_l + (k - k * d2) * h)


@numba.njit(**_options)
def _begin_gradient(block, ambient, g_ambient):
    """Zeroes the pixels' derivatives, but for what ambient light gives to the diffuse colour."""
    a0, a1, a2 = ambient[0], ambient[1], ambient[2]
    s0 = s1 = s2 = ZERO
    for j in range(BLOCK):
        g0, g1, g2 = block[G0 + j], block[G1 + j], block[G2 + j]
        block[G_D0 + j], block[G_D1 + j], block[G_D2 + j] = g0 * a0, g1 * a1, g2 * a2
        s0 += g0 * block[D0 + j]
        s1 += g1 * block[D1 + j]
        s2 += g2 * block[D2 + j]
    g_ambient[0] += s0
    g_ambient[1] += s1
    g_ambient[2] += s2
    for j in range(G_PX, G_D0):
        block[j] = ZERO


@numba.njit(**_options)
def _light_gradient(block, intensity, k, shininess, g_light, g_intensity, g_specular):
    """Adds one light's part to the derivatives of its pixels and of what all pixels share."""
    i0, i1, i2 = intensity[0], intensity[1], intensity[2]
    s0 = s1 = s2 = sx = sy = sz = s_k = ZERO
    for j in range(BLOCK):
        d0, d1, d2 = block[D0 + j], block[D1 + j], block[D2 + j]
        n_l, r_v, h, n_v = block[NL + j], block[RV + j], block[H + j], block[NV + j]
        g0, g1, g2 = block[G0 + j], block[G1 + j], block[G2 + j]
        s0 += g0 * (d0 * n_l + (k - k * d0) * h)
        s1 += g1 * (d1 * n_l + (k - k * d1) * h)
        s2 += g2 * (d2 * n_l + (k - k * d2) * h)
        g0, g1, g2 = g0 * i0, g1 * i1, g2 * i2
        block[G_D0 + j] += g0 * (n_l - k * h)
        block[G_D1 + j] += g1 * (n_l - k * h)
        block[G_D2 + j] += g2 * (n_l - k * h)
        through_specular = g0 * (ONE - d0) + g1 * (ONE - d1) + g2 * (ONE - d2)
        s_k += h * through_specular
        g_rv = k * through_specular * shininess * h / (r_v if r_v > ZERO else ONE)
        g_nl = (g0 * d0 + g1 * d1 + g2 * d2 if n_l > ZERO else ZERO) + TWO * n_v * g_rv
        g_nv = TWO * n_l * g_rv
        lx, ly, lz = block[LX + j], block[LY + j], block[LZ + j]
        nx, ny, nz = block[NX + j], block[NY + j], block[NZ + j]
        vx, vy, vz = block[VX + j], block[VY + j], block[VZ + j]
        block[G_NX + j] += g_nl * lx + g_nv * vx
        block[G_NY + j] += g_nl * ly + g_nv * vy
        block[G_NZ + j] += g_nl * lz + g_nv * vz
        block[G_VX + j] += g_nv * nx - g_rv * lx
        block[G_VY + j] += g_nv * ny - g_rv * ly
        block[G_VZ + j] += g_nv * nz - g_rv * lz
        gx, gy, gz = g_nl * nx - g_rv * vx, g_nl * ny - g_rv * vy, g_nl * nz - g_rv * vz
        scale = block[L_SCALE + j]
        gx, gy, gz = _through_unit(lx, ly, lz, scale, gx, gy, gz)
        sx += gx
        sy += gy
        sz += gz
        block[G_PX + j] -= gx
        block[G_PY + j] -= gy
        block[G_PZ + j] -= gz
    g_intensity[0] += s0
    g_intensity[1] += s1
    g_intensity[2] += s2
    g_light[0] += sx
    g_light[1] += sy
    g_light[2] += sz
    g_specular[0] += s_k


@numba.njit(**_options)
def _look_gradient(block, g_camera):
    """From unit vectors to the vectors: the view's derivative goes to position and camera, the normal's to the normal."""
    sx = sy = sz = ZERO
    for j in range(BLOCK):
        gx, gy, gz = _through_unit(
            block[VX + j], block[VY + j], block[VZ + j], block[V_SCALE + j],
            block[G_VX + j], block[G_VY + j], block[G_VZ + j],
        )  # fmt: skip
        sx += gx
        sy += gy
        sz += gz
        block[G_PX + j] -= gx
        block[G_PY + j] -= gy
        block[G_PZ + j] -= gz
        gx, gy, gz = _through_unit(
            block[NX + j], block[NY + j], block[NZ + j], block[N_SCALE + j],
            block[G_NX + j], block[G_NY + j], block[G_NZ + j],
        )  # fmt: skip
        block[G_NX + j], block[G_NY + j], block[G_NZ + j] = gx, gy, gz
    g_camera[0] += sx
    g_camera[1] += sy
    g_camera[2] += sz


@numba.njit(inline="always", **_options)
def _through_unit(ux, uy, uz, scale, gx, gy, gz):
    """From the derivative g with respect to u = v/|v| to that with respect to v: (g − u (u·g)) / |v|.

    Of a vector too short to have a direction, which was only scaled, this is an approximation.
    """
    along = ux * gx + uy * gy + uz * gz
    return (gx - ux * along) * scale, (gy - uy * along) * scale, (gz - uz * along) * scale


@numba.njit(inline="always", **_options)
def _scatter(
    block, j, triangles, t, x, y, position, normal, diffuse, to_clip, g_position, g_normal, g_diffuse, g_to_clip
):
    """Adds the derivatives of the block's pixel j to its three corners and to the matrix."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    b0, b1, b2, inverse = block[B0 + j], block[B1 + j], block[B2 + j], block[INVERSE + j]
    gx, gy, gz = block[G_NX + j], block[G_NY + j], block[G_NZ + j]
    q0 = _spread(normal, g_normal, a, b0, gx, gy, gz)
    q1 = _spread(normal, g_normal, b, b1, gx, gy, gz)
    q2 = _spread(normal, g_normal, c, b2, gx, gy, gz)
    gx, gy, gz = block[G_D0 + j], block[G_D1 + j], block[G_D2 + j]
    q0 += _spread(diffuse, g_diffuse, a, b0, gx, gy, gz)
    q1 += _spread(diffuse, g_diffuse, b, b1, gx, gy, gz)
    q2 += _spread(diffuse, g_diffuse, c, b2, gx, gy, gz)
    gx, gy, gz = block[G_PX + j], block[G_PY + j], block[G_PZ + j]
    q0 += gx * position[a, 0] + gy * position[a, 1] + gz * position[a, 2]
    q1 += gx * position[b, 0] + gy * position[b, 1] + gz * position[b, 2]
    q2 += gx * position[c, 0] + gy * position[c, 1] + gz * position[c, 2]
    mean = q0 * b0 + q1 * b1 + q2 * b2
    q0, q1, q2 = (q0 - mean) * inverse, (q1 - mean) * inverse, (q2 - mean) * inverse  # ∂/∂eᵢ
    offsets = block[X0 + j], block[Y0 + j], block[X1 + j], block[Y1 + j], block[X2 + j], block[Y2 + j]
    u0, v0, u1, v1, u2, v2 = corner_gradients(offsets, q0, q1, q2)

    # offsets are (m_x − X m_w)·(p, 1) and (m_y − Y m_w)·(p, 1) with the matrix's rows m
    rx, ry, rz = to_clip[0, 0] - x * to_clip[3, 0], to_clip[0, 1] - x * to_clip[3, 1], to_clip[0, 2] - x * to_clip[3, 2]
    sx, sy, sz = to_clip[1, 0] - y * to_clip[3, 0], to_clip[1, 1] - y * to_clip[3, 1], to_clip[1, 2] - y * to_clip[3, 2]
    for i, weight, u, v in ((a, b0, u0, v0), (b, b1, u1, v1), (c, b2, u2, v2)):
        g_position[i, 0] += weight * gx + u * rx + v * sx
        g_position[i, 1] += weight * gy + u * ry + v * sy
        g_position[i, 2] += weight * gz + u * rz + v * sz
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
def _spread(values, gradient, i, weight, gx, gy, gz):
    """Adds a pixel's derivative to its corner i by the corner's weight; returns the derivative with respect to the weight."""
    gradient[i, 0] += weight * gx
    gradient[i, 1] += weight * gy
    gradient[i, 2] += weight * gz
    return gx * values[i, 0] + gy * values[i, 1] + gz * values[i, 2]
