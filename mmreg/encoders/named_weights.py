"""Weights of a Keras network from files of named arrays, in formats that hold nothing that could run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from mmreg.encoders.dlib_dat import EncoderError

__all__ = ["assign_weights", "read_arrays"]

KINDS = (".npz", ".h5", ".hdf5")


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays by name from a `.npz` or `.h5` file; in the latter a name is the path to the data set, without Keras 2's ":0".

    Raises:
        EncoderError: the file is missing, damaged, or of another kind; pickles (.pkl, .pt, .pth) are never opened.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise EncoderError(
            f"{path} is of another kind; weights are read from {', '.join(KINDS)} files, and pickles never."
        )
    if not path.is_file():
        raise EncoderError(f"{path} isn't there; give the path of a file of weights.")
    found: dict[str, np.ndarray] = {}
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        with h5py.File(path, "r") as file:
            file.visititems(
                lambda name, item: (
                    found.update({name.removesuffix(":0"): item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise EncoderError(f"{path} can't be read ({error}); get it again.") from error
    return found


def assign_weights(network: keras.Model, arrays: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Fills a network's layers from LAYER/kernel, LAYER/bias, …; arrays of other names are left alone.

    Raises:
        EncoderError: an array is missing, isn't finite, or has another number of values; the network is then as it was.
    """
    values = []
    for layer in network.layers:
        for variable in layer.weights:
            name = f"{layer.name}/{variable.name}"
            array = next((a for key, a in arrays.items() if key == name or key.endswith(f"/{name}")), None)
            if array is None:
                raise EncoderError(f"{path} has no array {name}, of the shape {tuple(variable.shape)}.")
            if np.size(array) != np.prod(variable.shape):
                raise EncoderError(
                    f"{path}: {name} should have the shape {tuple(variable.shape)}, but has {np.shape(array)}."
                )
            if not np.isfinite(array).all():
                raise EncoderError(f"{path}: {name} holds values that aren't finite.")
            values.append((variable, np.asarray(array, np.float32).reshape(variable.shape)))
    for variable, array in values:
        variable.assign(array)
