"""The open face model that ships with the package, read from `open_face.npz`.

The file holds integers. A vertex's number is predicted from four vertices that are known before it, and the difference is
stored; the differences are small, which is what makes the file small:

    qᵥ = rᵥ + ⌊(q_a + q_b + q_c + q_d + 2) / 4⌋

The mesh is its own mirror image, and so is every component, up to its sign; the file holds one half of the vertices.

Every field is then one float32 product per number, so it is the same to the last bit on every machine:

    mean = q₀ · step        basis column k = qₖ · factorₖ,   factorₖ = step / σₖ
"""

from __future__ import annotations

import itertools
import json
import lzma
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, Int
from mmreg.face.identity_sampler import IdentitySampler
from mmreg.face.linear_space import LinearSpace
from mmreg.face.morphable_model import FaceModelError, MorphableModel

__all__ = [
    "OPEN_FACE_FILE",
    "Mirror",
    "PredictionPlan",
    "load_identity_sampler",
    "load_mirror",
    "load_open_face",
    "load_prediction_plan",
    "predict",
    "read_packed_model",
    "undo_prediction",
    "unpack_model",
]

OPEN_FACE_FILE = Path(str(resources.files("mmreg.face"))) / "open_face.npz"


SPACES = ("shape", "albedo", "expression")


class Mirror(NamedTuple):
    """How the open model changes left and right: a face's mirror image has the coefficients parity ∘ c.

    Attributes:
        vertices: the mirror image of each vertex, its own for those on the midline.
        shape, albedo, expression: +1 for a component that looks the same mirrored, −1 for one that turns its sign.
    """

    vertices: Int[np.ndarray, " vertex"]
    shape: Int[np.ndarray, " shape_component"]
    albedo: Int[np.ndarray, " albedo_component"]
    expression: Int[np.ndarray, " expression_component"]


@cache
def load_open_face() -> MorphableModel:
    """The embedded model: 29,841 vertices, 199 shape, 199 albedo, 85 expression components; read once a process."""
    return read_packed_model(OPEN_FACE_FILE)


@cache
def load_mirror() -> Mirror:
    """The embedded model's mirror."""
    stored = _read(OPEN_FACE_FILE, ("mirror", *(f"{name}_parity" for name in SPACES)))
    return Mirror(stored["mirror"].astype(np.int32), *(stored[f"{name}_parity"] for name in SPACES))


@cache
def load_prediction_plan() -> PredictionPlan:
    """How the embedded model's file predicts vertices from their neighbours; other files about its mesh are packed alike."""
    stored = _read(OPEN_FACE_FILE, PredictionPlan._fields)
    return PredictionPlan(*(stored[name] for name in PredictionPlan._fields))


@cache
def load_identity_sampler() -> IdentitySampler:
    """The people of the embedded model."""
    stored = _read(OPEN_FACE_FILE, ("people_regression", "people_shape_factors", "people_albedo_factors"))
    return IdentitySampler(
        stored["people_regression"],
        _lower_triangles(stored["people_shape_factors"]),
        _lower_triangles(stored["people_albedo_factors"]),
    )


def _lower_triangles(packed: np.ndarray) -> Float[np.ndarray, "matrix k k"]:
    """Matrices from the rows of their lower triangles, one after the other, float32."""
    size = int((np.sqrt(8 * packed.shape[1] + 1) - 1) / 2)
    matrices = np.zeros((len(packed), size, size), np.float32)
    rows, columns = np.tril_indices(size)
    matrices[:, rows, columns] = packed
    return matrices


def read_packed_model(path: str | Path) -> MorphableModel:
    """Reads a packed model: an npz with `metadata` (JSON), `order`, `level_sizes`, `predictors`, `triangles`, regions, spaces.

    Raises:
        FaceModelError: the file is missing or damaged.
    """
    stored = _read(path)
    try:
        return unpack_model(stored, json.loads(stored["metadata"].tobytes()))
    except (KeyError, ValueError) as error:
        raise _not_a_model(path, error) from error


def _read(path: str | Path, names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Arrays of a packed model by name; all of them where no names are given. The large ones are unpacked side by side."""

    def read(name: str) -> np.ndarray:
        with np.load(path, allow_pickle=False) as file:
            return file[name]

    try:
        with np.load(path, allow_pickle=False) as file:
            names = names or tuple(file.files)
        with ThreadPoolExecutor(len(SPACES)) as threads:
            return dict(zip(names, threads.map(read, names), strict=True))
    except (OSError, EOFError, KeyError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise _not_a_model(path, error) from error


def _not_a_model(path: str | Path, error: Exception) -> FaceModelError:
    return FaceModelError(
        f"{path} is not a packed face model ({error}); install the package again to get the embedded model back."
    )


def unpack_model(stored: dict[str, np.ndarray], metadata: dict) -> MorphableModel:
    """The model from the arrays of a packed file and its metadata."""
    region_bits = np.unpackbits(stored["regions"], axis=1, count=len(stored["mirror"])).astype(bool)
    with ThreadPoolExecutor(len(SPACES)) as threads:
        spaces = dict(zip(SPACES, threads.map(lambda name: _unpack_space(stored, name), SPACES), strict=True))
    return MorphableModel(
        name=metadata["name"],
        **spaces,
        triangles=stored["triangles"].astype(np.int32),
        landmarks={name: int(index) for name, index in metadata["landmarks"].items()},
        license=metadata["license"],
        regions=dict(zip(metadata["regions"], region_bits, strict=True)),
        expression_units=dict(zip(metadata["expression_units"], stored["expression_units"], strict=True)),
    )


def _unpack_space(stored: dict[str, np.ndarray], name: str) -> LinearSpace:
    plan = PredictionPlan(stored["order"], stored["level_sizes"], stored["predictors"])
    numbers = undo_prediction(stored[f"{name}_residuals"], plan)  # (1 + component) axis left
    factors = np.concatenate([stored[f"{name}_step"].reshape(1), stored[f"{name}_factors"]])
    parities = np.concatenate([[1], stored[f"{name}_parity"]])
    mirror = stored["mirror"].astype(np.intp)
    left = left_vertices(mirror)
    source = np.empty(len(mirror), np.intp)  # of each vertex, the left one that says where it is
    source[mirror[left]] = source[left] = np.arange(len(left))
    is_reflected = np.ones(len(mirror), bool)
    is_reflected[left] = False
    place = (source[:, None] + len(left) * np.arange(3)).reshape(-1)  # in a row of numbers, of each coordinate
    flip = np.array([stored[f"{name}_flip"].item(), 1, 1], np.float32)  # of x: −1 for vectors, 1 for colours
    signs = {p: np.where(is_reflected[:, None], p * flip, np.float32(1)).reshape(-1) for p in (1, -1)}
    rows = np.empty((len(numbers), 3 * len(mirror)), np.float32)  # row = mean | component
    for row, row_numbers, factor, parity in zip(rows, numbers, factors, parities, strict=True):
        np.multiply(row_numbers.reshape(-1).take(place, mode="clip"), signs[int(parity)], out=row)
        row *= factor
    return LinearSpace(rows[0], rows[1:].T, stored[f"{name}_standard_deviations"])


def left_vertices(mirror: Int[np.ndarray, " vertex"]) -> Int[np.ndarray, " left"]:
    """The vertices that the file holds: of each mirrored pair the first, and those that are their own mirror image."""
    return np.flatnonzero(np.arange(len(mirror)) <= mirror)


class PredictionPlan(NamedTuple):
    """In which order vertices are decoded, and from which four the later ones are predicted.

    Attributes:
        order: the vertex, of the left ones, at each place of that order.
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
    """The numbers, in the order of the left vertices, from their residuals (int16), in the order of decoding."""
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
