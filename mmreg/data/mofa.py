"""MoFA-Test (Tewari et al. 2017): 84 photographs of 78 people, for looking at results side by side."""

from __future__ import annotations

import os
from pathlib import Path

from mmreg.arrays import InputError
from mmreg.data.picture_files import photo_set
from mmreg.data.records import PhotoSet
from mmreg.data.sources import DataNotAvailable, source_of

__all__ = ["mofa_test"]

PEOPLE = "people.txt"


def mofa_test(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """MoFA-Test from a folder of photographs.

    Who is on them is taken from people.txt in that folder, a line "file person" for each photograph, since the set itself doesn't say; without it
    from the names of sub-folders; else every photograph counts as a person of its own, which is wrong for 6 of the 84 [ours].

    Args:
        folder: without it, MMREG_DATA/mofa_test.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no pictures, or people.txt names a file that isn't there or isn't as above.
    """
    root = Path(folder) if folder is not None else source_of("mofa_test").path()
    if not root.is_dir():
        raise DataNotAvailable(source_of("mofa_test").missing(f"{root} is no folder"))
    people = _people(root)
    found = photo_set("MoFA-Test", root, lambda name: people.get(name) or _own(name))
    if not len(found.photos):
        raise InputError(f"{root} holds no pictures; expected the photographs of MoFA-Test in it.")
    absent = sorted(set(people) - {photo.name for photo in found.photos})
    if absent:
        raise InputError(f"{root / PEOPLE} names {absent[0]}, which isn't among the photographs.")
    return found


def _own(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return folder or file.rsplit(".", 1)[0]


def _people(root: Path) -> dict[str, str]:
    file = root / PEOPLE
    if not file.is_file():
        return {}
    people = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, _, person = line.strip().rpartition("\t" if "\t" in line else " ")
        if not name:
            raise InputError(f"{file}, line {number}: expected a file and a person, got {line.strip()!r}.")
        people[name.strip()] = person.strip()
    return people
