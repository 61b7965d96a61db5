"""dlib's face recognition DenseNet, as a Keras model: a judge of renderings that the training never saw.

Architecture and weights: Davis E. King, `face_recognition_densenet_model_v1.dat` of dlib-models (CC0), which the user gets.
Huang et al., "Densely Connected Convolutional Networks" (2017): every layer reads what all layers before it in its block
made. Trained with the same loss as dlib's ResNet, so it is another network but not another school.
"""

from __future__ import annotations

import bz2
from pathlib import Path
from typing import NamedTuple, cast

import keras
import numpy as np

from mmreg.arrays import Array
from mmreg.encoders.dlib_dat import (
    BatchNorm,
    Convolution,
    Dense,
    EncoderError,
    InputImage,
    Layer,
    checksum_of,
    folded,
    layers,
    read_weights,
)
from mmreg.encoders.dlib_resnet import IMAGE_SIZE, TEMPLATE, alignment_template
from mmreg.encoders.registry import Encoder

__all__ = ["build_densenet", "load_densenet"]

BLOCKS = (3, 6, 12, 8)  # dense layers in each block, from the image to the features
BZIP2_MAGIC = b"BZh"
REMEDY = "get face_recognition_densenet_model_v1.dat.bz2 of dlib-models (https://github.com/davisking/dlib-models)"


class DenseLayer(NamedTuple):
    """One layer of a dense block: norm, relu, `narrow` 1 x 1, norm, relu, `wide` 3 x 3; its result joins its input."""

    first_norm: BatchNorm
    narrow: Convolution
    second_norm: BatchNorm
    wide: Convolution


class _Parts(NamedTuple):
    blocks: list[list[DenseLayer]]
    scaling: InputImage
    stem: Convolution
    stem_norm: BatchNorm
    transitions: list[tuple[BatchNorm, Convolution]]
    last_norm: BatchNorm
    head: Dense


def _sort(parts: list[Layer], name: str) -> _Parts:
    """The layers by what they are for, or EncoderError.

    The file holds the blocks first, from the last block's last layer to the first one's first; then what lies around them,
    from the image to the embedding.
    """
    dense, between = sum(BLOCKS), len(BLOCKS) - 1
    kinds = [*[BatchNorm, Convolution, BatchNorm, Convolution] * dense, InputImage, Convolution, BatchNorm]
    kinds += [*[BatchNorm, Convolution] * between, BatchNorm, Dense]
    if [type(part) for part in parts] != kinds:
        raise EncoderError(
            f"{name} holds another network than dlib's DenseNet: expected {len(kinds)} layers, {dense} times two norms and "
            f"two convolutions first, got {len(parts)}; {REMEDY}."
        )
    backwards = [DenseLayer(*cast(tuple, parts[k : k + 4])) for k in range(0, 4 * dense, 4)]
    forwards = iter(backwards[::-1])
    blocks = [[next(forwards) for _ in range(count)] for count in BLOCKS]
    scaling, stem, stem_norm, *rest = cast(list, parts[4 * dense :])
    transitions = list(zip(rest[: 2 * between : 2], rest[1 : 2 * between : 2], strict=True))
    return _Parts(blocks, scaling, stem, stem_norm, transitions, rest[-2], rest[-1])


def build_densenet(content: bytes, name: str) -> keras.Model:
    """The frozen network from the bytes of its .dat file: sRGB images (batch, 150, 150, 3) in [0, 1] -> features (batch, 258),
    the average over the last map, and embedding (batch, 128), a linear map of the features.

    A norm right behind a convolution is folded into it; those behind a joined map stay, as a relu follows each.

    Raises:
        EncoderError: the file isn't this network's.
    """
    parts = _sort(list(layers(content, name, REMEDY)), name)
    weights: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []

    def convolve(x: Array, part: Convolution) -> Array:
        rows = part.kernel.shape[0]
        if part.stride == (1, 1):
            padding = "same"
        else:  # Keras' "same" would pad one side more than the other
            x, padding = keras.layers.ZeroPadding2D(part.padding)(x), "valid"
        layer = keras.layers.Conv2D(part.kernel.shape[-1], rows, strides=part.stride, padding=padding)
        weights.append((layer, [part.kernel, part.bias]))
        return layer(x)

    def convolve_and_norm(x: Array, part: Convolution, norm: BatchNorm) -> Array:
        return keras.layers.ReLU()(convolve(x, folded(part, norm.frozen, scaling=None)))

    def normalise(x: Array, norm: BatchNorm) -> Array:
        layer = keras.layers.BatchNormalization(epsilon=norm.epsilon)
        weights.append((layer, [norm.gain, norm.offset, norm.mean, norm.variance]))
        return keras.layers.ReLU()(layer(x))

    try:
        images = keras.Input((*IMAGE_SIZE, 3), name="srgb")
        mean = np.array(parts.scaling.mean)
        x = keras.layers.Rescaling(255.0 / 256.0, offset=list(-mean / 256.0))(images)
        x = convolve_and_norm(x, parts.stem, parts.stem_norm)
        x = keras.layers.MaxPooling2D(3, 2)(keras.layers.ZeroPadding2D(1)(x))  # no pixel is below 0
        for k, block in enumerate(parts.blocks):
            for layer in block:
                grown = convolve_and_norm(normalise(x, layer.first_norm), layer.narrow, layer.second_norm)
                x = keras.layers.Concatenate()([x, convolve(grown, layer.wide)])
            if k < len(parts.transitions):
                norm, convolution = parts.transitions[k]
                x = keras.layers.AveragePooling2D(2, 2)(convolve(normalise(x, norm), convolution))
        features = keras.layers.GlobalAveragePooling2D(name="features")(normalise(x, parts.last_norm))
        head = keras.layers.Dense(parts.head.weights.shape[-1], use_bias=False, name="embedding")
        network = keras.Model(images, [features, head(features)], name="dlib_densenet")
        weights.append((head, [parts.head.weights]))
        for layer, values in weights:
            layer.set_weights(values)
    except ValueError as error:
        raise EncoderError(f"{name} holds another network than dlib's DenseNet: {error}; {REMEDY}.") from error
    network.trainable = False
    network.jit_compile = False  # on a processor, compiling by XLA takes longer than it saves
    return network


def load_densenet(path: str | Path) -> Encoder:
    """dlib's DenseNet with the weights (0.6 million) of a file, `.dat` or `.dat.bz2`; photographs are aligned as for the ResNet.

    Its embedding is neither of unit length nor centred: take away the mean of the images' own kind before any cosine
    (`registry.Encoding`). `checksum` is of the unpacked .dat, so that packed and unpacked files are the same weights.

    Raises:
        EncoderError: the file is missing, can't be unpacked, is malformed, or holds another network; names it.
    """
    content = read_weights(path, REMEDY)
    if content.startswith(BZIP2_MAGIC):
        try:
            content = bz2.decompress(content)
        except (OSError, ValueError, EOFError) as error:
            raise EncoderError(f"{path} can't be unpacked, it may be truncated ({error}); {REMEDY}.") from error
    network = build_densenet(content, str(path))
    features, embedding = network.output_shape
    return Encoder(
        name="dlib-densenet",
        network=network,
        image_size=IMAGE_SIZE,
        feature_size=features[-1],
        embedding_size=embedding[-1],
        checksum=checksum_of(content),
        template=TEMPLATE,
        alignment_template=alignment_template(),
        license="CC0-1.0 (Davis E. King, dlib-models)",
    )
