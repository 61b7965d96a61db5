"""Labeled Faces in the Wild (Huang et al. 2007): photographs named for whom they show, and the pairs of its verification test."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from mmreg.arrays import InputError
from mmreg.data.picture_files import photo_set
from mmreg.data.records import PhotoSet
from mmreg.data.sources import DataNotAvailable, source_of

__all__ = ["Pair", "fetch_lfw", "lfw", "read_pairs"]

LAYOUT = "Name/Name_0001.jpg"
_FILE = re.compile(r"(?P<folder>[^/]+)/(?P<name>.+)_(?P<number>\d{4,})\.[A-Za-z]+")
_INSIDE = ("", "images", "lfw", "lfw-deepfunneled", "lfw_funneled", "lfw_home/lfw_funneled", "lfw_home/lfw")


class Pair(NamedTuple):
    """Two photographs of the verification test, by their names in the set, and the fold they belong to (from 0)."""

    first: str
    second: str
    same: bool
    fold: int


def lfw(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """LFW from a folder of `Name/Name_0001.jpg`; the original, the funneled and the deep-funneled edition are named alike.

    Args:
        folder: that folder or the one around it; without it, MMREG_DATA/lfw, then what scikit-learn fetched before.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no photograph named like that.
    """
    root = _root(Path(folder) if folder is not None else _default())
    found = photo_set("LFW", root, person=lambda name: name.split("/")[0], refuse=_refuse)
    if not len(found.photos):
        raise InputError(f"{root} holds no photographs of LFW; expected {LAYOUT} in it.")
    return found


def _refuse(name: str) -> str | None:
    match = _FILE.fullmatch(name)
    named = match is not None and match["folder"] == match["name"]
    return None if named else f"not named like {LAYOUT}"


def _default() -> Path:
    try:
        return source_of("lfw").path()
    except DataNotAvailable:
        home = _scikit_learn_home()
        if (home / "lfw_home").is_dir():
            return home
        raise


def _scikit_learn_home() -> Path:
    """Where scikit-learn keeps what it fetches; it needn't be installed for what is there to be read."""
    return Path(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()


def _root(folder: Path) -> Path:
    """The folder of people in or at `folder`."""
    if not folder.is_dir():
        raise DataNotAvailable(source_of("lfw").missing(f"{folder} is no folder"))
    for inside in _INSIDE:
        if any((folder / inside).glob("[!.]*/*_[0-9][0-9][0-9][0-9].*")):
            return folder / inside
    return folder


def fetch_lfw() -> PhotoSet:
    """LFW through scikit-learn, which downloads 230 MB from a living mirror unless it has them already.

    Raises:
        DataNotAvailable: scikit-learn isn't installed, or the download failed.
    """
    try:
        from sklearn.datasets import fetch_lfw_people  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise DataNotAvailable(source_of("lfw").missing("scikit-learn isn't installed")) from error
    try:
        # what it makes of the photographs is small grey crops, few people's here; what counts are the files that it leaves
        fetch_lfw_people(data_home=str(_scikit_learn_home()), funneled=True, min_faces_per_person=100, resize=0.1)
    except OSError as error:
        raise DataNotAvailable(source_of("lfw").missing(f"scikit-learn's download failed ({error})")) from error
    return lfw(_scikit_learn_home())


def read_pairs(path: str | os.PathLike[str], photos: PhotoSet) -> list[Pair]:
    """The pairs of `pairs.txt` (or `pairsDevTrain.txt`): a line of counts, then `name i j` for one person, `name i other j` for two.

    Args:
        photos: the set; the pairs' photographs must be in it.

    Raises:
        InputError: the file is missing, a line isn't as above, or a photograph isn't in the set; names file and line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read ({error}); get pairs.txt from LFW's site or a mirror of it.") from error
    known = {name.rsplit(".", 1)[0]: name for name in (photo.name for photo in photos.photos)}
    folds, size = _header(lines, path)
    pairs = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split()
        if not fields:
            continue
        where = f"{path}, line {number}"
        if len(fields) not in (3, 4) or not all(field.isdecimal() for field in (*fields[1:2], fields[-1])):
            raise InputError(f"{where}: expected `name i j` or `name i other j`, got {line.strip()!r}.")
        same = len(fields) == 3
        first = f"{fields[0]}/{fields[0]}_{int(fields[1]):04d}"
        second = f"{fields[0 if same else 2]}/{fields[0 if same else 2]}_{int(fields[-1]):04d}"
        for stem in (first, second):
            if stem not in known:
                raise InputError(f"{where}: {photos.name} has no photograph {stem}; the pairs are of another set.")
        pairs.append(Pair(known[first], known[second], same, len(pairs) // (2 * size)))
    if len(pairs) != 2 * folds * size:
        raise InputError(f"{path} promises {2 * folds * size} pairs in its first line and holds {len(pairs)}.")
    return pairs


def _header(lines: list[str], path: Path) -> tuple[int, int]:
    """(folds, pairs of one kind in each); a single number is one fold."""
    fields = lines[0].split() if lines else []
    if len(fields) not in (1, 2) or not all(field.isdecimal() and int(field) > 0 for field in fields):
        raise InputError(
            f"{path} should begin with the numbers of folds and of pairs in each, as pairs.txt does (10 300)."
        )
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 else (1, int(fields[0]))
