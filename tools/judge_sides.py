"""What seeing photographs from both sides is worth to finished weights: the same regressor reads one side, then both, and is judged.

    python -m tools.judge_sides --regressor REGRESSOR.npz --lfw FOLDER --train-list TRAIN.txt --test-list TEST.txt \\
        --both TEST.npz --one TEST_ONE_SIDE.npz --densenet WEIGHTS.dat.bz2 --cache FOLDER --out SIDES.json

The stores are the test list's encodings by tools/encode_lfw.py, with `--encoder dlib-layers` and `--encoder dlib-layers-one-side`. The judge is dlib's
DenseNet, as in `tools/judge_reference.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from judge_reference import view
from lfw_encodings import photographs

from mmreg.data.encoding import load_photographs
from mmreg.encoders import load_encoder
from mmreg.encoders.dlib_densenet import load_densenet
from mmreg.evaluation.identity import Court, directions
from mmreg.face import Coefficients, load
from mmreg.regressor import load_regressor
from mmreg.results import Data, Provenance, file_checksum, write_result
from mmreg.studio import Studio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("regressor", "lfw", "train-list", "test-list", "both", "one", "densenet", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    model, encoder, judge = load("open"), load_encoder(), load_densenet(arguments.densenet)
    loaded = load_regressor(arguments.regressor, model.checksum)
    reads = loaded.regressor.identity.encoder_name
    if not load_encoder(reads).both_sides:
        raise SystemExit(f"{arguments.regressor} reads {reads}, which sees photographs from one side.")
    provenance = Provenance([], loaded.provenance["profile"], loaded.provenance["seed"])
    train, test = (
        photographs(arguments.lfw, listing, judge, encoder, arguments.cache)
        for listing in (arguments.train_list, arguments.test_list)
    )
    people = np.concatenate([train.people, test.people])
    court = Court(np.concatenate([train.judge, test.judge]), people, np.arange(len(train.names), len(people)))
    studio, numbers = Studio(model, encoder), {}
    for name, path, as_read in (
        ("both_sides", arguments.both, reads),
        ("one_side", arguments.one, reads.replace("dlib-layers", "dlib-layers-one-side")),
    ):
        store = load_photographs(path, load_encoder(as_read))
        if list(store.names) != test.names.tolist():
            raise SystemExit(f"{path} holds other photographs than the list, or in another order; encode them again.")
        shape, albedo = (np.asarray(part) for part in loaded.regressor(store.features, domain="photograph"))
        seen = view(studio, judge, Coefficients(shape, albedo), name.replace("_", " ")).judge
        own = directions(seen, seen.mean(axis=0))
        numbers[name] = {"recall": court.recalls(own), "similarity": court.similarities(own)["own_photo"]}
    provenance.data = [
        train.as_data(arguments.train_list),
        test.as_data(arguments.test_list),
        Data(f"regressor {arguments.regressor.name}", 1, file_checksum(arguments.regressor)),
        Data(f"judge {judge.name}", 1, judge.checksum),
    ]
    write_result(arguments.out, numbers, provenance)
    for name, found in numbers.items():
        print(name, {k: round(v, 4) for k, v in found["recall"]["own_photo_in_gallery"].items()})


if __name__ == "__main__":
    main()
