"""What becomes of a picture in a camera and on its way to us: shake, small sensors, noise, colour casts, JPEG."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmreg.arrays import Float

__all__ = ["Spoiling", "spoil"]


class Spoiling(NamedTuple):
    """In the order in which it happens; the defaults change nothing.

    Attributes:
        blur_pixels: standard deviation of a Gaussian.
        shake_pixels, shake_degrees: length and direction of a straight smear.
        resolution: the share of its pixels along each side that a picture is reduced to before it is enlarged again.
        noise: standard deviation in sRGB, of brightness; half as much is added to each channel.
        cast: what red, green and blue are multiplied with.
        contrast: beside the picture's own, about mid-grey.
        jpeg_quality: 1 to 95; 0 leaves the picture uncompressed.
        seed: of the noise.
    """

    blur_pixels: float = 0.0
    shake_pixels: float = 0.0
    shake_degrees: float = 0.0
    resolution: float = 1.0
    noise: float = 0.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    jpeg_quality: int = 0
    seed: int = 0


def spoil(picture: Float[np.ndarray, "height width 3"], how: Spoiling) -> Float[np.ndarray, "height width 3"]:
    """The picture, sRGB in [0, 1], as it comes out; of the same size."""
    height, width = picture.shape[:2]
    if how.blur_pixels:
        picture = gaussian_filter(picture, (how.blur_pixels, how.blur_pixels, 0), mode="nearest")
    if how.shake_pixels >= 1.0:
        picture = _shaken(picture, how.shake_pixels, how.shake_degrees)
    if how.resolution < 1.0:
        small = max(8, round(width * how.resolution)), max(8, round(height * how.resolution))
        reduced = _image(picture).resize(small, Image.Resampling.BOX)
        picture = _array(reduced.resize((width, height), Image.Resampling.BICUBIC))
    rng = np.random.default_rng(how.seed)
    if how.noise:
        grain = rng.normal(size=(height, width, 1)) + 0.5 * rng.normal(size=(height, width, 3))
        picture = picture + how.noise * grain
    picture = 0.5 + how.contrast * (picture * np.asarray(how.cast) - 0.5)
    picture = np.clip(picture, 0.0, 1.0).astype(np.float32)
    if how.jpeg_quality:
        buffer = io.BytesIO()
        _image(picture).save(buffer, format="JPEG", quality=int(how.jpeg_quality))
        picture = _array(Image.open(buffer))
    return picture


def _shaken(picture: np.ndarray, length: float, degrees: float) -> np.ndarray:
    """The mean of the picture moved along a line, by whole pixels."""
    height, width = picture.shape[:2]
    along = np.linspace(-length / 2, length / 2, max(2, round(1.5 * length)))
    steps = np.round(np.outer(along, [np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))])).astype(int)
    pad = int(np.abs(steps).max())
    padded = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    moved = (padded[pad + dy : pad + dy + height, pad + dx : pad + dx + width] for dy, dx in steps)
    return sum(moved) / len(steps)


def _image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.round(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8))


def _array(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32) / 255.0
