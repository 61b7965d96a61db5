"""Packs a face model into the small file that `mmreg.face.open_face` reads: quantise, predict, compress.

The steps are the same for every component, in millimetres and in sRGB per standard deviation: a coefficient is about one,
so every component's error weighs the same, and one that matters little costs few bits.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from mmreg.arrays import atomic_path
from mmreg.face import LinearSpace, MorphableModel
from mmreg.face.identity_sampler import IdentitySampler
from mmreg.face.open_face import Mirror, PredictionPlan, left_vertices, predict, read_packed_model, undo_prediction

STEPS = {"shape": 0.006, "albedo": 0.0005, "expression": 0.006}  # mm, sRGB, mm
CANDIDATES = 8  # known neighbours among which a vertex's four predictors are sought
ROUNDS = 7


def pack_model(
    model: MorphableModel, path: str | Path, mirror: Mirror | None = None, people: IdentitySampler | None = None
) -> None:
    """Writes the packed model; see `mmreg.face.open_face` for what is in it.

    Args:
        mirror: of a symmetric model, so that half of it is enough; None keeps all.
        people: the model's identity sampler.
    """
    mirror = mirror or _no_mirror(model)
    left = left_vertices(mirror.vertices)
    numbers, arrays = {}, {}
    for name, step in STEPS.items():
        numbers[name], fields = _quantise(getattr(model, name), step)
        numbers[name] = np.ascontiguousarray(numbers[name][:, :, left])
        is_flipped = name != "albedo" and (mirror.vertices != np.arange(model.vertex_count)).any()
        fields |= {"parity": getattr(mirror, name).astype(np.int8), "flip": np.array(-1 if is_flipped else 1, np.int8)}
        arrays |= {f"{name}_{field}": values for field, values in fields.items()}
    new_index = np.full(model.vertex_count, -1)
    new_index[left] = np.arange(len(left))
    triangles = new_index[model.triangles]
    plan = plan_prediction(_features(numbers), triangles[(triangles >= 0).all(axis=1)], model.mean_positions()[left])
    for name, values in numbers.items():
        arrays[f"{name}_residuals"] = _residuals(values, plan)
    arrays |= {
        "mirror": mirror.vertices.astype(np.uint16),
        "order": plan.order.astype(np.uint16),
        "level_sizes": plan.level_sizes.astype(np.int32),
        "predictors": plan.predictors.astype(np.uint16),
        "triangles": model.triangles.astype(np.uint16),
    }
    if people is not None:
        arrays |= {
            "people_regression": people.regression.astype(np.float32),
            "people_shape_factors": _lower_rows(people.shape_factors),
            "people_albedo_factors": _lower_rows(people.albedo_factors),
        }
    _write(model, arrays, path)


def _no_mirror(model: MorphableModel) -> Mirror:
    ones = [np.ones(getattr(model, name).component_count, np.int8) for name in STEPS]
    return Mirror(np.arange(model.vertex_count), *ones)


def _lower_rows(matrices: np.ndarray) -> np.ndarray:
    """The lower triangles of square matrices, row by row, float16: a factor's rounding is far below what it was estimated to."""
    rows, columns = np.tril_indices(matrices.shape[1])
    return matrices[:, rows, columns].astype(np.float16)


def renew_description(model: MorphableModel, path: str | Path) -> None:
    """Gives the packed model at `path` the name, licence, landmarks, regions and expression units of `model`.

    Its numbers stay, and with them its checksum and the weights that were trained on it.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    kept = read_packed_model(path)
    if not np.array_equal(kept.triangles, model.triangles):
        raise ValueError(f"{path} has another mesh than the model: pack the model instead")
    space = model.expression
    units = {
        name: (space.basis @ (space.standard_deviations * c))
        @ kept.expression.basis
        / kept.expression.standard_deviations
        for name, c in model.expression_units.items()
    }
    _write(dataclasses.replace(model, expression_units=units), arrays, path)


def _write(model: MorphableModel, arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """An npz of the arrays and of what describes the model; its bytes depend on these alone: fixed dates, LZMA inside."""
    metadata = {
        "name": model.name,
        "license": model.license,
        "landmarks": dict(model.landmarks),
        "regions": list(model.regions),
        "expression_units": list(model.expression_units),
    }
    arrays = arrays | {
        "metadata": np.frombuffer(json.dumps(metadata, ensure_ascii=False).encode(), np.uint8),
        "regions": np.packbits(np.stack(list(model.regions.values())), axis=1),
        "expression_units": np.stack(list(model.expression_units.values())).astype(np.float32),
    }
    with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, values in sorted(arrays.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(values), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, buffer.getvalue(), compress_type=zipfile.ZIP_LZMA)


def _quantise(space: LinearSpace, step: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Mean and σ-scaled components as int16 multiples of the step, with what turns them back.

    The deviations are measured on the quantised components, so that the columns of the basis have unit length.
    """
    step = np.float32(step)
    scaled = space.basis.T.astype(np.float64) * space.standard_deviations[:, None]
    rows = np.round(np.concatenate([space.mean[None], scaled]) / np.float64(step))  # (1 + component) 3n
    if np.abs(rows).max() > np.iinfo(np.int16).max:
        raise ValueError(f"a step of {step} is too small for 16 bits")
    standard_deviations = (np.linalg.norm(rows[1:], axis=1) * np.float64(step)).astype(np.float32)
    fields = {
        "step": step.reshape(1),
        "factors": (np.float64(step) / standard_deviations).astype(np.float32),
        "standard_deviations": standard_deviations,
    }
    return rows.astype(np.int16).reshape(len(rows), -1, 3).transpose(0, 2, 1).copy(), fields


def _features(numbers: dict[str, np.ndarray], rows: int = 16) -> np.ndarray:
    """(vertex, feature) what the predictors are chosen by: the means and the first components."""
    return np.concatenate([values[: 1 + rows].reshape(-1, values.shape[2]) for values in numbers.values()]).T.astype(
        np.float32
    )


def plan_prediction(features: np.ndarray, triangles: np.ndarray, positions: np.ndarray) -> PredictionPlan:
    """Takes a third of the vertices away, no two of them neighbours, each predicted from four that stay; and again."""
    count = len(features)
    graph = _edges(triangles, count)
    remaining = np.arange(count)
    levels: list[tuple[np.ndarray, np.ndarray]] = []  # vertices, their four predictors
    for _ in range(ROUNDS):
        taken = _independent_set(graph, remaining)
        predictors = np.stack([_best_four(v, graph, features, positions) for v in taken])
        levels.append((taken, predictors))
        is_taken = np.zeros(count, bool)
        is_taken[taken] = True
        remaining = remaining[~is_taken[remaining]]
        graph = _without(graph, is_taken)
    levels = levels[::-1]
    order = np.concatenate([remaining, *(vertices for vertices, _ in levels)])
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    return PredictionPlan(
        order,
        np.array([len(remaining), *(len(vertices) for vertices, _ in levels)]),
        place[np.concatenate([predictors for _, predictors in levels])].T,
    )


def _edges(triangles: np.ndarray, count: int) -> sparse.csr_matrix:
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), (count, count)).tocsr()
    return ((graph + graph.T) > 0).astype(np.int8).tocsr()


def _without(graph: sparse.csr_matrix, is_taken: np.ndarray) -> sparse.csr_matrix:
    """The graph of the vertices that stay, where two are neighbours also through one that goes."""
    stay, go = sparse.diags((~is_taken).astype(float)), sparse.diags(is_taken.astype(float))
    links = graph.astype(float)
    joined = (stay @ (links + links @ go @ links) @ stay).tocoo()
    kept = joined.row != joined.col
    ends = (joined.row[kept], joined.col[kept])
    return sparse.csr_matrix((np.ones(len(ends[0]), np.int8), ends), graph.shape)


def _independent_set(graph: sparse.csr_matrix, vertices: np.ndarray) -> np.ndarray:
    """Vertices with at least three neighbours, no two of them neighbours, greedily; fewest neighbours first."""
    degree = np.diff(graph.indptr)
    blocked = np.zeros(graph.shape[0], bool)
    taken = []
    for v in vertices[np.argsort(degree[vertices], kind="stable")]:
        if not blocked[v] and degree[v] >= 3:
            taken.append(v)
            blocked[graph.indices[graph.indptr[v] : graph.indptr[v + 1]]] = True
    return np.array(taken)


def _best_four(v: int, graph: sparse.csr_matrix, features: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The four neighbours (or two, each twice) whose mean is nearest to the vertex's features."""
    near = graph.indices[graph.indptr[v] : graph.indptr[v + 1]]
    near = near[np.argsort(((positions[near] - positions[v]) ** 2).sum(1), kind="stable")[:CANDIDATES]]
    pairs = [(a, a, b, b) for a, b in itertools.combinations(range(len(near)), 2)]
    choices = np.array(pairs + list(itertools.combinations(range(len(near)), 4)))
    error = np.abs(features[near][choices].mean(axis=1) - features[v]).sum(axis=1)
    return near[choices[np.argmin(error)]]


def _residuals(numbers: np.ndarray, plan: PredictionPlan) -> np.ndarray:
    """What remains of the numbers after the prediction, in the order of decoding."""
    residuals = numbers[..., plan.order]
    first = plan.level_sizes[0]
    for row in residuals:  # differences may leave 16 bits and come back when they are added again
        row[:, first:] -= predict(row.copy(), plan.predictors)
    assert (undo_prediction(residuals, plan) == numbers).all()
    return residuals
