"""Inception-ResNet-v1, the FaceNet that can be had: 160 × 160 pixels, 1,792 features before a unit-length embedding of 512.

The network of Szegedy et al. (2017) as David Sandberg trained it (facenet) and Tim Esler ported it (facenet-pytorch); the paper's NN2 was never published.
Weights aren't included. Three namings of arrays are read, from `.npz` or `.h5` files:

- this module's layers: LAYER/kernel, LAYER/bias, LAYER/gamma, LAYER/beta, LAYER/moving_mean, LAYER/moving_variance;
- deepface's Keras network (`facenet512_weights.h5`, 512 numbers, and `facenet_weights.h5`, 128), as its release has them;
- facenet-pytorch's modules. Its public file is a pickle of PyTorch's, which nothing here opens. Where PyTorch is
  installed, this turns it into arrays, by the reader that runs no code:

      python -c "import numpy, torch; s = torch.load('20180402-114759-vggface2.pt', map_location='cpu', weights_only=True); \\
      numpy.savez('inception_resnet.npz', **{k: v.numpy() for k, v in s.items()})"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import layers

from mmreg.encoders.downloads import find_weights
from mmreg.encoders.named_weights import assign_weights, read_arrays
from mmreg.encoders.registry import Encoder
from mmreg.encoders.templates import scaled_templates
from mmreg.results import file_checksum

__all__ = ["build_inception_resnet", "load_inception_resnet"]

IMAGE_SIZE = (160, 160)
FEATURES, EMBEDDING = 1792, 512
EPSILON = 0.001  # of every batch normalisation

# (filters, size, stride, padding) of each convolution of a branch, in its order; the layers' names are facenet-pytorch's
BLOCK_35 = {
    "branch0": [(32, 1, 1, "same")],
    "branch1": [(32, 1, 1, "same"), (32, 3, 1, "same")],
    "branch2": [(32, 1, 1, "same"), (32, 3, 1, "same"), (32, 3, 1, "same")],
}
BLOCK_17 = {
    "branch0": [(128, 1, 1, "same")],
    "branch1": [(128, 1, 1, "same"), (128, (1, 7), 1, "same"), (128, (7, 1), 1, "same")],
}
BLOCK_8 = {
    "branch0": [(192, 1, 1, "same")],
    "branch1": [(192, 1, 1, "same"), (192, (1, 3), 1, "same"), (192, (3, 1), 1, "same")],
}
MIXED_6A = {
    "branch0": [(384, 3, 2, "valid")],
    "branch1": [(192, 1, 1, "same"), (192, 3, 1, "same"), (256, 3, 2, "valid")],
}
MIXED_7A = {
    "branch0": [(256, 1, 1, "same"), (384, 3, 2, "valid")],
    "branch1": [(256, 1, 1, "same"), (256, 3, 2, "valid")],
    "branch2": [(256, 1, 1, "same"), (256, 3, 1, "same"), (256, 3, 2, "valid")],
}
STEM = (
    ("conv2d_1a", 32, 3, 2, "valid"),
    ("conv2d_2a", 32, 3, 1, "valid"),
    ("conv2d_2b", 64, 3, 1, "same"),
    ("maxpool_3a",),
    ("conv2d_3b", 80, 1, 1, "valid"),
    ("conv2d_4a", 192, 3, 1, "valid"),
    ("conv2d_4b", 256, 3, 2, "valid"),
)


def build_inception_resnet(embedding_size: int = EMBEDDING) -> keras.Model:
    """The untrained network: sRGB images in [0, 1] to (features, embedding of unit length)."""
    images = keras.Input((*IMAGE_SIZE, 3))
    x = layers.Rescaling(255.0 / 128.0, -127.5 / 128.0)(images)
    for name, *convolution in STEM:
        x = _convolution(x, name, *convolution) if convolution else layers.MaxPooling2D(3, 2, name=name)(x)
    for k in range(5):
        x = _residual(x, f"repeat_1.{k}", BLOCK_35, 0.17)
    x = _reduction(x, "mixed_6a", MIXED_6A)
    for k in range(10):
        x = _residual(x, f"repeat_2.{k}", BLOCK_17, 0.10)
    x = _reduction(x, "mixed_7a", MIXED_7A)
    for k in range(5):
        x = _residual(x, f"repeat_3.{k}", BLOCK_8, 0.20)
    x = _residual(x, "block8", BLOCK_8, 1.0, relu=False)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dense(embedding_size, use_bias=False, name="last_linear")(features)
    x = layers.BatchNormalization(epsilon=EPSILON, name="last_bn")(x)
    embedding = layers.UnitNormalization(name="unit")(x)
    return keras.Model(images, [features, embedding], name="inception_resnet_v1")


def _convolution(x, name: str, filters: int, size, stride: int, padding: str):
    x = layers.Conv2D(filters, size, stride, padding=padding, use_bias=False, name=f"{name}.conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}.bn")(x)
    return layers.ReLU(name=f"{name}.relu")(x)


def _branches(x, name: str, branches: Mapping[str, list[tuple]]) -> list:
    ends = []
    for branch, convolutions in branches.items():
        end = x
        for k, convolution in enumerate(convolutions):
            number = f".{k}" if len(convolutions) > 1 else ""
            end = _convolution(end, f"{name}.{branch}{number}", *convolution)
        ends.append(end)
    return ends


def _residual(x, name: str, branches: Mapping[str, list[tuple]], scale: float, relu: bool = True):
    """x plus a fraction of what the branches make of it."""
    joined = layers.Concatenate(name=f"{name}.joined")(_branches(x, name, branches))
    correction = layers.Conv2D(x.shape[-1], 1, name=f"{name}.conv2d")(joined)
    total = layers.Add(name=f"{name}.sum")([layers.Rescaling(scale)(correction), x])
    return layers.ReLU(name=f"{name}.relu")(total) if relu else total


def _reduction(x, name: str, branches: Mapping[str, list[tuple]]):
    """Half the size, by strides in the branches and by a pool beside them."""
    ends = [*_branches(x, name, branches), layers.MaxPooling2D(3, 2, name=f"{name}.pool")(x)]
    return layers.Concatenate(name=f"{name}.joined")(ends)


def load_inception_resnet(path: str | Path) -> Encoder:
    """Inception-ResNet-v1 with weights from a `.npz` or `.h5` file of arrays, which also says how long the embedding is.

    Raises:
        EncoderError: the file is missing, of another kind, or lacks an array or has it in another shape.
    """
    path = find_weights(path)
    arrays = _by_our_names(read_arrays(path))
    head = arrays.get("last_linear/kernel")
    embedding = EMBEDDING if head is None or np.ndim(head) != 2 else np.shape(head)[1]
    network = build_inception_resnet(embedding)
    assign_weights(network, arrays, path)
    network.trainable = False
    template, alignment = scaled_templates(IMAGE_SIZE)
    return Encoder(
        "inception_resnet",
        network,
        IMAGE_SIZE,
        FEATURES,
        embedding,
        file_checksum(path),
        template,
        alignment,
        "the weights' own terms; the public ones were trained on VGGFace2 or CASIA-WebFace, which are for research",
    )


def _by_our_names(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by this module's names in Keras's layout, from any of the three namings; our own stay as they are."""
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition("/")
        module, _, field = name.rpartition(".")
        if not layer and field in _TORCH:
            found |= _from_torch(module, field, array)
        elif ours := _layer_of_deepface(layer.rpartition("/")[2]):
            found[f"{ours}/{kind}"] = array
        else:
            found[name] = array
    for name in [name for name in found if name.endswith("/beta")]:  # facenet's normalisations have no gain
        found.setdefault(name.replace("/beta", "/gamma"), np.ones_like(found[name]))
    return found


_TORCH = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def _from_torch(module: str, field: str, array: np.ndarray) -> dict[str, np.ndarray]:
    if module.endswith("bn"):
        return {f"{module}/{_TORCH[field]}": array}
    if field == "bias":
        return {f"{module}/bias": array}
    # (out, in, row, column), or (out, in)
    return {f"{module}/kernel": np.transpose(array, (2, 3, 1, 0) if np.ndim(array) == 4 else None)}


_STEM = re.compile(r"Conv2d_(\d[ab])_\dx\d")
_CORRECTION = re.compile(r"Block(35|17|8)_(\d+)_Conv2d_1x1")
_BRANCH = re.compile(r"(?:Block(35|17|8)_(\d+)|Mixed_(6a|7a))_Branch_(\d)_Conv2d_(?:(\d)([abc])_)?\dx\d")
_REPEATS = {"35": "repeat_1", "17": "repeat_2", "8": "repeat_3"}


def _layer_of_deepface(name: str) -> str | None:
    """Our name of a layer of deepface's Keras network; None of what isn't one."""
    plain = name.removesuffix("_BatchNorm")
    part = "bn" if plain != name else "conv"
    if plain == "Bottleneck":
        return "last_bn" if part == "bn" else "last_linear"
    if match := _STEM.fullmatch(plain):
        return f"conv2d_{match[1]}.{part}"
    if match := _CORRECTION.fullmatch(plain):
        return f"{_repeat(match[1], match[2])}.conv2d"
    if match := _BRANCH.fullmatch(plain):
        block = f"mixed_{match[3]}" if match[3] else _repeat(match[1], match[2])
        branches = {"mixed_6a": MIXED_6A, "mixed_7a": MIXED_7A}.get(block, BLOCK_35 if match[1] == "35" else BLOCK_17)
        length = len(branches[f"branch{match[4]}"])
        # the letter counts the convolutions before the one that halves the size, which is called 1a
        place = length - 1 if match[5] == "1" else "abc".index(match[6] or "a")
        return f"{block}.branch{match[4]}{f'.{place}' if length > 1 else ''}.{part}"
    return None


def _repeat(size: str, number: str) -> str:
    return "block8" if (size, number) == ("8", "6") else f"{_REPEATS[size]}.{int(number) - 1}"
