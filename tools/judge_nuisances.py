"""What it is worth that synthetic faces wear nuisances in training: finished runs read people of known shape, plain and with each nuisance.

    python -m tools.judge_nuisances NAME=WEIGHTS.npz [NAME=WEIGHTS.npz ...] --known PEOPLE.npz --out NUISANCES.json

The known people are those of `tools/judge_runs.py`, in the same five poses and lights: every picture is covered, blurred, noisy or compressed as
`mmreg.data.nuisances` draws it, or shows an expression as profiles draw it. Features are averaged over the five, and the predicted shape is laid on the true
one, which stays neutral. Everybody's nuisances are the same for all runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent))

from judge_runs import VIEWS, KnownPeople

from mmreg.data.nuisances import ONE_AT_A_TIME, UNSPOILT, sample_nuisances, worn
from mmreg.encoders import Encoder, load_encoder
from mmreg.evaluation.identity import directions
from mmreg.face import Coefficients, load
from mmreg.profiles import FULL
from mmreg.regressor import load_regressor
from mmreg.results import Data, Provenance, file_checksum, write_result

NUISANCES = {"plain": UNSPOILT} | ONE_AT_A_TIME
EXPRESSION = "expression"  # of the deviation that synthetic faces have


def features_of(known: KnownPeople, kind: str, encoder: Encoder) -> np.ndarray:
    """(person, feature) of the mean over each one's five pictures with nuisances of one kind."""
    model, means = known.model, []
    for k in tqdm(range(len(known.positions)), desc=kind, unit="person", leave=False):
        moved, settings = 0.0, NUISANCES["plain" if kind == EXPRESSION else kind]
        if kind == EXPRESSION:
            drawn = Coefficients.sample(model, 1, 91_000 + k, expression=True).expression
            moved = np.asarray(model.expression(np.float32(FULL.expression_deviation) * drawn)).reshape(-1, 3)
            moved = moved - model.expression.mean.reshape(-1, 3)
        pictures = known.pictures(k, encoder, moved)
        drawn = sample_nuisances(VIEWS, encoder.image_size, 92_000 + k, settings)
        means.append(encoder.predict(np.asarray(worn(pictures, drawn))).features.mean(axis=0))
    return np.stack(means)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="NAME=WEIGHTS.npz; all must read the same encoder")
    for name in ("known", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    model = load("open")
    known = KnownPeople(arguments.known, model)
    paths = {name: Path(path) for name, path in (run.split("=", 1) for run in arguments.runs)}
    loaded = {name: load_regressor(path, model.checksum) for name, path in paths.items()}
    encoders = {run.regressor.identity.encoder_name for run in loaded.values()}
    if len(encoders) != 1:
        raise SystemExit(f"The runs read different encoders ({', '.join(sorted(encoders))}); compare them apart.")
    encoder = load_encoder(encoders.pop())
    provenance = Provenance(
        [
            Data("people of the open generator outside the model's span", len(known.positions), file_checksum(arguments.known), True),
            *(Data(f"regressor {name}", 1, file_checksum(path)) for name, path in paths.items()),
        ],
        {name: run.provenance["profile"] for name, run in loaded.items()},
        0,
    )  # fmt: skip

    numbers: dict[str, dict] = {name: {} for name in loaded}
    plain: dict[str, np.ndarray] = {}
    for kind in (*NUISANCES, EXPRESSION):
        features = features_of(known, kind, encoder)
        for name, run in loaded.items():
            shape, albedo = (np.asarray(part) for part in run.regressor(features, domain="rendering"))
            coefficients = np.concatenate([shape, albedo], axis=1)
            plain.setdefault(name, coefficients)
            middle = plain[name].mean(axis=0)
            likeness = (directions(coefficients, middle) * directions(plain[name], middle)).sum(axis=1)
            errors = known.errors(shape)
            numbers[name][kind] = {
                "geometry_mm": errors.mean(),
                "geometry_deviation_mm": errors.std(),
                "similarity_to_plain": likeness.mean(),
            }
            print(f"{kind:>10} {name:<16} {errors.mean():.3f} mm, cosine to plain {likeness.mean():.3f}")
    what = "geometry: mean over people, mm, symmetric point to plane; similarity: cosine of coefficients with the same person's from plain pictures"
    write_result(arguments.out, {"runs": numbers, "what": what}, provenance)


if __name__ == "__main__":
    main()
