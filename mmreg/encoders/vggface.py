"""VGG-Face, which judges in the paper: the network of Parkhi et al. (2015), whose φ(t) is the fully connected layer before the last.

Its weights are for research, and not included. `load_vggface` reads the authors' file for MatConvNet (`vgg_face.mat`), or arrays by this
module's layer names.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mmreg.encoders.dlib_dat import EncoderError
from mmreg.encoders.downloads import find_weights
from mmreg.encoders.named_weights import assign_weights, read_arrays
from mmreg.encoders.registry import Encoder
from mmreg.encoders.templates import scaled_templates
from mmreg.results import file_checksum

__all__ = ["build_vggface", "load_vggface"]

IMAGE_SIZE = (224, 224)
MEAN_RGB = (129.1863, 104.7624, 93.5940)  # of the training photographs, 0 to 255; from the authors' file
WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)  # convolutions before each pool
DESCRIPTOR = 4096


def build_vggface(widths: tuple[int, ...] = WIDTHS, descriptor: int = DESCRIPTOR) -> keras.Model:
    """The untrained network: sRGB images in [0, 1] to (φ, φ): the features are the embedding.

    Args:
        widths: filters of the five blocks.
        descriptor: length of φ; 4,096 in the paper.
    """
    images = keras.Input((*IMAGE_SIZE, 3))
    x = layers.Lambda(
        lambda image: 255.0 * image - np.array(MEAN_RGB, np.float32), output_shape=(*IMAGE_SIZE, 3), name="mean"
    )(images)
    for block, (width, depth) in enumerate(zip(widths, DEPTHS, strict=True), 1):
        for k in range(1, depth + 1):
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{block}_{k}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = layers.Conv2D(descriptor, 7, activation="relu", name="fc6")(x)
    x = layers.Conv2D(descriptor, 1, name="fc7")(x)  # φ(t) is taken before the ReLU
    descriptor_out = layers.Flatten(name="phi")(x)
    return keras.Model(images, [descriptor_out, descriptor_out], name="vggface")


def load_vggface(path: str | Path, network: keras.Model | None = None) -> Encoder:
    """VGG-Face with weights from the authors' `vgg_face.mat`, or from a `.npz` or `.h5` file of named arrays.

    Args:
        network: from `build_vggface`; None builds one of the published size.

    Raises:
        EncoderError: the file is missing, of another kind, or lacks an array or has it in another shape.
    """
    path = find_weights(path)
    network = network or build_vggface()
    arrays = _from_matconvnet(path) if path.suffix == ".mat" else read_arrays(path)
    assign_weights(network, arrays, path)
    network.trainable = False
    size = int(network.outputs[0].shape[-1])
    template, alignment = scaled_templates(IMAGE_SIZE)
    terms = "VGG-Face: for research that isn't commercial (Visual Geometry Group, Oxford)"
    return Encoder("vggface", network, IMAGE_SIZE, size, size, file_checksum(path), template, alignment, terms)


def _from_matconvnet(path: Path) -> dict[str, np.ndarray]:
    """Arrays by layer name from `net.layers{k}.{name, weights}`, or from the file's flat form, `layers`."""
    if not path.is_file():
        raise EncoderError(f"{path} isn't there; get vgg_face.mat from the Visual Geometry Group, under its terms.")
    try:
        file = loadmat(path, squeeze_me=True, struct_as_record=False)
    except (MatReadError, ValueError, NotImplementedError, TypeError, OSError) as error:
        raise EncoderError(
            f"{path} can't be read as a MATLAB file ({error}); expected MatConvNet's vgg_face.mat."
        ) from error
    found = {}
    for layer in np.atleast_1d(file["net"].layers if "net" in file else file.get("layers", [])):
        weights = getattr(layer, "weights", None)
        if weights is not None and len(np.atleast_1d(weights)) == 2:
            found[f"{layer.name}/kernel"] = np.atleast_1d(weights)[0]
            found[f"{layer.name}/bias"] = np.ravel(np.atleast_1d(weights)[1])
    if not found:
        raise EncoderError(f"{path} holds no layers with weights; expected MatConvNet's vgg_face.mat.")
    return found
