"""Photographs encoded once, for training to read what the encoder said of them and nothing else.

A folder of photographs is worked through in shards: what is finished stays finished when the work is interrupted, and is not computed
again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmreg.data.feature_store import SUFFIX, FeatureStore, FeatureStoreError, check_folder, shards_in, write_index
from mmreg.data.photographs import PhotographError, list_photographs, main_face, read_photograph
from mmreg.encoders import Encoder, load_encoder
from mmreg.encoders.alignment import align, detect
from mmreg.encoders.skin import SKIN, cheek_weights, skin_color

__all__ = ["encode_chips", "encode_photographs", "is_done", "load_photographs"]

SHARD = 512  # photographs; what an interruption can cost at most
BATCH = 32


def encode_photographs(
    paths: Iterable[str | os.PathLike[str]],
    encoder: Encoder,
    store_path: str | os.PathLike[str],
    source: str = "photographs",
    shard_size: int = SHARD,
    progress: bool = True,
) -> FeatureStore:
    """Encodes the main face of every photograph; what can't be read or shows no face is in `skipped`, with the reason.

    Photographs are read, searched and aligned on all cores. Memory doesn't grow with their number while they are encoded. Called again after
    an interruption, it goes on behind the last finished shard; photographs that have changed since are encoded again.

    Args:
        paths: files and folders, as for `list_photographs`.
        encoder: from `encoders.load_encoder`.
        store_path: one file, if it ends in .npz; else a folder, which keeps the shards (for millions of photographs).
        source: what the photographs are.
        shard_size: photographs in a shard.
        progress: whether to show a bar.

    Raises:
        PhotographError: there is no photograph with a face among them.
        FeatureStoreError: the folder holds other things than shards; nothing in it is touched.
        InputError: `store_path` can't be written.
    """
    store_path = Path(store_path)
    one_file = store_path.suffix == SUFFIX
    folder = store_path.with_suffix(".shards") if one_file else store_path
    check_folder(folder)
    photographs = list_photographs(paths)
    shards = [photographs[start : start + shard_size] for start in range(0, len(photographs), shard_size)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    bar = tqdm(total=len(photographs), desc="encoding", unit="photo", disable=None if progress else True)
    with bar, ThreadPoolExecutor(cores) as pool:
        for number, shard in enumerate(shards):
            path = folder / f"{number:05d}{SUFFIX}"
            task = _task(shard, encoder, source)
            if is_done(path, task):
                bar.update(len(shard))
            else:
                _encode(shard, encoder, source, pool, bar).save(path, task)
    for path in shards_in(folder)[len(shards) :]:  # of an earlier, longer list
        path.unlink()
    write_index(folder, encoder.checksum, source)
    store = FeatureStore.load(folder, encoder.checksum)
    if not len(store):
        shutil.rmtree(folder)
        raise PhotographError(
            f"None of the {len(store.skipped)} photographs can be read and shows a face; choose others."
        )
    if one_file:
        store.save(store_path)
        shutil.rmtree(folder)
    return store


def _task(shard: Sequence[Path], encoder: Encoder, source: str) -> str:
    """What a shard is made of, as a checksum: photographs by path, size and time of change; the encoder; the source."""
    digest = hashlib.sha256(f"{encoder.checksum}\n{source}\n".encode())
    for path in shard:
        state = path.stat()
        digest.update(f"{path}\n{state.st_size}\n{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def is_done(path: Path, task: str) -> bool:
    """Whether a shard is there, whole, and made of this task."""
    try:
        if FeatureStore.task_of(path) != task:
            return False
        FeatureStore.load(path)  # whole: a damaged one is made anew
    except FeatureStoreError:
        return False
    return True


def _encode(shard: Sequence[Path], encoder: Encoder, source: str, pool: ThreadPoolExecutor, bar: tqdm) -> FeatureStore:
    """The store of one shard; it may hold no face."""

    def chip(path: Path) -> np.ndarray | str:
        """The aligned face, or why there is none."""
        try:
            image = read_photograph(path)
        except PhotographError as error:
            return str(error)
        face = main_face(detect(image), image.shape[:2])
        return "no face was found" if face is None else align(image, face.points, encoder)

    names, skipped, encodings = [], [], []
    for start in range(0, len(shard), BATCH):
        part, chips = shard[start : start + BATCH], []
        for path, found in zip(part, pool.map(chip, part), strict=True):
            if isinstance(found, str):
                skipped.append((str(path), found))
            else:
                names.append(str(path))
                chips.append(found)
        encodings.append(encode_chips(chips, encoder))
        bar.update(len(part))
    features, embedding, skin = (np.concatenate(kind) for kind in zip(*encodings, strict=True))
    return FeatureStore(features, embedding, skin, tuple(names), encoder.checksum, source, skipped=tuple(skipped))


def encode_chips(chips: Sequence[np.ndarray], encoder: Encoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(features, embedding, skin) of aligned faces, a batch of them or none, as a `FeatureStore` holds them."""
    images = np.reshape(chips, (-1, *encoder.image_size, 3)).astype(np.float32)  # there may be none
    return *encoder.predict(images, BATCH), skin_color(images, cheek_weights(encoder))


def load_photographs(path: str | os.PathLike[str], encoder: Encoder) -> FeatureStore:
    """A store for an encoder: of its own, or of one that tells as much.

    One that was written by the same recogniser without the skin's tone is given it, and one by "dlib-layers" does for "dlib" too.

    Raises:
        FeatureStoreError: the file is missing, no store, or another encoder's.
    """
    store = FeatureStore.load(path)
    plain = load_encoder(encoder.name.removesuffix(SKIN)) if encoder.name.endswith(SKIN) else encoder
    own = store.encoder_checksum in (plain.checksum, encoder.checksum)
    if not own and plain.name == "dlib" and store.encoder_checksum == load_encoder("dlib-layers").checksum:
        pooled = store.features[:, : plain.feature_size]  # which come first
        store = replace(store, features=pooled, encoder_checksum=plain.checksum)
    if encoder is not plain and store.encoder_checksum == plain.checksum:
        store = store.with_skin_tone(encoder.checksum)
    if store.encoder_checksum != encoder.checksum:
        raise FeatureStoreError(
            f"{path} was made by an encoder with other weights ({store.encoder_checksum[:12]} instead of "
            f"{encoder.checksum[:12]}); encode the photographs again, by `mmreg data encode --encoder {plain.name}`."
        )
    return store
