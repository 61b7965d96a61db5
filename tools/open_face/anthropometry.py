"""Sizes of a model's faces, in mm, beside what was measured on people.

The published figures are of adults in the United States: means and standard deviations of women and of men. The height of the
nose is measured without one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.face import MorphableModel
from tools.open_face.visibility import vertex_normals

SURVEY = (
    "Zhuang and Bradtmiller 2005, Head-and-face anthropometric survey of U.S. respirator users, J. Occup. Environ. Hyg. "
    "2(11), 567-576; 3,997 people"
)
DODGSON = (
    "Dodgson 2004, Variation and extrema of human interpupillary distance, Proc. SPIE 5291, 36-46, on the U.S. Army's survey "
    "of 1988; 3,976 people"
)


class Published(NamedTuple):
    """A published measurement in mm: mean and standard deviation of women and of men."""

    female: tuple[float, float]
    male: tuple[float, float]
    source: str


PUBLISHED = {
    "interpupillary_distance": Published((62.31, 3.599), (64.67, 3.708), DODGSON),
    "bizygomatic_breadth": Published((135.1, 6.5), (143.5, 6.9), SURVEY),
    "nose_breadth": Published((33.2, 3.9), (36.6, 4.1), SURVEY),
    "face_height": Published((113.4, 6.1), (122.7, 7.0), SURVEY),
}
MEASURED = {
    "interpupillary_distance": "between the vertices at the middles of the pupils",
    "bizygomatic_breadth": "between the outermost vertices of the mean face beside and below the eyes, in front of the ears",
    "nose_breadth": "between the outermost vertices of the mean face's nose wings",
    "nose_height": "from the root of the nose (sellion) to its base (subnasale)",
    "face_height": "from the root of the nose (sellion) to the chin (menton)",
}


def measuring_points(model: MorphableModel) -> dict[str, tuple[int, int]]:
    """For each measurement the two vertices between which it is taken, found on the mean face."""
    mean = model.mean_positions()
    x, y, z = mean.T
    root, tip, subnasale, menton = model.landmark_indices(["multi_pie_28", "nose_tip", "multi_pie_34", "multi_pie_09"])
    right_eye, left_eye = (
        int(np.argmax(np.where(model.region(name), z, -np.inf))) for name in ("right_eye", "left_eye")
    )
    skin = model.face_region & ~model.region("ears") & ~model.region("left_eye") & ~model.region("right_eye")
    arch = skin & (y < y[root]) & (y > y[subnasale]) & (z > z[root] - 75)
    wings = skin & (y < y[tip] + 8) & (y > y[subnasale] - 3) & (np.abs(x) < 26) & (z > z[tip] - 27)
    wings &= np.abs(vertex_normals(mean, model.triangles)[:, 0]) > 0.7  # on the sides of the wings, not in the grooves
    return {
        "interpupillary_distance": (right_eye, left_eye),
        "bizygomatic_breadth": _widest(x, arch),
        "nose_breadth": _widest(x, wings),
        "nose_height": (int(root), int(subnasale)),
        "face_height": (int(root), int(menton)),
    }


def _widest(x: np.ndarray, where: np.ndarray) -> tuple[int, int]:
    return int(np.argmin(np.where(where, x, np.inf))), int(np.argmax(np.where(where, x, -np.inf)))


def measure(model: MorphableModel, positions: np.ndarray) -> dict[str, np.ndarray]:
    """(face,) each measurement of faces (face, vertex, 3)."""
    return {
        name: np.linalg.norm(positions[:, a] - positions[:, b], axis=1)
        for name, (a, b) in measuring_points(model).items()
    }
