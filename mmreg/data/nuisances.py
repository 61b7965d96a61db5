"""What photographs suffer and renderings don't: things before the face, blur, noise, compression.

Synthetic faces wear them in training, so that a regressor learns to overlook them; their coefficients stay what they were. Paper: draws pose and
light (section 3.3.1); these are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float
from mmreg.data import kernels
from mmreg.geometry import native

__all__ = ["ONE_AT_A_TIME", "UNSPOILT", "NuisanceSettings", "Nuisances", "sample_nuisances", "worn"]

BLOCK = 8  # pixels
SHARPEST = np.float32(1e-3)  # pixels: a blur that is none
GRAIN_STEP = 7  # rows; not a multiple of BLOCK's, so that neighbours' blocks differ in their noise
# The quantisation of luminance that the JPEG standard gives as an example (ITU-T T.81, table K.1)
QUANTISATION = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)


class Nuisances(NamedTuple):
    """What a batch of pictures suffers, in this order."""

    cover: Float[Array, "batch height width"]  # 1 where something is before the face
    cover_color: Float[Array, "batch 3"]  # sRGB
    blur_pixels: Float[Array, " batch"]  # standard deviation of a Gaussian; 0 is sharp
    noise: Float[Array, "batch height width"]  # sRGB, added to all channels
    coarseness: Float[Array, " batch"]  # of the quantisation beside the standard's table; 0 leaves the picture as it is


@dataclass(frozen=True)
class NuisanceSettings:
    """How often and how much; all ours."""

    covered_share: float = 0.25  # of the pictures: half of them by a bar across, half by something round
    bar_width: tuple[float, float] = (0.08, 0.3)  # of the picture's height
    radius: tuple[float, float] = (0.08, 0.22)  # of the picture's height
    blurred_share: float = 0.4
    blur_pixels: tuple[float, float] = (0.5, 2.5)  # standard deviation
    noise: float = 0.03  # the largest standard deviation, sRGB
    compressed_share: float = 0.5
    coarseness: tuple[float, float] = (0.2, 2.5)  # 1 is about quality 50 of common encoders, .2 about 90


UNSPOILT = NuisanceSettings(covered_share=0.0, blurred_share=0.0, noise=0.0, compressed_share=0.0)
# each nuisance alone, on every picture, as hard as it is drawn otherwise
ONE_AT_A_TIME = {
    "covered": replace(UNSPOILT, covered_share=1.0),
    "blurred": replace(UNSPOILT, blurred_share=1.0),
    "noisy": replace(UNSPOILT, noise=NuisanceSettings.noise),
    "compressed": replace(UNSPOILT, compressed_share=1.0),
}


def sample_nuisances(
    batch: int, image_size: tuple[int, int], seed: int, settings: NuisanceSettings | None = None
) -> Nuisances:
    """Draws what each picture of a batch suffers (numpy, float32); the same seed draws the same."""
    settings = settings or NuisanceSettings()
    random = np.random.default_rng(seed)
    height, width = image_size
    cover = np.zeros((batch, height, width), np.float32)
    covered = np.flatnonzero(random.random(batch) < settings.covered_share)
    cover[covered] = _covers(len(covered), height, width, random, settings)
    blur = np.where(random.random(batch) < settings.blurred_share, random.uniform(*settings.blur_pixels, batch), 0.0)
    deviation = random.uniform(0.0, settings.noise, (batch, 1, 1)).astype(np.float32)
    compressed = random.random(batch) < settings.compressed_share
    drawn = Nuisances(
        cover,
        random.uniform(0.02, 0.95, (batch, 1)) + random.uniform(-0.15, 0.15, (batch, 3)),
        blur,
        deviation * _grain(batch, height, width, random),
        np.where(compressed, random.uniform(*settings.coarseness, batch), 0.0),
    )
    return Nuisances(*(np.asarray(values, np.float32) for values in drawn))


def _covers(count: int, height: int, width: int, random: np.random.Generator, settings: NuisanceSettings) -> np.ndarray:
    """(count, height, width), whether a pixel lies behind a bar or a disc."""
    y, x = np.arange(height, dtype=np.float32)[:, None] / height, np.arange(width, dtype=np.float32) / width
    centre = random.uniform(0.1, 0.9, (2, count, 1, 1)).astype(np.float32)
    angle = random.uniform(-0.4, 0.4, (count, 1, 1)).astype(np.float32)
    right, down = x - centre[0], y - centre[1]
    half_width = random.uniform(*settings.bar_width, (count, 1, 1)) / 2
    bar = np.abs(down * np.cos(angle) + right * np.sin(angle)) < half_width
    disc = right**2 + down**2 < random.uniform(*settings.radius, (count, 1, 1)) ** 2
    return np.where(random.random((count, 1, 1)) < 0.5, bar, disc)


def _grain(batch: int, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """(batch, height, width) standard normal noise: each picture's is cut from one sheet, some rows further on than the last one's.

    Nobody compares two pictures' noise, and drawing it all takes longer than everything else here.
    """
    sheet = random.standard_normal((height + GRAIN_STEP * (batch - 1), width), np.float32)
    return np.lib.stride_tricks.sliding_window_view(sheet, height, axis=0)[::GRAIN_STEP].transpose(0, 2, 1)


def worn(
    images: Float[Array, "batch height width 3"], nuisances: Nuisances, path: str = "auto"
) -> Float[Array, "batch height width 3"]:
    """The sRGB pictures in [0, 1] with their nuisances, in [0, 1]; a blur takes the mean of what there is within the picture.

    No gradient passes: nobody is asked what a spoilt picture's face should have been, for it is known.

    Args:
        path: as in `rasterize`.
    """
    if native.wanted(path):
        return _worn_compiled(images, nuisances)
    images = ops.stop_gradient(images)
    cover, color, blur, noise, coarseness = (ops.convert_to_tensor(part) for part in nuisances)
    channels = ops.transpose(images, (0, 3, 1, 2))  # b c h w: products of matrices go along the last two axes
    channels = channels * (1.0 - cover[:, None]) + color[:, :, None, None] * cover[:, None]
    rows, columns = (_blurring(blur, size)[:, None] for size in channels.shape[2:])
    channels = ops.matmul(ops.matmul(rows, channels), ops.transpose(columns, (0, 1, 3, 2)))
    channels = _compressed(channels + noise[:, None], coarseness)
    return ops.transpose(ops.clip(channels, 0.0, 1.0), (0, 2, 3, 1))


@native.as_written
def _worn_compiled(images, nuisances):
    height, width = images.shape[1:3]
    whole = height + -height % BLOCK, width + -width % BLOCK, 3
    table, cosines = QUANTISATION / np.float32(255.0), _cosines()
    offset = np.arange(max(height, width), dtype=np.float32)

    def run(images, cover, color, blur, noise, coarseness):
        out = native.empty(images.shape)
        kernels_of = np.exp(-0.5 * (offset / np.maximum(blur, SHARPEST)[:, None]) ** 2)

        def one(i):
            scratch = [native.scratch(f"picture {k}", whole, np.float32) for k in "ab"]
            scratch += [native.scratch(f"turned {k}", (whole[1], whole[0], 3), np.float32) for k in "ab"]
            kernels.wear(
                images[i], cover[i], color[i], kernels_of[i], noise[i], coarseness[i], table, cosines, *scratch, out[i]
            )

        native.each_image(one, len(out))
        return [out]

    return native.constant(
        run, [ops.convert_to_tensor(part) for part in (images, *nuisances)], [(images.shape, "float32")]
    )[0]


def _blurring(deviation, size: int):
    """(batch, size, size) matrices that blur along one axis, each row summing to 1; the identity for no deviation."""
    distance = np.abs(np.arange(size)[:, None] - np.arange(size)).astype(np.float32)
    weights = ops.exp(-0.5 * (distance / ops.maximum(deviation, SHARPEST)[:, None, None]) ** 2)
    return weights / ops.sum(weights, axis=2, keepdims=True)


def _compressed(channels, coarseness):
    """Blocks of 8 x 8 pixels whose cosine transform is rounded to multiples of the standard's table, channel by channel."""
    height, width = channels.shape[2:]
    padded = ops.pad(channels, ((0, 0), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK)), mode="symmetric")
    rows, columns = padded.shape[2] // BLOCK, padded.shape[3] // BLOCK
    blocks = ops.transpose(ops.reshape(padded, (-1, 3, rows, BLOCK, columns, BLOCK)), (0, 1, 2, 4, 3, 5))
    transform = np.kron(_cosines(), _cosines())  # of a block's 64 pixels at once
    waves = ops.matmul(ops.reshape(blocks, (-1, 3 * rows * columns, BLOCK**2)), transform.T)
    step = ops.maximum(coarseness[:, None, None] * (QUANTISATION / 255.0).reshape(-1), 1e-6)
    coarse = ops.round(waves / step) * step
    blocks = ops.reshape(ops.matmul(coarse, transform), (-1, 3, rows, columns, BLOCK, BLOCK))
    whole = ops.reshape(ops.transpose(blocks, (0, 1, 2, 4, 3, 5)), (-1, 3, rows * BLOCK, columns * BLOCK))
    return ops.where(coarseness[:, None, None, None] > 0, whole[:, :, :height, :width], channels)


def _cosines() -> np.ndarray:
    """The orthonormal discrete cosine transform of 8 values."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)
    matrix = np.sqrt(2.0 / BLOCK) * np.cos(np.pi * (2 * n + 1) * k / (2 * BLOCK))
    matrix[0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)
