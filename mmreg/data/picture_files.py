"""The picture files below a folder, found one folder after the other, and a set of photographs made of them.

Only names are held in memory: of a million files some hundred megabytes as a set, and of one folder at a time while they are walked through.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmreg.arrays import InputError
from mmreg.data.photographs import SUFFIXES, read_photograph
from mmreg.data.records import Photo, PhotoSet

__all__ = ["PhotoFiles", "PictureFolder", "photo_set", "picture_folders"]


class PictureFolder(NamedTuple):
    """What one folder holds: `subfolders` and `pictures` by name, sorted; `path` is relative to where the walk began, with "/"."""

    path: str
    subfolders: list[str]
    pictures: list[str]

    def names(self) -> list[str]:
        """The pictures' paths, relative to where the walk began."""
        return [f"{self.path}/{name}" if self.path else name for name in self.pictures]


def picture_folders(
    root: Path, suffixes: Sequence[str] = SUFFIXES, without: Path | None = None
) -> Iterator[PictureFolder]:
    """The folders at and below `root`, in the order of their names; the same on every machine.

    Hidden files and folders are passed over; links are followed, but never in a circle.

    Args:
        suffixes: in small letters, of the files that count.
        without: a folder that is passed over wherever it lies: the one that results are written to.

    Raises:
        InputError: a folder can't be read.
    """
    left_out = _identity(without) if without is not None and without.exists() else None
    endings = tuple(suffixes)

    def walk(folder: Path, path: str, above: tuple) -> Iterator[PictureFolder]:
        subfolders, pictures = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        subfolders.append(entry.name)
                    elif entry.name.lower().endswith(endings) and entry.is_file():
                        pictures.append(entry.name)
        except OSError as error:
            raise InputError(f"{folder} can't be read ({error.strerror}); check its permissions.") from error
        yield PictureFolder(path, sorted(subfolders), sorted(pictures))
        for name in sorted(subfolders):
            inside = folder / name
            identity = _identity(inside)
            if identity != left_out and identity not in above:
                yield from walk(inside, f"{path}/{name}" if path else name, (*above, identity))

    yield from walk(root, "", (_identity(root),))


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino


class PhotoFiles(Sequence[Photo]):
    """Files of a folder as photographs, made when they are asked for.

    Args:
        names: paths relative to `root`.
        person: who is on a photograph, by its name.
        labels: what else is known of it, by its name.
        read: gives a file's picture, as `read_photograph`.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        person: Callable[[str], str],
        labels: Callable[[str], Mapping[str, str | float]],
        read: Callable[[Path], object],
    ):
        self.root, self.names, self.person, self.labels, self.read = root, names, person, labels, read

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return PhotoFiles(self.root, self.names[index], self.person, self.labels, self.read)
        name = self.names[index]
        return Photo(name, self.person(name), partial(self.read, self.root / name), self.labels(name))


def photo_set(
    name: str,
    root: Path,
    person: Callable[[str], str] = lambda name: "",
    labels: Callable[[str], Mapping[str, str | float]] = lambda name: {},
    refuse: Callable[[str], str | None] = lambda name: None,
    suffixes: Sequence[str] = SUFFIXES,
    read: Callable[[Path], object] = read_photograph,
) -> PhotoSet:
    """The pictures at and below a folder as a set; none is decoded.

    The checksum is over names and sizes. Empty files, and those that `refuse` gives a reason against, are in `skipped`.

    Args:
        name: the set's.
        person, labels, refuse: of a photograph, by its path relative to `root`.
    """
    names, skipped, digest = [], [], hashlib.sha256()
    for folder in picture_folders(root, suffixes):
        for file in folder.names():
            size = (root / file).stat().st_size
            reason = "the file is empty" if size == 0 else refuse(file)
            if reason:
                skipped.append((file, reason))
            else:
                names.append(file)
                digest.update(f"{file}\n{size}\n".encode("utf-8", "surrogateescape"))
    return PhotoSet(name, False, PhotoFiles(root, names, person, labels, read), digest.hexdigest(), tuple(skipped))
