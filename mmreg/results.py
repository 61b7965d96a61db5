"""Result files: numbers with the record of the run that found them. The book prints numbers only from here."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from mmreg.arrays import InputError, atomic_path

_VERSIONED = ("mmreg", "tensorflow", "keras", "numpy", "numba", "trimesh")


@dataclass(frozen=True)
class Data:
    """What a result was made from.

    Attributes:
        checksum: SHA-256 (hexadecimal) of the data or of the list of their names; empty when generated from the seed.
        stand_in: whether the data take the place of others that can't be had or shown.
    """

    name: str
    count: int
    checksum: str = ""
    stand_in: bool = False


@dataclass
class Provenance:
    """The record of a run; `seconds` is filled when it is written."""

    data: list[Data]
    profile: dict
    seed: int
    started: float = field(default_factory=time.monotonic)

    def to_dict(self) -> dict:
        """Data, profile and its values, seed, versions, commit, machine, seconds."""
        return {
            "data": [asdict(d) for d in self.data],
            "profile": self.profile,
            "seed": self.seed,
            "versions": versions(),
            "commit": commit(),
            "machine": machine(),
            "seconds": round(time.monotonic() - self.started, 1),
        }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def commit() -> str:
    """The commit of the checkout that the library runs from, "+changes" if it was edited since; "unknown" outside one."""

    def git(*arguments):
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        ).stdout

    try:
        name = git("rev-parse", "--short=12", "HEAD").strip()
        return name + ("+changes" if git("status", "--porcelain", "--", "*.py").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def machine() -> str:
    """The kind of machine, not its name: processor architecture, system and the number of cores we may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()}, {platform.system()}, {cores} cores"


def write_result(path: str | os.PathLike[str], numbers: dict, provenance: Provenance | dict) -> None:
    """Writes `{**numbers, "provenance": …}` as JSON, whole or not at all; numpy numbers are rounded to 6 digits."""
    record = provenance.to_dict() if isinstance(provenance, Provenance) else provenance
    text = json.dumps(_plain({**numbers, "provenance": record}), indent=1, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n")


def read_result(path: str | os.PathLike[str]) -> dict:
    """What `write_result` wrote.

    Raises:
        InputError: the file is missing or isn't a result with its provenance.
    """
    path = Path(path)
    try:
        result = json.loads(path.read_text())
        result["provenance"]["seed"]
    except FileNotFoundError as error:
        raise InputError(f"{path} isn't there; run the chapter or command that makes it.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} isn't a result file with a provenance record; make it anew.") from error
    return result


def file_checksum(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _plain(value):
    """Numpy values as JSON's own; floats with 6 significant digits, which is more than any of them is good for."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.6g}")
    return value
