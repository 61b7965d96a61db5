"""The open face model that ships with the package, read from `open_face.npz`.

The file holds integers. A vertex's number is predicted from four vertices that are known before it, and the difference is
stored; the differences are small, which is what makes the file small:

    qᵥ = rᵥ + ⌊(q_a + q_b + q_c + q_d + 2) / 4⌋

Every field is then one float32 product per number, so it is the same to the last bit on every machine:

    mean = q₀ · step        basis column k = qₖ · factorₖ,   factorₖ = step / σₖ
"""

from __future__ import annotations

import itertools
import json
import lzma
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Int
from mmreg.face.morphable_model import FaceModelError, LinearSpace, MorphableModel

__all__ = [
    "OPEN_FACE_FILE",
    "PredictionPlan",
    "load_open_face",
    "predict",
    "read_packed_model",
    "undo_prediction",
    "unpack_model",
]

OPEN_FACE_FILE = Path(str(resources.files("mmreg.face"))) / "open_face.npz"


@cache
def load_open_face() -> MorphableModel:
    """The embedded model: 30,481 vertices, 199 shape, 199 albedo, 85 expression components; read once a process."""
    return read_packed_model(OPEN_FACE_FILE)


def read_packed_model(path: str | Path) -> MorphableModel:
    """Reads a packed model: an npz with `metadata` (JSON), `order`, `level_sizes`, `predictors`, `triangles`, regions, spaces.

    Raises:
        FaceModelError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        return unpack_model(stored, json.loads(stored["metadata"].tobytes()))
    except (OSError, EOFError, KeyError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise FaceModelError(
            f"{path} is not a packed face model ({error}); install the package again to get the embedded model back."
        ) from error


def unpack_model(stored: dict[str, np.ndarray], metadata: dict) -> MorphableModel:
    """The model from the arrays of a packed file and its metadata."""
    region_bits = np.unpackbits(stored["regions"], axis=1, count=len(stored["order"])).astype(bool)
    return MorphableModel(
        name=metadata["name"],
        shape=_unpack_space(stored, "shape"),
        albedo=_unpack_space(stored, "albedo"),
        expression=_unpack_space(stored, "expression"),
        triangles=stored["triangles"].astype(np.int32),
        landmarks={name: int(index) for name, index in metadata["landmarks"].items()},
        license=metadata["license"],
        regions=dict(zip(metadata["regions"], region_bits, strict=True)),
        expression_units=dict(zip(metadata["expression_units"], stored["expression_units"], strict=True)),
    )


def _unpack_space(stored: dict[str, np.ndarray], name: str) -> LinearSpace:
    plan = PredictionPlan(stored["order"], stored["level_sizes"], stored["predictors"])
    numbers = undo_prediction(stored[f"{name}_residuals"], plan)  # (1 + component) axis vertex
    factors = np.concatenate([stored[f"{name}_step"].reshape(1), stored[f"{name}_factors"]])
    rows = np.empty((len(numbers), numbers.shape[2], 3), np.float32)  # row = mean | component
    for row, row_numbers, factor in zip(rows, numbers, factors, strict=True):
        np.multiply(row_numbers.T, factor, out=row)
    rows = rows.reshape(len(rows), -1)
    return LinearSpace(rows[0], rows[1:].T, stored[f"{name}_standard_deviations"])


class PredictionPlan(NamedTuple):
    """In which order vertices are decoded, and from which four the later ones are predicted.

    Attributes:
        order: the mesh's vertex at each place of that order.
        level_sizes: the first level's numbers are stored as they are, each later level is predicted from earlier ones.
        predictors: places of the four vertices that predict each vertex after the first level.
    """

    order: Int[np.ndarray, " vertex"]
    level_sizes: Int[np.ndarray, " level"]
    predictors: Int[np.ndarray, "4 predicted"]


def predict(
    known: Int[np.ndarray, "3 vertex"], predictors: Int[np.ndarray, "4 predicted"]
) -> Int[np.ndarray, "3 predicted"]:
    """⌊(q_a + q_b + q_c + q_d + 2) / 4⌋ for each column a b c d of `predictors`."""
    total = known.take(predictors, axis=1, mode="clip").sum(axis=1, dtype=np.int32)
    return ((total + 2) >> 2).astype(known.dtype)


def undo_prediction(
    residuals: Int[np.ndarray, "row 3 vertex"], plan: PredictionPlan
) -> Int[np.ndarray, "row 3 vertex"]:
    """The numbers, in the mesh's vertex order, from their residuals (int16), in the order of decoding."""
    starts = np.cumsum(plan.level_sizes)
    levels = [
        (start, end, plan.predictors[:, start - starts[0] : end - starts[0]].astype(np.intp))
        for start, end in itertools.pairwise(starts)
    ]
    place = np.argsort(plan.order)
    numbers = np.empty_like(residuals)
    for in_mesh_order, row_residuals in zip(numbers, residuals, strict=True):  # a row stays in the processor's cache
        row = row_residuals.copy()
        for start, end, predictors in levels:
            row[:, start:end] += predict(row, predictors)
        np.take(row, place, axis=1, mode="clip", out=in_mesh_order)
    return numbers
