"""What two networks make of Labeled Faces in the Wild, kept in shards on disk so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from encode_lfw import central_box
from tqdm import tqdm

from mmreg.arrays import atomic_path
from mmreg.data.photographs import PhotographError, read_photograph
from mmreg.encoders import Encoder
from mmreg.encoders.alignment import align, find_points
from mmreg.encoders.dlib_detector import Box
from mmreg.results import Data

SHARD = 256


class Photographs(NamedTuple):
    """Photographs as the judge and the encoder see them; `people` is each one's folder."""

    names: np.ndarray
    judge: np.ndarray
    encoder: np.ndarray
    features: np.ndarray
    skipped: list[str]

    @property
    def people(self) -> np.ndarray:
        return np.array([name.split("/")[0] for name in self.names])

    def as_data(self, listing: Path) -> Data:
        """What a result's provenance says of them."""
        checksum = hashlib.sha256("\n".join(self.names.tolist()).encode()).hexdigest()
        return Data(f"LFW deep-funneled, {listing.name}", len(self.names), checksum)


def photographs(folder: Path, listing: Path, judge: Encoder, encoder: Encoder, cache: Path) -> Photographs:
    """What both networks make of a list's photographs, aligned as by `encode_lfw`; from the cache as far as it goes."""
    names = listing.read_text().split()
    key = hashlib.sha256("\n".join([*names, judge.checksum, encoder.checksum]).encode()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    box = _box(folder, names, cache / f"{key}-box.npy")
    shards = []
    starts = range(0, len(names), SHARD)
    for start in tqdm(starts, desc=f"photographs of {listing.name}", unit="shard"):
        path = cache / f"{key}-{start:05d}.npz"
        shard = _read_shard(path)
        if shard is None:
            shard = _encode(folder, names[start : start + SHARD], box, judge, encoder)
            with atomic_path(path) as partial:
                np.savez(partial, **shard)
        shards.append(shard)
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    skipped = sorted(set(names) - set(joined["names"].tolist()))
    return Photographs(**joined, skipped=skipped)


def _box(folder: Path, names: list[str], path: Path) -> Box:
    if not path.exists():
        box = central_box(folder, names)
        with atomic_path(path) as partial:
            np.save(partial, box.corners)
    return Box(*(float(edge) for edge in np.load(path, allow_pickle=False)), score=1.0)


def _read_shard(path: Path) -> dict[str, np.ndarray] | None:
    """A shard of an earlier run, or None where there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _encode(folder: Path, names: list[str], box: Box, judge: Encoder, encoder: Encoder) -> dict[str, np.ndarray]:
    kept, chips = [], []
    for name in names:
        try:
            image = read_photograph(folder / name)
        except PhotographError as error:
            tqdm.write(str(error))
            continue
        chips.append(align(image, find_points(image, box), encoder))
        kept.append(name)
    images = np.stack(chips)
    features, embedding = encoder.predict(images)
    return {
        "names": np.array(kept),
        "judge": judge.predict(images).embedding,
        "encoder": embedding,
        "features": features,
    }
