"""The head's mesh: cut out of MakeHuman's body, subdivided, refined in the face, with new eyeballs."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse
from scipy.spatial import cKDTree

from mmreg.data.stand_ins.paint import EYE_RADIUS
from tools.open_face.makehuman import MakeHuman
from tools.open_face.subdivision import catmull_clark, cut, split_edges

MILLIMETRES = 105.0  # a unit of the base mesh; nominally 100, this gives an interpupillary distance of 61 mm
EYE_HELPERS = (14598, 14670)  # of the subject's left eye: vertices of MakeHuman's eye helpers
EYE_RINGS_DEGREES = (0, 5, 10, 13.5, 17, 20, 23, 26, 28.5, 31, 34, 38, *np.linspace(43, 105, 12))
EYE_SEGMENTS = 44
FACE_EDGES_MM = (4.6, 3.5)  # edges in the face are split until they are shorter
DETAIL_EDGES_MM = (2.5,)  # those about brows, eyes, nose and lips once more
EAR_EDGES_MM = (4.0,)
MASKS = {"lips": "lips", "eyelids": "eyelids", "ears": "ears", "mouth_bag": "inside-mouth", "face": "face"}
ON_MIDLINE = 1e-6  # mm


class Head(NamedTuple):
    """The head mesh as an operator on the base mesh: skin vertices first, then the left and the right eyeball.

    The mesh is its own mirror image: half of it is built and then reflected.
    """

    operator: sparse.csr_matrix  # base mesh -> head, millimetres
    triangles: np.ndarray  # (triangle, 3)
    skin_count: int  # number of skin vertices
    eye_directions: np.ndarray  # (left eyeball's vertex, 3) unit; +z is the axis of sight
    masks: dict[str, np.ndarray]  # (vertex,) in [0, 1], zero on the eyeballs
    mirror: np.ndarray  # (vertex,) the vertex that each becomes when left and right change places

    @property
    def eye_count(self) -> int:
        """Vertices of one eyeball."""
        return len(self.eye_directions)


def reflect(vectors: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(..., vertex, 3) positions or displacements of the mirrored mesh."""
    return vectors[..., mirror, :] * np.array([-1, 1, 1], vectors.dtype)


def base_mirror(positions: np.ndarray) -> np.ndarray:
    """(vertex,) the mirror image of each vertex of MakeHuman's base mesh, which is exactly symmetric."""
    distance, mirror = cKDTree(positions).query(positions * np.array([-1, 1, 1]))
    if distance.max() > 0 or (mirror[mirror] != np.arange(len(mirror))).any():
        raise ValueError("the base mesh isn't symmetric")
    return mirror


def build_head(source: MakeHuman, mean_displacement: np.ndarray) -> Head:
    """The head mesh; the neck is cut and the face refined on the mean face, base mesh + `mean_displacement`.

    The displacement must be symmetric.
    """
    mesh = source.base_mesh
    mean = mesh.positions + mean_displacement
    across = base_mirror(mesh.positions)
    skin, quads, uv = _head_cage(source)
    step, quads = catmull_clark(quads, len(uv))
    skin, uv = (step @ skin).tocsr() * MILLIMETRES, step @ uv
    eye, directions, eye_triangles = _eyeball(mesh.positions, *EYE_HELPERS)
    eye_centre = (eye @ mean).mean(axis=0)

    step, triangles = _left_half(skin @ mean, quads)
    skin, uv = step @ skin, step @ uv
    step, triangles = cut(_above_neck(skin @ mean, eye_centre), triangles)
    skin, uv = step @ skin, step @ uv
    in_face = lambda uv, p: source.mask("face", uv) * (source.mask("inside-mouth", uv) < 0.3)  # noqa: E731
    in_detail = lambda uv, p: in_face(uv, p) * _is_detailed(p, eye_centre)  # noqa: E731
    in_ear = lambda uv, p: source.mask("ears", uv) * (p[:, 0] > 50)  # noqa: E731
    for lengths, place in ((FACE_EDGES_MM, in_face), (DETAIL_EDGES_MM, in_detail), (EAR_EDGES_MM, in_ear)):
        for longest in lengths:
            positions = skin @ mean
            inside = place(uv, positions) > 0.25

            def is_long(a: int, b: int, p=positions, inside=inside, longest=longest) -> bool:
                return inside[a] and inside[b] and np.linalg.norm(p[a] - p[b]) > longest

            step, triangles = split_edges(triangles, len(uv), is_long)
            skin, uv = step @ skin, step @ uv
    skin = skin + _settle_lids(skin @ mesh.positions, mesh.positions[slice(*EYE_HELPERS)], EYE_HELPERS[0], skin.shape)
    step, triangles = _close_neck(skin @ mean, triangles, eye_centre[1] - 60)
    skin, uv = step @ skin, step @ uv
    masks = {name: source.mask(texture, uv) for name, texture in MASKS.items()}

    is_off_midline = np.abs((skin @ mean)[:, 0]) > ON_MIDLINE
    half, off = len(uv), np.flatnonzero(is_off_midline)
    twin = np.arange(half)  # of each vertex of the left half, its mirror image
    twin[off] = half + np.arange(len(off))
    skin = sparse.vstack([skin, skin[off][:, across]]).tocsr()
    triangles = np.concatenate([triangles, twin[triangles][:, ::-1]])
    masks = {name: np.concatenate([mask, mask[off], np.zeros(2 * len(directions))]) for name, mask in masks.items()}
    count, eyes = skin.shape[0], np.arange(len(directions))
    mirror = np.concatenate([twin, off, count + len(eyes) + eyes, count + eyes])
    positions = skin @ mean
    skin = _smooth(skin, triangles, _crease_below_eyes(positions, eye_centre), steps=12)
    skin = _smooth(skin, triangles, 0.5 * masks["ears"][:count] * (np.abs(positions[:, 0]) > 50), steps=4)
    eye = sparse.csr_matrix(eye)
    return Head(
        sparse.vstack([skin, eye, eye[:, across]]).tocsr(),
        np.concatenate([triangles, eye_triangles + count, eye_triangles[:, ::-1] + count + len(eyes)]),
        count,
        directions,
        masks,
        mirror,
    )


def _left_half(positions: np.ndarray, quads: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """The subject's left half (x ≥ 0): selection operator and triangles, each quad cut along its shorter diagonal."""
    quads = quads[positions[quads, 0].mean(axis=1) > 0]
    kept = np.unique(quads)
    if positions[kept, 0].min() < -ON_MIDLINE:
        raise ValueError("a quad crosses the midline")
    new_index = np.full(len(positions), -1)
    new_index[kept] = np.arange(len(kept))
    a, b, c, d = quads.T
    first_is_shorter = np.linalg.norm(positions[a] - positions[c], axis=1) <= np.linalg.norm(
        positions[b] - positions[d], axis=1
    )
    quads = np.where(first_is_shorter[:, None], quads, np.roll(quads, -1, axis=1))
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    entries = (np.ones(len(kept)), (np.arange(len(kept)), kept))
    return sparse.csr_matrix(entries, (len(kept), len(positions))), new_index[triangles]


def _is_detailed(positions: np.ndarray, eye_centre: np.ndarray) -> np.ndarray:
    """(vertex,) whether a vertex is about brows and eyes, nose, or lips, where a recogniser looks (the left half)."""
    x, y, z = (positions - [0, *eye_centre[1:]]).T
    eye = ((x - eye_centre[0] + 1) / 29) ** 2 + ((y - 5) / 23) ** 2 < 1
    nose = (x < 21) & (y < -18) & (y > -52)
    lips = (x < 31) & (y < -52) & (y > -86)
    return (eye | nose | lips) & (z > -25)


def _close_neck(positions: np.ndarray, triangles: np.ndarray, lowest_y: float) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Closes the neck's cut with a lid, of the left half: a rim of its own just inside it, a ring, and a centre.

    A head without one shows its hollow inside as soon as it nods.
    """
    count = len(positions)
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    key = directed.min(axis=1) * count + directed.max(axis=1)
    _, where, uses = np.unique(key, return_index=True, return_counts=True)
    border = directed[where[uses == 1]]
    border = border[(positions[border, 0].max(axis=1) > ON_MIDLINE) & (positions[border, 1].max(axis=1) < lowest_y)]
    follows = dict(border.tolist())
    start = (set(follows) - set(follows.values())).pop()
    path = [start]
    while path[-1] in follows:
        path.append(follows[path[-1]])
    path = np.array(path)
    n = len(path)
    centre = sparse.csr_matrix((np.full(2, 0.5), (np.zeros(2, int), path[[0, -1]])), (1, count))
    rim = sparse.csr_matrix((np.ones(n), (np.arange(n), path)), (n, count))
    inner_rings = [rim * (1 - t) + sparse.csr_matrix(np.ones((n, 1))) @ centre * t for t in (0.03, 0.4)]
    operator = sparse.vstack([sparse.identity(count), *inner_rings, centre])
    rings = [path, count + np.arange(n), count + n + np.arange(n)]
    new = []
    for outer, inner in itertools.pairwise(rings):
        for i in range(n - 1):
            new += [(outer[i + 1], outer[i], inner[i]), (outer[i + 1], inner[i], inner[i + 1])]
    new += [(rings[2][i + 1], rings[2][i], count + 2 * n) for i in range(n - 1)]
    return operator.tocsr(), np.concatenate([triangles, np.array(new)])


def _head_cage(source: MakeHuman) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """The quads of the body above the collar: selection operator, quads, texture coordinates."""
    mesh = source.base_mesh
    x, y, z = mesh.positions.T
    in_head = (y - 0.25 * z > 5.15) & (np.abs(x) < 1.3)
    chosen = (mesh.groups == "body") & in_head[mesh.quads].all(axis=1)
    quads, texture_quads = mesh.quads[chosen], mesh.texture_quads[chosen]
    for _ in range(6):  # a vertex in one quad alone is a tooth of a jagged border
        lonely = (np.bincount(quads.reshape(-1), minlength=len(x))[quads] == 1).any(axis=1)
        quads, texture_quads = quads[~lonely], texture_quads[~lonely]
    vertices = np.unique(quads)
    new_index = np.full(len(x), -1)
    new_index[vertices] = np.arange(len(vertices))
    quads = new_index[quads]
    uv = np.zeros((len(vertices), 2))
    uv[quads.reshape(-1)] = mesh.texture_coordinates[texture_quads.reshape(-1)]
    entries = (np.ones(len(vertices)), (np.arange(len(vertices)), vertices))
    return sparse.csr_matrix(entries, (len(vertices), len(x))), quads, uv


def _above_neck(positions: np.ndarray, eye_centre: np.ndarray) -> np.ndarray:
    """Signed distance, in mm, to the collar: a surface that falls from the nape to the front, so that none sees its inside."""
    x, y, z = (positions - [0, *eye_centre[1:]]).T
    return (y + 150 + 0.35 * (z + 60) - 0.004 * x**2) / np.hypot(1, 0.35)


def _sphere(helpers: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of the sphere through an eye's helper vertices: |h|² = 2 c·h + (r² − |c|²)."""
    solution = np.linalg.lstsq(np.c_[2 * helpers, np.ones(len(helpers))], (helpers**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def _affine(helpers: np.ndarray, points: np.ndarray, weight: float) -> np.ndarray:
    """(point, helper) points (weight 1) or vectors (weight 0) as combinations of helpers, which move and grow with them."""
    return np.c_[points, np.full(len(points), weight)] @ np.linalg.pinv(np.c_[helpers, np.ones(len(helpers))])


def _settle_lids(positions: np.ndarray, helpers: np.ndarray, first: int, shape: tuple[int, int]) -> sparse.csr_matrix:
    """What lays the lids, made for eyeballs of 16 mm, on the smaller ones: a displacement along the axis of sight.

    Args:
        positions: (skin vertex, 3) on the base mesh, mm.
        helpers: of the eye on the base mesh, in its unit.
    """
    centre, radius = _sphere(helpers * MILLIMETRES)
    offset = positions - centre
    distance = np.linalg.norm(offset, axis=1)
    across = np.hypot(offset[:, 0], offset[:, 1])
    widest = EYE_RADIUS * np.sin(np.deg2rad(62))
    near = np.minimum(across, widest)
    sinks = (radius - EYE_RADIUS) + np.sqrt(EYE_RADIUS**2 - near**2) - np.sqrt(radius**2 - near**2)
    weight = np.exp(-(((np.maximum(distance - radius, 0)) / 4) ** 2)) * np.exp(
        -((np.maximum(across - widest, 0) / 5) ** 2)
    )
    chosen = np.flatnonzero((weight > 0.01) & (offset[:, 2] > -4))
    along = np.array([[0, 0, 1.0]]) * (weight * sinks)[chosen, None]
    columns = np.broadcast_to(first + np.arange(len(helpers)), (len(chosen), len(helpers)))
    values = _affine(helpers, along / MILLIMETRES, 0.0) * MILLIMETRES
    rows = np.broadcast_to(chosen[:, None], columns.shape)
    return sparse.csr_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape)


def _crease_below_eyes(positions: np.ndarray, eye_centre: np.ndarray) -> np.ndarray:
    """(vertex,) in [0, 0.8], where MakeHuman's skin has a crease from the inner corner of the eye to the cheek."""
    x, y, z = (positions - [0, *eye_centre[1:]]).T
    away = ((np.abs(x) - eye_centre[0] + 3) / 21) ** 2 + ((y + 21) / 9) ** 2
    return 0.8 * np.clip(1.6 - away, 0, 1) * (z > -20)


def _smooth(skin: sparse.csr_matrix, triangles: np.ndarray, amount: np.ndarray, steps: int) -> sparse.csr_matrix:
    """The skin with each vertex moved to the mean of its neighbours by the share `amount`, again and again."""
    count = skin.shape[0]
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    links = sparse.csr_matrix((np.ones(len(pairs)), pairs.T), (count, count))
    links.data[:] = 1
    links = sparse.diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links
    step = sparse.diags(1 - amount) + sparse.diags(amount) @ links
    for _ in range(steps):
        skin = step @ skin
    return skin.tocsr()


def _eyeball(base: np.ndarray, first: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dense cap of a sphere, affine in the eye's helper vertices, so that it moves and grows with them.

    It is smaller than the helpers' sphere and touches it in front.

    Returns:
        operator (eyeball vertex, base vertex), dense, to millimetres; directions from the centre; triangles.
    """
    helpers = base[first:end]
    centre, radius = _sphere(helpers)
    smaller = EYE_RADIUS / MILLIMETRES
    centre = centre + np.array([0, 0, radius - smaller])
    rings = np.deg2rad(EYE_RINGS_DEGREES[1:])[:, None]
    turn = 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    caps = np.stack(
        np.broadcast_arrays(np.sin(rings) * np.cos(turn), np.sin(rings) * np.sin(turn), np.cos(rings)), axis=2
    )
    directions = np.concatenate([[[0, 0, 1.0]], caps.reshape(-1, 3)])
    operator = np.zeros((len(directions), len(base)))
    operator[:, first:end] = MILLIMETRES * _affine(helpers, centre + smaller * directions, 1.0)

    k = np.arange(EYE_SEGMENTS)
    after = (k + 1) % EYE_SEGMENTS
    triangles = [np.stack([np.zeros_like(k), 1 + k, 1 + after], axis=1)]
    for ring in range(len(rings) - 1):
        a, b = 1 + ring * EYE_SEGMENTS + k, 1 + ring * EYE_SEGMENTS + after
        c, d = a + EYE_SEGMENTS, b + EYE_SEGMENTS
        triangles.append(np.stack([a, c, d, a, d, b], axis=1).reshape(-1, 3))
    return operator, directions, np.concatenate(triangles)
