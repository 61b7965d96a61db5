"""Points of a face found on a scan that comes without any: a grey rendering of it is searched like a photograph. Ours.

The detector's five points (corners of the eyes, below the nose) are carried back to the surface; the nose tip is what sticks out
farthest from the face near the fifth.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.sparse import coo_matrix
from scipy.spatial.transform import Rotation

from mmreg.arrays import Float, Int
from mmreg.encoders.alignment import detect
from mmreg.face.landmarks import NOSE_TIP, multi_pie_name
from mmreg.geometry.camera import perspective_camera
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering.rasterizer import interpolate, rasterize

__all__ = ["find_landmarks"]

# `dlib_landmarks.FIVE_POINT_NAMES`, whose "right" is the picture's, by Multi-PIE's numbers, whose "right" is the subject's
_FIVE = tuple(multi_pie_name(number) for number in (46, 43, 37, 40, 34))
_SIZE = 360  # pixels of the rendering's side
_DISTANCE_MM = 1500.0
_NOSE_MM = 32.0  # no nose's tip is farther from where it meets the lip
_HOLE_MM = 12.0  # what lies farther behind its surroundings is seen through a hole
_TILT_DEGREES = (
    26.6  # between the plane through eyes and nose base, and the face's front; of the open model's mean face
)
_SMOOTHINGS = 4  # of normals, so that a scanner's noise doesn't speckle the picture
_LIGHT = np.array([0.2, 0.6, 0.775])
_TURNS = [  # scanners differ in what is up
    Rotation.identity(),
    Rotation.from_euler("z", 25, degrees=True),
    Rotation.from_euler("z", -25, degrees=True),
    Rotation.from_euler("x", -90, degrees=True),
    Rotation.from_euler("x", 90, degrees=True),
    Rotation.from_euler("y", 180, degrees=True),
    Rotation.from_euler("z", 180, degrees=True),
]


def find_landmarks(
    positions: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]
) -> dict[str, Float[np.ndarray, "3"]]:
    """Nose tip, the eyes' corners and the nose's base of a scanned face, by the names of `MorphableModel.landmarks`, in mm.

    The face may be turned by some twenty degrees from the scanner's front, or tilted by some forty, and the scanner's axes may be turned
    from ours. Empty where no
    face is found.

    Args:
        positions: millimetres.
        triangles: their winding doesn't matter.
    """
    normals = _smooth_normals(positions, triangles)
    for turn in _TURNS:
        seen, image = _picture(turn.apply(positions), turn.apply(normals), triangles)
        faces = detect(image)
        if not faces:
            continue
        face = max(faces, key=lambda face: face.score)
        five = [_surface_at(seen, point) for point in face.points]
        if any(point is None for point in five):
            continue
        found = dict(zip(_FIVE, five, strict=True))
        found[NOSE_TIP] = _nose_tip(seen, found)
        return {name: turn.inv().apply(point).astype(np.float32) for name, point in found.items()}
    return {}


def _smooth_normals(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    normals = np.asarray(vertex_normals(positions[None].astype(np.float32), triangles.astype(np.int32)))[0]
    pairs = np.concatenate([triangles[:, [a, b]] for a, b in itertools.permutations(range(3), 2)])
    count = len(positions)
    near = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (count, count)).tocsr()
    for _ in range(_SMOOTHINGS):
        normals = normals + near @ normals
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return normals


def _picture(
    positions: np.ndarray, normals: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, Float[np.ndarray, "height width 3"]]:
    """(positions seen by the pixels, NaN beside the surface; a matt picture of them in sRGB), from the front."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    target = (low + high) / 2
    eye = target + np.array([0.0, 0.0, _DISTANCE_MM])
    field = 2.2 * np.arctan(0.5 * max(high[0] - low[0], high[1] - low[1]) / (_DISTANCE_MM - (high[2] - low[2]) / 2))
    camera = perspective_camera(
        eye[None].astype(np.float32), target[None].astype(np.float32), np.array([field], np.float32), (_SIZE, _SIZE)
    )
    clip = camera.project(positions[None].astype(np.float32))
    fragments = rasterize(clip, triangles.astype(np.int32), (_SIZE, _SIZE))
    facing = np.where(normals[:, 2:] < 0, -normals, normals)  # towards the viewer, whatever the winding
    shade = 0.05 + 0.85 * np.clip(facing @ _LIGHT, 0.0, 1.0)
    values = np.concatenate([positions, shade[:, None]], axis=1).astype(np.float32)
    values = np.asarray(interpolate(values[None], fragments, triangles.astype(np.int32)))[0]
    covered = np.asarray(fragments.triangle_ids)[0] >= 0
    seen = np.where(covered[..., None], values[..., :3], np.nan)
    grey = np.where(covered, values[..., 3], 0.5)[..., None]
    skin = np.clip(grey * [1.0, 0.86, 0.78], 0.0, 1.0) ** (1 / 2.2)
    return seen, skin.astype(np.float32)


def _surface_at(seen: np.ndarray, point: Float[np.ndarray, "2"]) -> np.ndarray | None:
    """The surface's nearest point to a pixel, within a hundredth of the picture; what is seen through a hole in it doesn't count."""
    rows, columns = np.nonzero(np.isfinite(seen[..., 0]))
    distance = np.hypot(columns - point[0], rows - point[1])
    near = distance < _SIZE / 100
    if not near.any():
        return None
    around, distance = seen[rows[near], columns[near]], distance[near]
    return around[np.where(around[:, 2] > around[:, 2].max() - _HOLE_MM, distance, np.inf).argmin()]


def _nose_tip(seen: np.ndarray, five: dict[str, np.ndarray]) -> np.ndarray:
    """What sticks out farthest above the nose's base, near the face's middle."""
    left, right, base = five[_FIVE[0]], five[_FIVE[2]], five[_FIVE[4]]
    across = (left - right) / np.linalg.norm(left - right)
    up = (right + left) / 2 - base
    front = np.cross(across, up / np.linalg.norm(up))
    turn = Rotation.from_rotvec(np.deg2rad(_TILT_DEGREES) * across)
    front = turn.apply(front / np.linalg.norm(front))
    surface = seen[np.isfinite(seen[..., 0])]
    offset = surface - base
    beside, above = np.abs(offset @ across), offset @ np.cross(front, across)
    near = (np.linalg.norm(offset, axis=1) < _NOSE_MM) & (beside < _NOSE_MM / 3) & (above > -_NOSE_MM / 8)
    return surface[near][(surface[near] @ front).argmax()]
