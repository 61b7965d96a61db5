"""From a photograph to the faces in it, and from a face to the upright chip that an encoder reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float
from mmreg.encoders.dlib_detector import Box, find_boxes
from mmreg.encoders.dlib_landmarks import linear_similarity, load_landmark_predictor
from mmreg.encoders.registry import Encoder

__all__ = ["Detection", "align", "detect", "find_points", "similarity", "warp"]

MOST_SAMPLES = 16  # along each side of a chip's pixel


class Detection(NamedTuple):
    """A face in a photograph.

    Attributes:
        box: left, top, right, bottom (4,) in pixels, centre of the upper left pixel at (0, 0); may reach beyond the image.
        score: the detector's, above 0; about 1 for a clear frontal face.
        points: (5, 2) x and y in pixels of `dlib_landmarks.FIVE_POINT_NAMES`.
    """

    box: Float[np.ndarray, "4"]
    score: float
    points: Float[np.ndarray, "5 2"]


def detect(image: Float[np.ndarray, "height width 3"]) -> list[Detection]:
    """The faces in an sRGB image in [0, 1], largest box first; an empty list where there is none.

    Raises:
        EncoderError: the detector's weights are missing or malformed.
    """
    pixels = _bytes(image)
    return [Detection(box.corners.astype(np.float32), box.score, find_points(image, box)) for box in find_boxes(pixels)]


def find_points(image: Float[np.ndarray, "height width 3"], box: Box) -> Float[np.ndarray, "5 2"]:
    """The five points of the face in a box of an sRGB image in [0, 1], in pixels as in `Detection`."""
    grey = (_bytes(image).astype(np.uint16).sum(axis=-1) // 3).astype(np.float32)
    return load_landmark_predictor()(grey, box.corners)


def _bytes(image: Float[np.ndarray, "height width 3"]) -> np.ndarray:
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def similarity(source: Float[np.ndarray, "point 2"], target: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "2 3"]:
    """[c R | t], the rotation, scale and shift that minimise Σ |c R x + t − y|² over the points x and y.

    Never a reflection. Umeyama (1991), equations 40 to 42.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    linear = linear_similarity(source, target)
    shift = target.mean(axis=0) - linear @ source.mean(axis=0)
    return np.concatenate([linear, shift[:, None]], axis=1)


def align(
    image: Float[np.ndarray, "height width 3"], points: Float[np.ndarray, "5 2"], encoder: Encoder
) -> Float[np.ndarray, "chip_height chip_width 3"]:
    """The face's chip for an encoder: the image turned, scaled and shifted (not stretched) so that the five points of
    `Detection` fall on `encoder.alignment_template`. Same range as the image; black beyond its border."""
    return warp(image, similarity(points, encoder.alignment_template), encoder.image_size)


def warp(
    image: Float[np.ndarray, "height width 3"], transform: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> Float[np.ndarray, "chip_height chip_width 3"]:
    """The image seen through x ↦ A x + t = `transform`, cut to `size` (height, width).

    Every pixel of the result is the mean of n x n bilinear samples spread over its area, n large enough (up to 16) that no
    pixel of the image between them is missed. Beyond the border is black.
    """
    inverse = np.linalg.inv(np.vstack([transform, [0.0, 0.0, 1.0]]))[:2]
    shrinking = np.sqrt(abs(np.linalg.det(inverse[:, :2])))
    count = int(np.clip(np.ceil(shrinking), 1, MOST_SAMPLES))
    padded = np.pad(np.asarray(image, np.float32), ((1, 1), (1, 1), (0, 0)))
    row, column = np.mgrid[: size[0], : size[1]]
    offsets = (np.arange(count) + 0.5) / count - 0.5
    total = np.zeros((*size, 3), np.float32)
    for down in offsets:
        for right in offsets:
            x, y = np.tensordot(inverse, [column + right, row + down, np.ones(size)], axes=1)
            total += _bilinear(padded, x + 1.0, y + 1.0)
    return total / count**2


def _bilinear(
    image: Float[np.ndarray, "height width 3"], x: Float[np.ndarray, "*shape"], y: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape 3"]:
    """The image at x, y in pixels; beyond it, the pixel at its border."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0.0, width - 1.0), np.clip(y, 0.0, height - 1.0)
    left, top = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    u, v = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    above = image[top, left] * (1 - u) + image[top, left + 1] * u
    below = image[top + 1, left] * (1 - u) + image[top + 1, left + 1] * u
    return above * (1 - v) + below * v
