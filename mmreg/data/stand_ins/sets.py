"""What the stand-ins of photographs have in common: names, labels that are known without drawing anybody, checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache, partial

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.records import Photo
from mmreg.data.stand_ins.people import draw_person, person_name
from mmreg.data.stand_ins.photography import Shot, take
from mmreg.data.stand_ins.source import SOURCE_FILE
from mmreg.results import file_checksum

__all__ = ["PersonLabels", "checked", "photo_of", "stand_in_checksum"]

EDITION = 2  # of what is drawn from a seed; counts up when pictures or people change
_OF_PEOPLE = ("gender", "age", "african", "asian", "european", "skin_luminance")


class PersonLabels(Mapping[str, "str | float"]):
    """A person's labels besides a picture's own; a person is drawn only when somebody asks."""

    def __init__(self, seed: int, index: int, own: Mapping[str, str | float] | None = None) -> None:
        self._who, self._own = (seed, index), dict(own or {})

    def __getitem__(self, name: str) -> str | float:
        if name in self._own:
            return self._own[name]
        if name not in _OF_PEOPLE:
            raise KeyError(name)
        return _labels(*self._who)[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._own, *_OF_PEOPLE))

    def __len__(self) -> int:
        return len(self._own) + len(_OF_PEOPLE)

    def __repr__(self) -> str:
        return f"PersonLabels({dict(self)})"


@cache
def _labels(seed: int, index: int) -> dict[str, str | float]:
    return draw_person(seed, index).labels()


def photo_of(name: str, seed: int, index: int, shot: Shot, labels: Mapping[str, str | float], after=None) -> Photo:
    """The photograph of a person, taken when it is read.

    Args:
        after: what is done to the picture then, a function.
    """
    return Photo(
        name, person_name(seed, index), partial(_read, seed, index, shot, after), PersonLabels(seed, index, labels)
    )


def _read(seed: int, index: int, shot: Shot, after) -> Float[np.ndarray, "height width 3"]:
    picture = take(draw_person(seed, index), shot)
    return (after(picture) if after else picture).astype(np.float32)


def checked(**counts: int) -> None:
    """Raises InputError unless each is a whole number above 0, a seed one of at least 0."""
    for name, count in counts.items():
        if not isinstance(count, int) or count < (name != "seed"):
            raise InputError(f"{name.replace('_', ' ')} must be a whole number above 0 for a stand-in; got {count!r}.")


def stand_in_checksum(name: str, **size: int) -> str:
    """SHA-256 (hexadecimal) of everything that a stand-in's pictures follow from."""
    record = {"name": name, "edition": EDITION, "source": file_checksum(SOURCE_FILE), **size}
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
