"""How far a reconstructed face is from a scan: cropped, aligned with scale, then measured from both sides (section 6.2).

The paper: "point-to-plane distance within each mesh's region of intersection", after iterative closest points with an isotropic scale,
on scans cropped at 95 mm around the nose tip. How the alignment is started and made robust is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from trimesh.triangles import closest_point

from mmreg.arrays import Bool, Float, InputError, Int
from mmreg.geometry.mesh import CROP_RADIUS_MM, point_to_plane, vertex_normals, vertices_around
from mmreg.geometry.registration import Similarity, fit_similarity

__all__ = [
    "ScanError",
    "Surface",
    "align_surfaces",
    "crop_around",
    "distances",
    "plane_distances",
    "scan_error",
    "surface_distances",
]

_REACH = 4.0  # pairs farther apart than so many median distances don't count in the alignment: ours
_CANDIDATES = 16  # of so many nearest vertices, the first whose normal agrees: ours
_SAME_WAY = np.cos(np.deg2rad(45.0))
_ENOUGH = 3000  # about so many vertices of either side are paired in a step of the alignment
_STEPS = 60
_SETTLED_MM = 1e-3  # the alignment stops when no point moves by more than this; ten times as much among few points


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
        numbers, count = np.unique(edges[:, 0] * np.int64(len(positions)) + edges[:, 1], return_counts=True)
        on_border = np.zeros(len(positions), bool)
        on_border[np.stack(np.divmod(numbers[count == 1], len(positions)))] = True
        return cls(positions, triangles, normals, cKDTree(positions), on_border)

    @cached_property
    def extremes(self) -> Float[np.ndarray, "6 3"]:
        """The vertices that lie furthest along each axis: where they hardly move, no other does."""
        return self.positions[np.concatenate([self.positions.argmin(axis=0), self.positions.argmax(axis=0)])]

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
    used, kept = vertices_around(positions, triangles, centre, radius)
    return np.asarray(positions)[used], kept


def align_surfaces(
    source: Surface, target: Surface, start: Similarity, scale: bool = True, both_ways: bool = True
) -> Similarity:
    """The similarity near `start` that lays `source` on `target`: iterative closest points, point to plane, first with few points, then
    with many.

    Pairs that end on the other's border, or that are far apart beside the median pair, don't count.

    Args:
        scale: without, `start`'s scale is kept.
        both_ways: pairs are sought from either side; else from the target alone. One way alone lets a source shrink or grow to
            wherever the target is near.

    Raises:
        InputError: the surfaces have too little in common for seven numbers to be found.
    """
    found, centre = start, source.positions.mean(axis=0)
    for enough, settled in ((_ENOUGH // 6, 10 * _SETTLED_MM), (_ENOUGH, _SETTLED_MM)):
        for _ in range(_STEPS):
            moved = found(centre)
            solution = _step(*_pairs(source, target, found, enough, both_ways), moved, scale)
            step = _similarity(solution, moved)
            found = Similarity(
                step.scale * found.scale, step.rotation @ found.rotation, step(found.translation[None])[0]
            )
            if np.abs(found(source.extremes) - step.inverse()(found(source.extremes))).max() < settled:
                break
    return found


def _step(points: np.ndarray, planes: np.ndarray, normals: np.ndarray, centre: np.ndarray, scale: bool) -> np.ndarray:
    """(ω, τ, σ), least squares: to first order x moves by ω × (x − c) + σ (x − c) + τ."""
    arm = points - centre
    columns = [np.cross(arm, normals), normals]
    if scale:
        columns.append(np.sum(arm * normals, axis=1, keepdims=True))
    system = np.concatenate(columns, axis=1)
    size = np.sqrt((system**2).sum(axis=0)) + 1e-12
    moments = (system / size).T @ (system / size)
    if len(points) < system.shape[1] or np.linalg.eigvalsh(moments)[0] < 1e-12:
        raise InputError("The surfaces have too little in common to be aligned; check their landmarks and unit (mm).")
    gap = np.sum((planes - points) * normals, axis=1)
    return np.linalg.solve(moments, (system / size).T @ gap) / size


def _pairs(
    source: Surface, target: Surface, moved: Similarity, enough: int, both_ways: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(points of the moved source, points of the target, normals), of pairs found from either side, or from the target's."""
    back = _nearest(target, source, moved.inverse(), enough)
    moving, fixed = [moved(source.positions[back.other])], [target.positions[back.own]]
    normals = [moved.turned(source.normals[back.other]) / moved.scale]
    if both_ways:
        there = _nearest(source, target, moved, enough)
        moving.append(moved(source.positions[there.own]))
        fixed.append(target.positions[there.other])
        normals.append(target.normals[there.other])
    return np.concatenate(moving), np.concatenate(fixed), np.concatenate(normals)


class _Nearest(NamedTuple):
    own: np.ndarray
    other: np.ndarray


def _nearest(one: Surface, other: Surface, moved: Similarity, enough: int) -> _Nearest:
    chosen = np.arange(0, len(one.positions), 1 + len(one.positions) // enough)
    positions, normals = moved(one.positions[chosen]), moved.turned(one.normals[chosen]) / moved.scale
    index, agrees = _partners(positions, normals, other)
    distance = np.linalg.norm(positions - other.positions[index], axis=1)
    near = (distance <= _REACH * np.median(distance) + 1e-9) & ~other.on_border[index]
    return _Nearest(chosen[near & agrees], index[near & agrees])


def _partners(positions: np.ndarray, normals: np.ndarray, other: Surface) -> tuple[np.ndarray, np.ndarray]:
    """(index, agrees): for each point the nearest vertex of the other surface that looks the same way, so that a lip never finds the
    other lip; else, where none near looks the same way, simply the nearest, and `agrees` is false."""
    _, index = other.tree.query(positions)
    agrees = np.einsum("vc,vc->v", normals, other.normals[index]) > _SAME_WAY
    doubtful = np.flatnonzero(~agrees)
    if len(doubtful):
        _, candidates = other.tree.query(positions[doubtful], k=min(_CANDIDATES, len(other.positions)))
        alike = np.einsum("vc,vkc->vk", normals[doubtful], other.normals[candidates]) > _SAME_WAY
        index[doubtful] = candidates[np.arange(len(doubtful)), alike.argmax(axis=1)]
        agrees[doubtful] = alike.any(axis=1)
    return index, agrees


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
    distance, index = plane_distances(one, other)
    return np.where(other.on_border[index], np.nan, distance)


def plane_distances(one: Surface, other: Surface) -> tuple[Float[np.ndarray, " vertex"], Int[np.ndarray, " vertex"]]:
    """(distance, index): `distances` with what lies outside the intersection, and the vertices of `other` that carry the planes."""
    index, _ = _partners(one.positions, one.normals, other)
    distance = np.asarray(point_to_plane(one.positions, other.positions[index], other.normals[index]), np.float64)
    return distance, index


def surface_distances(points: Float[np.ndarray, "point 3"], surface: Surface) -> Float[np.ndarray, " point"]:
    """From each point to the nearest point of the surface, sought on the triangles around the four nearest vertices; in mm."""
    _, nearest = surface.tree.query(points, k=4)
    corners = np.argsort(surface.triangles.ravel(), kind="stable")  # grouped by vertex
    starts = np.searchsorted(surface.triangles.ravel()[corners], np.arange(len(surface.positions) + 1))
    best = np.full(len(points), np.inf)
    for rank in range(nearest.shape[1]):
        vertex = nearest[:, rank]
        counts = starts[vertex + 1] - starts[vertex]
        for around in range(counts.max(initial=0)):
            rows = np.flatnonzero(counts > around)
            triangles = surface.triangles[corners[starts[vertex[rows]] + around] // 3]
            closest = closest_point(surface.positions[triangles], points[rows])
            best[rows] = np.minimum(best[rows], np.linalg.norm(closest - points[rows], axis=1))
    return best
