"""What the results of each photograph are called: as the photograph is, below folders that are called as its folders are."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mmreg.data.photographs import SUFFIXES, PhotographError
from mmreg.data.picture_files import picture_folders

__all__ = ["NamedPhotograph", "in_shard", "name_photographs"]


class NamedPhotograph(NamedTuple):
    """A picture file, and a name for what is made of it: unique, with "/" between folders."""

    path: Path
    name: str


def name_photographs(paths: Iterable[str | os.PathLike[str]], without: Path | None = None) -> Iterator[NamedPhotograph]:
    """The photographs among files and folders, one after the other: a file is taken as it is, a folder is searched at every depth.

    A photograph's name is its path in the folder without the suffix; the suffix, then a number, tell equal names apart. Of several
    folders, each one's name comes before. Only the names in one folder at a time are held in memory.

    Args:
        without: a folder that isn't searched: the one that receives the results.

    Raises:
        PhotographError: a path doesn't exist, or a folder holds no pictures (once it has been searched).
    """
    given = list(dict.fromkeys(map(Path, paths)))
    for path in given:
        if not path.exists():
            raise PhotographError(f"{path} doesn't exist; check the path of the photograph.")
    taken = _Names()
    folders = {path: taken.folder(path.resolve().name) for path in given if path.is_dir()}
    for path in given:
        if path not in folders:
            yield NamedPhotograph(path, taken.file(path.name))
            continue
        prefix = f"{folders[path]}/" if len(given) > 1 else ""
        count = 0
        for inside in picture_folders(path, without=without):
            names = _Names()
            for subfolder in inside.subfolders:
                names.folder(subfolder)
            here = f"{prefix}{inside.path}/" if inside.path else prefix
            for file in inside.pictures:
                yield NamedPhotograph(path / inside.path / file, here + names.file(file))
            count += len(inside.pictures)
        if not count:
            raise PhotographError(f"{path} holds no pictures; expected files that end in {', '.join(SUFFIXES)}.")


class _Names:
    """The names taken in one folder; capital and small letters count as the same, as some file systems have it."""

    def __init__(self):
        self.taken: set[str] = set()
        self.tried: Counter[str] = Counter()

    def folder(self, name: str) -> str:
        """A name for a folder: its own, or with a number if that is taken."""
        return self._first_free(name, [name])

    def file(self, name: str) -> str:
        """A name for what is made of a file: its own without the suffix, or with it, or with a number."""
        return self._first_free(Path(name).stem, [Path(name).stem, name.replace(".", "_")])

    def _first_free(self, stem: str, candidates: list[str]) -> str:
        for candidate in candidates:
            if self._take(candidate):
                return candidate
        while True:
            self.tried[stem] += (
                1  # goes on where the last of this stem ended, so that many equal names take no longer each
            )
            candidate = f"{stem}_{self.tried[stem] + 1}"
            if self._take(candidate):
                return candidate

    def _take(self, name: str) -> bool:
        folded = name.casefold()
        if folded in self.taken or folded.startswith(".") or folded.endswith(".jsonl") or not folded:
            return False  # hidden names and lists are the run's own
        self.taken.add(folded)
        return True


def in_shard(name: str, shard: int, shards: int) -> bool:
    """Whether a photograph belongs to a part of the work, 1 to `shards`: by its name alone, so that parts never meet, whatever is added."""
    return zlib.crc32(name.encode("utf-8", "surrogateescape")) % shards == shard - 1
