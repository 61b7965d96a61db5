"""The head's mesh: cut out of MakeHuman's body, subdivided, refined in the face, with new eyeballs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse

from tools.open_face.makehuman import MakeHuman
from tools.open_face.subdivision import catmull_clark, cut, split_edges

MILLIMETRES = 105.0  # a unit of the base mesh; nominally 100, this gives an interpupillary distance of 61 mm
EYE_HELPERS = ((14598, 14670), (14670, 14742))  # the subject's left, right: vertices of MakeHuman's eye helpers
EYE_RINGS_DEGREES = (0, 4, 8, 11, 13.5, 16, 18.5, 21, 23.5, 25.5, 27.5, 30, 33.5, *np.linspace(38, 100, 14))
EYE_SEGMENTS = 48
FACE_EDGES_MM = (4.6, 3.3)  # edges in the face are split until they are shorter
MASKS = {"lips": "lips", "eyelids": "eyelids", "ears": "ears", "mouth_bag": "inside-mouth", "face": "face"}


class Head(NamedTuple):
    """The head mesh as an operator on the base mesh: skin vertices first, then the left and the right eyeball."""

    operator: sparse.csr_matrix  # base mesh -> head, millimetres
    triangles: np.ndarray  # (triangle, 3)
    skin_count: int  # number of skin vertices
    eye_directions: np.ndarray  # (eyeball vertex, 3) unit; +z is the axis of sight
    masks: dict[str, np.ndarray]  # (vertex,) in [0, 1], zero on the eyeballs

    @property
    def eye_count(self) -> int:
        """Vertices of one eyeball."""
        return len(self.eye_directions)


def build_head(source: MakeHuman, mean_displacement: np.ndarray) -> Head:
    """The head mesh; the neck is cut and the face refined on the mean face, base mesh + `mean_displacement`."""
    mesh = source.base_mesh
    mean = mesh.positions + mean_displacement
    skin, quads, uv = _head_cage(source)
    step, quads = catmull_clark(quads, len(uv))
    skin, uv = step @ skin, step @ uv
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    skin = skin * MILLIMETRES

    eyes, directions, eye_triangles = zip(*(_eyeball(mesh.positions, *span) for span in EYE_HELPERS), strict=True)
    eyes = [eye * MILLIMETRES for eye in eyes]
    eye_centre = np.concatenate([eye @ mean for eye in eyes]).mean(axis=0)

    step, triangles = cut(_above_neck(skin @ mean, eye_centre), triangles)
    skin, uv = step @ skin, step @ uv
    for longest in FACE_EDGES_MM:
        positions, in_face = skin @ mean, source.mask("face", uv) * (source.mask("inside-mouth", uv) < 0.3)
        step, triangles = split_edges(
            triangles,
            len(uv),
            lambda a, b, p=positions, f=in_face, longest=longest: (
                min(f[a], f[b]) > 0.25 and np.linalg.norm(p[a] - p[b]) > longest
            ),
        )
        skin, uv = step @ skin, step @ uv

    masks = {name: source.mask(texture, uv) for name, texture in MASKS.items()}
    masks = {name: np.concatenate([mask, np.zeros(2 * len(directions[0]))]) for name, mask in masks.items()}
    offsets = (len(uv), len(uv) + len(directions[0]))
    return Head(
        sparse.vstack([skin, *(sparse.csr_matrix(eye) for eye in eyes)]).tocsr(),
        np.concatenate([triangles, *(t + offset for t, offset in zip(eye_triangles, offsets, strict=True))]),
        len(uv),
        directions[0],
        masks,
    )


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
    """Signed distance, in mm, to the collar: a tilted plane 141 mm below the eyes, rounded off towards the shoulders."""
    normal = np.array([0, 1, -0.12])
    collar = eye_centre - [0, 141, 0]
    plane = (positions - collar) @ (normal / np.linalg.norm(normal))
    shoulders = positions[:, 1] - (collar[1] + 18) - 0.8 * (np.abs(positions[:, 0]) - 62)
    return np.minimum(plane, shoulders)


def _eyeball(base: np.ndarray, first: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dense cap of a sphere, affine in the eye's helper vertices, so that it moves and grows with them.

    Returns:
        operator (eyeball vertex, base vertex), dense; directions from the centre; triangles.
    """
    helpers = base[first:end]
    # the sphere through the helpers: |h|² = 2 c·h + (r² − |c|²)
    solution = np.linalg.lstsq(np.c_[2 * helpers, np.ones(len(helpers))], (helpers**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    radius = np.sqrt(solution[3] + centre @ centre)
    rings = np.deg2rad(EYE_RINGS_DEGREES[1:])[:, None]
    turn = 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    caps = np.stack(
        np.broadcast_arrays(np.sin(rings) * np.cos(turn), np.sin(rings) * np.sin(turn), np.cos(rings)), axis=2
    )
    directions = np.concatenate([[[0, 0, 1.0]], caps.reshape(-1, 3)])

    homogeneous = np.c_[helpers, np.ones(len(helpers))]
    sphere = np.c_[centre + radius * directions, np.ones(len(directions))]
    operator = np.zeros((len(directions), len(base)))
    operator[:, first:end] = sphere @ np.linalg.pinv(homogeneous)

    k = np.arange(EYE_SEGMENTS)
    after = (k + 1) % EYE_SEGMENTS
    triangles = [np.stack([np.zeros_like(k), 1 + k, 1 + after], axis=1)]
    for ring in range(len(rings) - 1):
        a, b = 1 + ring * EYE_SEGMENTS + k, 1 + ring * EYE_SEGMENTS + after
        c, d = a + EYE_SEGMENTS, b + EYE_SEGMENTS
        triangles.append(np.stack([a, c, d, a, d, b], axis=1).reshape(-1, 3))
    return operator, directions, np.concatenate(triangles)
