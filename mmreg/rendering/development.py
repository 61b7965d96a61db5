"""What a camera makes of a rendering: sRGB, a background, the blur of a lens."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, Int
from mmreg.color import linear_to_srgb
from mmreg.geometry import native
from mmreg.rendering.kernels import development as kernels


def develop(
    radiance: Float[Array, "batch height width 3"],
    triangle_ids: Int[Array, "batch height width"],
    background: Float[Array, "batch height width 3"],
    lens_blur_pixels: float = 0.0,
    path: str = "auto",
) -> Float[Array, "batch height width 3"]:
    """The picture of a rendering, sRGB in [0, 1], differentiable in the radiance where it isn't clipped.

    Args:
        radiance: linear light; above 1 is white.
        triangle_ids: −1 where the background is seen.
        background: sRGB, clipped to [0, 1]; it has no derivative.
        lens_blur_pixels: standard deviation of a Gaussian over the sRGB values; 0 leaves the picture as sharp as it was sampled.
        path: as in `rasterize`.
    """
    if native.wanted(path):
        return _compiled(radiance, triangle_ids, background, lens_blur_pixels)
    seen = (triangle_ids >= 0)[..., None]
    picture = ops.where(seen, linear_to_srgb(radiance), ops.stop_gradient(ops.clip(background, 0.0, 1.0)))
    return gaussian_blur(picture, lens_blur_pixels) if lens_blur_pixels else picture


@native.as_written
def _compiled(radiance, triangle_ids, background, lens_blur_pixels):
    height, width = triangle_ids.shape[1:]
    weights, radius = _gaussian(lens_blur_pixels)
    weights = weights.astype(np.float32)
    lens = weights, _mirrored(width, radius), _mirrored(height, radius)

    def scratch():
        picture = native.scratch("picture", (height, width, 3), np.float32)
        return picture, native.scratch("padded line", (width + 2 * radius, 3), np.float32)

    def forward(radiance, ids, background):
        out = native.empty(radiance.shape)
        native.each_image(
            lambda i: kernels.develop(radiance[i], ids[i], background[i], *lens, *scratch(), out[i]), len(out)
        )
        return [out]

    def backward(radiance, ids, _, upstream):
        out = native.empty(radiance.shape)
        native.each_image(
            lambda i: kernels.develop_gradient(radiance[i], ids[i], *lens, upstream[i], *scratch(), out[i]), len(out)
        )
        return [out]

    return native.differentiable(forward, backward, [radiance], [triangle_ids, background], tuple(radiance.shape))


def gaussian_blur(
    images: Float[Array, "batch height width 3"], deviation: float
) -> Float[Array, "batch height width 3"]:
    """Each channel convolved with a Gaussian of standard deviation `deviation` pixels, edges mirrored."""
    weights, radius = _gaussian(deviation)
    for axis in (1, 2):  # separable: a sum of shifted pictures along the columns, then along the rows
        size = images.shape[axis]
        mirrored = ops.take(images, _mirrored(size, radius), axis=axis)
        ends = [[slice(None)] * axis + [slice(k, k + size)] for k in range(len(weights))]
        images = sum(float(weight) * mirrored[tuple(end)] for weight, end in zip(weights, ends, strict=True))
    return images


def _gaussian(deviation: float) -> tuple[Float[np.ndarray, " weight"], int]:
    """(weights, radius): a normal distribution's density at whole pixels up to three deviations away, with a sum of 1."""
    if deviation == 0:
        return np.ones(1), 0
    radius = max(1, int(np.ceil(3.0 * deviation)))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    return weights / weights.sum(), radius


def _mirrored(size: int, radius: int) -> Int[np.ndarray, " padded"]:
    """The indices of a line of pixels that is continued by `radius` on either side as by mirrors on its end pixels."""
    period = max(2 * (size - 1), 1)
    source = np.arange(-radius, size + radius)
    return np.abs((source + size - 1) % period - (size - 1)) if size > 1 else np.zeros(len(source), int)
