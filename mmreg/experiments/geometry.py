"""How far reconstructed faces are from scans (section 6.2): from videos, under several protocols, beside what knows less or more."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmreg.arrays import Float, InputError
from mmreg.data.encoded_sets import EncodedSet, encode_set, frames_of, thinned
from mmreg.data.records import Scan, ScannedPerson, ScanSet
from mmreg.data.sets import open_scans
from mmreg.evaluation.nearest_face import face_mesh, nearest_face
from mmreg.evaluation.protocols import PROTOCOLS, Comparison, Protocol
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.measurements import Face, Keeper, Record
from mmreg.face.morphable_model import MorphableModel
from mmreg.reconstruct import Reconstructor

__all__ = [
    "FEATURES",
    "MEAN_FACE",
    "MESHES",
    "NEAREST",
    "STAGE_ONE",
    "Face",
    "Record",
    "errors_of_people",
    "evaluate",
    "faces_of_video",
    "measured_faces",
    "run",
]

NAME = "geometry"
FEATURES, MESHES = "features averaged", "meshes averaged"  # the paper's way, and Tran et al.'s
STAGE_ONE, MEAN_FACE, NEAREST = "stage one alone", "the mean face", "the nearest face of the model"
SIZES = {"quick": {"people": 4, "frames": 3}, "full": {"people": 12, "frames": 6}}  # of the stand-in
_COUNTED = 512  # of a comparison's distances kept for the averages over everybody's, evenly: ours, for memory


def evaluate(setting: Setting) -> Result:
    """For `mmreg evaluate geometry`: MICC Florence, or its stand-in."""
    scans = open_scans("micc", **SIZES[setting.size], seed=setting.seed)
    if setting.size == "quick" and not scans.stand_in:
        scans = thinned(scans, **SIZES["quick"])
    return run(
        setting.reconstructor,
        scans,
        setting.stage_one,
        cache=setting.cache,
        seed=setting.seed,
        progress=setting.progress,
    )


def run(
    reconstructor: Reconstructor,
    scans: ScanSet,
    stage_one: Reconstructor | None = None,
    protocols: Sequence[Protocol] = tuple(PROTOCOLS.values()),
    cache: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Result:
    """Measures every person's reconstructions against the scan.

    A video's frames are encoded, and one face is reconstructed from the mean of the features (the paper); or the faces of the frames are
    averaged (Tran et al.), which in a linear model is the mean of their coefficients. The mean face of the model is what one has without
    looking; the face of the model nearest to the scan is what no regressor can pass.

    Args:
        stage_one: the regressor before it saw photographs, to be compared.
        protocols: of `PROTOCOLS`; one that needs landmarks which the scans lack is left out, and the numbers say so.
        cache: a folder that keeps the frames' encodings and each person's measurements.
        seed: unused, as nothing here is random; every experiment takes one.

    Returns:
        Numbers: errors by protocol, method and video, mean and deviation over people. Arrays: `error_map METHOD` (vertex,), the paper's
        distance averaged over people, NaN where no scan is; `shapes METHOD` (person, component), from the first video, in the order of
        `numbers["people"]`.
    """
    encoded = encode_set(frames_of(scans), [reconstructor.encoder], cache, progress=progress)
    records = measured_faces(reconstructor, scans, encoded, stage_one, protocols, progress, cache)
    return Result(
        NAME, _numbers(records, protocols, scans, encoded), [of_set(scans)], _maps(records) | _shapes(records)
    )


def measured_faces(
    reconstructor: Reconstructor,
    scans: ScanSet,
    encoded: EncodedSet,
    stage_one: Reconstructor | None = None,
    protocols: Sequence[Protocol] = tuple(PROTOCOLS.values()),
    progress: bool = True,
    cache: str | os.PathLike[str] | None = None,
) -> list[Record]:
    """`run`'s measurements, of everybody of whom some frame shows a face.

    Args:
        encoded: the frames of `scans` by `encoded_sets.frames_of`, the regressor's encoder first.
        cache: a folder that keeps each person's measurements, so that a stopped run goes on; None keeps nothing.

    Raises:
        InputError: of nobody.
    """
    faces = _Faces(reconstructor, stage_one, encoded, scans.read_as)
    usable = [person for person in scans.people if person.name in faces.rows]
    if not usable:
        raise InputError(f"No video of {scans.name} shows a face, so there is nothing to compare with its scans.")
    with ThreadPoolExecutor(_cores()) as pool:

        def each_person(task: Callable[[ScannedPerson], list[Record]], title: str) -> list[Record]:
            bar = tqdm(pool.map(task, usable), title, len(usable), unit="person", disable=None if progress else True)
            return [record for found in bar for record in found]

        made_of = [scans.checksum, faces.model.checksum, faces.checksums, faces.read_as, [p.name for p in protocols]]
        folder = None if cache is None else Path(cache) / "geometry"
        own = [p for p in protocols if not p.common_scale]
        kept = Keeper(folder, made_of)
        records = each_person(
            lambda person: kept.records(person.name, lambda: _measured(person, faces, own)), "measuring"
        )
        shared = [p for p in protocols if p.common_scale]
        if shared:
            scales = _scales(records)
            again = Keeper(folder, [*made_of, scales])
            records = each_person(
                lambda person: again.records(
                    person.name, lambda: _measured_again(person, records, shared, scales, faces.model)
                ),
                "one scale",
            )
    return records


def faces_of_video(
    regressors: Mapping[str, Reconstructor], features: Float[np.ndarray, "frame feature"], read_as: str = "photograph"
) -> dict[str, Float[np.ndarray, " component"]]:
    """Shapes by method: each regressor's from the mean of the features, and the mean of the first one's shapes over the frames."""
    mean = features.mean(axis=0, keepdims=True)
    found = {name: regressor.regress(mean, read_as).shape[0] for name, regressor in regressors.items()}
    first = next(iter(regressors.values()))
    return {**found, MESHES: first.regress(features, read_as).shape.mean(axis=0)}


class _Faces:
    """The faces to be measured of each person."""

    def __init__(
        self, reconstructor: Reconstructor, stage_one: Reconstructor | None, encoded: EncodedSet, read_as: str
    ):
        self.model, self.read_as = reconstructor.model, read_as
        frames = hashlib.sha256("\n".join(photo.name for photo in encoded.photos).encode()).hexdigest()
        self.checksums = [
            frames,
            reconstructor.encoder.checksum,
            *(r.loaded.checksum for r in (reconstructor, stage_one) if r),
        ]
        self.regressors = {FEATURES: reconstructor, **({STAGE_ONE: stage_one} if stage_one else {})}
        self.features, people = encoded.stores[0].features, encoded.people
        videos = np.array([str(photo.labels["video"]) for photo in encoded.photos])
        self.rows: dict[str, dict[str, np.ndarray]] = {}
        for person in dict.fromkeys(people.tolist()):
            own = people == person
            self.rows[person] = {v: np.flatnonzero(own & (videos == v)) for v in dict.fromkeys(videos[own].tolist())}

    def of_videos(self, person: str) -> Iterator[Face]:
        """One for each video and method."""
        for video, rows in self.rows.get(person, {}).items():
            for method, shape in faces_of_video(self.regressors, self.features[rows], self.read_as).items():
                yield Face(method, video, shape)

    def without_video(self, scan: Scan) -> Iterator[Face]:
        """What doesn't depend on a photograph."""
        yield Face(MEAN_FACE, "", np.zeros(self.model.shape.component_count, np.float32))
        yield Face(NEAREST, "", nearest_face(self.model, scan))


def _measured(person: ScannedPerson, faces: _Faces, protocols: Sequence[Protocol]) -> list[Record]:
    scan, found = person.read_scan(), []
    for face in [*faces.of_videos(person.name), *faces.without_video(scan)]:
        comparison = Comparison(face_mesh(faces.model, face.shape), scan)
        record = Record(person.name, face, comparison.alignment, {}, {}, comparison.error_map())
        for protocol in protocols:
            if protocol.name != "NoW" or comparison.has_now_landmarks():
                _enter(record, comparison, protocol, None)
        found.append(record)
    return found


def _measured_again(
    person: ScannedPerson,
    records: Sequence[Record],
    protocols: Sequence[Protocol],
    scales: dict[str, float],
    model: MorphableModel,
) -> list[Record]:
    """The person's records with the comparisons at the scale that a method's reconstructions share."""
    scan = person.read_scan()
    own = [
        replace(r, errors_mm=dict(r.errors_mm), distances_mm=dict(r.distances_mm))
        for r in records
        if r.person == person.name
    ]
    for record in own:
        comparison = Comparison(face_mesh(model, record.face.shape), scan, record.alignment)
        for protocol in protocols:
            _enter(record, comparison, protocol, scales[record.face.method])
    return own


def _enter(record: Record, comparison: Comparison, protocol: Protocol, scale: float | None) -> None:
    measured = comparison.measure(protocol, scale)
    record.errors_mm[protocol.name] = measured.error_mm
    rows = np.linspace(0, len(measured.distances_mm) - 1, _COUNTED).astype(int)
    record.distances_mm[protocol.name] = measured.distances_mm[rows].astype(np.float32)


def _scales(records: Sequence[Record]) -> dict[str, float]:
    """For each method the geometric mean of the scales that its reconstructions would choose."""
    logs: dict[str, list[float]] = {}
    for record in records:
        logs.setdefault(record.face.method, []).append(np.log(record.alignment.scale))
    return {method: float(np.exp(np.mean(values))) for method, values in logs.items()}


def _numbers(
    records: Sequence[Record],
    protocols: Sequence[Protocol],
    scans: ScanSet,
    encoded: EncodedSet,
) -> dict:
    measured = [p for p in protocols if any(p.name in record.errors_mm for record in records)]
    methods = list(dict.fromkeys(record.face.method for record in records))
    tables = {
        p.name: {m: _by_video(p.name, [record for record in records if record.face.method == m]) for m in methods}
        for p in measured
    }
    first = measured[0].name

    def overall(method: str) -> float:
        return float(np.mean([r.errors_mm[first] for r in records if r.face.method == method]))

    lost = sorted({photo.name for photo in frames_of(scans).photos} - {photo.name for photo in encoded.photos})
    return {
        "error_mm": overall(FEATURES),
        "error_mm_meshes_averaged": overall(MESHES),
        "error_mm_mean_face": overall(MEAN_FACE),
        "error_mm_nearest_face_of_the_model": overall(NEAREST),
        "better_than_the_mean_face": _share_better(records, first),
        "setting": {
            "set": scans.name,
            "read_as": scans.read_as,
            "people": len({record.person for record in records}),
            "videos": list(dict.fromkeys(r.face.video for r in records if r.face.video)),
            "frames": len(encoded),
            "frames_without_a_face": len(lost),
            "protocols": {p.name: {"what": p.what, "source": p.source} for p in measured},
            "left_out": {p.name: "the scans lack its landmarks" for p in protocols if p not in measured},
            "deviation": "over people",
        },
        "errors_mm": tables,
        "pooled_mm": {p.name: {m: _pooled(p.name, m, records) for m in methods} for p in measured},
        "scales": _scales(records),
        "people": {m: errors_of_people(records, m, first) for m in methods},
    }


def _by_video(protocol: str, records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Mean and deviation over people for each video, "" being what knows no video."""
    found = {}
    for video in dict.fromkeys(record.face.video for record in records):
        errors = np.array([record.errors_mm[protocol] for record in records if record.face.video == video])
        deviation = float(errors.std(ddof=1)) if len(errors) > 1 else 0.0
        found[video or "any"] = {"mean": float(errors.mean()), "deviation": deviation, "people": len(errors)}
    return found


def _pooled(protocol: str, method: str, records: Sequence[Record]) -> dict[str, float]:
    """Median, mean and deviation over all points of all people together, as NoW reports them."""
    distances = np.concatenate([r.distances_mm[protocol] for r in records if r.face.method == method])
    return {
        "median": float(np.median(distances)),
        "mean": float(distances.mean()),
        "deviation": float(distances.std()),
    }


def errors_of_people(records: Sequence[Record], method: str, protocol: str = "paper") -> dict[str, float]:
    """Each person's error by a method, the mean over videos."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.face.method == method:
            found.setdefault(record.person, []).append(record.errors_mm[protocol])
    return {person: float(np.mean(errors)) for person, errors in found.items()}


def _share_better(records: Sequence[Record], protocol: str) -> float:
    """The share of people whose reconstruction is nearer to the scan than the mean face is, each by the mean over videos."""
    ours, mean = (errors_of_people(records, method, protocol) for method in (FEATURES, MEAN_FACE))
    return float(np.mean([ours[person] < mean[person] for person in ours]))


def _maps(records: Sequence[Record]) -> dict[str, np.ndarray]:
    found = {}
    for method in dict.fromkeys(record.face.method for record in records):
        maps = np.array([record.error_map for record in records if record.face.method == method])
        count = np.maximum((~np.isnan(maps)).sum(axis=0), 1)
        mean = np.nansum(maps, axis=0) / count
        found[f"error_map {method}"] = np.where(np.isnan(maps).all(axis=0), np.nan, mean)
    return found


def _shapes(records: Sequence[Record]) -> dict[str, np.ndarray]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for record in records:
        found.setdefault(f"shapes {record.face.method}", {}).setdefault(record.person, record.face.shape)
    return {name: np.array(list(shapes.values())) for name, shapes in found.items()}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
