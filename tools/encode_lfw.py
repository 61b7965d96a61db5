"""Encodes photographs of Labeled Faces in the Wild (deep-funneled) into a feature store.

    python tools/encode_lfw.py FOLDER LIST STORE.npz [--encoder NAME] [--chips CHIPS.npy]

FOLDER holds Name/Name_0001.jpg; LIST has one such path a line. Deep-funneled photographs are aligned already, so the
detector runs on a few only: the median of its boxes serves all, and the five landmarks are found in each.
The stores are not to be published: the photographs' terms are their owners'.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmreg.arrays import atomic_path
from mmreg.data.feature_store import FeatureStore
from mmreg.data.photographs import PhotographError, main_face, read_photograph
from mmreg.encoders import load_encoder
from mmreg.encoders.alignment import align, detect, find_points
from mmreg.encoders.dlib_detector import Box
from mmreg.encoders.skin import cheek_weights, skin_color

BATCH = 64
PROBES = 40


def central_box(folder: Path, names: list[str]) -> Box:
    """The median of the detector's boxes in photographs spread over the list."""
    boxes = []
    for name in names[:: max(1, len(names) // PROBES)]:
        try:
            image = read_photograph(folder / name)
        except PhotographError:
            continue
        face = main_face(detect(image), image.shape[:2])
        if face is not None:
            boxes.append(face.box)
    spread = np.std(boxes, axis=0)
    print(f"box from {len(boxes)} photographs: {np.median(boxes, axis=0).round(1)}, deviations {spread.round(1)}")
    return Box(*(float(edge) for edge in np.median(boxes, axis=0)), score=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("list", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--chips", type=Path, help="also write the aligned images, uint8 (count, height, width, 3)")
    parser.add_argument(
        "--encoder",
        default="dlib",
        help="see `mmreg.encoders.encoder_names()`; dlib-layers for what the profiles short and full read",
    )
    arguments = parser.parse_args()

    started = time.perf_counter()
    names = arguments.list.read_text().split()
    encoder = load_encoder(arguments.encoder)
    box = central_box(arguments.folder, names)
    weights = cheek_weights(encoder)
    kept, skipped, chips, features, embeddings, skin = [], [], [], [], [], []
    for start in tqdm(range(0, len(names), BATCH), desc=arguments.list.stem, unit="batch"):
        batch = []
        for name in names[start : start + BATCH]:
            try:
                image = read_photograph(arguments.folder / name)
            except PhotographError as error:
                print(error)
                skipped.append((name, "can't be decoded"))
                continue
            batch.append(align(image, find_points(image, box), encoder))
            kept.append(name)
        if not batch:
            continue
        images = np.stack(batch)
        encoding = encoder.predict(images, BATCH)
        features.append(encoding.features)
        embeddings.append(encoding.embedding)
        skin.append(skin_color(images, weights))
        if arguments.chips:
            chips.append(np.round(images * 255).astype(np.uint8))
    store = FeatureStore(
        np.concatenate(features),
        np.concatenate(embeddings),
        np.concatenate(skin),
        tuple(kept),
        encoder.checksum,
        f"LFW deep-funneled, {len(kept)} photographs of {arguments.list.name}",
        skipped=tuple(skipped),
    )
    store.save(arguments.store)
    if arguments.chips:
        with atomic_path(arguments.chips) as partial:
            np.save(partial, np.concatenate(chips))
    seconds = time.perf_counter() - started
    print(f"{len(store)} photographs in {seconds:.0f} s; left out: {skipped}; {arguments.store}")


if __name__ == "__main__":
    main()
