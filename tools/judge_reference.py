"""Judges a trained regressor on photographs of people it never saw: are its renderings recognised as the photographed person?

    python tools/judge_reference.py --regressor REGRESSOR.npz --stage-one STAGE_ONE.npz --lfw FOLDER \\
        --train-list TRAIN.txt --test-list TEST.txt --test-store TEST.npz --densenet WEIGHTS.dat.bz2 --cache FOLDER --out SUMMARY.json

The paper's table 2 on Labeled Faces in the Wild (deep-funneled): the rendering of each test photograph's predicted face, frontal
and neutral, is compared with all photographs. The judge is dlib's DenseNet, which the training never saw. The encoder that the
training did see judges beside it: the difference is what the regressor has learnt about that network instead of about
faces. FOLDER holds Name/Name_0001.jpg; a list has one such path a line. The cache is not to be published: the photographs'
terms are their owners'. It fills in shards, and an interrupted run goes on behind the last one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from lfw_encodings import photographs
from tqdm import tqdm

from mmreg.data.encoding import load_photographs
from mmreg.data.feature_store import FeatureStore, FeatureStoreError
from mmreg.data.synthetic import studio_scene
from mmreg.encoders import Encoder, load_encoder
from mmreg.encoders.dlib_densenet import load_densenet
from mmreg.evaluation.identity import Court, directions
from mmreg.evaluation.similarity import area_under_curve, photo_pairs
from mmreg.face import Coefficients, load
from mmreg.regressor import LoadedRegressor, check_encoder, load_regressor
from mmreg.results import Data, Provenance, file_checksum, write_result
from mmreg.studio import Studio

RENDERING_BATCH = 16


class Views(NamedTuple):
    """Embeddings of renderings by the judge and by the encoder."""

    judge: np.ndarray
    encoder: np.ndarray


def predict(path: Path, stores: list[Path], model) -> tuple[Coefficients, LoadedRegressor]:
    """The faces that a regressor sees in photographs (numpy), and the regressor; the first store that tells its encoder enough is read."""
    loaded = load_regressor(path, model.checksum)
    reads = load_encoder(loaded.regressor.identity.encoder_name)
    check_encoder(path, loaded.regressor.identity, reads.checksum)
    store = first_store(stores, reads)
    if store is None:
        raise SystemExit(f"{path} reads what {reads.name} says of photographs, and no --test-store was encoded by it.")
    shape, albedo = loaded.regressor(store.features, domain="photograph")
    return Coefficients(np.asarray(shape), np.asarray(albedo)), loaded


def first_store(paths: list[Path], encoder: Encoder) -> FeatureStore | None:
    """The first of the stores that serves the encoder; None if there is none."""
    for path in paths:
        try:
            return load_photographs(path, encoder)
        except FeatureStoreError:
            continue
    return None


def view(studio: Studio, judge: Encoder, faces: Coefficients, title: str) -> Views:
    """Renderings of faces, frontal and neutral, as both networks see them."""
    if judge.image_size != studio.encoder.image_size or not np.array_equal(judge.template, studio.encoder.template):
        raise ValueError("The judge and the encoder should read pictures that are framed alike.")

    @tf.function
    def encode(shape, albedo):
        images = studio.photograph(Coefficients(shape, albedo), studio_scene(RENDERING_BATCH))
        return judge(images).embedding, studio.encoder(images).embedding

    count, seen = len(faces.shape), []
    for start in tqdm(range(0, count, RENDERING_BATCH), desc=f"renderings of {title}", unit="batch"):
        chosen = np.arange(start, start + RENDERING_BATCH) % count  # the last batch is filled from the first
        seen.append([np.asarray(e) for e in encode(faces.shape[chosen], faces.albedo[chosen])])
    return Views(*(np.concatenate(kind)[:count] for kind in zip(*seen, strict=True)))


def test_store(paths: list[Path], encoder: Encoder, names: np.ndarray) -> FeatureStore:
    """The test photographs' features and skin; SystemExit if a store holds other photographs."""
    for path in paths:
        if list(FeatureStore.load(path).names) != list(names):
            raise SystemExit(f"{path} holds other photographs than the list, or in another order; encode them again.")
    store = first_store(paths, encoder)
    if store is None:
        raise SystemExit(f"No --test-store was encoded by {encoder.name}.")
    return store


def judge_rows(court: Court, seen: dict[str, np.ndarray], mean_face: np.ndarray) -> dict:
    """The rows of the table by one network; `seen` are raw embeddings of the renderings by the name of what predicted them."""
    rows = {"chance": {"recall": court.chances()}}
    # Centred by its own mean a single face has no direction at all. So it is centred as the regressor's renderings are: one
    # direction, one order of the gallery, the same for every probe.
    one = directions(mean_face[None], seen["regressor"].mean(axis=0))
    same_for_all = np.repeat(one, len(court.probes), axis=0)
    predictions = {name: directions(embedding, embedding.mean(axis=0)) for name, embedding in seen.items()}
    for name, direction in {"mean_face": same_for_all, **predictions}.items():
        rows[name] = {"recall": court.recalls(direction), "similarity": court.similarities(direction)}
    rows["photo_against_photo"] = court.ceiling()
    return rows


def describe_coefficients(faces: Coefficients, people: np.ndarray) -> dict:
    """How predicted coefficients lie beside the standard normal that they should follow, and whether they tell people apart."""
    described = {}
    kinds = {"shape": faces.shape, "albedo": faces.albedo, "both": np.concatenate([faces.shape, faces.albedo], axis=1)}
    for name, values in kinds.items():
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        pairs = photo_pairs(directions(values, mean), people)
        described[name] = {
            "components": values.shape[1],
            "mean_of_first": mean[0],
            "root_mean_square_of_means": np.sqrt((mean**2).mean()),
            "largest_mean": np.abs(mean).max(),
            "deviation_of_first": deviation[0],
            "mean_deviation": deviation.mean(),
            "smallest_deviation": deviation.min(),
            "largest_deviation": deviation.max(),
            "share_beyond_3": (np.abs(values) > 3.0).mean(),
            "area_under_curve_centred_cosine": area_under_curve(pairs.same, pairs.different),
        }
    return described


def headline(rows: dict) -> dict[str, float]:
    """The judge's numbers that most readers want, as single values; the paper's question first."""
    own, removed = "own_photo_in_gallery", "own_photo_removed"
    regressor, before = rows["regressor"], rows["stage_one"]
    photos = rows["photo_against_photo"]
    return {
        "recall_top_1": regressor["recall"][own]["top_1"],
        "recall_top_5": regressor["recall"][own]["top_5"],
        "recall_top_1_own_photo_removed": regressor["recall"][removed]["top_1"],
        "recall_top_5_own_photo_removed": regressor["recall"][removed]["top_5"],
        "recall_top_1_stage_one_alone": before["recall"][own]["top_1"],
        "recall_top_1_of_chance": rows["chance"]["recall"][own]["top_1"],
        "recall_top_1_of_another_photo": photos["recall"][removed]["top_1"],
        "similarity_to_own_photo": regressor["similarity"]["own_photo"],
        "similarity_to_own_photo_stage_one_alone": before["similarity"]["own_photo"],
        "similarity_of_photos_of_one_person": photos["similarity"]["same_person"],
        "similarity_of_photos_of_two_people": photos["similarity"]["different_people"],
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, meaning in {
        "regressor": "the one to judge (.npz)",
        "stage-one": "the same before it saw photographs (.npz)",
        "lfw": "the folder of the photographs",
        "train-list": "photographs that the gallery holds beside the test's",
        "test-list": "photographs to reconstruct, of people who aren't in the other list",
        "test-store": "the test list's encodings, by tools/encode_lfw.py, which hold the skin's colour",
        "densenet": "dlib's face_recognition_densenet_model_v1.dat, or .dat.bz2",
        "cache": "a folder for the photographs' encodings",
        "out": "the result to write (.json)",
    }.items():
        many = {"nargs": "+"} if name == "test-store" else {}
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning, **many)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    model, encoder, judge = load("open"), load_encoder(), load_densenet(arguments.densenet)
    provenance = Provenance([], {}, 0)  # its clock starts here

    train = photographs(arguments.lfw, arguments.train_list, judge, encoder, arguments.cache)
    test = photographs(arguments.lfw, arguments.test_list, judge, encoder, arguments.cache)
    if shared := set(train.people) & set(test.people):
        raise SystemExit(f"{len(shared)} people are in both lists, {min(shared)} for one; split the lists by person.")
    people = np.concatenate([train.people, test.people])
    probes = np.arange(len(train.names), len(people))

    studio = Studio(model, encoder)
    test_store(arguments.test_store, encoder, test.names)
    stage_one, _ = predict(arguments.stage_one, arguments.test_store, model)
    regressed, loaded = predict(arguments.regressor, arguments.test_store, model)
    origin = loaded.provenance
    seen = {
        "stage_one": view(studio, judge, stage_one, "stage one"),
        "regressor": view(studio, judge, regressed, "the regressor"),
    }
    mean_face = view(studio, judge, Coefficients.neutral(model), "the mean face")

    numbers: dict = {
        "setting": {
            "gallery_photos": len(people),
            "gallery_people": len(np.unique(people)),
            "probes": len(probes),
            "probe_people": len(np.unique(test.people)),
            "left_out_because_they_can't_be_decoded": len(train.skipped) + len(test.skipped),
            "similarity": "cosine; photographs and renderings each centred by their own mean embedding",
            "renderings": f"frontal, neutral, studio light, {encoder.image_size[0]} x {encoder.image_size[1]} pixels",
            "mean_face": "one rendering for all probes, centred by the mean of the regressor's renderings",
        }
    }
    for name, gallery in (("judge", (train.judge, test.judge)), ("encoder", (train.encoder, test.encoder))):
        court = Court(np.concatenate(gallery), people, probes)
        numbers["setting"]["probes_with_another_photo"] = int(court.again.sum())
        embeddings = {row: getattr(views, name) for row, views in seen.items()}
        title = (
            f"judged by {judge.name}" if name == "judge" else f"judged by {encoder.name}, the training's own encoder"
        )
        numbers[title] = judge_rows(court, embeddings, getattr(mean_face, name)[0])
    numbers["coefficients"] = {
        name: describe_coefficients(faces, test.people)
        for name, faces in {"stage_one": stage_one, "regressor": regressed}.items()
    }
    numbers = headline(numbers[f"judged by {judge.name}"]) | numbers
    if "note" in origin:
        numbers["note"] = origin["note"]
    provenance.data = [
        train.as_data(arguments.train_list),
        test.as_data(arguments.test_list),
        Data(f"regressor {arguments.regressor.name}", 1, file_checksum(arguments.regressor)),
        Data(f"regressor {arguments.stage_one.name}", 1, file_checksum(arguments.stage_one)),
        Data(f"face model {model.name}", 1, model.checksum),
        Data(f"encoder {encoder.name}", 1, encoder.checksum),
        Data(f"judge {judge.name}", 1, judge.checksum),
        *(Data(f"trained on {d['name']}", d["count"], d["checksum"], d["stand_in"]) for d in origin["data"]),
    ]
    provenance.profile, provenance.seed = origin["profile"], origin["seed"]
    write_result(arguments.out, numbers, provenance)
    print(f"{arguments.out} written")


if __name__ == "__main__":
    main()
