"""Scans from disk: meshes in OBJ and VRML files, in millimetres."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.data.records import Scan

__all__ = ["ScanFileError", "read_scan"]

SUFFIXES = (".obj", ".wrl", ".vrml")
# The largest extent of a scanned head, in units, tells the unit: no head is as small or as large as the next one allows.
_UNITS = ((0.1, 0.9, 1000.0), (10.0, 90.0, 10.0), (100.0, 900.0, 1.0))


class ScanFileError(InputError):
    """A file isn't a scan that can be read; the message names it and says what to do."""


def read_scan(path: Path, landmarks: Mapping[str, int | Float[np.ndarray, "3"]] | None = None) -> Scan:
    """A scan in millimetres; a file in centimetres or metres is told from its extent, which a head leaves no doubt of.

    Args:
        path: .obj, .wrl or .vrml; polygons become triangles, textures are passed over.
        landmarks: vertex numbers (from 0), or positions in the file's unit.

    Raises:
        ScanFileError: the file is missing, no mesh, damaged, or nothing as large as a head in mm, cm or m.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ScanFileError(f"{path} can't be read ({error.strerror}); get the scan again.") from error
    positions, polygons = (_obj if path.suffix.lower() == ".obj" else _vrml)(text, path)
    if len(positions) < 100 or len(polygons) < 100:
        raise ScanFileError(
            f"{path} holds {len(positions)} vertices and {len(polygons)} triangles, which is no scan of a face."
        )
    if not np.isfinite(positions).all():
        raise ScanFileError(f"{path} has a vertex that isn't finite; get the scan again.")
    if polygons.min() < 0 or polygons.max() >= len(positions):
        raise ScanFileError(f"{path} has a polygon over vertices that it doesn't have; get the scan again.")
    scale = _millimetres(positions, path)
    points = {}
    for name, place in (landmarks or {}).items():
        if isinstance(place, int):
            if not 0 <= place < len(positions):
                raise ScanFileError(
                    f"{path} has {len(positions)} vertices, so none is {name}, number {place} (from 0)."
                )
            place = positions[place]
        points[name] = (np.asarray(place, np.float64) * scale).astype(np.float32)
    return Scan((positions * scale).astype(np.float32), polygons.astype(np.int32), points)


def _millimetres(positions: Float[np.ndarray, "vertex 3"], path: Path) -> float:
    extent = float(np.ptp(positions, axis=0).max())
    for smallest, largest, scale in _UNITS:
        if smallest <= extent <= largest:
            return scale
    raise ScanFileError(
        f"{path} extends over {extent:.3g} units, which is a head neither in millimetres nor in centimetres nor in metres."
    )


def _numbers(words: list[bytes], width: int, path: Path, what: str) -> np.ndarray:
    try:
        return np.array(words, np.float64).reshape(-1, width)
    except ValueError as error:
        raise ScanFileError(f"{path} has {what} that aren't {width} numbers each; get the scan again.") from error


def _obj(text: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    lines = re.findall(rb"^v[ \t]+([^\r\n#]+)", text, re.MULTILINE)
    words = [word for line in lines for word in line.split()[:3]]  # colours may follow
    positions = _numbers(words, 3, path, "vertices")
    if len(positions) != len(lines):
        raise ScanFileError(f"{path} has vertices that aren't three numbers; get the scan again.")
    triangles = []
    try:
        for line in re.findall(rb"^f[ \t]+([^\r\n#]+)", text, re.MULTILINE):
            corners = [int(corner.split(b"/", 1)[0]) for corner in line.split()]
            corners = [corner - 1 if corner > 0 else len(positions) + corner for corner in corners]
            triangles += [(corners[0], b, c) for b, c in itertools.pairwise(corners[1:])]
    except ValueError as error:
        raise ScanFileError(f"{path} has a polygon that isn't vertex numbers; get the scan again.") from error
    return positions, np.array(triangles, np.int64).reshape(-1, 3)


def _vrml(text: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The first indexed face set of a VRML 1.0 or 2.0 file."""
    text = re.sub(rb"#[^\r\n]*", b"", text)
    points = re.search(rb"\bpoint\s*\[([^\]]*)\]", text)
    index = re.search(rb"\bcoordIndex\s*\[([^\]]*)\]", text)
    if points is None or index is None:
        raise ScanFileError(f"{path} has no indexed face set (point and coordIndex), which a scan in VRML has.")
    positions = _numbers(points[1].replace(b",", b" ").split(), 3, path, "points")
    try:
        corners = np.array(index[1].replace(b",", b" ").split(), np.int64)
    except ValueError as error:
        raise ScanFileError(f"{path} has polygons that aren't vertex numbers; get the scan again.") from error
    triangles = []
    for polygon in np.split(corners, np.flatnonzero(corners < 0)):
        polygon = polygon[polygon >= 0]
        triangles += [(polygon[0], b, c) for b, c in itertools.pairwise(polygon[1:])]
    return positions, np.array(triangles, np.int64).reshape(-1, 3)
