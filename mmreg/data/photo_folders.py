"""Photographs in folders, as most collections are handed out: portraits in many styles, people a folder each, or just many files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mmreg.arrays import InputError
from mmreg.data.picture_files import photo_set
from mmreg.data.records import PhotoSet
from mmreg.data.sources import DataNotAvailable, source_of

__all__ = ["art", "celeba", "ffhq", "people_folders"]

IDENTITIES = "identity_CelebA.txt"


def art(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """Portraits made by hand: `labels["style"]` is the name of the folder they lie in, "art" where they lie in none.

    Args:
        folder: without it, MMREG_DATA/art.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no pictures.
    """

    def labels(name: str) -> dict[str, str | float]:
        return {"style": name.split("/")[0] if "/" in name else "art"}

    return _set("art", "art portraits", folder, labels=labels)


def celeba(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """CelebA (Liu et al. 2015): `img_align_celeba/000001.jpg`; who is on them by identity_CelebA.txt, if it lies in the folder or in Anno.

    Args:
        folder: without it, MMREG_DATA/celeba.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no pictures, or the list of people isn't one.
    """
    root = _root("celeba", folder)
    lists = [path for path in (root / IDENTITIES, root / "Anno" / IDENTITIES) if path.is_file()]
    people = _identities(lists[0]) if lists else {}
    return _set("celeba", "CelebA", root, lambda name: people.get(name.rsplit("/", 1)[-1], ""))


def ffhq(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """FFHQ (Karras et al. 2019): `00000/00000.png` and on; nobody says who is on them.

    Args:
        folder: without it, MMREG_DATA/ffhq.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no pictures.
    """
    return _set("ffhq", "FFHQ", folder)


def people_folders(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """VGG-Face, VGGFace2, CASIA-WebFace and the like: a folder for each person, at any depth, with the photographs in it.

    Args:
        folder: without it, MMREG_DATA/vggface.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no pictures.
    """
    return _set("vggface", "VGG-Face", folder, lambda name: name.split("/")[-2] if "/" in name else "")


def _root(key: str, folder: str | os.PathLike[str] | None) -> Path:
    root = Path(folder) if folder is not None else source_of(key).path()
    if not root.is_dir():
        raise DataNotAvailable(source_of(key).missing(f"{root} is no folder"))
    return root


def _set(
    key: str,
    name: str,
    folder: str | os.PathLike[str] | None,
    person: Callable[[str], str] = lambda name: "",
    labels: Callable[[str], dict[str, str | float]] = lambda name: {},
) -> PhotoSet:
    root = _root(key, folder)
    found = photo_set(name, root, person, labels)
    if not len(found.photos):
        raise InputError(f"{root} holds no pictures; expected photographs in it, or in folders below it.")
    return found


def _identities(file: Path) -> dict[str, str]:
    people = {}
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        fields = line.split()
        if len(fields) != 2 or not fields[1].isdecimal():
            raise InputError(f"{file}, line {number}: expected a file and a number, got {line.strip()!r}.")
        people[fields[0]] = fields[1]
    return people
