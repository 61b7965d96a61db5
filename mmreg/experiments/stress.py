"""Does the face stay when the photograph changes and the person doesn't? FERET, progressive occlusion and blur (section 6.4, the appendix).

Pose, light, expression and what people wear are the set's own photographs, in which the detector finds the face. Occlusion, blur, resolution and
compression are done to each person's plain photograph, in growing steps; there the face's place is known, so that the recogniser and
the regressor are tested and not the detector. How often the detector would still find the face is told beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.encoded_sets import EncodedSet, encode_set
from mmreg.data.perturbations import PERTURBATIONS
from mmreg.data.records import Photo, PhotoSet
from mmreg.data.sets import open_photos
from mmreg.encoders import Encoder
from mmreg.evaluation.stress import BROKEN, between_people, breaking_point, coefficient_drift, mesh_drift_mm, spread
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.likeness import Likeness
from mmreg.face import Coefficients
from mmreg.reconstruct import Reconstructor, framed_photograph
from mmreg.studio import take_rows

__all__ = ["OWN_FACTORS", "SIZES", "Size", "evaluate", "run"]

PICTURE_SIZE = 160  # pixels, of the photographs that a result keeps to be shown
PLAIN = ("none", "plain")  # the factor of a plain photograph; else it is the one of pose 0
# of the set: the unit of the levels, and which of them are taken
OWN_FACTORS: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "pose": ("degrees of yaw", lambda level: True),
    "light": ("degrees from the front, of a hard lamp", lambda level: abs(level) % 60 == 0),
    "expression": ("share of the whole movement", lambda level: level in (0.5, 1.0)),
    "worn": ("", lambda level: True),
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        people: how many, drawn by the seed where the set has more.
        searched: of these, in how many's photographs that were made worse the detector looks for a face; it takes most of the time.
        every: of the levels of pose and of what photographs are made worse by, each one or each second; the mildest and strongest always.
        factors: of the set, the ones that are measured.
        worse: the perturbations, by name.
    """

    people: int
    searched: int
    every: int
    factors: tuple[str, ...] = tuple(OWN_FACTORS)
    worse: tuple[str, ...] = tuple(PERTURBATIONS)


SIZES = {"quick": Size(3, 1, 2, ("pose",), ("occlusion from below", "blur")), "full": Size(12, 3, 1)}


def evaluate(setting: Setting) -> Result:
    """FERET where it is at hand, else its stand-in."""
    size = SIZES[setting.size]
    photos = open_photos("feret", subject_count=size.people, seed=setting.seed)
    options = {"seed": setting.seed, "cache": setting.cache, "progress": setting.progress}
    return run(setting.reconstructor, photos, setting.judge, size, **options)


def run(
    reconstructor: Reconstructor,
    photos: PhotoSet,
    judge: Encoder | None = None,
    size: Size = SIZES["quick"],
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = True,
) -> Result:
    """Each person's face under every factor and level against the face from the plain photograph.

    Args:
        photos: labelled with `factor`, `level` and perhaps `kind`; plain is a photograph of factor "none" or, without one, of pose 0.
        judge: whose cosines between renderings say how far the identity drifts. None: the regressor's own encoder, which it was trained
            to please; the result says so.

    Raises:
        InputError: fewer than two people have a plain photograph with a face.
    """
    keep = {"cache": cache, "progress": progress}
    chosen = _choose(photos, size, seed)
    own = encode_set(chosen, [reconstructor.encoder], **keep)
    plain = _plain_rows(own.photos)
    people = sorted(plain)
    if len(people) < 2:
        raise InputError(
            f"{photos.name}: {len(people)} of its people have a plain photograph in which a face is found; two or more are needed."
        )
    worse, places = _made_worse(own, [plain[person] for person in people], size)
    stressed = encode_set(worse, [reconstructor.encoder], places=places, **keep)
    searched = _of_people(worse, people[: size.searched])
    found = encode_set(searched, [reconstructor.encoder], **keep)

    own_faces, stressed_faces = (
        reconstructor.regress(encoded.stores[0].features, photos.read_as) for encoded in (own, stressed)
    )
    measure = _Measure(
        reconstructor,
        take_rows(own_faces, np.array([plain[person] for person in people])),
        Likeness(reconstructor.model, judge or reconstructor.encoder),
    )
    factors, arrays = {}, {}
    for encoded, faces, shares in (
        (own, own_faces, _shares(chosen, own)),
        (stressed, stressed_faces, _shares(searched, found)),
    ):
        for factor in dict.fromkeys(_factor(photo) for photo in encoded.photos):
            table = _Table.of(encoded.photos, factor, people, plain if encoded is own else None)
            if len(table.levels) < 2:
                continue
            factors[factor] = {"unit": _unit(factor), **measure.factor(table, faces, shares, seed)}
            arrays |= _strip(reconstructor, encoded, table, faces)
    numbers = {
        "breaking_points": {name: factor["breaking_point"] for name, factor in factors.items()},
        "between_two_people": measure.between,
        "people": len(people),
        "broken_at": BROKEN,
        "identity": {"network": measure.likeness.encoder.name, "is_a_judge": judge is not None},
        "read_as": photos.read_as,
        "factors": factors,
    }
    return Result("stress", numbers, [of_set(chosen)], arrays)


def _factor(photo: Photo) -> str:
    """What is changed in a photograph: the factor, with the kind where there are several."""
    factor, kind = str(photo.labels.get("factor", PLAIN[0])), photo.labels.get("kind", "")
    return f"{factor}, {kind}" if kind and factor != "worn" else factor


def _level(photo: Photo) -> float | str:
    """How much it is changed: a number, or what is worn."""
    labels = photo.labels
    if labels.get("factor") == "worn":
        return str(labels["kind"])
    level = float(labels["level"])
    if labels["factor"] == "pose" and labels.get("side") == "right":
        return -level
    if labels["factor"] == "expression" and "kind" not in labels:
        return 1.0  # another expression, whichever
    return level


def _unit(factor: str) -> str:
    name = factor.partition(",")[0]
    return OWN_FACTORS[name][0] if name in OWN_FACTORS else PERTURBATIONS[factor].unit


def _choose(photos: PhotoSet, size: Size, seed: int) -> PhotoSet:
    """The photographs that are measured, of at most so many people who have a plain one."""
    plain = sorted(_plain_rows(photos.photos))
    if len(plain) > size.people:
        plain = sorted(np.random.default_rng(seed).choice(plain, size.people, replace=False).tolist())
    yaws = sorted({abs(_level(photo)) for photo in photos.photos if photo.labels.get("factor") == "pose"})
    thinned = {*yaws[:: size.every], *yaws[-1:]}

    def wanted(photo: Photo) -> bool:
        factor = photo.labels.get("factor", PLAIN[0])
        if factor in PLAIN:
            return True
        if factor == "pose":
            return _level(photo) == 0.0 or (factor in size.factors and abs(_level(photo)) in thinned)
        level = _level(photo)
        return factor in size.factors and (isinstance(level, str) or OWN_FACTORS[factor][1](level))

    return _of_people(
        PhotoSet(photos.name, photos.stand_in, list(filter(wanted, photos.photos)), photos.checksum), plain
    )


def _of_people(photos: PhotoSet, people: Sequence[str]) -> PhotoSet:
    kept = [photo for photo in photos.photos if photo.person in people]
    checksum = hashlib.sha256("\n".join([photos.checksum, *(photo.name for photo in kept)]).encode()).hexdigest()
    return PhotoSet(photos.name, photos.stand_in, kept, checksum, photos.skipped)


def _plain_rows(photos: Sequence[Photo]) -> dict[str, int]:
    """The row of each person's plain photograph, by name."""
    best: dict[str, tuple[int, int]] = {}
    for row, photo in enumerate(photos):
        factor = photo.labels.get("factor", PLAIN[0])
        rank = 0 if factor in PLAIN else 1 if factor == "pose" and photo.labels["level"] == 0.0 else 2
        if photo.person and rank < 2 and rank < best.get(photo.person, (2, 0))[0]:
            best[photo.person] = (rank, row)
    return {person: row for person, (_, row) in best.items()}


def _made_worse(
    encoded: EncodedSet, rows: Sequence[int], size: Size
) -> tuple[PhotoSet, dict[str, Float[np.ndarray, "5 2"]]]:
    """Every plain photograph under every perturbation and level, and where the faces are in them: where they were."""
    photos, places = [], {}
    for row in rows:
        photo, points = encoded.photos[row], encoded.points[row]
        plain = lru_cache(maxsize=1)(photo.read)  # a stand-in's takes a while
        for factor in size.worse:
            levels = PERTURBATIONS[factor].levels
            for level in sorted({*levels[:: size.every], levels[-1]}, key=levels.index):
                name = f"{photo.name}, {factor} {level:g}"
                read = partial(_read_worse, plain, factor, points, level)
                photos.append(Photo(name, photo.person, read, {"factor": factor, "level": float(level)}))
                places[name] = points
    record = "\n".join([*(photo.name for photo in photos), *map(str, encoded.points[list(rows)].ravel())])
    return PhotoSet("photographs made worse", False, photos, hashlib.sha256(record.encode()).hexdigest()), places


def _read_worse(
    plain: Callable[[], np.ndarray], factor: str, points: np.ndarray, level: float | int
) -> Float[np.ndarray, "height width 3"]:
    return PERTURBATIONS[factor].apply(plain(), points, level)


def _shares(asked: PhotoSet, found: EncodedSet) -> dict[tuple[str, float | str], float]:
    """How often the detector finds the face, by factor and level."""
    names = {photo.name for photo in found.photos}
    hits: dict[tuple[str, float | str], list[bool]] = {}
    for photo in asked.photos:
        if photo.labels.get("factor", PLAIN[0]) not in PLAIN:
            hits.setdefault((_factor(photo), _level(photo)), []).append(photo.name in names)
    return {key: float(np.mean(values)) for key, values in hits.items()}


@dataclass(frozen=True)
class _Table:
    """The photographs under one factor: for each its row, its person and its level, by their numbers."""

    factor: str
    levels: list[float | str]
    rows: np.ndarray
    person: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, photos: Sequence[Photo], factor: str, people: Sequence[str], plain: Mapping[str, int] | None) -> _Table:
        """Args:
        plain: rows of plain photographs, which are of level 0 unless the factor has photographs of this level, or names.
        """
        under = [
            (row, people.index(photo.person), _level(photo))
            for row, photo in enumerate(photos)
            if photo.person in people and _factor(photo) == factor and factor not in PLAIN
        ]
        named = any(isinstance(level, str) for _, _, level in under)
        if plain and under and not named and 0.0 not in {level for _, _, level in under}:
            under = [(plain[person], k, 0.0) for k, person in enumerate(people)] + under
        levels = list(dict.fromkeys(level for _, _, level in under)) if named else sorted({lev for *_, lev in under})
        if factor in PERTURBATIONS:
            levels = [float(level) for level in PERTURBATIONS[factor].levels if level in levels]
        rows, person, level = np.array([(r, p, levels.index(lev)) for r, p, lev in under], int).reshape(-1, 3).T
        return cls(factor, levels, rows, person, level)

    def spread_out(self, values: Float[np.ndarray, " photo"], people: int) -> Float[np.ndarray, "person level"]:
        """Values in a table; the mean where a person has several photographs of a level, NaN where none."""
        sums, counts = np.zeros((2, people, len(self.levels)))
        np.add.at(sums, (self.person, self.level), values)
        np.add.at(counts, (self.person, self.level), 1.0)
        return np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)


class _Measure:
    """Faces against those of the plain photographs, and those against each other."""

    def __init__(self, reconstructor: Reconstructor, plain: Coefficients, likeness: Likeness):
        self.model, self.plain, self.likeness = reconstructor.model, plain, likeness
        self.directions = likeness.directions(plain)
        first, second = between_people(len(plain.shape))
        apart = self._drifts(take_rows(plain, first), second, self.directions[first])
        self.between = {name: float(np.median(values)) for name, values in apart.items()}

    def _drifts(self, faces: Coefficients, people: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        """Of each face from the plain photograph's of a person."""
        plain = take_rows(self.plain, people)
        return {
            "shape_deviations": coefficient_drift(faces.shape, plain.shape),
            "albedo_deviations": coefficient_drift(faces.albedo, plain.albedo),
            "mesh_mm": mesh_drift_mm(self.model, faces.shape, plain.shape),
            "cosine": np.einsum("fe,fe->f", directions, self.directions[people]),
        }

    def factor(
        self, table: _Table, faces: Coefficients, found: Mapping[tuple[str, float | str], float], seed: int
    ) -> dict[str, object]:
        """Curves over the levels, and where they break."""
        seen, count = take_rows(faces, table.rows), len(self.plain.shape)
        drifts = self._drifts(seen, table.person, self.likeness.directions(seen))
        curves = {name: table.spread_out(values, count) for name, values in drifts.items()}
        curves["relative_mesh"] = curves["mesh_mm"] / self.between["mesh_mm"]
        broken = None
        if not any(isinstance(level, str) for level in table.levels):
            outward, folded = _outward(table.levels, curves["relative_mesh"])
            broken = breaking_point(outward, folded, seed=seed)._asdict()
        return {
            "levels": table.levels,
            "photographs": np.bincount(table.level, minlength=len(table.levels)),
            "face_found": [found.get((table.factor, level)) for level in table.levels],
            **{name: _curve(values) for name, values in curves.items()},
            "breaking_point": broken,
        }


def _outward(levels: Sequence[float], table: np.ndarray) -> tuple[list[float], np.ndarray]:
    """The levels by their size, the mean over both signs where there are both; else as they are."""
    if min(levels) >= 0.0:
        return list(levels), table
    sizes = sorted({abs(level) for level in levels})
    columns = [[k for k, level in enumerate(levels) if abs(level) == size] for size in sizes]
    counts = np.stack([np.isfinite(table[:, c]).sum(axis=1) for c in columns], axis=1)
    sums = np.stack([np.nansum(table[:, c], axis=1) for c in columns], axis=1)
    return sizes, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _curve(table: Float[np.ndarray, "person level"]) -> dict[str, list[float | None]]:
    return {
        name: [None if np.isnan(value) else float(value) for value in values]
        for name, values in spread(table)._asdict().items()
    }


def _strip(
    reconstructor: Reconstructor, encoded: EncodedSet, table: _Table, faces: Coefficients
) -> dict[str, np.ndarray]:
    """Of the first person: the photograph at each level, framed as a portrait, and the coefficients that came of it."""
    first = {
        level: row for row, person, level in zip(table.rows, table.person, table.level, strict=True) if person == 0
    }
    rows = [first[level] for level in sorted(first)]
    if not rows:
        return {}
    encoder = reconstructor.encoder
    return {
        f"{table.factor}: levels": np.array([table.levels[level] for level in sorted(first)]),
        f"{table.factor}: photographs": np.stack(
            [framed_photograph(encoded.photos[row].read(), encoded.points[row], encoder, PICTURE_SIZE) for row in rows]
        ),
        f"{table.factor}: shape": faces.shape[rows],
        f"{table.factor}: albedo": faces.albedo[rows],
    }
