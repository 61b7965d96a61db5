"""Files in the layout of the Basel Face Model 2017 (Gerig et al. 2018), read and written.

    {shape,expression,color}/model/{mean,pcaBasis,pcaVariance,noiseVariance}     (3N,) (3N, K) (K,) ()
    {shape,expression,color}/representer/{points,cells}                           (3, N) (3, T)
    metadata/landmarks/json

Millimetres, colour in [0, 1] sRGB, interleaved x y z. The basis has unit columns; W is the root of `pcaVariance`. A file
written here also has a group /mmreg for what the layout has no place for: name, licence, landmarks as vertex indices, regions,
expression units.

Get the model itself, under its own terms, from https://faces.dmi.unibas.ch/bfm/bfm2017.html: model2017-1_bfm_nomouth.h5
(53,149 vertices) or model2017-1_face12_nomouth.h5 (the face alone).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from mmreg.arrays import Float, Int, atomic_path
from mmreg.face.landmarks import NOSE_TIP, multi_pie_name
from mmreg.face.linear_space import LinearSpace
from mmreg.face.morphable_model import FaceModelError, MorphableModel

__all__ = ["read_basel", "write_basel"]

BASEL_LICENSE = "Basel Face Model 2017: for research, not to be passed on; see the terms it was received under"
_GROUPS = {"shape": "shape", "albedo": "color", "expression": "expression"}
LANDMARK_REACH_MM = 5.0  # ours: a named point further than this from every vertex lies on what was cut away

# Basel's names for points of the Multi-PIE chart. Its file names no others of the 68.
_CHART = {
    "center.nose.tip": NOSE_TIP,
    "center.chin.tip": multi_pie_name(9),
    "right.eye.corner_outer": multi_pie_name(37),
    "right.eye.corner_inner": multi_pie_name(40),
    "left.eye.corner_inner": multi_pie_name(43),
    "left.eye.corner_outer": multi_pie_name(46),
    "right.lips.corner": multi_pie_name(49),
    "center.lips.upper.outer": multi_pie_name(52),
    "left.lips.corner": multi_pie_name(55),
    "center.lips.lower.outer": multi_pie_name(58),
    "center.lips.upper.inner": multi_pie_name(63),
    "center.lips.lower.inner": multi_pie_name(67),
}


def read_basel(path: str | Path) -> MorphableModel:
    """Reads an h5 file in the layout above; K and N are what the file says.

    `cells` may be (3, T) or (T, 3), `points` are not needed; landmarks may be a list of records with `id` and `coordinates`
    or a mapping from name to coordinates, each taken to the nearest vertex. Basel names twelve points of Multi-PIE's chart,
    which get the chart's names too; more are read from NAME.landmarks.json beside NAME.h5, {name: vertex index}, if that exists.
    Both cuts of the 2017 model are read, bfm (with ears and throat) and face12 (the face alone).

    Raises:
        FaceModelError: what the file lacks or has wrong, by dataset.
    """
    path = Path(path)
    if not path.is_file():
        kind = "is a folder, not a face model" if path.is_dir() else "doesn't exist"
        raise FaceModelError(f'{path} {kind}; give an h5 file in the layout of the Basel Face Model 2017, or "open".')
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FaceModelError(
            f"{path} is not a whole HDF5 file; give an h5 file in the layout of the Basel Face Model 2017 (if it was "
            "downloaded, download it again)."
        ) from error
    with file:
        if not any(group in file for group in _GROUPS.values()):
            raise FaceModelError(
                f"{path} is HDF5 but not a face model: expected the groups shape, color and expression, found "
                f"{', '.join(sorted(file)[:6]) or 'nothing'}; give a file in the layout of the Basel Face Model 2017."
            )
        shape = _read_space(file, "shape")
        spaces = {"shape": shape} | {
            field: _read_space(file, _GROUPS[field], len(shape.mean)) for field in ("albedo", "expression")
        }
        mean = (shape.mean + spaces["expression"].mean).reshape(-1, 3)
        extras = _read_extras(file, len(mean), spaces["expression"].component_count)
        triangles = _read_triangles(file, len(mean))
        if "mmreg" not in file and not _faces_outwards(mean, triangles):
            triangles = np.ascontiguousarray(triangles[:, ::-1])
        landmarks = extras.pop("landmarks") or _read_landmarks(file, mean)
        return MorphableModel(
            **{"name": path.stem, "license": BASEL_LICENSE} | extras,
            **spaces,
            triangles=triangles,
            landmarks=landmarks | _read_sidecar(path, len(mean)),
        )


def write_basel(model: MorphableModel, path: str | Path) -> None:
    """Writes the layout above; reading it back gives the same arrays, bit by bit.

    Raises:
        InputError: the folder can't be written.
    """
    mean = model.mean_positions()
    with atomic_path(path) as partial, h5py.File(partial, "w") as file:
        for field, group in _GROUPS.items():
            space: LinearSpace = getattr(model, field)
            file[f"{group}/model/mean"] = space.mean
            file[f"{group}/model/pcaBasis"] = space.basis
            file[f"{group}/model/pcaVariance"] = space.standard_deviations.astype(np.float64) ** 2
            file[f"{group}/model/noiseVariance"] = np.float32(0)
            file[f"{group}/representer/points"] = mean.T
            file[f"{group}/representer/cells"] = model.triangles.T
        records = [{"id": name, "coordinates": mean[i].tolist()} for name, i in model.landmarks.items()]
        file["metadata/landmarks/json"] = json.dumps(records)
        file["mmreg/name"] = model.name
        file["mmreg/license"] = model.license
        file["mmreg/landmarks"] = json.dumps(dict(model.landmarks))
        for name, mask in model.regions.items():
            file[f"mmreg/regions/{name}"] = mask.astype(np.uint8)
        for name, coefficients in model.expression_units.items():
            file[f"mmreg/expression_units/{name}"] = coefficients


def _dataset(file: h5py.File, name: str) -> np.ndarray | np.generic | bytes | str:
    if name not in file or not isinstance(file[name], h5py.Dataset):
        raise FaceModelError(
            f"{file.filename} lacks the dataset {name}; expected the layout of the Basel Face Model 2017 "
            "(model2017-1_bfm_nomouth.h5 has it)."
        )
    try:
        return file[name][()]
    except OSError as error:
        raise FaceModelError(
            f"{file.filename}: the dataset {name} is damaged ({error}); download the file again."
        ) from error


def _numbers(file: h5py.File, name: str, expected: tuple[int | None, ...], meaning: str) -> Float[np.ndarray, "..."]:
    """A dataset as float32 after checking its shape, where None allows any length, and that every number is finite."""
    values = np.asarray(_dataset(file, name))
    fits = values.ndim == len(expected) and all(e in (None, n) for e, n in zip(expected, values.shape, strict=True))
    if not fits or values.dtype.kind not in "fiu" or values.size == 0:
        wanted = ", ".join("any" if e is None else str(e) for e in expected)
        raise FaceModelError(
            f"{file.filename}: the dataset {name} must be numbers of shape ({wanted}), {meaning}; got "
            f"{values.dtype} of shape {values.shape}."
        )
    values = values.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise FaceModelError(f"{file.filename}: the dataset {name} has values that are not finite; get the file again.")
    return values


def _read_space(file: h5py.File, group: str, coordinate_count: int | None = None) -> LinearSpace:
    mean = _numbers(file, f"{group}/model/mean", (coordinate_count,), "three numbers a vertex")
    if len(mean) % 3:
        raise FaceModelError(
            f"{file.filename}: the dataset {group}/model/mean must have three numbers a vertex; got {len(mean)}, "
            "which is no multiple of 3."
        )
    variances = _numbers(file, f"{group}/model/pcaVariance", (None,), "one variance a component")
    variances = np.asarray(_dataset(file, f"{group}/model/pcaVariance"), np.float64)  # the root needs all its digits
    if (variances < 0).any():
        raise FaceModelError(f"{file.filename}: the dataset {group}/model/pcaVariance has negative variances.")
    basis = _numbers(
        file, f"{group}/model/pcaBasis", (len(mean), len(variances)), "a row a coordinate, a column a component"
    )
    return LinearSpace(mean, np.ascontiguousarray(basis.T).T, np.sqrt(variances).astype(np.float32))


def _read_triangles(file: h5py.File, vertex_count: int) -> Int[np.ndarray, "triangle 3"]:
    name = "shape/representer/cells"
    cells = np.asarray(_dataset(file, name))
    if cells.ndim != 2 or 3 not in cells.shape or cells.dtype.kind not in "fiu":
        raise FaceModelError(
            f"{file.filename}: the dataset {name} must be vertex indices of shape (3, triangles); got {cells.dtype} of "
            f"shape {cells.shape}."
        )
    triangles = cells.T if cells.shape[0] == 3 else cells
    within = (
        (triangles >= 0) & (triangles < vertex_count) & (triangles % 1 == 0)
    )  # of no triangle: a crop may have none
    if not within.all():
        raise FaceModelError(
            f"{file.filename}: the dataset {name} must hold vertex indices from 0 to {vertex_count - 1}; it has others."
        )
    return np.ascontiguousarray(triangles, np.int32)


def _faces_outwards(positions: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]) -> bool:
    """Whether the corners run counter-clockwise seen from outside: the volume over the centre, Σ p₀·(p₁ × p₂), is positive."""
    p = (positions - positions.mean(axis=0)).astype(np.float64)[triangles]  # t corner xyz
    return bool((p[:, 0] * np.cross(p[:, 1], p[:, 2])).sum() >= 0)


def _read_landmarks(file: h5py.File, mean: Float[np.ndarray, "vertex 3"]) -> dict[str, int]:
    """Named points of `metadata/landmarks/json`, as nearest vertices; none where the file has none."""
    name = "metadata/landmarks/json"
    if name not in file:
        return {}
    try:
        points = dict(_landmark_points(json.loads(_text(_dataset(file, name)))))
    except (KeyError, TypeError, ValueError) as error:
        raise FaceModelError(
            f"{file.filename}: the dataset {name} must be JSON, a list of {{id, coordinates}} or a mapping from name to "
            "coordinates; it is neither."
        ) from error
    landmarks = _nearest_vertices(points, [mean, *_reference_points(file, len(mean))])
    for basel, chart in _CHART.items():
        if basel in landmarks:
            landmarks.setdefault(chart, landmarks[basel])
    return landmarks


def _reference_points(file: h5py.File, vertex_count: int) -> list[Float[np.ndarray, "vertex 3"]]:
    """`shape/representer/points`, the mesh that the model's builders marked; none where it is missing or of another size."""
    name = "shape/representer/points"
    points = np.asarray(file[name][()]) if isinstance(file.get(name), h5py.Dataset) else np.zeros(0)
    if points.shape == (3, vertex_count):
        points = points.T
    return [points] if points.shape == (vertex_count, 3) and np.isfinite(points).all() else []


def _nearest_vertices(points: dict[str, np.ndarray], meshes: list[Float[np.ndarray, "vertex 3"]]) -> dict[str, int]:
    """Each point's nearest vertex, on the mesh that the points lie nearest to: they may be given on the mean or on the reference.

    A cut of the model keeps the whole list, so points that are near no vertex are left out.
    """
    found = []
    for mesh in meshes:
        squared = {key: ((mesh - point) ** 2).sum(axis=1) for key, point in points.items()}
        found.append({key: (int(np.argmin(d)), float(np.sqrt(d.min()))) for key, d in squared.items()})
    best = min(found, key=lambda nearest: np.median([distance for _, distance in nearest.values()] or [0.0]))
    return {key: index for key, (index, distance) in best.items() if distance <= LANDMARK_REACH_MM}


def _landmark_points(records: list | dict) -> list[tuple[str, np.ndarray]]:
    if isinstance(records, Mapping):
        pairs = [(key, v["coordinates"] if isinstance(v, Mapping) else v) for key, v in records.items()]
    else:
        pairs = [(record["id"], record["coordinates"]) for record in records]
    points = [(str(key), np.array(coordinates, np.float64)) for key, coordinates in pairs]
    if any(point.shape != (3,) for _, point in points):
        raise ValueError("coordinates must be three numbers")
    return points


def _text(value: bytes | str | np.ndarray | np.generic) -> str:
    """A string dataset, whichever way it was stored: text, bytes, or an array of either."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.dtype == object else value.tobytes()
    if isinstance(value, np.void):
        value = value.tobytes()
    return value.decode("utf-8").rstrip("\0") if isinstance(value, bytes) else str(value)


def _read_sidecar(path: Path, vertex_count: int) -> dict[str, int]:
    """Landmarks of NAME.landmarks.json beside NAME.h5; none where it doesn't exist."""
    sidecar = path.with_suffix(".landmarks.json")
    if not sidecar.is_file():
        return {}
    try:
        return _vertex_indices(json.loads(sidecar.read_text(encoding="utf-8")), vertex_count)
    except (TypeError, ValueError, AttributeError) as error:
        raise FaceModelError(
            f"{sidecar} must be JSON, a mapping from landmark name to vertex index below {vertex_count} ({error})."
        ) from error


def _vertex_indices(record: Mapping[str, int], vertex_count: int) -> dict[str, int]:
    for name, index in record.items():
        if not isinstance(index, int) or not 0 <= index < vertex_count:
            raise ValueError(f"{name} is at {index!r}")
    return dict(record)


def _read_extras(file: h5py.File, vertex_count: int, expression_count: int) -> dict:
    """What `write_basel` adds under /mmreg; `landmarks` empty and nothing else where the group is missing."""
    if "mmreg" not in file:
        return {"landmarks": {}}
    group = file["mmreg"]
    try:
        landmarks = _vertex_indices(json.loads(_text(group["landmarks"][()])), vertex_count)
        regions = {name: mask[()].astype(bool) for name, mask in group.get("regions", {}).items()}
        units = {name: values[()].astype(np.float32) for name, values in group.get("expression_units", {}).items()}
        if any(mask.shape != (vertex_count,) for mask in regions.values()):
            raise ValueError("a region has another number of vertices")
        if any(values.shape != (expression_count,) for values in units.values()):
            raise ValueError("an expression unit has another number of components")
        texts = {name: _text(group[name][()]) for name in ("name", "license")}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FaceModelError(f"{file.filename}: the group mmreg is damaged ({error}); save the model again.") from error
    return texts | {"landmarks": landmarks, "regions": regions, "expression_units": units}
