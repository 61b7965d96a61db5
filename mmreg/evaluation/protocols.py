"""What "the error in millimetres" means: several protocols, each with its own alignment, region and average.

The same two surfaces measure differently under each, so a figure without its protocol says little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError, Int
from mmreg.data.records import Scan
from mmreg.evaluation.scan_error import (
    Surface,
    align_surfaces,
    distances,
    plane_distances,
    surface_distances,
)
from mmreg.face.landmarks import GROUPS, NOSE_TIP, multi_pie_name
from mmreg.geometry.mesh import CROP_RADIUS_MM, vertices_around
from mmreg.geometry.registration import Similarity, fit_similarity

__all__ = ["PROTOCOLS", "Comparison", "Measured", "Protocol", "common_scale"]

_RECONSTRUCTION_RADIUS_MM = CROP_RADIUS_MM + 10.0  # what lies further out meets no scan: ours
# outer and inner corner of the right eye, inner and outer of the left, below the nose, both corners of the mouth
NOW_LANDMARKS = tuple(multi_pie_name(number) for number in (37, 40, 43, 46, 34, 49, 55))
# what a scan that is marked by hand and a face model agree on: not the jaw, not the inner lips
_STARTING_LANDMARKS = (
    NOSE_TIP,
    *(name for group in ("nose_bridge", "nose_base", "right_eye", "left_eye", "outer_lips") for name in GROUPS[group]),
)


@dataclass(frozen=True)
class Protocol:
    """A way to measure how far a reconstruction is from a scan.

    Attributes:
        what: alignment, region, distance and average, in one sentence.
        source: who measures so.
        common_scale: whether one scale is found for all reconstructions of a method, instead of one for each.
    """

    name: str
    what: str
    source: str
    common_scale: bool = False


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "paper",
            "scan cropped at 95 mm around the nose tip; ICP with a scale for each mesh; mean of the distances to tangent planes "
            "from both sides, where both surfaces are",
            "Genova et al. 2018, section 6.2",
        ),
        Protocol(
            "paper, one scale",
            "the same, with one scale for all reconstructions of a method",
            "Genova et al. 2018, by Deng et al.'s account of their program",
            common_scale=True,
        ),
        Protocol(
            "Deng",
            "scan cropped at 95 mm; ICP with a scale for each mesh; root mean square of the distances from all vertices of the "
            "scan to tangent planes of the reconstruction, also where it ends",
            "Deng et al. 2019",
        ),
        Protocol(
            "NoW",
            "scan cropped at 0.7 (distance of the outer eye corners + length of the nose) about the middle of the face; 7 "
            "landmarks, then least distances from the scan alone, with scale; median of the distances to the surface",
            "Sanyal et al. 2019",
        ),
    )
}


class Measured(NamedTuple):
    """A reconstruction against a scan under one protocol, in millimetres of the scan."""

    error_mm: float  # the protocol's own average
    distances_mm: Float[np.ndarray, " counted"]  # what it averages, where it counts
    alignment: Similarity  # that took the reconstruction onto the scan


class Comparison:
    """A reconstruction and a scan; what several protocols need is found once.

    Args:
        reconstruction, scan: in millimetres, triangles counter-clockwise from outside. Landmarks that both have start the alignment, three or
            more of eyes, nose and outer lips; with fewer, both must have a "nose_tip" and be turned alike to 30 degrees.

        alignment: of the two, where it is known already.
        start: an alignment to start from instead of the landmarks.

    Raises:
        InputError: the scan or the reconstruction has no nose tip.
    """

    def __init__(
        self,
        reconstruction: Scan,
        scan: Scan,
        alignment: Similarity | None = None,
        start: Similarity | None = None,
    ):
        for name, mesh in (("reconstruction", reconstruction), ("scan", scan)):
            if NOSE_TIP not in mesh.landmarks:
                raise InputError(f"The {name} has no landmark {NOSE_TIP}, around which it is cropped; mark it.")
        self.full, self.scan = reconstruction, scan
        self.kept, triangles = vertices_around(
            reconstruction.positions,
            reconstruction.triangles,
            reconstruction.landmarks[NOSE_TIP],
            _RECONSTRUCTION_RADIUS_MM * self._size(),
        )
        self.reconstruction = Surface.of(np.asarray(reconstruction.positions)[self.kept], triangles)
        self._known, self._start = alignment, start

    def _size(self) -> float:
        """How large the reconstruction is beside the scan, by the landmarks."""
        return 1.0 / self._landmark_start.scale

    @cached_property
    def _landmark_start(self) -> Similarity:
        shared = [n for n in _STARTING_LANDMARKS if n in self.full.landmarks and n in self.scan.landmarks]
        if len(shared) >= 3:
            return fit_similarity(_points(self.full, shared), _points(self.scan, shared))
        ours, theirs = self.full.landmarks[NOSE_TIP], self.scan.landmarks[NOSE_TIP]
        return Similarity(1.0, np.eye(3), np.asarray(theirs, np.float64) - ours)

    @cached_property
    def target(self) -> Surface:
        """The scan, cropped at 95 mm around its nose tip."""
        return _cropped(self.scan, self.scan.landmarks[NOSE_TIP], CROP_RADIUS_MM)

    @cached_property
    def alignment(self) -> Similarity:
        """The similarity that lays the reconstruction on the scan, with a scale of its own."""
        start = self._start or self._landmark_start
        return self._known or align_surfaces(self.reconstruction, self.target, start)

    def with_scale(self, scale: float) -> Similarity:
        """The alignment with a given scale."""
        own, centre = self.alignment, self.reconstruction.positions.mean(axis=0)
        start = Similarity(scale, own.rotation, own(centre) - scale * (own.rotation @ centre))
        return align_surfaces(self.reconstruction, self.target, start, scale=False)

    def measure(self, protocol: Protocol, scale: float | None = None) -> Measured:
        """The error under a protocol.

        Args:
            scale: the common one (`common_scale`), for a protocol that has one.

        Raises:
            InputError: a landmark that the protocol needs is missing, or the common scale.
        """
        if protocol.name == "NoW":
            return self._now()
        if protocol.common_scale and scale is None:
            raise InputError(f"The protocol {protocol.name!r} needs the scale that all reconstructions share.")
        alignment = self.with_scale(scale) if protocol.common_scale else self.alignment
        moved = self.reconstruction.moved(alignment)
        if protocol.name == "Deng":
            found, _ = plane_distances(self.target, moved)
            return Measured(float(np.sqrt(np.mean(found**2))), found, alignment)
        sides = [self._to_scan(moved), distances(self.target, moved)]
        sides = [side[~np.isnan(side)] for side in sides]
        return Measured(float(np.mean([side.mean() for side in sides])), np.concatenate(sides), alignment)

    def error_map(self) -> Float[np.ndarray, " vertex"]:
        """The paper's distance at each vertex of the whole reconstruction, in mm; NaN where there is no scan."""
        found = np.full(len(self.full.positions), np.nan)
        found[self.kept] = self._to_scan(self.reconstruction.moved(self.alignment))
        return found

    def _to_scan(self, moved: Surface) -> Float[np.ndarray, " vertex"]:
        """From the moved reconstruction to the scan, in mm; NaN outside the intersection, and where the scan would have been cut off."""
        cut = np.linalg.norm(moved.positions - self.scan.landmarks[NOSE_TIP], axis=1) > CROP_RADIUS_MM
        return np.where(cut, np.nan, distances(moved, self.target))

    def has_now_landmarks(self) -> bool:
        """Whether both meshes have the seven landmarks of the NoW protocol."""
        return all(name in mesh.landmarks for name in NOW_LANDMARKS for mesh in (self.full, self.scan))

    def _now(self) -> Measured:
        missing = [n for n in NOW_LANDMARKS if n not in self.scan.landmarks or n not in self.full.landmarks]
        if missing:
            raise InputError(f"The NoW protocol needs seven landmarks on both meshes; missing: {', '.join(missing)}.")
        marks = _points(self.scan, NOW_LANDMARKS)
        outer_right, inner_right, inner_left, outer_left, below_nose = marks[:5]
        bridge = (inner_right + inner_left) / 2
        radius = 0.7 * (np.linalg.norm(outer_right - outer_left) + np.linalg.norm(bridge - below_nose))
        scan = _cropped(self.scan, below_nose + 0.3 * (bridge - below_nose), radius)
        start = fit_similarity(_points(self.full, NOW_LANDMARKS), marks)
        alignment = align_surfaces(self.reconstruction, scan, start, both_ways=False)
        found = surface_distances(scan.positions, self.reconstruction.moved(alignment))
        return Measured(float(np.median(found)), found, alignment)


def common_scale(comparisons: Sequence[Comparison]) -> float:
    """One scale for all reconstructions of a method: the geometric mean of the scales that each would choose (ours)."""
    return float(np.exp(np.mean([np.log(comparison.alignment.scale) for comparison in comparisons])))


def _points(mesh: Scan, names: Sequence[str]) -> Float[np.ndarray, "point 3"]:
    return np.array([mesh.landmarks[name] for name in names], np.float64)


def _cropped(mesh: Scan, centre: Float[np.ndarray, "3"], radius: float) -> Surface:
    used: Int[np.ndarray, " kept"]
    used, triangles = vertices_around(mesh.positions, mesh.triangles, np.asarray(centre, np.float64), radius)
    return Surface.of(np.asarray(mesh.positions)[used], triangles)
