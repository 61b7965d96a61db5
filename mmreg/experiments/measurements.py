"""What the geometry experiment measured of a person, and how it is kept: a stopped experiment measures nobody again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, atomic_path
from mmreg.geometry.registration import Similarity

__all__ = ["Face", "Keeper", "Record"]

EDITION = 1  # counts up when the same faces are measured otherwise


class Face(NamedTuple):
    """A face to be measured; `video` is empty for what knows no video."""

    method: str
    video: str
    shape: Float[np.ndarray, " component"]


@dataclass
class Record:
    """What was measured of one face of one person: the errors by protocol, and some of the distances behind them."""

    person: str
    face: Face
    alignment: Similarity
    errors_mm: dict[str, float]
    distances_mm: dict[str, np.ndarray]
    error_map: np.ndarray


class Keeper:
    """Keeps each person's records in a file of a folder; without a folder it keeps nothing.

    Args:
        made_of: everything that decides the records, such as checksums and names of protocols; other things, other files.
    """

    def __init__(self, folder: Path | None, made_of: Sequence[object]):
        key = hashlib.sha256(json.dumps([EDITION, *made_of]).encode()).hexdigest()
        self.folder = None if folder is None else folder / f"measured-{key[:16]}"

    def records(self, person: str, measure: Callable[[], list[Record]]) -> list[Record]:
        """The person's records: those kept, or `measure`'s, which then are; a damaged file is made anew."""
        if self.folder is None:
            return measure()
        path = self.folder / f"{hashlib.sha256(person.encode()).hexdigest()[:16]}.npz"
        found = _read(path)
        if found is None:
            found = measure()
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(path, found)
        return found


def _write(path: Path, records: Sequence[Record]) -> None:
    words, arrays = [], {}
    for k, r in enumerate(records):
        words.append(
            [r.person, r.face.method, r.face.video, float(r.alignment.scale), r.errors_mm, list(r.distances_mm)]
        )
        arrays |= {f"{k} shape": r.face.shape, f"{k} map": r.error_map}
        arrays |= {f"{k} rotation": r.alignment.rotation, f"{k} translation": r.alignment.translation}
        arrays |= {f"{k} distances {n}": values for n, values in enumerate(r.distances_mm.values())}
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, words=np.frombuffer(json.dumps(words).encode(), np.uint8), **arrays)


def _read(path: Path) -> list[Record] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        records = []
        for k, (person, method, video, scale, errors, protocols) in enumerate(json.loads(arrays["words"].tobytes())):
            alignment = Similarity(scale, arrays[f"{k} rotation"], arrays[f"{k} translation"])
            distances = {protocol: arrays[f"{k} distances {n}"] for n, protocol in enumerate(protocols)}
            face = Face(method, video, arrays[f"{k} shape"])
            records.append(Record(person, face, alignment, errors, distances, arrays[f"{k} map"]))
        return records
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
