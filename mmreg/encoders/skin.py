"""The colour of the cheeks in an aligned picture, and an encoder that tells it beside a recogniser's features.

Recognisers are trained to overlook light, and with it most of what tells pale skin from dark. Paper: the regressor reads the recogniser's
features alone; reading the cheeks' colour as well is ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float
from mmreg.color import srgb_to_linear, tone
from mmreg.encoders.registry import Encoder

__all__ = ["SKIN", "cheek_tone", "cheek_weights", "skin_checksum", "skin_color", "with_skin_tone"]

TONES = 3
SKIN = "+skin"  # behind the name of an encoder that tells the skin's tone


def cheek_weights(encoder: Encoder) -> Float[np.ndarray, "height width"]:
    """Weights of an aligned image's pixels that sum to 1: two discs on the cheeks.

    Each lies halfway between an eye and the mouth's corner on its side, with an eighth of the eyes' distance as its radius.
    """
    right_eye, left_eye, _, right_mouth, left_mouth = encoder.template
    radius = np.linalg.norm(left_eye - right_eye) / 8
    row, column = np.mgrid[: encoder.image_size[0], : encoder.image_size[1]]
    inside = np.zeros(encoder.image_size, bool)
    for x, y in ((right_eye + right_mouth) / 2, (left_eye + left_mouth) / 2):
        inside |= (column - x) ** 2 + (row - y) ** 2 <= radius**2
    return (inside / inside.sum()).astype(np.float32)


def skin_color(
    chips: Float[np.ndarray, "batch height width 3"], weights: Float[np.ndarray, "height width"]
) -> Float[np.ndarray, "batch 3"]:
    """Mean linear RGB of the cheeks of aligned sRGB images; `weights` from `cheek_weights`. Light and skin together."""
    row, column = np.nonzero(weights)
    linear = np.asarray(srgb_to_linear(chips[:, row, column]))  # b pixel 3
    return np.einsum("bpc,p->bc", linear, weights[row, column])


def cheek_tone(
    images: Float[Array, "batch height width 3"], weights: Float[np.ndarray, "height width"]
) -> Float[Array, "batch 3"]:
    """The tone of the cheeks of aligned sRGB images (`color.tone`), differentiable; `weights` from `cheek_weights`."""
    row, column = np.nonzero(weights)
    box = slice(row.min(), row.max() + 1), slice(column.min(), column.max() + 1)
    linear = srgb_to_linear(images[:, *box])
    return tone(ops.einsum("bhwc,hw->bc", linear, weights[box]))


def with_skin_tone(encoder: Encoder) -> Encoder:
    """The encoder with the tone of the cheeks behind its features: three numbers more; the embedding is as before."""
    images = keras.Input((*encoder.image_size, 3))
    features, embedding = encoder.network(images)
    weights = cheek_weights(encoder)
    tones = keras.layers.Lambda(lambda x: cheek_tone(x, weights), output_shape=(TONES,), name="cheek_tone")(images)
    network = keras.Model(images, [ops.concatenate([features, tones], axis=-1), embedding], name=f"{encoder.name}_skin")
    network.trainable = False
    return replace(
        encoder,
        name=f"{encoder.name}{SKIN}",
        network=network,
        feature_size=encoder.feature_size + TONES,
        last_features=encoder.last_features or encoder.feature_size,
        checksum=skin_checksum(encoder.checksum),
    )


def skin_checksum(checksum: str) -> str:
    """The checksum of the encoder with the skin's tone, from the plain one's."""
    return hashlib.sha256(f"{checksum}{SKIN}".encode()).hexdigest()
