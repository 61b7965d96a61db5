"""What a scanner makes of a person: their true surface in another triangulation, another pose, with noise and holes.

The scanner turns around a vertical axis, as those of the nineties did: for each direction and height it knows the outermost point.
What lies below an overhang (under the nose and the chin, behind the ears) it doesn't see.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from mmreg.arrays import Float
from mmreg.data.records import Scan
from mmreg.data.stand_ins.people import Person
from mmreg.data.stand_ins.source import load_source
from mmreg.face.landmarks import MULTI_PIE, NOSE_TIP
from mmreg.geometry.camera import Pose
from mmreg.rendering.rasterizer import rasterize

__all__ = ["NOISE_MM", "SPACING_MM", "scan"]

SPACING_MM = 1.3  # between neighbouring points, at an arm's breadth of 75 mm from the axis
NOISE_MM, NOISE_WIDTH = (
    0.25,
    1.2,
)  # deviation along the ray; width of its smoothing in points, as a scanner's own filter leaves it
LANDMARK_NOISE_MM = 0.6  # standard deviation of each coordinate: somebody clicked them
AXIS_Z_MM, RADIUS_MM, FARTHEST_DEGREES = -70.0, 75.0, 118.0
LOWEST_MM, HIGHEST_MM = -112.0, 138.0  # above the model's origin
LONGEST_EDGE_MM = 7.0  # longer ones bridge what wasn't seen


def scan(person: Person, seed: int) -> Scan:
    """The scan of a person without expression, with the 68 points of Multi-PIE that it saw and the nose's tip, in mm.

    Noise has a deviation of `NOISE_MM` along the rays; landmarks are off by `LANDMARK_NOISE_MM`. The pose is random: up to 25
    degrees about any axis, and metres away from the model's origin.
    """
    rng = np.random.default_rng((0x5343414E, seed))
    columns = round(2 * np.deg2rad(FARTHEST_DEGREES) * RADIUS_MM / SPACING_MM)
    rows = round((HIGHEST_MM - LOWEST_MM) / SPACING_MM)
    points, seen = _unrolled(person.positions, (rows, columns))
    noise = gaussian_filter(rng.normal(size=(rows, columns)), NOISE_WIDTH)
    from_axis = points * [1, 0, 1] - [0, 0, AXIS_Z_MM]
    from_axis /= np.maximum(np.linalg.norm(from_axis, axis=-1, keepdims=True), 1e-6)
    points = points + (NOISE_MM * noise / noise.std())[..., None] * from_axis
    positions, triangles = _meshed(points, seen)

    turn = Pose(*np.deg2rad(rng.uniform(-25, 25, (3, 1))).astype(np.float32))
    rotation = np.asarray(turn.rotation(), np.float64)[0]
    shift = rng.uniform(-400, 400, 3) + np.array([0.0, 0.0, -1200.0])
    landmarks = {}
    for name in (*MULTI_PIE, NOSE_TIP):
        place = person.positions[load_source().model.landmarks[name]].astype(np.float64)
        if np.linalg.norm(positions - place, axis=1).min() < 3.0 * SPACING_MM:
            clicked = place + rng.normal(0.0, LANDMARK_NOISE_MM, 3)
            landmarks[name] = (rotation @ clicked + shift).astype(np.float32)
    return Scan((positions @ rotation.T + shift).astype(np.float32), triangles, landmarks)


def _unrolled(positions: Float[np.ndarray, "vertex 3"], size: tuple[int, int]):
    """(row, column, 3) the outermost points, and where there are any.

    The mesh is rasterized as a map: longitude across, height up, and the nearer the farther from the axis.
    """
    triangles = load_source().model.triangles
    p = positions.astype(np.float64)
    z = p[:, 2] - AXIS_Z_MM
    longitude, radius = np.arctan2(p[:, 0], z), np.hypot(p[:, 0], z)
    across = longitude / np.deg2rad(FARTHEST_DEGREES)
    up = 2 * (p[:, 1] - LOWEST_MM) / (HIGHEST_MM - LOWEST_MM) - 1
    clip = np.stack([across, up, 1.0 - radius / 150.0, np.ones_like(up)], axis=-1)[None].astype(np.float32)
    around_the_back = np.ptp(longitude[triangles], axis=1) > np.pi / 2
    kept = np.ascontiguousarray(triangles[~around_the_back])
    fragments = rasterize(clip, kept, size)
    ids, weights = np.asarray(fragments.triangle_ids)[0], np.asarray(fragments.barycentrics, np.float64)[0]
    seen = ids >= 0
    corners = p[kept[np.maximum(ids, 0)]]  # row column 3 3
    return np.einsum("rcv,rcvx->rcx", weights, corners), seen


def _meshed(points: Float[np.ndarray, "row column 3"], seen: np.ndarray):
    """Two triangles between any four neighbours that were seen, less those with long edges; the mesh's parts that are small go too."""
    rows, columns = seen.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    triangles = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    flat = points.reshape(-1, 3)
    corners = flat[triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    triangles = triangles[seen.reshape(-1)[triangles].all(axis=1) & (edges < LONGEST_EDGE_MM)]
    used, numbered = np.unique(triangles, return_inverse=True)
    return flat[used], numbered.reshape(-1, 3).astype(np.int32)
