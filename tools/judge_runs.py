"""Judges training runs side by side on photographs of people they never saw, and on people whose shape is known.

    python -m tools.judge_runs RUN [RUN ...] --lfw FOLDER --train-list TRAIN.txt --test-list TEST.txt \\
        --densenet WEIGHTS.dat.bz2 --cache FOLDER --known PEOPLE.npz --out SUMMARY.json

A RUN is NAME=STAGE=WEIGHTS.npz=WORDS, with the words by which tables call it. Recall and similarity are dlib's DenseNet's, which no training saw (see `tools/judge_reference.py`). The
known people come from `tools/known_people.py`: each is photographed by the renderer in five poses and lights, the features of the five are
averaged, and the predicted shape is laid on the true one. The summary is written after every run, and kept runs aren't judged
again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent))

from judge_reference import RENDERING_BATCH, first_store, predict, test_store, view
from lfw_encodings import photographs

from mmreg.data.synthetic import photograph_surface, sample_scenes
from mmreg.encoders import Encoder, load_encoder
from mmreg.encoders.dlib_densenet import load_densenet
from mmreg.evaluation.identity import Court, directions
from mmreg.evaluation.scan_error import Surface, crop_around, scan_error
from mmreg.evaluation.similarity import area_under_curve, photo_pairs
from mmreg.evaluation.skin_tone import albedo_luminance, luminance, skin_tone_agreement
from mmreg.face import Coefficients, LinearSpace, load
from mmreg.face.morphable_model import MorphableModel
from mmreg.results import Data, Provenance, commit, file_checksum, write_result
from mmreg.studio import Studio

VIEWS = 5
KINDS = (("own_photo_in_gallery", ""), ("own_photo_removed", "_no_source"))
CROWDS = 40  # that are drawn from the training people, see `other_crowds`
LEADING = 0.95  # of the variance: the components whose moments are asked for


class KnownPeople:
    """People with known shape as scans, and what encoders say of five pictures of each, on average."""

    def __init__(self, path: Path, model: MorphableModel):
        with np.load(path, allow_pickle=False) as file:
            self.positions, self.albedos = file["positions"], file["albedos"]
        self.model = model
        self.landmarks = self.model.multi_pie
        visible = self.model.regions["visible"]
        self.triangles = self.model.triangles[visible[self.model.triangles].all(axis=1)]
        self.nose = self.model.landmarks["nose_tip"]
        self._features: dict[str, np.ndarray] = {}
        self.scans = [self._surface(p) for p in self.positions]

    def features(self, encoder: Encoder) -> np.ndarray:
        """(person, feature) of the mean over each one's pictures."""
        if encoder.name not in self._features:
            people = tqdm(range(len(self.positions)), desc=f"known people by {encoder.name}", unit="person")
            features = [encoder.predict(self.pictures(k, encoder)).features.mean(axis=0) for k in people]
            self._features[encoder.name] = np.stack(features)
        return self._features[encoder.name]

    def pictures(self, k: int, encoder: Encoder, moved: np.ndarray | float = 0.0) -> np.ndarray:
        """Person k in five poses and lights; `moved` (vertex, 3) is added to the vertices, mm."""
        return np.asarray(
            photograph_surface(
                np.asarray(self.positions[k : k + 1] + moved, np.float32), self.albedos[k : k + 1], self.model,
                sample_scenes(VIEWS, 90_000 + k), encoder.template, encoder.image_size,
            )
        )  # fmt: skip

    def _surface(self, positions: np.ndarray) -> Surface:
        return Surface.of(*crop_around(positions, self.triangles, positions[self.nose]))

    def errors(self, shapes: np.ndarray) -> np.ndarray:
        """(person,) mm between predicted shape coefficients' meshes and the true ones."""
        found = []
        for k, positions in enumerate(np.asarray(self.model.positions(shapes))):
            marks = positions[self.landmarks], self.positions[k][self.landmarks]
            found.append(scan_error(self._surface(positions), marks[0], self.scans[k], marks[1]).mean_mm)
        return np.array(found)


def moments(coefficients: np.ndarray, space: LinearSpace, weights: np.ndarray | None = None) -> dict[str, float]:
    """Means and deviations over photographs of the components that carry most of the variance.

    Args:
        coefficients: in deviations of the population that the run was held to.
        weights: how much each photograph counts; None is all the same.
    """
    leading = coefficients[:, : space.leading(LEADING)]
    mean = np.average(leading, axis=0, weights=weights)
    deviation = np.sqrt(np.average((leading - mean) ** 2, axis=0, weights=weights))
    return {
        "components": leading.shape[1],
        "largest_mean": np.abs(mean).max(),
        "smallest_deviation": deviation.min(),
        "largest_deviation": deviation.max(),
        "share_with_mean_within_0.1": (np.abs(mean) <= 0.1).mean(),
        "share_with_deviation_0.8_to_1.2": ((deviation >= 0.8) & (deviation <= 1.2)).mean(),
    }


def other_crowds(coefficients: np.ndarray, space: LinearSpace, people: np.ndarray, count: int) -> dict[str, dict]:
    """What `moments` says, on average, of the means of crowds of `count` of these people with all their photographs.

    Were the test's people such a crowd, that is where their means would lie: nobody can ask for more.
    """
    names, random = np.unique(people), np.random.default_rng(0)
    found: dict[str, list[dict]] = {"by_photograph": [], "by_person": []}
    for _ in range(CROWDS):
        drawn = np.flatnonzero(np.isin(people, random.choice(names, count, replace=False)))
        _, whose, counts = np.unique(people[drawn], return_inverse=True, return_counts=True)
        for kind, weights in (("by_photograph", None), ("by_person", 1.0 / counts[whose])):
            found[kind].append(moments(coefficients[drawn], space, weights))
    keys = ("largest_mean", "share_with_mean_within_0.1")
    return {kind: {key: np.mean([m[key] for m in drawn]) for key in keys} for kind, drawn in found.items()}


def crowd(people: np.ndarray) -> dict[str, float]:
    """How photographs are shared out among people. `effective_people`: of whom as many alike would average as well as these do."""
    counts = np.unique(people, return_counts=True)[1]
    return {
        "photographs": len(people),
        "people": len(counts),
        "most_of_one": int(counts.max()),
        "with_one": int((counts == 1).sum()),
        "effective_people": len(people) ** 2 / (counts.astype(float) ** 2).sum(),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="NAME=STAGE=WEIGHTS.npz=WORDS")
    for name in ("lfw", "train-list", "test-list", "densenet", "cache", "known", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument(
        "--test-store",
        type=Path,
        required=True,
        nargs="+",
        help="stores of the test photographs, by the encoders that the runs read",
    )
    parser.add_argument(
        "--train-store",
        type=Path,
        nargs="*",
        default=[],
        help="the same of the training photographs: what means other crowds would have",
    )
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    wanted = [run.split("=", 3) for run in arguments.runs]
    model, encoder, judge = load("open"), load_encoder(), load_densenet(arguments.densenet)
    train = photographs(arguments.lfw, arguments.train_list, judge, encoder, arguments.cache)
    test = photographs(arguments.lfw, arguments.test_list, judge, encoder, arguments.cache)
    store = test_store(arguments.test_store, encoder, test.names)
    skin = luminance(store.skin)
    people = np.concatenate([train.people, test.people])
    court = Court(np.concatenate([train.judge, test.judge]), people, np.arange(len(train.names), len(people)))
    studio = Studio(model, encoder)
    known = KnownPeople(arguments.known, model)
    _, whose, counts = np.unique(test.people, return_inverse=True, return_counts=True)
    once = 1.0 / counts[whose]  # everybody counts alike

    former = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    records = {record["name"]: record for record in former.get("runs", [])}
    provenance = Provenance([], {}, 0)
    provenance.data = [
        train.as_data(arguments.train_list),
        test.as_data(arguments.test_list),
        Data(
            "people of the open generator outside the model's span",
            len(known.positions),
            file_checksum(arguments.known),
            True,
        ),
        Data(f"face model {model.name}", 1, model.checksum),
        Data(f"encoder {encoder.name}", 1, encoder.checksum),
        Data(f"judge {judge.name}", 1, judge.checksum),
    ]

    def write() -> None:
        numbers = {
            "runs": list(records.values()),
            "baselines": baselines,
            "what": "recall, similarity: rendering (frontal, neutral) against photographs, by the judge, embeddings centred by kind; "
            "no_source: the probe's own photograph removed; geometry: mean over people, mm, symmetric point to plane, features read as renderings' (uncalibrated: before these got moments of their own); "
            "shape, albedo: in deviations of the population that the run was held to; by_person: each person's photographs together weigh one; other_crowds: of as many people drawn from the training's, on average",
            "photographs": {"train": crowd(train.people), "test": crowd(test.people)},
        }
        write_result(arguments.out, numbers, provenance)

    photos = court.ceiling()
    chance = court.chances()
    neutral = np.zeros((len(known.positions), model.shape.component_count), np.float32)
    mean_face_mm = known.errors(neutral)
    nearest_mm = known.errors(model.project(known.positions, known.albedos).shape)
    baselines = {
        "chance": {f"{k}{suffix}": chance[kind][k] for kind, suffix in KINDS for k in ("top_1", "top_5")},
        "photo_against_photo": {
            "top1_no_source": photos["recall"]["own_photo_removed"]["top_1"],
            "top5_no_source": photos["recall"]["own_photo_removed"]["top_5"],
            **photos["similarity"],
        },
        "mean_face": {"geometry_mm": mean_face_mm.mean(), "geometry_deviation_mm": mean_face_mm.std()},
        "nearest_in_the_model": {"geometry_mm": nearest_mm.mean(), "geometry_deviation_mm": nearest_mm.std()},
    }

    mean_face = view(studio, judge, Coefficients(*(np.zeros((RENDERING_BATCH, space.component_count), np.float32)
                                                   for space in (model.shape, model.albedo))), "the mean face").judge[:1]  # fmt: skip

    for name, stage, path, what in wanted:
        checksum = file_checksum(path)
        if records.get(name, {}).get("checksum") == checksum:
            continue
        faces, loaded = predict(Path(path), arguments.test_store, model)
        regressor, reads = loaded.regressor, load_encoder(loaded.regressor.identity.encoder_name)
        seen = view(studio, judge, faces, name)
        own = directions(seen.judge, seen.judge.mean(axis=0))
        recalls, similarity = court.recalls(own), court.similarities(own)
        one_face = np.repeat(directions(mean_face, seen.judge.mean(axis=0)), len(own), axis=0)
        one_face_recalls = court.recalls(one_face)
        tone = skin_tone_agreement(skin, albedo_luminance(model, faces.albedo), test.people)
        both = np.concatenate([faces.shape, faces.albedo], axis=1)
        pairs = photo_pairs(directions(both, both.mean(axis=0)), test.people)
        features = known.features(reads)
        errors = known.errors(np.asarray(regressor(features, domain="rendering")[0]))
        as_photographs = known.errors(np.asarray(regressor(features, domain="photograph")[0]))
        calibration = regressor.calibrations.pop("rendering", None)
        uncalibrated = known.errors(np.asarray(regressor(features, domain="rendering")[0]))
        if calibration is not None:
            regressor.calibrations["rendering"] = calibration
        own_shape, own_albedo = regressor.population.standardised(faces.shape, faces.albedo)
        learnt_from = first_store(arguments.train_store, reads)
        crowds = {}
        if learnt_from is not None:
            learnt_people = np.array([photo.split("/")[0] for photo in learnt_from.names])
            parts = regressor.population.standardised(*regressor(learnt_from.features, domain="photograph"))
            for part, values, space in zip(("shape", "albedo"), parts, (model.shape, model.albedo), strict=True):
                crowds[part] = other_crowds(np.asarray(values), space, learnt_people, len(counts))
        with_own, without = recalls["own_photo_in_gallery"], recalls["own_photo_removed"]
        records[name] = {
            "name": name,
            "what": what,
            "stage": int(stage),
            "top1": with_own["top_1"], "top5": with_own["top_5"],
            "top1_no_source": without["top_1"], "top5_no_source": without["top_5"],
            "similarity": similarity["own_photo"],
            "of_the_mean_face": {  # centred as this run's renderings are
                **{f"top{k}{suffix}": one_face_recalls[kind][f"top_{k}"] for k in (1, 5) for kind, suffix in KINDS},
                "similarity": court.similarities(one_face)["own_photo"],
            },
            "skin_tone_rho": tone.rho, "skin_tone_within_over_between": tone.within_over_between, "skin_tone_people": tone.people,
            "coefficient_auc": area_under_curve(pairs.same, pairs.different),
            "geometry_mm": errors.mean(), "geometry_deviation_mm": errors.std(),
            "geometry_over_mean_face": errors.mean() / mean_face_mm.mean(),
            "geometry_read_as_photographs_mm": as_photographs.mean(),
            "geometry_uncalibrated_mm": uncalibrated.mean(),
            "shape": moments(np.asarray(own_shape), model.shape),
            "albedo": moments(np.asarray(own_albedo), model.albedo),
            "shape_by_person": moments(np.asarray(own_shape), model.shape, once),
            "albedo_by_person": moments(np.asarray(own_albedo), model.albedo, once),
            "other_crowds": crowds,
            "encoder": reads.name,
            "checksum": checksum,
            "judged_at": commit(),
            **{k: loaded.provenance.get(k) for k in ("profile", "seed", "seconds", "data", "commit", "versions", "machine")},
        }  # fmt: skip
        print(
            json.dumps(
                {
                    k: v if isinstance(v, str) else round(float(v), 3)
                    for k, v in records[name].items()
                    if not isinstance(v, dict | list | type(None))
                }
            )
        )
        write()


if __name__ == "__main__":
    main()
