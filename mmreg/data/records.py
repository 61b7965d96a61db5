"""What experiments read, real or stand-in alike: photographs with a name on them, and scanned people with their videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmreg.arrays import Float, Int

__all__ = ["Photo", "PhotoSet", "Scan", "ScanSet", "ScannedPerson"]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph that is read when it is needed.

    Attributes:
        name: unique within its set, and the same on every machine.
        person: who it shows; empty where nobody knows.
        read: gives the image (height, width, 3), sRGB in [0, 1], float32; raises `PhotographError` where it can't.
        labels: what else is known of it: a pose, a light, the level of an occlusion.
    """

    name: str
    person: str
    read: Callable[[], Float[np.ndarray, "height width 3"]]
    labels: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scan:
    """A face as a scanner, or the generator of a stand-in, knows it.

    Attributes:
        positions: in millimetres.
        landmarks: points of the surface by the names of `MorphableModel.landmarks`, such as "nose_tip", as far as known, in mm.
    """

    positions: Float[np.ndarray, "vertex 3"]
    triangles: Int[np.ndarray, "triangle 3"]
    landmarks: Mapping[str, Float[np.ndarray, "3"]]


@dataclass(frozen=True, eq=False)
class ScannedPerson:
    """Somebody with a scan and videos; `read_scan` reads the scan when it is needed, `videos` holds frames by a video's name."""

    name: str
    read_scan: Callable[[], Scan]
    videos: Mapping[str, Sequence[Photo]]
    labels: Mapping[str, str | float] = field(default_factory=dict)


class _Pictures:
    """What sets of photographs and of scanned people have in common."""

    stand_in: bool

    @property
    def read_as(self) -> str:
        """By which domain's statistics a regressor reads the features: a stand-in's pictures are rendered (see `regressor.DomainStatistics`)."""
        return "rendering" if self.stand_in else "photograph"


@dataclass(frozen=True, eq=False)
class PhotoSet(_Pictures):
    """Photographs of an experiment.

    Attributes:
        name: how figures and tables call the set, "LFW" or "LFW-like stand-in".
        stand_in: whether it is generated in place of the set that the paper used.
        checksum: SHA-256 (hexadecimal) over what it holds, for the provenance of results.
        skipped: (name, reason) of files that can't be used.
    """

    name: str
    stand_in: bool
    photos: Sequence[Photo]
    checksum: str
    skipped: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, eq=False)
class ScanSet(_Pictures):
    """Scanned people of an experiment; the attributes are as `PhotoSet`'s."""

    name: str
    stand_in: bool
    people: Sequence[ScannedPerson]
    checksum: str
    skipped: Sequence[tuple[str, str]] = ()
