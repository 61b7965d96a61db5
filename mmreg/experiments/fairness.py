"""Whom it serves: errors by gender, age, ancestry and skin tone, and what so many people can't tell (the paper's discussion, measured).

The paper reports weaker results for some ages and ethnicities and shows no numbers. Real sets name no such things, or shouldn't be asked; so this runs on
stand-ins, whose generator knows who it drew. It says what the regressor does to such people as the generator draws, no more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.encoded_sets import EncodedSet, encode_set, frames_of
from mmreg.data.records import ScanSet
from mmreg.data.stand_ins import micc_like
from mmreg.data.synthetic import studio_scene
from mmreg.encoders import Encoder, centred_unit, cosine
from mmreg.evaluation.protocols import PROTOCOLS
from mmreg.evaluation.skin_tone import albedo_luminance, lightness
from mmreg.evaluation.statistics import bootstrap, permutation_of_groups
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.geometry import FEATURES, MEAN_FACE, NEAREST, errors_of_people, measured_faces
from mmreg.face import Coefficients
from mmreg.face.identity_sampler import ANCESTRIES
from mmreg.reconstruct import Reconstructor
from mmreg.studio import Studio

__all__ = ["MEASURES", "evaluate", "groups_of", "run"]

NAME = "fairness"
SIZES = {"quick": {"people": 10, "frames": 1}, "full": {"people": 48, "frames": 1}}
VIDEO = "cooperative"
MEASURES = {
    "error_mm": "distance from the scan (mm)",
    "error_beside_the_mean_face": "distance from the scan, beside the mean face's",
    "error_mm_nearest_face_of_the_model": "distance of the nearest face of the model (mm)",
    "lightness_error": "error of the skin's lightness (L*)",
    "lightness_bias": "skin predicted lighter than it is (L*)",
    "similarity": "similarity by a judge (centred cosine)",
}


def evaluate(setting: Setting) -> Result:
    """For `mmreg evaluate fairness`: always the stand-in, for MICC Florence says nothing of its people."""
    scans = micc_like(**SIZES[setting.size], seed=setting.seed)
    return run(setting.reconstructor, scans, setting.judge, setting.cache, setting.seed, setting.progress)


def run(
    reconstructor: Reconstructor,
    scans: ScanSet,
    judge: Encoder | None = None,
    cache: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Result:
    """Measures every person once, from the frames of the cooperative video together, and compares groups.

    Args:
        scans: their people are labelled with gender (0 female, 1 male), age, african, asian, european and skin_luminance.
        judge: a network that no loss asked; without one, likeness isn't judged.
        seed: of the resampling.

    Returns:
        Numbers: `groups`, for each attribute, group and measure the mean over people with its 95 % interval; `differences`, between the
        groups that differ most, with the chance p that groups made at random differ so much. Arrays: each measure, (person,).

    Raises:
        InputError: people without these labels.
    """
    for person in scans.people:
        missing = {"gender", "age", "skin_luminance", *ANCESTRIES} - set(person.labels)
        if missing:
            raise InputError(
                f"{person.name} of {scans.name} has no label {min(missing)}; who it is must be known here."
            )
    easy = [replace(person, videos={VIDEO: person.videos[VIDEO]}) for person in scans.people if VIDEO in person.videos]
    scans = replace(scans, people=easy or scans.people)
    encoders = [reconstructor.encoder, *([judge] if judge else [])]
    encoded = encode_set(frames_of(scans), encoders, cache, progress=progress)
    records = measured_faces(
        reconstructor, scans, encoded, protocols=[PROTOCOLS["paper"]], progress=progress, cache=cache
    )
    errors = {method: errors_of_people(records, method) for method in (FEATURES, MEAN_FACE, NEAREST)}
    people = [person for person in scans.people if person.name in errors[FEATURES]]
    ours, mean, nearest = (np.array([found[p.name] for p in people]) for found in errors.values())
    faces = _faces(reconstructor, encoded, [person.name for person in people], scans.read_as)
    wrong = _lightness_bias(reconstructor, faces, np.array([float(p.labels["skin_luminance"]) for p in people]))
    measures = {
        "error_mm": ours,
        "error_beside_the_mean_face": ours / mean,
        "error_mm_nearest_face_of_the_model": nearest,
        "lightness_error": np.abs(wrong),
        "lightness_bias": wrong,
    }
    if judge:
        measures["similarity"] = _similarity(reconstructor, judge, encoded, faces, [p.name for p in people])
    groups = {attribute: np.array(names) for attribute, names in groups_of([p.labels for p in people]).items()}
    numbers = {
        "error_mm": float(ours.mean()),
        "lightness_error": float(np.abs(wrong).mean()),
        "setting": {
            "set": scans.name,
            "read_as": scans.read_as,
            "people": len(people),
            "frames": len(encoded),
            "judge": judge.name if judge else None,
            "measures": {name: MEASURES[name] for name in measures},
            "protocol": PROTOCOLS["paper"].what,
            "tests": len(groups) * len(measures),
        },
        "groups": {
            attribute: {
                group: {
                    "people": int((names == group).sum()),
                    **{n: bootstrap(v[names == group], np.mean, seed).to_dict() for n, v in measures.items()},
                }
                for group in dict.fromkeys(sorted(names.tolist(), key=_order))
            }
            for attribute, names in groups.items()
        },
        "differences": {
            attribute: {name: _difference(values, names, seed) for name, values in measures.items()}
            for attribute, names in groups.items()
        },
    }
    return Result(NAME, numbers, [of_set(scans)], {**measures, **groups})


_ORDER = (
    "female",
    "male",
    "under 35",
    "35 to 54",
    "55 and over",
    *ANCESTRIES,
    "mixed",
    "darkest",
    "middle",
    "lightest",
)


def _order(group: str) -> int:
    return _ORDER.index(group)


def groups_of(labels: Sequence[Mapping[str, str | float]]) -> dict[str, list[str]]:
    """Which group each person belongs to, by attribute (ours): the halves of gender; three ages; the ancestry that makes up half or more; thirds
    of these people by the lightness of their skin."""
    shares = [[float(person[name]) for name in ANCESTRIES] for person in labels]
    tones = np.array([float(person["skin_luminance"]) for person in labels])
    third = np.searchsorted(np.quantile(tones, [1 / 3, 2 / 3]), tones, side="left")
    return {
        "gender": ["male" if float(person["gender"]) >= 0.5 else "female" for person in labels],
        "age": [_age_group(float(person["age"])) for person in labels],
        "ancestry": [ANCESTRIES[int(np.argmax(s))] if max(s) >= 0.5 else "mixed" for s in shares],
        "skin tone": [("darkest", "middle", "lightest")[k] for k in third],
    }


def _age_group(years: float) -> str:
    return "under 35" if years < 35 else "35 to 54" if years < 55 else "55 and over"


def _faces(reconstructor: Reconstructor, encoded: EncodedSet, names: Sequence[str], read_as: str) -> Coefficients:
    """Each person's face from the mean of the features."""
    people, features = encoded.people, encoded.stores[0].features
    means = np.array([features[people == name].mean(axis=0) for name in names])
    return reconstructor.regress(means, read_as)


def _lightness_bias(
    reconstructor: Reconstructor, faces: Coefficients, true_luminance: Float[np.ndarray, " person"]
) -> Float[np.ndarray, " person"]:
    """L* of the predicted skin less that of the true one, over the face without the eyeballs."""
    model = reconstructor.model
    skin = model.face_region.copy()
    for eye in ("left_eye", "right_eye"):
        skin &= ~model.regions.get(eye, np.zeros_like(skin))
    return lightness(albedo_luminance(model, faces.albedo, skin)) - lightness(true_luminance)


def _similarity(
    reconstructor: Reconstructor, judge: Encoder, encoded: EncodedSet, faces: Coefficients, names: Sequence[str]
) -> Float[np.ndarray, " person"]:
    """Cosine by the judge of a frontal rendering and the person's photographs, each centred by the mean of its kind, the photographs' mean
    taken."""
    rendered = Studio(reconstructor.model, judge).encode_many(faces, studio_scene(len(names))).embedding
    renderings = np.asarray(centred_unit(rendered, rendered.mean(axis=0)))
    photos = np.asarray(centred_unit(encoded.stores[1].embedding, encoded.stores[1].mean_embedding))
    people = encoded.people
    return np.array(
        [np.asarray(cosine(photos[people == name], renderings[k][None])).mean() for k, name in enumerate(names)]
    )


def _difference(values: Float[np.ndarray, " person"], names: np.ndarray, seed: int) -> dict:
    """Between the two groups of two or more people that differ most; `detectable` is what would be found four times of five."""
    means = {g: values[names == g].mean() for g in dict.fromkeys(names.tolist()) if (names == g).sum() > 1}
    if len(means) < 2:
        return {"between": list(means), "why_not": "fewer than two groups have two people"}
    low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    chosen = np.isin(names, list(means))
    spread = sum(values[names == g].var(ddof=1) / (names == g).sum() for g in (low, high))
    both = np.flatnonzero(np.isin(names, [low, high]))

    def difference(rows: np.ndarray) -> float:
        upper, lower = values[rows][names[rows] == high], values[rows][names[rows] == low]
        return float(upper.mean() - lower.mean()) if len(upper) and len(lower) else float(means[high] - means[low])

    return {
        "between": [low, high],
        **bootstrap(both, difference, seed).to_dict(),
        "p": permutation_of_groups(values[chosen], names[chosen], seed),
        "detectable": float(2.8 * np.sqrt(spread)),  # 1.96 + 0.84 standard errors
    }
