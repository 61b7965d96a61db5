"""Reads a user's copy of ICT-FaceKit (Li et al. 2020; MIT licence): a folder of OBJ files, `FaceXModel/`.

    generic_neutral_mesh.obj     26,719 vertices in centimetres, quads
    identity000.obj, ...         the neutral face with one identity mode added, as published 100 of them
    browDown_L.obj, ...          the neutral face with one movement made, as published 53 of them

Get it from https://github.com/ICT-VGL/ICT-FaceKit. Vertex ranges and Multi-PIE indices below are those of its README. Nothing
of it comes with this project.

What is known of the identity modes: they are principal components of registered light stage scans, and the kit's own sampler
draws an independent standard normal weight for each. They are stored as whole faces, and not quite at right angles to one
another. That makes a population, which `space_of_modes` turns into orthonormal components without changing it.

What is ours: millimetres; that teeth, tongue and the transparent shells around the eyes are left out, because our albedo has
no colours for them; that quads are cut along their first diagonal; and how often movements are made (`_MOVEMENT_*`), since
nothing is published about that.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mmreg.arrays import Float, Int
from mmreg.face.landmarks import MULTI_PIE, NOSE_TIP
from mmreg.face.morphable_model import FaceModelError

__all__ = ["IctFaceKit", "read_ict"]

ICT_LICENSE = "MIT (ICT-FaceKit, Copyright (c) 2020 USC Institute for Creative Technologies)"
NEUTRAL = "generic_neutral_mesh.obj"
MM_PER_UNIT = 10.0
VERTEX_COUNT = 26_719

# First vertex of each part and the first after it.
PARTS: dict[str, tuple[int, int]] = {
    "face": (0, 9_409),
    "head_and_neck": (9_409, 11_248),
    "mouth_socket": (11_248, 13_294),
    "left_eye_socket": (13_294, 13_678),
    "right_eye_socket": (13_678, 14_062),
    "left_eyeball": (21_451, 23_021),
    "right_eyeball": (23_021, 24_591),
}
SKIN = ("face", "head_and_neck", "left_eye_socket", "right_eye_socket")
NARROW_FACE = 6_706  # of the part "face", the first vertices, without ears and throat
LANDMARKS: tuple[int, ...] = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360,
    1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)  # fmt: skip

# Ours, as in the open model: a movement is made in 18 % of all faces, by an amount with mean .43 and mean square .24 of the
# whole movement; the two sides of one movement mostly go together.
_MOVEMENT_SQUARE, _MOVEMENT_PRODUCT, _SIDES_PRODUCT = 0.18 * 0.238, (0.18 * 0.429) ** 2, 0.85 * 0.18 * 0.238


class IctFaceKit(NamedTuple):
    """What the files say, for the vertices that are kept; millimetres, in the kit's own frame.

    Attributes:
        positions: of the neutral face.
        identities: displacement per identity mode and standard normal weight.
        movements: displacement of each whole movement, by ARKit's name ("mouthSmileLeft").
        movement_moment: second moment of how far each movement is made.
        parts: vertex indices by name.
        landmarks: Multi-PIE's 68 and the nose tip, vertex index by name.
    """

    positions: Float[np.ndarray, "vertex 3"]
    triangles: Int[np.ndarray, "triangle 3"]
    identities: Float[np.ndarray, "mode vertex 3"]
    movements: dict[str, Float[np.ndarray, "vertex 3"]]
    movement_moment: Float[np.ndarray, "movement movement"]
    parts: dict[str, Int[np.ndarray, " part_vertex"]]
    landmarks: dict[str, int]


def read_ict(path: str | Path) -> IctFaceKit:
    """Reads the folder `FaceXModel` of ICT-FaceKit, or the folder that holds it; half a gigabyte of text in some seconds.

    Raises:
        FaceModelError: a file is missing or isn't the kit's; the message names it.
    """
    folder = _model_folder(Path(path))
    identities = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    missing = [k for k, file in enumerate(identities) if file.name != f"identity{k:03d}.obj"]
    if not identities or missing:
        raise FaceModelError(
            f"{folder} lacks identity{missing[0] if missing else 0:03d}.obj; the identity modes of ICT-FaceKit are numbered "
            "from 000 without a gap; download the folder again."
        )
    movements = _movement_files(folder)
    neutral_data = (folder / NEUTRAL).read_bytes()
    neutral = _vertices(neutral_data, folder / NEUTRAL)
    kept = np.concatenate([np.arange(*PARTS[name]) for name in PARTS])

    def displacement(file: Path) -> np.ndarray:
        progress.update()
        return MM_PER_UNIT * (_vertices(file.read_bytes(), file) - neutral)[kept]

    with tqdm(total=len(identities) + len(movements), desc="ICT-FaceKit", unit="file", leave=False) as progress:
        modes = np.empty((len(identities), len(kept), 3), np.float32)
        for mode, file in zip(modes, identities, strict=True):
            mode[:] = displacement(file)
        moved = {_arkit_name(file.stem): displacement(file).astype(np.float32) for file in movements}

    new_index = np.full(VERTEX_COUNT, -1)
    new_index[kept] = np.arange(len(kept))
    triangles = new_index[_triangles(neutral_data, folder / NEUTRAL)]
    landmarks = dict(zip(MULTI_PIE, new_index[list(LANDMARKS)].tolist(), strict=True))
    return IctFaceKit(
        positions=MM_PER_UNIT * neutral[kept],
        triangles=np.ascontiguousarray(triangles[(triangles >= 0).all(axis=1)], np.int32),
        identities=modes,
        movements=moved,
        movement_moment=_movement_moment(list(moved)),
        parts={name: new_index[slice(*ends)] for name, ends in PARTS.items()},
        landmarks=landmarks | {NOSE_TIP: landmarks["multi_pie_31"]},
    )


def _model_folder(path: Path) -> Path:
    for folder in (path, path / "FaceXModel"):
        if (folder / NEUTRAL).is_file():
            return folder
    raise FaceModelError(
        f"{path} is no copy of ICT-FaceKit: it lacks {NEUTRAL}; give the folder FaceXModel of "
        "https://github.com/ICT-VGL/ICT-FaceKit, or the folder that holds it."
    )


def _movement_files(folder: Path) -> list[Path]:
    """The files that the kit's own list names, or, without that list, all that are neither neutral nor identities."""
    listed = folder / "vertex_indices.json"
    if listed.is_file():
        try:
            names = json.loads(listed.read_text(encoding="utf-8"))["expressions"]
            files = [folder / f"{name}.obj" for name in names]
        except (ValueError, KeyError, TypeError) as error:
            raise FaceModelError(f"{listed} must be JSON with a list `expressions`; download it again.") from error
    else:
        files = sorted(f for f in folder.glob("*.obj") if f.name != NEUTRAL and not f.name.startswith("identity"))
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        raise FaceModelError(f"{folder} lacks {absent[0] if absent else 'expressions'}; download the folder again.")
    return files


def _vertices(data: bytes, path: Path) -> Float[np.ndarray, "vertex 3"]:
    """The `v` lines of an OBJ file, in the file's unit."""
    last = data.rfind(b"\nv ") + 1  # what follows is as long again and holds none
    lines = re.findall(rb"^v[ \t]+([^\r\n]+)", data[: data.find(b"\n", last) + 1], re.MULTILINE)
    try:
        numbers = np.array(b" ".join(lines).split(), np.float64)
    except ValueError as error:
        raise FaceModelError(f"{path} has a vertex that isn't three numbers; download the file again.") from error
    if len(lines) != VERTEX_COUNT or len(numbers) != 3 * VERTEX_COUNT or not np.isfinite(numbers).all():
        raise FaceModelError(
            f"{path} must have {VERTEX_COUNT:,} vertices of three numbers, as ICT-FaceKit has; it has {len(lines):,} vertices "
            f"and {len(numbers):,} numbers (if they are none, the download may be a Git LFS pointer)."
        )
    return numbers.reshape(-1, 3)


def _triangles(data: bytes, path: Path) -> Int[np.ndarray, "triangle 3"]:
    """The `f` lines of an OBJ file, each polygon as a fan."""
    triangles = []
    try:
        for line in re.findall(rb"^f[ \t]+([^\r\n]+)", data, re.MULTILINE):
            corners = [int(corner.split(b"/", 1)[0]) - 1 for corner in line.split()]
            triangles += [(corners[0], b, c) for b, c in itertools.pairwise(corners[1:])]
        found = np.array(triangles, np.int64).reshape(-1, 3)
    except ValueError as error:
        raise FaceModelError(f"{path} has a polygon that isn't vertex numbers; download the file again.") from error
    if not len(found) or found.min() < 0 or found.max() >= VERTEX_COUNT:
        raise FaceModelError(f"{path} must have polygons over vertices 1 to {VERTEX_COUNT:,}; download the file again.")
    return found


def _arkit_name(name: str) -> str:
    return re.sub("_R$", "Right", re.sub("_L$", "Left", name))


def _movement_moment(names: list[str]) -> Float[np.ndarray, "movement movement"]:
    moment = np.full((len(names), len(names)), _MOVEMENT_PRODUCT)
    np.fill_diagonal(moment, _MOVEMENT_SQUARE)
    for i, name in enumerate(names):
        other = name.removesuffix("Left") + "Right"
        if name.endswith("Left") and other in names and name not in ("jawLeft", "mouthLeft"):
            j = names.index(other)
            moment[i, j] = moment[j, i] = _SIDES_PRODUCT
    return moment
