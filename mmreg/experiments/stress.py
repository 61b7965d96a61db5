"""Does the face stay when the photograph changes and the person doesn't? FERET, progressive occlusion and blur (section 6.4, the appendix).

Pose, light and expression are the set's own photographs, in which the detector finds the face. Occlusion, blur, resolution and compression are done to
each person's plain photograph, in growing steps; there the face's place is known, so that the recogniser and the regressor are tested
and not the detector. How often the detector still finds the face is told beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.encoded_sets import EncodedSet, encode_set
from mmreg.data.perturbations import PERTURBATIONS
from mmreg.data.records import Photo, PhotoSet
from mmreg.data.sets import open_photos
from mmreg.encoders import Encoder
from mmreg.encoders.alignment import align
from mmreg.evaluation.stress import BROKEN, between_people, breaking_point, coefficient_drift, mesh_drift_mm, spread
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.likeness import Likeness
from mmreg.face import Coefficients
from mmreg.reconstruct import Reconstructor
from mmreg.studio import take_rows

__all__ = ["SIZES", "Size", "evaluate", "run"]

OWN_FACTORS = {  # of the set, with the unit of their levels
    "pose": "yaw, degrees",
    "light": "the light's place, degrees",
    "expression": "strength of the movement",
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        people: how many, drawn by the seed where the set has more.
        detected: of these, in how many photographs that were made worse the detector is asked as well; it takes most of the time.
        every: of the levels that photographs are made worse by, each one or each second or third; the mildest and strongest always.
    """

    people: int
    detected: int
    every: int


SIZES = {"quick": Size(4, 1, 2), "full": Size(20, 4, 1)}


def evaluate(setting: Setting) -> Result:
    """FERET where it is at hand, else its stand-in."""
    size = SIZES[setting.size]
    photos = open_photos("feret", subject_count=size.people, seed=setting.seed)
    return run(
        setting.reconstructor,
        photos,
        setting.judge,
        size,
        seed=setting.seed,
        cache=setting.cache,
        progress=setting.progress,
    )


def run(
    reconstructor: Reconstructor,
    photos: PhotoSet,
    judge: Encoder | None = None,
    size: Size = SIZES["quick"],
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = True,
) -> Result:
    """Each person's faces under every factor and level against the face from the plain photograph.

    Args:
        photos: labelled with `factor` and `level`; the plain photograph of a person is one without a factor, or of level 0.
        judge: whose cosines between renderings say how far the identity drifts; None: the regressor's own encoder, which the training
            asked to be pleased, and the result says so.

    Raises:
        InputError: fewer than two people have a plain photograph with a face.
    """
    chosen = _choose(photos, size.people, seed)
    own = encode_set(chosen, [reconstructor.encoder], cache, progress=progress)
    plain = _plain_rows(own)
    if len(plain) < 2:
        raise InputError(
            f"{photos.name}: {len(plain)} of its people have a plain photograph in which a face is found; the experiment needs two or more."
        )
    people = sorted(plain)
    worse, places = _made_worse(own, [plain[person] for person in people], size.every)
    stressed = encode_set(worse, [reconstructor.encoder], cache, progress=progress, places=places)
    asked = set(people[: size.detected])
    searched = PhotoSet(
        f"{worse.name}, searched",
        worse.stand_in,
        [p for p in worse.photos if p.person in asked],
        hashlib.sha256(f"{worse.checksum} {sorted(asked)}".encode()).hexdigest(),
    )
    found = encode_set(searched, [reconstructor.encoder], cache, progress=progress)

    plain_faces = take_rows(reconstructor.regress(own.stores[0].features), np.array([plain[p] for p in people]))
    measure = _Measure(
        reconstructor, plain_faces, Likeness(reconstructor.model, judge or reconstructor.encoder), progress
    )
    factors, arrays = {}, {}
    for encoded, units, share in (
        (own, OWN_FACTORS, None),
        (stressed, {name: p.unit for name, p in PERTURBATIONS.items()}, _shares(searched, found)),
    ):
        faces = reconstructor.regress(encoded.stores[0].features)
        for factor, unit in units.items():
            grid = _Grid.of(encoded.photos, factor, people)
            if len(grid.levels) < 2:
                continue
            if encoded is own:
                share = _shares(chosen, own)
            factors[factor] = {"unit": unit, **measure.factor(grid, faces, share, seed)}
            arrays |= _strip(reconstructor, encoded, grid, faces, factor)
    numbers = {
        "people": len(people),
        "broken_at": BROKEN,
        "judge": {"name": measure.likeness.encoder.name, "independent": judge is not None},
        "between_two_people": measure.between,
        "breaking_points": {name: factor["breaking_point"] for name, factor in factors.items()},
        "factors": factors,
    }
    return Result("stress", numbers, [of_set(chosen)], arrays)


def _choose(photos: PhotoSet, count: int, seed: int) -> PhotoSet:
    """The photographs of at most `count` people who have a plain one, with the factors that are measured."""
    plain = sorted({photo.person for photo in photos.photos if photo.person and _is_plain(photo)})
    if len(plain) > count:
        plain = sorted(np.random.default_rng(seed).choice(plain, count, replace=False).tolist())
    kept = set(plain)
    wanted = [
        photo
        for photo in photos.photos
        if photo.person in kept and (_is_plain(photo) or photo.labels.get("factor") in OWN_FACTORS)
    ]
    checksum = hashlib.sha256("\n".join([photos.checksum, *(photo.name for photo in wanted)]).encode()).hexdigest()
    return PhotoSet(photos.name, photos.stand_in, wanted, checksum, photos.skipped)


def _is_plain(photo: Photo) -> bool:
    return photo.labels.get("factor", "plain") == "plain" or photo.labels.get("level") == 0


def _plain_rows(encoded: EncodedSet) -> dict[str, int]:
    """The row of each person's plain photograph, by name."""
    rows: dict[str, int] = {}
    for row, photo in enumerate(encoded.photos):
        if _is_plain(photo):
            rows.setdefault(photo.person, row)
    return rows


def _made_worse(
    encoded: EncodedSet, rows: Sequence[int], every: int
) -> tuple[PhotoSet, dict[str, Float[np.ndarray, "5 2"]]]:
    """Every plain photograph under every perturbation and level, and where the faces are in them: where they were."""
    photos, places = [], {}
    for row in rows:
        photo, points = encoded.photos[row], encoded.points[row]
        for factor, perturbation in PERTURBATIONS.items():
            levels = perturbation.levels
            for level in sorted({*levels[::every], levels[-1]}, key=levels.index):
                name = f"{photo.name}, {factor} {level:g}"
                read = partial(_read_worse, photo, factor, points, level)
                photos.append(Photo(name, photo.person, read, {"factor": factor, "level": float(level)}))
                places[name] = points
    names = "\n".join([*(photo.name for photo in photos), *map(str, encoded.points[list(rows)].ravel())])
    return PhotoSet("photographs made worse", False, photos, hashlib.sha256(names.encode()).hexdigest()), places


def _read_worse(photo: Photo, factor: str, points: np.ndarray, level: float) -> Float[np.ndarray, "height width 3"]:
    return PERTURBATIONS[factor].apply(photo.read(), points, level)


def _shares(all_photos: PhotoSet, found: EncodedSet) -> dict[tuple[str, float], float]:
    """How often the detector finds the face, by factor and level."""
    names = {photo.name for photo in found.photos}
    hits: dict[tuple[str, float], list[bool]] = {}
    for photo in all_photos.photos:
        if "level" in photo.labels:
            hits.setdefault((photo.labels["factor"], photo.labels["level"]), []).append(photo.name in names)
    return {key: float(np.mean(values)) for key, values in hits.items()}


@dataclass(frozen=True)
class _Grid:
    """Rows of photographs under one factor, by person and level; -1 where there is none."""

    factor: str
    levels: list[float]
    rows: np.ndarray

    @classmethod
    def of(cls, photos: Sequence[Photo], factor: str, people: Sequence[str]) -> _Grid:
        under = [(row, photo) for row, photo in enumerate(photos) if photo.labels.get("factor") == factor]
        levels = sorted({photo.labels["level"] for _, photo in under})
        if factor in PERTURBATIONS and len(levels) > 1:
            known = PERTURBATIONS[factor].levels
            levels.sort(reverse=known[0] > known[-1])
        rows = np.full((len(people), len(levels)), -1)
        for row, photo in under:
            if photo.person in people:
                rows[people.index(photo.person), levels.index(photo.labels["level"])] = row
        return cls(factor, levels, rows)


class _Measure:
    """Faces against those of the plain photographs, and those against each other."""

    def __init__(self, reconstructor: Reconstructor, plain: Coefficients, likeness: Likeness, progress: bool):
        self.model, self.plain, self.likeness, self.progress = reconstructor.model, plain, likeness, progress
        self.directions = likeness.directions(plain)
        first, second = between_people(len(plain.shape))
        one, other = take_rows(plain, first), take_rows(plain, second)
        apart = self._drifts(one, other, self.directions[first], self.directions[second])
        self.between = {name: float(np.median(values)) for name, values in apart.items()}

    def _drifts(self, faces: Coefficients, against: Coefficients, own, others) -> dict[str, np.ndarray]:
        return {
            "shape_deviations": coefficient_drift(faces.shape, against.shape),
            "albedo_deviations": coefficient_drift(faces.albedo, against.albedo),
            "mesh_mm": mesh_drift_mm(self.model, faces.shape, against.shape),
            "cosine": np.einsum("fe,fe->f", own, others),
        }

    def factor(
        self, grid: _Grid, faces: Coefficients, found: Mapping[tuple[str, float], float], seed: int
    ) -> dict[str, object]:
        """Curves over the levels, and where they break."""
        there = grid.rows >= 0
        person, level = np.nonzero(there)
        seen = take_rows(faces, grid.rows[person, level])
        drifts = self._drifts(
            seen, take_rows(self.plain, person), self.likeness.directions(seen), self.directions[person]
        )
        curves = {}
        for name, values in drifts.items():
            table = np.full(grid.rows.shape, np.nan)
            table[person, level] = values
            curves[name] = table
        curves["relative_mesh"] = curves["mesh_mm"] / self.between["mesh_mm"]
        outward, folded = _outward(grid.levels, curves["relative_mesh"])
        broken = breaking_point(outward, folded, seed=seed) if len(outward) > 1 else None
        return {
            "levels": grid.levels,
            "photographs": there.sum(axis=0),
            "face_found": [found.get((grid.factor, level)) for level in grid.levels],
            **{name: _curve(table) for name, table in curves.items()},
            "breaking_point": broken._asdict() if broken else None,
        }


def _outward(levels: Sequence[float], table: np.ndarray) -> tuple[list[float], np.ndarray]:
    """The levels by their size, both signs together, where there are both; else as they are."""
    if min(levels) >= 0.0:
        return list(levels), table
    sizes = sorted({abs(level) for level in levels})
    columns = [[k for k, level in enumerate(levels) if abs(level) == size] for size in sizes]
    with np.errstate(invalid="ignore"):
        counts = [np.isfinite(table[:, c]).sum(axis=1) for c in columns]
        sums = [np.nansum(table[:, c], axis=1) for c in columns]
        folded = [np.where(n > 0, s / np.maximum(n, 1), np.nan) for s, n in zip(sums, counts, strict=True)]
    return sizes, np.stack(folded, axis=1)


def _curve(table: Float[np.ndarray, "person level"]) -> dict[str, list[float | None]]:
    return {
        name: [None if np.isnan(value) else float(value) for value in values]
        for name, values in spread(table)._asdict().items()
    }


def _strip(
    reconstructor: Reconstructor, encoded: EncodedSet, grid: _Grid, faces: Coefficients, factor: str
) -> dict[str, np.ndarray]:
    """Of the first person: what the encoder saw at each level, and the faces' coefficients."""
    rows = grid.rows[0][grid.rows[0] >= 0]
    if not len(rows):
        return {}
    chips = [align(encoded.photos[row].read(), encoded.points[row], reconstructor.encoder) for row in rows]
    return {
        f"{factor}: levels": np.array(grid.levels)[grid.rows[0] >= 0],
        f"{factor}: chips": np.stack(chips),
        f"{factor}: shape": faces.shape[rows],
        f"{factor}: albedo": faces.albedo[rows],
    }
