"""What an experiment is given, what it gives back, and how that becomes a result file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmreg.arrays import InputError
from mmreg.data.encoded_sets import EncodedSet, encode_set
from mmreg.data.records import PhotoSet, ScanSet
from mmreg.encoders import Encoder
from mmreg.reconstruct import Reconstructor
from mmreg.results import Data, Provenance, write_result

__all__ = [
    "SIZES",
    "Experiment",
    "Result",
    "Setting",
    "named",
    "of_set",
    "write",
]

SIZES = ("quick", "full")


@dataclass(frozen=True, eq=False)
class Result:
    """What an experiment found.

    Attributes:
        name: the experiment's, and its file's.
        numbers: what is written: dictionaries, lists, strings and numbers, no NaN; single values that most readers want come first.
        data: what it was found on.
        arrays: what figures are drawn from, by name; not written.
    """

    name: str
    numbers: dict
    data: list[Data]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Setting:
    """What `mmreg evaluate` gives to every experiment, which takes of it what it needs.

    Attributes:
        reconstructor: the face model, the encoder and the regressor to be judged.
        stage_one: the same before it saw photographs, to be compared; None where no file is given.
        judge: a network that no loss asked; None where none is at hand: then nothing is said of likeness.
        size: "quick" or "full"; what that means is the experiment's, and its result says so.
        cache: a folder for what networks said of photographs; None keeps nothing.
    """

    reconstructor: Reconstructor
    stage_one: Reconstructor | None = None
    judge: Encoder | None = None
    size: str = "quick"
    seed: int = 0
    cache: Path | None = None
    progress: bool = True

    def encode(self, photos: PhotoSet) -> EncodedSet:
        """The set as the encoder sees it (`stores[0]`) and, if there is one, the judge (`stores[1]`)."""
        encoders = [self.reconstructor.encoder, *([self.judge] if self.judge else [])]
        return encode_set(photos, encoders, self.cache, progress=self.progress)


Experiment = Callable[[Setting], Result]


def of_set(photos: PhotoSet | ScanSet) -> Data:
    """The record of a set for a result's provenance."""
    count = len(photos.people) if isinstance(photos, ScanSet) else len(photos.photos)
    return Data(photos.name, count, photos.checksum, photos.stand_in)


def named(experiments: Mapping[str, Experiment], name: str) -> Experiment:
    """An experiment by its name. Raises InputError that says which there are."""
    if name not in experiments:
        raise InputError(f"There is no experiment named {name!r}; choose one of {', '.join(experiments)}.")
    return experiments[name]


def write(result: Result, setting: Setting, folder: Path, provenance: Provenance) -> Path:
    """Writes folder/NAME.json: the numbers, and on what and with what they were found.

    Args:
        provenance: of the run; data, size and seed are filled in here.
    """
    reconstructor = setting.reconstructor
    provenance.data = [
        *result.data,
        Data("regressor", 1, reconstructor.loaded.checksum),
        *([Data("regressor after stage one", 1, setting.stage_one.loaded.checksum)] if setting.stage_one else []),
        Data(f"face model {reconstructor.model.name}", 1, reconstructor.model.checksum),
        Data(f"encoder {reconstructor.encoder.name}", 1, reconstructor.encoder.checksum),
        *([Data(f"judge {setting.judge.name}", 1, setting.judge.checksum)] if setting.judge else []),
    ]
    provenance.profile, provenance.seed = {"name": setting.size, "experiment": result.name}, setting.seed
    path = folder / f"{result.name}.json"
    write_result(path, result.numbers, provenance)
    return path
