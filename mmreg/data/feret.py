"""Colour FERET (Phillips et al. 1998, 2000): people photographed from many sides, on several days."""

from __future__ import annotations

import bz2
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.photographs import PhotographError, decode_photograph, read_photograph
from mmreg.data.picture_files import photo_set
from mmreg.data.records import PhotoSet
from mmreg.data.sources import DataNotAvailable, source_of

__all__ = ["POSES", "feret"]

LAYOUT = "dvd1/data/images/00001/00001_930831_fa_a.ppm.bz2"
# (degrees away from the camera, side that the head turns to). The codes that end in l and r are FERET's; the random ones' angles
# are remembered from its documentation and approximate, and it isn't sure which way is meant.
POSES: Mapping[str, tuple[float, str]] = {
    "fa": (0.0, ""),
    "fb": (0.0, ""),
    "ql": (22.5, "left"),
    "qr": (22.5, "right"),
    "hl": (67.5, "left"),
    "hr": (67.5, "right"),
    "pl": (90.0, "left"),
    "pr": (90.0, "right"),
    "ra": (45.0, ""),
    "rb": (15.0, ""),
    "rc": (15.0, ""),
    "rd": (45.0, ""),
    "re": (75.0, ""),
}
OTHER_EXPRESSION = "fb"
_FILE = re.compile(r"(?P<person>\d{5})_(?P<date>\d{6})_(?P<pose>[a-z]{2})(?:_(?P<variant>[a-z]+))?\.[a-z0-9.]+")
_SUFFIXES = (".ppm.bz2", ".ppm", ".jpg", ".jpeg", ".png", ".tif", ".tiff")
_LARGEST = 64 * 2**20  # bytes of a picture when it is unpacked; theirs are 1.2 million


def feret(folder: str | os.PathLike[str] | None = None) -> PhotoSet:
    """Colour FERET in its largest size (`data/images`), packed or unpacked.

    Labels: `factor` ("pose", or "expression" for the second frontal photograph, fb, and "none" for fa), `level` (degrees away from
    the camera), `pose` (the code), `side` ("left", "right", or "" where it isn't sure or frontal), `date` (yymmdd), `variant` (the letter at
    the end of a name; "" mostly), and what ground_truths/name_value says of the person: `gender`, `yob`, `race`.

    Args:
        folder: colorferet, or the folder around dvd1 and dvd2; without it, MMREG_DATA/feret.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no photograph of FERET.
    """
    root = Path(folder) if folder is not None else source_of("feret").path()
    if not root.is_dir():
        raise DataNotAvailable(source_of("feret").missing(f"{root} is no folder"))
    if (root / "colorferet").is_dir():
        root /= "colorferet"
    smaller = any(root.glob("dvd*/data/images"))  # then other sizes may lie beside them

    def refuse(name: str) -> str | None:
        if smaller and "/data/images/" not in name:
            return _OTHER_SIZE
        match = _match(name)
        if match is None:
            return "not named like 00001_930831_fa_a.ppm.bz2"
        return None if match["pose"] in POSES else f"an unknown pose, {match['pose']}"

    people = _People(root)
    found = photo_set("colour FERET", root, _person, people.labels, refuse, _SUFFIXES, read_packed)
    skipped = tuple(pair for pair in found.skipped if pair[1] != _OTHER_SIZE)
    if not len(found.photos):
        raise InputError(f"{root} holds no photographs of colour FERET; expected {LAYOUT} in it.")
    return PhotoSet(found.name, False, found.photos, found.checksum, skipped)


_OTHER_SIZE = "another size of a photograph"


def _match(name: str) -> re.Match | None:
    return _FILE.fullmatch(name.rsplit("/", 1)[-1])


def _person(name: str) -> str:
    return _match(name)["person"]


class _People:
    """What the ground truths say of people; read when somebody is asked for."""

    def __init__(self, root: Path):
        self.of = cache(lambda person: self._read(root, person))

    def labels(self, name: str) -> dict[str, str | float]:
        match = _match(name)
        degrees, side = POSES[match["pose"]]
        factor = "pose" if degrees else "expression" if match["pose"] == OTHER_EXPRESSION else "none"
        return {
            "factor": factor,
            "level": degrees,
            "pose": match["pose"],
            "side": side,
            "date": match["date"],
            "variant": match["variant"] or "",
            **self.of(match["person"]),
        }

    @staticmethod
    def _read(root: Path, person: str) -> dict[str, str]:
        for file in sorted(root.glob(f"dvd*/data/ground_truths/name_value/{person}/{person}.txt")):
            pairs = (line.split("=", 1) for line in file.read_text(errors="replace").splitlines() if "=" in line)
            values = {key.strip(): value.strip() for key, value in pairs}
            return {key: values[key] for key in ("gender", "yob", "race") if key in values}
        return {}


def read_packed(path: Path) -> Float[np.ndarray, "height width 3"]:
    """A picture file, unpacked if it ends in .bz2.

    Raises:
        PhotographError: it is damaged, or holds more than 64 MB.
    """
    if path.suffix != ".bz2":
        return read_photograph(path)
    try:
        unpacker = bz2.BZ2Decompressor()
        content = unpacker.decompress(path.read_bytes(), _LARGEST)
        if not unpacker.eof:
            raise EOFError("it is cut off" if unpacker.needs_input else "it is too large")
    except (OSError, EOFError, ValueError) as error:
        raise PhotographError(f"{path} can't be unpacked ({error}); get the photograph again.") from error
    return decode_photograph(content, str(path))
