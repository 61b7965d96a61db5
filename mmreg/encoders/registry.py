"""What an encoder is, and the encoders by name.

An encoder is a frozen face recognition network: a photograph's aligned face in, features and an embedding out (the
paper's section 3.2: the features feed the regressor, the embedding is compared by the identity loss).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, dot, unit
from mmreg.encoders.dlib_dat import EncoderError

__all__ = [
    "Encoder",
    "Encoding",
    "centred_unit",
    "cosine",
    "encoder_names",
    "load_encoder",
    "register",
    "register_kind",
]


class Encoding(NamedTuple):
    """What an encoder says of a batch of faces.

    `embedding` is raw: neither of unit length nor centred. Embeddings of all faces share a large common offset (for dlib the
    cosine of two different people's is .85), and photographs and renderings have an offset each; so take away the mean
    embedding of the faces' own kind before comparing directions: `cosine(centred_unit(a, mean_a), centred_unit(b, mean_b))`.
    Standardise `features` by their own kind's mean and deviation, too, before a regressor reads them.

    Paper: compares FaceNet's unit-length embeddings directly; that network is trained so that their offset is small.
    """

    features: Float[Array, "batch feature"]
    embedding: Float[Array, "batch embedding"]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A frozen recognition network and how faces must be shown to it.

    Attributes:
        name: the name it is registered by.
        network: Keras model, not trainable: sRGB images in [0, 1] -> (features, embedding).
        image_size: (height, width) of the images in pixels.
        feature_size: length of the features, the penultimate layer.
        embedding_size: length of the embedding.
        checksum: SHA-256 (hexadecimal) of the file that the weights come from.
        template: (5, 2) x and y in pixels, centre of the upper left pixel at (0, 0): where the image-left and image-right
            eye centre, the nose tip, the image-left and image-right mouth corner fall in an aligned photograph; frame
            renderings so that the model's points fall there.
        alignment_template: (5, 2) the same for the five points that `alignment.detect` finds (corners of the eyes, nose
            base); photographs are aligned by these.
        license: the terms of the weights.
        last_features: how many of the features, the first, are of the layer before the embedding; None is all.
        both_sides: whether `predict` gives the mean over a picture and its mirror image. A face seen from the left and from the right is
            one face; what the network says of both differs, and half of what it differs by goes with the mean. The field's habit for recognition;
            for reconstruction ours.
    """

    name: str
    network: keras.Model
    image_size: tuple[int, int]
    feature_size: int
    embedding_size: int
    checksum: str
    template: np.ndarray
    alignment_template: np.ndarray
    license: str
    last_features: int | None = None
    both_sides: bool = False

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Encoding:
        """Encodes sRGB images in [0, 1] of `image_size`, as they are; differentiable with respect to them."""
        features, embedding = self.network(images, training=False)
        return Encoding(features, embedding)

    def as_photographs(self, images: Float[Array, "batch height width 3"]) -> Encoding:
        """As a call, of the mean over each image and its mirror image with `both_sides`; differentiable, of one batch."""
        if not self.both_sides:
            return self(images)
        said = self(ops.concatenate([images, ops.flip(images, axis=2)]))
        return Encoding(*((part[: images.shape[0]] + part[images.shape[0] :]) / 2.0 for part in said))

    def predict(self, images: Float[np.ndarray, "count height width 3"], batch_size: int = 32) -> Encoding:
        """`as_photographs` for any number of images, in batches, as numpy arrays; compiled, without gradients."""
        if len(images) == 0:
            return Encoding(
                np.zeros((0, self.feature_size), np.float32), np.zeros((0, self.embedding_size), np.float32)
            )
        images = np.asarray(images)
        seen = [images, images[:, :, ::-1]] if self.both_sides else [images]
        said = [self.network.predict(pictures, batch_size=batch_size, verbose=0) for pictures in seen]
        return Encoding(*(sum(np.asarray(part) for part in parts) / len(seen) for parts in zip(*said, strict=True)))


def centred_unit(
    embedding: Float[Array, "batch embedding"], mean: Float[Array, "embedding"]
) -> Float[Array, "batch embedding"]:
    """(e − ē)/|e − ē|, with ē the mean embedding of the same kind of images (photographs or renderings)."""
    return unit(embedding - mean)


def cosine(a: Float[Array, "*batch embedding"], b: Float[Array, "*batch embedding"]) -> Float[Array, "*batch"]:
    """cos(a, b) in [−1, 1]; 0 where either has no length."""
    return dot(unit(a), unit(b))[..., 0]


_factories: dict[str, Callable[[], Encoder]] = {}
_loaders: dict[str, Callable[[str], Encoder]] = {}
_loaded: dict[str, Encoder] = {}
_asked = False  # whether other packages were asked for encoders


def register(name: str, factory: Callable[[], Encoder]) -> None:
    """Makes an encoder known by `name`; `factory` is called once, when it is first loaded. A known name is replaced."""
    _factories[name] = factory
    _loaded.pop(name, None)


def register_kind(name: str, loader: Callable[[str], Encoder]) -> None:
    """Makes encoders known by `name:FILE`; `loader` is called with what stands for FILE when one is first loaded."""
    _loaders[name] = loader


def encoder_names() -> list[str]:
    """The registered names, sorted; those that need a file of weights with ":FILE"."""
    return sorted([*_factories, *(f"{name}:FILE" for name in _loaders)])


def _ask_other_packages() -> bool:
    """Imports what installed packages name in the group `mmreg.encoders`, once; each registers its encoders as it is imported."""
    global _asked
    if _asked:
        return False
    _asked = True
    for entry in entry_points(group="mmreg.encoders"):
        entry.load()
    return True


def load_encoder(name: str = "dlib") -> Encoder:
    """The encoder registered as `name`, the same object every time; "vggface:FILE" reads weights of yours.

    A name that nobody has registered is looked for in installed packages that have an entry point in the group `mmreg.encoders`.
    FILE may be an address with a checksum, "https://…/FILE#sha256=…": then it is fetched once (see `encoders.downloads`).

    Raises:
        EncoderError: the name is unknown, or the encoder's weights are missing or malformed.
    """
    kind, _, path = name.partition(":")
    if path and kind in _loaders:
        if name not in _loaded:
            _loaded[name] = _loaders[kind](path)
        return _loaded[name]
    if name not in _factories and kind not in _loaders and _ask_other_packages():
        return load_encoder(name)
    if name not in _factories:
        raise EncoderError(f"There is no encoder named {name!r}; known are: {', '.join(encoder_names())}.")
    if name not in _loaded:
        _loaded[name] = _factories[name]()
    return _loaded[name]
