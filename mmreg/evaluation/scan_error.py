"""How far a reconstructed face is from a scan: cropped, aligned with scale, then measured from both sides (section 6.2).

The paper: "point-to-plane distance within each mesh's region of intersection", after iterative closest points with an isotropic scale,
on scans cropped at 95 mm around the nose tip. How the alignment is started and made robust is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from mmreg.arrays import Bool, Float, InputError, Int
from mmreg.geometry.mesh import point_to_plane, vertex_normals
from mmreg.geometry.registration import Similarity, fit_similarity

__all__ = ["CROP_RADIUS_MM", "ScanError", "Surface", "align_surfaces", "crop_around", "distances", "scan_error"]

CROP_RADIUS_MM = 95.0  # section 6.2
_REACH = 4.0  # pairs farther apart than so many median distances don't count in the alignment: ours
_CANDIDATES, _SAME_WAY = (
    16,
    np.cos(np.deg2rad(45.0)),
)  # of the nearest vertices, those with normals within 45 degrees: ours
_ENOUGH = 3000  # about so many vertices of either side are paired in a step of the alignment
_STEPS = 60
_SETTLED_MM = 1e-4  # the alignment stops when no point moves by more than this


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh with what measuring needs: unit normals, a search tree, and which vertices lie on its border."""

    positions: Float[np.ndarray, "vertex 3"]
    triangles: Int[np.ndarray, "triangle 3"]
    normals: Float[np.ndarray, "vertex 3"]
    tree: cKDTree
    on_border: Bool[np.ndarray, " vertex"]

    @classmethod
    def of(cls, positions: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]) -> Surface:
        """Of a mesh in millimetres, without the vertices that no triangle uses.

        Raises:
            InputError: fewer than a hundred triangles are no face; or a position isn't finite.
        """
        positions, triangles = np.asarray(positions, np.float64), np.asarray(triangles)
        if len(triangles) < 100:
            raise InputError(f"A surface of {len(triangles)} triangles is too little of a face to be measured.")
        if not np.isfinite(positions).all():
            raise InputError("A surface has positions that aren't finite.")
        used, numbered = np.unique(triangles, return_inverse=True)
        positions, triangles = positions[used], numbered.reshape(-1, 3).astype(np.int32)
        normals = np.asarray(vertex_normals(positions[None].astype(np.float32), triangles))[0].astype(np.float64)
        edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
        single, count = np.unique(edges, axis=0, return_counts=True)
        on_border = np.zeros(len(positions), bool)
        on_border[single[count == 1]] = True
        return cls(positions, triangles, normals, cKDTree(positions), on_border)

    def moved(self, by: Similarity) -> Surface:
        """The surface after a similarity."""
        positions = by(self.positions)
        return Surface(
            positions, self.triangles, by.turned(self.normals) / by.scale, cKDTree(positions), self.on_border
        )


class ScanError(NamedTuple):
    """Distances between a reconstruction and a scan, in millimetres of the scan."""

    mean_mm: float  # of the two means below
    to_scan_mm: Float[np.ndarray, " vertex"]  # at the reconstruction's vertices; NaN outside the intersection
    from_scan_mm: Float[np.ndarray, " scan_vertex"]  # at the scan's vertices; NaN outside the intersection
    alignment: Similarity  # that took the reconstruction onto the scan


def crop_around(
    positions: Float[np.ndarray, "vertex 3"],
    triangles: Int[np.ndarray, "triangle 3"],
    centre: Float[np.ndarray, "3"],
    radius: float = CROP_RADIUS_MM,
) -> tuple[Float[np.ndarray, "kept 3"], Int[np.ndarray, "kept_triangle 3"]]:
    """The part of a mesh whose vertices lie within `radius` of a point; a triangle stays when all its corners do."""
    near = np.linalg.norm(np.asarray(positions) - centre, axis=1) <= radius
    kept = triangles[near[triangles].all(axis=1)]
    used, numbered = np.unique(kept, return_inverse=True)
    return np.asarray(positions)[used], numbered.reshape(-1, 3).astype(np.int32)


def align_surfaces(source: Surface, target: Surface, start: Similarity, scale: bool = True) -> Similarity:
    """The similarity near `start` that lays `source` on `target`: iterative closest points, point to plane, both ways at once.

    One way alone would let a shrinking source escape to wherever the target is near. Pairs that end on the other's border, or that are
    far apart beside the median pair, don't count.

    Args:
        scale: without, `start`'s scale is kept.

    Raises:
        InputError: the surfaces have too little in common for seven numbers to be found.
    """
    found = start
    for _ in range(_STEPS):
        moved = source.moved(found)
        points, planes, normals = _pairs(moved, target)
        centre = moved.positions.mean(axis=0)
        arm = points - centre
        # to first order x moves by ω × (x − c) + σ (x − c) + τ
        columns = [np.cross(arm, normals), normals]
        if scale:
            columns.append(np.sum(arm * normals, axis=1, keepdims=True))
        system = np.concatenate(columns, axis=1)
        gap = np.sum((planes - points) * normals, axis=1)
        solution, _, rank, _ = np.linalg.lstsq(system, gap, rcond=1e-9)
        if rank < system.shape[1]:
            raise InputError(
                "The surfaces have too little in common to be aligned; check their landmarks and unit (mm)."
            )
        step = _similarity(solution, centre)
        found = Similarity(step.scale * found.scale, step.rotation @ found.rotation, step(found.translation[None])[0])
        if np.abs(step(moved.positions) - moved.positions).max() < _SETTLED_MM:
            break
    return found


def _pairs(source: Surface, target: Surface) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(points of the source, points of the target, normals), of pairs found from either side."""
    there, back = _nearest(source, target), _nearest(target, source)
    moving = np.concatenate([source.positions[there.own], source.positions[back.other]])
    fixed = np.concatenate([target.positions[there.other], target.positions[back.own]])
    normals = np.concatenate([target.normals[there.other], source.normals[back.other]])
    return moving, fixed, normals


class _Nearest(NamedTuple):
    own: np.ndarray
    other: np.ndarray


def _nearest(one: Surface, other: Surface) -> _Nearest:
    chosen = np.arange(0, len(one.positions), 1 + len(one.positions) // _ENOUGH)
    index, agrees = _partners(one, other, chosen)
    distance = np.linalg.norm(one.positions[chosen] - other.positions[index], axis=1)
    near = (distance <= _REACH * np.median(distance) + 1e-9) & ~other.on_border[index]
    return _Nearest(chosen[near & agrees], index[near & agrees])


def _partners(one: Surface, other: Surface, chosen: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """(index, agrees): for each vertex, or each of the chosen, the nearest one of the other surface that looks the same way, so that a lip never finds the
    other lip; else, where none near looks the same way, simply the nearest, and `agrees` is false."""
    _, candidates = other.tree.query(one.positions[chosen], k=min(_CANDIDATES, len(other.positions)))
    alike = np.einsum("vc,vkc->vk", one.normals[chosen], other.normals[candidates]) > _SAME_WAY
    return candidates[np.arange(len(candidates)), alike.argmax(axis=1)], alike.any(axis=1)


def _similarity(solution: np.ndarray, centre: np.ndarray) -> Similarity:
    rotation = Rotation.from_rotvec(solution[:3]).as_matrix()
    scale = 1.0 + (float(np.clip(solution[6], -0.3, 0.3)) if len(solution) == 7 else 0.0)
    return Similarity(scale, rotation, centre + solution[3:6] - scale * (rotation @ centre))


def scan_error(
    reconstruction: Surface,
    reconstruction_landmarks: Float[np.ndarray, "landmark 3"],
    scan: Surface,
    scan_landmarks: Float[np.ndarray, "landmark 3"],
) -> ScanError:
    """Aligns by landmarks, then by all points, with scale; then the mean point-to-plane distance from both sides (section 6.2).

    A vertex counts if the nearest vertex of the other surface isn't on that one's border: the region of intersection.

    Args:
        reconstruction, scan: both cropped, in millimetres.
        reconstruction_landmarks, scan_landmarks: the same points on both, three or more.
    """
    start = fit_similarity(np.asarray(reconstruction_landmarks), np.asarray(scan_landmarks))
    alignment = align_surfaces(reconstruction, scan, start)
    moved = reconstruction.moved(alignment)
    to_scan, from_scan = distances(moved, scan), distances(scan, moved)
    mean = (np.nanmean(to_scan) + np.nanmean(from_scan)) / 2
    return ScanError(float(mean), to_scan, from_scan, alignment)


def distances(one: Surface, other: Surface) -> Float[np.ndarray, " vertex"]:
    """From each vertex of `one` to the tangent plane at the nearest vertex of `other` that looks the same way, in mm.

    NaN where that vertex lies on the border of `other`: outside the intersection.
    """
    index, _ = _partners(one, other)
    distance = np.asarray(point_to_plane(one.positions, other.positions[index], other.normals[index]), np.float64)
    return np.where(other.on_border[index], np.nan, distance)
