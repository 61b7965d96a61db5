"""FaceNet's NN2, the encoder of the paper: 224 × 224 pixels, 1,024 features before the embedding of 128 (Schroff et al. 2015, table 2).

Its weights were never published. The architecture is here for those who have trained it, or want to: `load_facenet` reads weights
by this module's layer names.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
from keras import layers, ops

from mmreg.encoders.downloads import find_weights
from mmreg.encoders.named_weights import assign_weights, read_arrays
from mmreg.encoders.registry import Encoder
from mmreg.encoders.templates import scaled_templates
from mmreg.results import file_checksum

__all__ = ["MODULES", "Inception", "build_facenet", "load_facenet"]

IMAGE_SIZE = (224, 224)
FEATURES, EMBEDDING = 1024, 128


class Inception(NamedTuple):
    """A row of table 2. A stride of 2 has no 1 × 1 branch and passes its pool on as it is."""

    name: str
    one: int
    reduce_three: int
    three: int
    reduce_five: int
    five: int
    pool: str  # "max" or "L2"
    project: int  # 0: the pool is passed on
    stride: int = 1


MODULES = (
    Inception("3a", 64, 96, 128, 16, 32, "max", 32),
    Inception("3b", 64, 96, 128, 32, 64, "L2", 64),
    Inception("3c", 0, 128, 256, 32, 64, "max", 0, 2),
    Inception("4a", 256, 96, 192, 32, 64, "L2", 128),
    Inception("4b", 224, 112, 224, 32, 64, "L2", 128),
    Inception("4c", 192, 128, 256, 32, 64, "L2", 128),
    Inception("4d", 160, 144, 288, 32, 64, "L2", 128),
    Inception("4e", 0, 160, 256, 64, 128, "max", 0, 2),
    Inception("5a", 384, 192, 384, 48, 128, "L2", 128),
    Inception("5b", 384, 192, 384, 48, 128, "max", 128),
)


def build_facenet() -> keras.Model:
    """The untrained network: sRGB images in [0, 1] to (features, embedding of unit length).

    Local response normalisation, which the table calls "norm", is left out: it has no weights, and later networks do without. Ours.
    """
    images = keras.Input((*IMAGE_SIZE, 3))
    x = layers.Rescaling(2.0, -1.0)(images)
    x = _convolution(x, 64, 7, 2, "conv1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _convolution(x, 64, 1, 1, "conv2_reduce")
    x = _convolution(x, 192, 3, 1, "conv2")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool2")(x)
    for module in MODULES:
        x = _inception(x, module)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    embedding = layers.Dense(EMBEDDING, name="embedding")(features)
    embedding = layers.UnitNormalization(name="unit")(embedding)
    return keras.Model(images, [features, embedding], name="facenet_nn2")


def _convolution(x, filters: int, size: int, stride: int, name: str):
    return layers.Conv2D(filters, size, stride, padding="same", activation="relu", name=name)(x)


def _inception(x, module: Inception):
    name, stride = f"inception_{module.name}", module.stride
    branches = []
    if module.one:
        branches.append(_convolution(x, module.one, 1, 1, f"{name}_1x1"))
    for size, reduce, filters in ((3, module.reduce_three, module.three), (5, module.reduce_five, module.five)):
        reduced = _convolution(x, reduce, 1, 1, f"{name}_{size}x{size}_reduce")
        branches.append(_convolution(reduced, filters, size, stride, f"{name}_{size}x{size}"))
    if module.pool == "max":
        pooled = layers.MaxPooling2D(3, stride, padding="same", name=f"{name}_pool")(x)
    else:  # the root of the mean of squares
        squares = layers.AveragePooling2D(3, stride, padding="same", name=f"{name}_pool")(ops.square(x))
        pooled = ops.sqrt(squares + 1e-12)
    branches.append(_convolution(pooled, module.project, 1, 1, f"{name}_project") if module.project else pooled)
    return layers.Concatenate(name=f"{name}_output")(branches)


def load_facenet(path: str | Path) -> Encoder:
    """FaceNet NN2 with weights from a `.npz` or `.h5` file of arrays named LAYER/kernel and LAYER/bias.

    Raises:
        EncoderError: the file is missing, of another kind, or lacks an array or has it in another shape.
    """
    path = find_weights(path)
    network = build_facenet()
    assign_weights(network, read_arrays(path), path)
    network.trainable = False
    template, alignment = scaled_templates(IMAGE_SIZE)
    return Encoder(
        "facenet",
        network,
        IMAGE_SIZE,
        FEATURES,
        EMBEDDING,
        file_checksum(path),
        template,
        alignment,
        "the weights' own terms",
    )
