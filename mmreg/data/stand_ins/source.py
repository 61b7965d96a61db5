"""What stand-ins are made of: MakeHuman's targets on the open model's mesh and where things are on a head, from `source.npz`.

The file is made by `tools/stand_in_source.py` from MakeHuman's data, which is in the public domain (CC0 1.0). It holds one row of
whole numbers for each target on the left half of the mesh, and a second one for targets that aren't their own mirror image; they are
predicted from neighbours as the open model's are (`mmreg.face.open_face`).
"""

from __future__ import annotations

import json
import lzma
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError, Int
from mmreg.data.stand_ins.canvas import Canvas, HeadParts
from mmreg.data.stand_ins.traits import Parameter
from mmreg.face import MorphableModel, load
from mmreg.face.open_face import left_vertices, load_mirror, load_prediction_plan, undo_prediction
from mmreg.geometry.mesh import vertex_normals
from mmreg.geometry.registration import without_rigid_motion
from mmreg.results import file_checksum

__all__ = ["SOURCE_FILE", "Source", "load_source"]

SOURCE_FILE = Path(__file__).with_name("source.npz")
MASKS = ("face", "ears", "eyelids", "mouth_bag", "lips")


@dataclass(frozen=True, eq=False)
class Source:
    """The generator of people, before any components.

    Attributes:
        model: the open model, whose mesh and mean everything is on.
        parameters: the local traits.
        targets: names of the displacements that faces are made of.
        mean_weights: of the targets in the mean face.
        rows: displacements of the left vertices in mm, one row a target or half of one.
        halves: the row that each target's left half is, and the row that its mirrored right half is.
        canvas: where cheeks, brows and lips are on the mean face.
        skin, eyes: the vertices of the canvas's skin, and of its left and right eyeball.
        checksum: SHA-256 of the file.
    """

    model: MorphableModel
    parameters: list[Parameter]
    targets: list[str]
    mean_weights: Float[np.ndarray, " target"]
    rows: Float[np.ndarray, "row coordinate"]
    halves: Int[np.ndarray, "2 target"]
    canvas: Canvas
    skin: Int[np.ndarray, " skin_vertex"]
    eyes: Int[np.ndarray, "2 eye_vertex"]
    checksum: str

    def positions(self, weights: Float[np.ndarray, " target"]) -> Float[np.ndarray, "vertex 3"]:
        """The face of these weights in mm, without its own rigid motion, as the model's faces are."""
        mirror = load_mirror().vertices
        left = left_vertices(mirror)
        amounts = np.zeros((2, len(self.rows)), np.float32)
        for half in (0, 1):
            np.add.at(amounts[half], self.halves[half], (weights - self.mean_weights).astype(np.float32))
        own, mirrored = (amounts @ self.rows).reshape(2, -1, 3)
        displacement = np.empty((self.model.vertex_count, 3), np.float32)
        displacement[mirror[left]] = mirrored * np.float32([-1, 1, 1])
        displacement[left] = own
        mean, face = self.model.mean_positions(), np.zeros(self.model.vertex_count)
        face[self.skin] = self.canvas.face
        kept = without_rigid_motion(displacement.reshape(1, -1).astype(np.float64), mean.astype(np.float64), face)
        return mean + kept.reshape(-1, 3).astype(np.float32)

    def on_mesh(self, painted: Float[np.ndarray, "vertex n"]) -> Float[np.ndarray, "vertex n"]:
        """What is numbered as paint is, skin, left eyeball, right eyeball, numbered as the model's vertices."""
        out = np.empty_like(painted)
        out[np.concatenate([self.skin, *self.eyes])] = painted
        return out


@cache
def load_source() -> Source:
    """The source that ships with the package; read once a process.

    Raises:
        InputError: the file is missing, damaged, or belongs to another open model.
    """
    try:
        with np.load(SOURCE_FILE, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        metadata = json.loads(stored["metadata"].tobytes())
        return _unpack(stored, metadata)
    except (OSError, EOFError, KeyError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{SOURCE_FILE} is not a source of stand-ins ({error}); install the package again to get it back."
        ) from error


def _unpack(stored: dict[str, np.ndarray], metadata: dict) -> Source:
    model = load("open")
    if metadata["model"] != model.checksum:
        raise InputError(
            f"{SOURCE_FILE} was made for another open face model; make it anew with tools/stand_in_source.py."
        )
    rows = undo_prediction(stored["residuals"], load_prediction_plan()) * stored["steps"][:, None, None]
    halves = stored["vertex_bytes"].astype(np.float64) / 255.0
    mirror = load_mirror().vertices
    values = np.empty((len(halves), model.vertex_count))
    left = left_vertices(mirror)
    values[:, mirror[left]] = values[:, left] = halves
    named = dict(zip((*MASKS, "sky"), values, strict=True))
    eyes = stored["eyes"].astype(np.int64)
    skin = np.setdiff1d(np.arange(model.vertex_count), eyes)
    mean = model.mean_positions().astype(np.float64)
    normals = np.asarray(vertex_normals(mean[None].astype(np.float32), model.triangles))[0].astype(np.float64)
    directions = stored["eye_directions"] / np.linalg.norm(stored["eye_directions"], axis=1, keepdims=True)
    canvas = Canvas(
        HeadParts(
            mean[skin],
            normals[skin],
            mean[eyes],
            directions,
            {name: named[name][skin] for name in MASKS},
            named["sky"][skin],
            named["sky"][eyes],
        )
    )
    return Source(
        model,
        [Parameter(*fields) for fields in metadata["parameters"]],
        metadata["targets"],
        stored["mean_weights"],
        np.ascontiguousarray(rows.transpose(0, 2, 1)).astype(np.float32).reshape(len(rows), -1),
        stored["halves"].astype(np.int64),
        canvas,
        skin,
        eyes,
        file_checksum(SOURCE_FILE),
    )
