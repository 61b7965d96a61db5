"""Pairs of surfaces whose distance is known beforehand: what a protocol measures of them is the protocol's own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, Int
from mmreg.data.records import Scan
from mmreg.geometry.mesh import vertex_normals

__all__ = ["KnownPair", "known_pairs"]

_WAVELENGTH_MM = 40.0


class KnownPair(NamedTuple):
    """A reconstruction and a scan.

    Attributes:
        truth_mm: the mean distance of the two shapes, size apart.
    """

    name: str
    reconstruction: Scan
    scan: Scan
    truth_mm: float


def known_pairs(face: Scan) -> list[KnownPair]:
    """A face against itself: as it is, with other triangles, 5 % larger, cut below the eyes, 1 mm further out everywhere, and with
    waves of 1 mm (root mean square; their mean is 2√2/π = 0.90) that no turn, shift or scale takes away."""
    positions = np.asarray(face.positions, np.float64)
    normals = np.asarray(vertex_normals(positions[None].astype(np.float32), face.triangles))[0].astype(np.float64)
    waves = np.sqrt(2.0) * np.sin(2.0 * np.pi * positions[:, :1] / _WAVELENGTH_MM)
    height = 0.5 * (face.landmarks["nose_tip"][1] + positions[:, 1].max())
    lower = face.triangles[(positions[:, 1] < height)[face.triangles].all(axis=1)]
    return [
        KnownPair("the same surface", face, face, 0.0),
        KnownPair("other triangles", _split(face), face, 0.0),
        KnownPair("5 % larger", _moved(face, 1.05 * positions), face, 0.0),
        KnownPair("forehead missing", Scan(positions, lower, face.landmarks), face, 0.0),
        KnownPair("1 mm further out", _moved(face, positions + normals), face, 1.0),
        KnownPair("waves of 1 mm", _moved(face, positions + waves * normals), face, 2.0 * np.sqrt(2.0) / np.pi),
    ]


def _moved(face: Scan, positions: Float[np.ndarray, "vertex 3"]) -> Scan:
    """The face on other positions; each landmark moves with its nearest vertex."""
    old = np.asarray(face.positions)
    moved = {
        name: point + (positions - old)[np.linalg.norm(old - point, axis=1).argmin()]
        for name, point in face.landmarks.items()
    }
    return Scan(positions, face.triangles, moved)


def _split(face: Scan) -> Scan:
    """The same surface with every triangle split in three at its middle."""
    positions = np.asarray(face.positions, np.float64)
    middles: Int[np.ndarray, " triangle"] = len(positions) + np.arange(len(face.triangles))
    parts = [np.stack([face.triangles[:, k], face.triangles[:, (k + 1) % 3], middles], axis=1) for k in range(3)]
    both = np.concatenate([positions, positions[face.triangles].mean(axis=1)])
    return Scan(both, np.concatenate(parts).astype(np.int32), face.landmarks)
