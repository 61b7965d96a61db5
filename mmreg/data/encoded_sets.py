"""The photographs of an experiment as networks see them: found, aligned and encoded once, and kept in shards on disk.

An evaluation that was stopped, or is repeated with other weights, reads what is finished and computes the rest. Nothing depends on where
it was stopped: a shard is whole or isn't there, and what it holds depends on its own photographs alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
import zlib
from collections import ChainMap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mmreg.arrays import Float, InputError, atomic_path
from mmreg.data.encoding import BATCH, encode_chips, is_done
from mmreg.data.feature_store import SUFFIX, FeatureStore, check_folder, shards_in, write_index
from mmreg.data.photographs import PhotographError, main_face
from mmreg.data.records import Photo, PhotoSet, ScanSet
from mmreg.encoders import Encoder
from mmreg.encoders.alignment import align, detect, find_points
from mmreg.encoders.dlib_detector import Box

__all__ = ["EncodedSet", "encode_set", "frames_of", "thinned"]

SHARD = 128  # photographs; what an interruption can cost at most
_FORMAT = "1"  # of what is kept; a change of it makes everything anew


@dataclass(frozen=True, eq=False)
class EncodedSet:
    """What networks say of the photographs of a set.

    Attributes:
        photos: those that show a face, in the set's order.
        stores: one for each network, in the order they were given; a row for each of `photos`.
        points: the five points of each face in its photograph, in pixels, as `alignment.Detection.points`.
        skipped: (name, reason) of the photographs left out.
    """

    photos: tuple[Photo, ...]
    stores: tuple[FeatureStore, ...]
    points: Float[np.ndarray, "photo 5 2"]
    skipped: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def people(self) -> np.ndarray:
        """Who is on each photograph."""
        return np.array([photo.person for photo in self.photos])

    def where(self, label: str, value: str | float) -> np.ndarray:
        """The rows of the photographs with this label."""
        return np.flatnonzero([photo.labels.get(label) == value for photo in self.photos])


def frames_of(scans: ScanSet) -> PhotoSet:
    """The frames of all videos as one set; a frame's name begins with its person and video, and `labels["video"]` names the video."""
    frames = [
        replace(
            frame,
            name=f"{person.name}/{video}/{frame.name}",
            person=person.name,
            labels=ChainMap({"video": video}, frame.labels),
        )
        for person in scans.people
        for video, photos in person.videos.items()
        for frame in photos
    ]
    return PhotoSet(scans.name, scans.stand_in, frames, scans.checksum, scans.skipped)


def thinned(scans: ScanSet, people: int, frames: int) -> ScanSet:
    """The first people of a set with so many frames of each video, evenly spaced: what a quick run looks at."""

    def few(video: Sequence[Photo]) -> Sequence[Photo]:
        rows = np.unique(np.linspace(0, len(video) - 1, min(frames, len(video))).round().astype(int))
        return [video[int(row)] for row in rows]

    chosen = [
        replace(person, videos={name: few(video) for name, video in person.videos.items()})
        for person in scans.people[:people]
    ]
    digest = hashlib.sha256(f"{scans.checksum} {people} {frames}".encode()).hexdigest()
    return replace(scans, people=chosen, checksum=digest)


def encode_set(
    photos: PhotoSet,
    encoders: Sequence[Encoder],
    cache: str | os.PathLike[str] | None = None,
    shard_size: int = SHARD,
    progress: bool = True,
    box: Box | None = None,
) -> EncodedSet:
    """Finds the main face of every photograph and encodes it by every network, each aligned as that network wants it.

    What can't be read or shows no face is in `skipped`, for all networks alike. Photographs are read, searched and aligned on all cores;
    memory doesn't grow with their number while they are encoded.

    Args:
        cache: a folder that keeps the shards, below a folder for each set and network; None keeps nothing.
        shard_size: photographs in a shard.
        box: where the face is in every photograph of the set, if somebody knows (`data.common_box`); None searches each.

    Raises:
        PhotographError: no photograph shows a face.
        InputError: the cache can't be written.
    """
    with tempfile.TemporaryDirectory() if cache is None else nullcontext(cache) as root:
        folder = Path(root) / f"{_slug(photos.name)}-{photos.checksum[:12]}-{shard_size}"
        kept = [_Kept(encoder, folder / f"{_slug(encoder.name)}-{encoder.checksum[:12]}") for encoder in encoders]
        everything = list(photos.photos)
        shards = [everything[start : start + shard_size] for start in range(0, len(everything), shard_size)]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        bar = tqdm(
            total=len(everything), desc=f"encoding {photos.name}", unit="photo", disable=None if progress else True
        )
        found = []
        with bar, ThreadPoolExecutor(cores) as pool:
            for number, shard in enumerate(shards):
                found.append(_Shard(shard, photos, folder, number, box).finish(kept, pool, bar))
        stores = tuple(one.load(len(shards), photos.name) for one in kept)
    points = np.concatenate([faces.points for faces in found]) if found else np.zeros((0, 5, 2), np.float32)
    names = {str(name) for faces in found for name in faces.names}
    skipped = (*photos.skipped, *(pair for faces in found for pair in faces.skipped))
    if not names:
        raise PhotographError(
            f"None of the {len(everything)} photographs of {photos.name} can be read and shows a face"
            + (f"; the first: {skipped[0][0]}, {skipped[0][1]}." if skipped else ".")
        )
    return EncodedSet(tuple(photo for photo in everything if photo.name in names), stores, points, skipped)


class _Faces(NamedTuple):
    """Where the faces of a shard are."""

    names: np.ndarray
    points: np.ndarray
    skipped: tuple[tuple[str, str], ...]


class _Kept(NamedTuple):
    """A network, and the folder of what it said."""

    encoder: Encoder
    folder: Path

    def load(self, count: int, source: str) -> FeatureStore:
        check_folder(self.folder)
        for path in shards_in(self.folder)[count:]:  # of an earlier, longer list under the same checksum
            path.unlink()
        write_index(self.folder, self.encoder.checksum, source)
        return FeatureStore.load(self.folder, self.encoder.checksum)


class _Shard:
    """Some photographs of a set, and what has been found of them so far."""

    def __init__(self, photos: Sequence[Photo], of: PhotoSet, folder: Path, number: int, box: Box | None = None):
        self.photos, self.source, self.stand_in, self.box = photos, of.name, of.stand_in, box
        self.file = f"{number:05d}{SUFFIX}"
        self.faces_path = folder / "faces" / self.file
        where = [] if box is None else [str(box.corners.tolist())]
        self.task = "\n".join([_FORMAT, of.checksum, *where, *(photo.name for photo in photos)])

    def task_of(self, encoder: Encoder | None) -> str:
        """What the shard's file for a network is made of, as a checksum; None: the file of the faces."""
        return hashlib.sha256(f"{encoder.checksum if encoder else ''}\n{self.task}".encode()).hexdigest()

    def finish(self, kept: Sequence[_Kept], pool: ThreadPoolExecutor, bar: tqdm) -> _Faces:
        """Computes and writes what is missing; gives the faces."""
        faces = _read_faces(self.faces_path, self.task_of(None))
        missing = [one for one in kept if not is_done(one.folder / self.file, self.task_of(one.encoder))]
        if faces is not None and not missing:
            bar.update(len(self.photos))
            return faces
        found, encodings = self._look(faces, [one.encoder for one in missing], pool, bar)
        if faces is None:
            _write_faces(self.faces_path, found, self.task_of(None))
        names = tuple(str(name) for name in found.names)
        for one, arrays in zip(missing, encodings, strict=True):
            store = FeatureStore(
                *arrays, names, one.encoder.checksum, self.source, self.stand_in, skipped=found.skipped
            )
            store.save(one.folder / self.file, self.task_of(one.encoder))
        return found

    def _look(self, known: _Faces | None, encoders: list[Encoder], pool: ThreadPoolExecutor, bar: tqdm):
        """(faces, (features, embedding, skin) for each network)."""
        places = None if known is None else dict(zip(known.names.tolist(), known.points, strict=True))
        excuses = {} if known is None else dict(known.skipped)

        def look(photo: Photo) -> tuple[np.ndarray, list[np.ndarray]] | str:
            """The five points and the face aligned for each network, or why there is none."""
            if photo.name in excuses:
                return excuses[photo.name]
            try:
                image = photo.read()
            except InputError as error:
                return str(error)
            if places is not None:
                points = places[photo.name]
            elif self.box is not None:
                points = find_points(image, self.box)
            else:
                face = main_face(detect(image), image.shape[:2])
                if face is None:
                    return "no face was found"
                points = face.points
            return points, [align(image, points, encoder) for encoder in encoders]

        names, points, skipped = [], [], []
        parts: list[list] = [[] for _ in encoders]
        for start in range(0, len(self.photos), BATCH):
            part = self.photos[start : start + BATCH]
            chips: list[list] = [[] for _ in encoders]
            for photo, seen in zip(part, pool.map(look, part), strict=True):
                if isinstance(seen, str):
                    skipped.append((photo.name, seen))
                    continue
                names.append(photo.name)
                points.append(seen[0])
                for own, chip in zip(chips, seen[1], strict=True):
                    own.append(chip)
            for own, collected, encoder in zip(chips, parts, encoders, strict=True):
                collected.append(encode_chips(own, encoder))
            bar.update(len(part))
        faces = _Faces(np.array(names, np.str_), np.reshape(points, (-1, 5, 2)).astype(np.float32), tuple(skipped))
        return faces, [tuple(np.concatenate(kind) for kind in zip(*collected, strict=True)) for collected in parts]


def _write_faces(path: Path, faces: _Faces, task: str) -> None:
    with atomic_path(path) as partial:
        np.savez(
            partial,
            names=faces.names,
            points=faces.points,
            skipped=np.array(faces.skipped, np.str_).reshape(-1, 2),
            task=np.array(task),
        )


def _read_faces(path: Path, task: str) -> _Faces | None:
    """The faces of an earlier run, or None where there are none, or a damaged file, or another task's."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["task"]) != task:
                return None
            skipped = tuple((str(name), str(reason)) for name, reason in file["skipped"])
            return _Faces(file["names"], file["points"], skipped)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9+]+", "-", name.lower()).strip("-") or "set"
