"""Textures: values at pixels from a picture that is laid over the surface by uv coordinates.

u runs to the right and v *up*, as in OBJ files: (0, 0) is the lower left corner of the picture and (1, 1) the upper right
one, while row 0 of the array is the top, as of every picture here. (glTF's v runs down: give it 1 − v.) Texels are
squares, so the centre of the texel in row i and column j of an h × w texture is at u = (j + ½)/w, v = 1 − (i + ½)/h.

Where a surface's uv map is cut, a vertex has one uv on each side of the seam, and OBJ files index uvs apart from vertices.
Fragments hold triangles and barycentrics, not vertices, so it is enough to interpolate with the other indices:

    uv = interpolate(uv_coordinates, fragments, uv_triangles)  # row t of uv_triangles belongs to row t of triangles
    albedo = sample_texture(texture, uv) * fragments.coverage
"""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError
from mmreg.geometry import native
from mmreg.rendering.kernels import texture as kernel

WRAPS = ("clamp", "repeat")


def sample_texture(
    texture: Float[Array, "batch height width n"],
    uv: Float[Array, "batch rows columns 2"],
    wrap: str = "clamp",
    path: str = "auto",
) -> Float[Array, "batch rows columns n"]:
    """The texture at each uv, bilinear between the centres of the four texels around it.

    Differentiable in the texture and in uv. In uv the derivative is that of the bilinear patch; it jumps where a texel's
    centre is crossed, and is 0 beyond the outermost centres under "clamp". There are no smaller copies for surfaces seen
    from afar, whose texels then alias.

    Args:
        texture: any number of channels; a batch of 1 is shared by all images, and its gradient summed over them.
        uv: u to the right, v up; (0, 0) is the texture's lower left corner. Background pixels of an interpolated uv are
            (0, 0) too: multiply the result by `Fragments.coverage`. Where uv isn't finite the result is NaN.
        wrap: what lies beyond [0, 1]: "clamp" continues the outermost texels, "repeat" the whole texture.
        path: "native" (compiled; TensorFlow on the CPU), "ops" (`keras.ops`, any backend), or "auto".

    Raises:
        InputError: shapes that don't fit, a texture of whole numbers, an unknown `wrap` or `path`.
    """
    _check(texture, uv, wrap)
    texture, uv = (ops.convert_to_tensor(x, "float32") for x in (texture, uv))
    if native.wanted(path):
        return _native(texture, uv, wrap == "repeat")
    batch, height, width, n = texture.shape
    finite = ops.all(ops.isfinite(uv), axis=-1, keepdims=True)
    u, v = ops.unstack(ops.where(finite, uv, 0.0), 2, axis=-1)
    left, right, across = _neighbours(u, width, wrap)
    upper, lower, down = _neighbours(1.0 - v, height, wrap)

    image = ops.reshape(ops.arange(batch, dtype="int32") * (height * width), (batch, 1, 1))
    texels = ops.reshape(texture, (batch * height * width, n))

    def row(i):
        a, b = (ops.take(texels, image + i * width + j, axis=0) for j in (left, right))
        return (1.0 - across) * a + across * b

    return ops.where(finite, (1.0 - down) * row(upper) + down * row(lower), float("nan"))


def _neighbours(position, size: int, wrap: str):
    """(index before, index after, share of the latter): the texels beside a position in [0, 1] along one axis."""
    if wrap == "repeat":
        position = position - ops.stop_gradient(ops.floor(position))
    texel = position * float(size) - 0.5
    before = ops.stop_gradient(ops.floor(texel))
    share = texel - before
    before = ops.cast(ops.clip(before, -1.0, float(size)), "int32")
    if wrap == "repeat":
        return ops.mod(before, size), ops.mod(before + 1, size), share[..., None]
    return ops.clip(before, 0, size - 1), ops.clip(before + 1, 0, size - 1), share[..., None]


@native.as_written
def _native(texture, uv, repeat: bool):
    def forward(texture, uv):
        out = native.empty((*uv.shape[:3], texture.shape[-1]))
        shared = len(texture) == 1
        native.each_image(lambda i: kernel.sample(texture[0 if shared else i], uv[i], repeat, out[i]), len(uv))
        return [out]

    def backward(texture, uv, upstream):
        d_texture, d_uv = native.zeros(texture.shape), native.empty(uv.shape)
        if len(texture) == 1:  # one after the other: all images add to the same gradient
            for i in range(len(uv)):
                kernel.sample_gradient(texture[0], uv[i], repeat, upstream[i], d_texture[0], d_uv[i])
        else:
            native.each_image(
                lambda i: kernel.sample_gradient(texture[i], uv[i], repeat, upstream[i], d_texture[i], d_uv[i]), len(uv)
            )
        return [d_texture, d_uv]

    return native.differentiable(forward, backward, [texture, uv], [], (*uv.shape[:3], texture.shape[-1]))


def _check(texture, uv, wrap: str) -> None:
    shape, uv_shape = tuple(np.shape(texture)), tuple(np.shape(uv))
    if len(shape) != 4 or 0 in shape:
        raise InputError(f"texture must have the shape (batch, height, width, n), none of them 0, not {shape}.")
    if not ops.is_tensor(texture):
        texture = np.asarray(texture)
    if "float" not in str(texture.dtype):
        raise InputError(
            f"texture must hold floating-point numbers, not {texture.dtype}; divide a picture of 8-bit numbers by 255."
        )
    if len(uv_shape) != 4 or uv_shape[-1] != 2:
        raise InputError(f"uv must have the shape (batch, rows, columns, 2), not {uv_shape}.")
    if shape[0] not in (1, uv_shape[0]):
        raise InputError(
            f"texture must hold one picture for each of uv's {uv_shape[0]} images, or one for all, not {shape[0]}."
        )
    if wrap not in WRAPS:
        raise InputError(f'wrap must be "clamp" or "repeat", not {wrap!r}.')
