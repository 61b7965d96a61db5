"""A tiny copy of ICT-FaceKit's layout: the right files, vertex numbers and landmarks, a face made from the open model.

The skin is a grid over the open model's face, so what it should correspond to is known; its modes are simple and known too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from mmreg.face import MULTI_PIE, MorphableModel
from mmreg.face.ict import LANDMARKS, NEUTRAL, PARTS, VERTEX_COUNT

IDENTITIES, MOVEMENTS = 6, ("jawOpen", "mouthSmile_L", "mouthSmile_R", "browInnerUp_L", "browInnerUp_R")
UNITS_PER_MM = 0.1
SCALE = 1.05  # the kit's face is a little larger than the open model's, and stands elsewhere
SHIFT_MM = np.array([0.0, 12.0, 90.0])


class FakeKit(NamedTuple):
    """What the files were made from, in the kit's frame and in millimetres.

    Attributes:
        folder: holds FaceXModel.
        neutral: all 26,719 vertices.
        modes: (mode, vertex, 3).
    """

    folder: Path
    neutral: np.ndarray
    modes: np.ndarray


def known_modes(positions: np.ndarray) -> np.ndarray:
    """Smooth displacements (mode, vertex, 3) as functions of place: wider, longer, deeper, and bends of them."""
    x, y, z = (positions / 100.0).T
    zero = np.zeros_like(x)
    fields = [
        (3 * x, zero, zero),
        (zero, 2 * y, zero),
        (zero, zero, 2 * z),
        (x * y, zero, x**2),
        (zero, y**2, zero),
        (y, zero, x),
    ]
    return np.stack([np.stack(field, axis=1) for field in fields])[:IDENTITIES]


def write_fake_kit(folder: Path, model: MorphableModel) -> FakeKit:
    """Writes the files below `folder`/FaceXModel."""
    neutral, quads = _mesh(model)
    neutral = SCALE * neutral + SHIFT_MM
    modes = known_modes((neutral - SHIFT_MM) / SCALE)
    target = folder / "FaceXModel"
    target.mkdir(parents=True)
    polygons = "".join("f " + " ".join(f"{v + 1}/{v + 1}" for v in quad) + "\n" for quad in quads)
    _write(target / NEUTRAL, neutral, polygons)
    for k, mode in enumerate(modes):
        _write(target / f"identity{k:03d}.obj", neutral + mode)
    for name in MOVEMENTS:
        _write(target / f"{name}.obj", neutral + _movement(name, neutral))
    (target / "vertex_indices.json").write_text(json.dumps({"expressions": list(MOVEMENTS)}))
    return FakeKit(folder, neutral, modes)


def _movement(name: str, neutral: np.ndarray) -> np.ndarray:
    side = {"L": 1.0, "R": -1.0}.get(name.rsplit("_", 1)[-1], 0.0)
    weight = 1 / (1 + np.exp(-side * (neutral[:, 0]) / 10.0)) if side else np.ones(len(neutral))
    direction = {"jawOpen": [0, -20, 0], "mouthSmile": [5 * side, 8, 0], "browInnerUp": [0, 6, 0]}[name.split("_")[0]]
    height = np.exp(-(((neutral[:, 1] - (60 if "brow" in name else -20)) / 40.0) ** 2))
    return (weight * height)[:, None] * np.array(direction)


def _write(path: Path, positions: np.ndarray, polygons: str = "f 1 2 3\n") -> None:
    lines = "\n".join(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in (UNITS_PER_MM * positions).tolist())
    path.write_text(f"mtllib ICTFaceModelMaterial.mtl\n{lines}\nvt 0 0\n{polygons}")


def _mesh(model: MorphableModel) -> tuple[np.ndarray, list[list[int]]]:
    """Positions in the open model's frame and polygons; what isn't face, head or eyeball is a patch inside the head."""
    skin = ~(model.regions["mouth_bag"] | model.regions["left_eye"] | model.regions["right_eye"])
    surface = model.mean_positions().astype(np.float64)[skin]
    centre = np.array([0.0, 0.0, -80.0])
    positions = np.zeros((VERTEX_COUNT, 3))
    quads: list[list[int]] = []
    for part, (first, end) in PARTS.items():
        count = end - first
        side = int(np.ceil(np.sqrt(count)))
        v, u = np.divmod(np.arange(count), side)
        u, v = 2.0 * u / (side - 1) - 1.0, 2.0 * v / (side - 1) - 1.0
        if part == "face":
            part_positions = _on_surface(surface, centre, 1.15 * u, 1.05 * v)
        elif part == "head_and_neck":
            part_positions = _on_surface(surface, centre, np.pi + 1.6 * u, 1.0 * v)
        elif part.endswith("eyeball"):
            eye = model.mean_positions()[model.regions[f"{part.split('_')[0]}_eye"]]
            part_positions = _ball(eye, 1.3 * u, 1.3 * v)
        else:
            eye = {"left_eye_socket": 32.0, "right_eye_socket": -32.0}.get(part, 0.0)
            height = 28.0 if eye else -42.0
            part_positions = np.stack([eye + 8 * u, height + 6 * v, -35.0 + 0 * u], axis=1)
        positions[first:end] = part_positions
        corner = [k for k in range(count) if k % side < side - 1 and k + side + 1 < count]
        quads += [[first + k, first + k + 1, first + k + side + 1, first + k + side] for k in corner]
    return _with_landmarks(positions, quads, model)


def _angles(points: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Azimuth, elevation and distance from a vertical axis through the head, seen from `centre`."""
    x, y, z = (points - centre).T
    return np.arctan2(x, z), np.arctan2(y, np.hypot(x, z)), np.linalg.norm(points - centre, axis=1)


def _on_surface(surface: np.ndarray, centre: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Points of the open model's outer surface in these directions."""
    a, e, r = _angles(surface, centre)
    cells = np.round(np.stack([a, e], axis=1) / 0.03).astype(int)
    outermost = np.zeros(len(r), bool)
    order = np.lexsort((-r, cells[:, 1], cells[:, 0]))
    _, first = np.unique(cells[order], axis=0, return_index=True)
    outermost[order[first]] = True
    around = np.concatenate([a[outermost] + turn for turn in (-2 * np.pi, 0, 2 * np.pi)])
    near = np.abs(around) < np.pi + 0.6  # a little of the other turns, to close the seam behind
    known, distances = np.stack([around, np.tile(e[outermost], 3)], axis=1)[near], np.tile(r[outermost], 3)[near]
    wanted = np.stack([(azimuth + np.pi) % (2 * np.pi) - np.pi, elevation], axis=1)
    distance = LinearNDInterpolator(known, distances)(wanted)
    distance = np.where(np.isnan(distance), NearestNDInterpolator(known, distances)(wanted), distance)
    direction = np.stack(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)], axis=1
    )
    return centre + distance[:, None] * direction


def _ball(eye: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    from mmreg.face.carrying import _sphere

    centre, radius = _sphere(eye.astype(np.float64))
    return centre + radius * np.stack(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)], axis=1
    )


def _with_landmarks(
    positions: np.ndarray, quads: list[list[int]], model: MorphableModel
) -> tuple[np.ndarray, list[list[int]]]:
    """The mesh renumbered so that the published landmark numbers stand on the open model's landmarks, exactly."""
    places = model.mean_positions()[model.landmark_indices(MULTI_PIE)]
    end = PARTS["face"][1]
    number, taken = np.arange(VERTEX_COUNT), np.zeros(end, bool)  # number[k]: what the k-th vertex is called
    for wanted, place in zip(LANDMARKS, places, strict=True):
        distance = np.linalg.norm(positions[:end] - place, axis=1)
        chosen = int(np.argmin(np.where(taken, np.inf, distance)))
        taken[chosen] = True
        positions[chosen] = place
        other = int(np.flatnonzero(number == wanted)[0])
        number[other], number[chosen] = number[chosen], wanted
    renumbered = np.empty_like(positions)
    renumbered[number] = positions
    return renumbered, [[int(number[k]) for k in quad] for quad in quads]
