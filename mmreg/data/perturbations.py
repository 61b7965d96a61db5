"""Photographs made worse on purpose: a growing occluder, a growing blur, fewer pixels, harder compression.

Levels are measured on the face, so that they mean the same in a photograph of any size.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmreg.arrays import Float, InputError

__all__ = [
    "PERTURBATIONS",
    "Perturbation",
    "blur",
    "compress",
    "eye_distance",
    "face_box",
    "occlude",
    "reduce_resolution",
]

OCCLUDER = 0.45  # sRGB grey
_MARGIN = 0.15  # of the box's size, by which the occluder reaches beyond it
# from the eyes' middle to the left, top, right and bottom of a face, in distances between the eyes: as the detector draws its boxes
_BOX = np.array([-1.12, -0.9, 1.12, 1.35])

Picture = Float[np.ndarray, "height width 3"]
Points = Float[np.ndarray, "5 2"]  # as `alignment.Detection.points`, in pixels


def eye_distance(points: Points) -> float:
    """Pixels between the middles of the two eyes, from their corners."""
    return float(np.linalg.norm(points[:2].mean(axis=0) - points[2:4].mean(axis=0)))


def face_box(points: Points) -> Float[np.ndarray, "4"]:
    """Left, top, right, bottom of an upright face, from the brows to the chin and from ear to ear, in pixels."""
    return np.tile(points[:4].mean(axis=0), 2) + eye_distance(points) * _BOX


def occlude(image: Picture, points: Points, percent: float | int, side: str = "below") -> Picture:
    """A grey board before the face, that hides `percent` of its box.

    Args:
        side: where it comes from: "below", "above", or the picture's "left".

    Raises:
        InputError: another side.
    """
    left, top, right, bottom = face_box(points)
    width, height = right - left, bottom - top
    share = percent / 100.0
    if share <= 0.0:
        return image
    outer = np.array([left, top, right, bottom]) + _MARGIN * np.array([-width, -height, width, height])
    if side == "below":
        outer[1] = bottom - share * height
    elif side == "above":
        outer[3] = top + share * height
    elif side == "left":
        outer[2] = left + share * width
    else:
        raise InputError(f"An occluder comes from below, above or the left, not from {side!r}.")
    x0, y0, x1, y1 = np.clip(np.round(outer).astype(int), 0, [image.shape[1], image.shape[0]] * 2)
    covered = image.copy()
    covered[y0:y1, x0:x1] = OCCLUDER
    return covered


def blur(image: Picture, points: Points, percent: float | int) -> Picture:
    """A Gaussian whose standard deviation is `percent` of the distance between the eyes; in sRGB, as one blurs pictures."""
    sigma = percent / 100.0 * eye_distance(points)
    return gaussian_filter(image, (sigma, sigma, 0.0)).astype(np.float32) if sigma > 0.0 else image


def reduce_resolution(image: Picture, points: Points, pixels: float | int) -> Picture:
    """The photograph with only so many pixels between the eyes, enlarged again to the size that it had."""
    share = pixels / eye_distance(points)
    if share >= 1.0:
        return image
    height, width = image.shape[:2]
    small = max(1, round(width * share)), max(1, round(height * share))
    channels = [Image.fromarray(np.ascontiguousarray(image[..., k], np.float32)) for k in range(3)]
    resized = [
        c.resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BICUBIC) for c in channels
    ]
    return np.clip(np.stack([np.asarray(c) for c in resized], axis=-1), 0.0, 1.0)


def compress(image: Picture, points: Points, quality: float | int) -> Picture:
    """The photograph after JPEG of a quality from 100 (best) to 1."""
    if quality >= 100.0:
        return image
    buffer = io.BytesIO()
    pixels = np.round(255.0 * np.clip(image, 0.0, 1.0)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=max(1, round(quality)))
    return np.asarray(Image.open(buffer).convert("RGB"), np.float32) / 255.0


@dataclass(frozen=True)
class Perturbation:
    """A way to make a photograph worse.

    Attributes:
        apply: (image, the five points of its face, level) -> image.
        unit: of the level, as an axis says it.
        levels: from the mildest, at which a photograph with up to 64 pixels between the eyes stays as it is, to the strongest.
    """

    apply: Callable[[Picture, Points, float | int], Picture]
    unit: str
    levels: tuple[float | int, ...]


def _from(side: str) -> Callable[[Picture, Points, float | int], Picture]:
    return lambda image, points, percent: occlude(image, points, percent, side)


PERTURBATIONS: Mapping[str, Perturbation] = {
    "occlusion from below": Perturbation(_from("below"), "% of the face covered", (0, 15, 30, 45, 60, 75)),
    "occlusion from above": Perturbation(_from("above"), "% of the face covered", (0, 15, 30, 45, 60, 75)),
    "occlusion from the side": Perturbation(_from("left"), "% of the face covered", (0, 15, 30, 45, 60, 75)),
    "blur": Perturbation(blur, "σ, % of the eyes' distance", (0, 4, 8, 12, 16, 24, 32)),
    "resolution": Perturbation(reduce_resolution, "pixels between the eyes", (64, 24, 16, 12, 8, 6, 4)),
    "compression": Perturbation(compress, "JPEG quality", (100, 40, 20, 10, 5, 2, 1)),
}
