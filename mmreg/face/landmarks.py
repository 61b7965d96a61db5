"""Names of the points on a face: the 68 of Multi-PIE, their groups, and the five that frame a face.

The 68 points are numbered from 1 as on the Multi-PIE annotation chart (Gross et al. 2010; the same order as iBUG and 300-W);
"right" and "left" are the subject's, and the chart begins at the subject's right ear, which is the left side of a photograph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.arrays import Array, Float, Int

__all__ = ["FIVE_POINTS", "GROUPS", "MULTI_PIE", "NOSE_TIP", "FivePoints", "find_five_points", "multi_pie_name"]


def multi_pie_name(number: int) -> str:
    """The name of the point with this number on the chart, 1 to 68: "multi_pie_01" is at the subject's right ear."""
    if not 1 <= number <= 68:
        raise ValueError(f"Multi-PIE's points are numbered from 1 to 68, got {number}")
    return f"multi_pie_{number:02d}"


MULTI_PIE: tuple[str, ...] = tuple(multi_pie_name(number) for number in range(1, 69))
NOSE_TIP = "nose_tip"


def _names(first: int, last: int) -> tuple[str, ...]:
    return MULTI_PIE[first - 1 : last]


GROUPS: dict[str, tuple[str, ...]] = {
    "jaw": _names(1, 17),
    "right_brow": _names(18, 22),
    "left_brow": _names(23, 27),
    "nose_bridge": _names(28, 31),
    "nose_base": _names(32, 36),
    "right_eye": _names(37, 42),
    "left_eye": _names(43, 48),
    "outer_lips": _names(49, 60),
    "inner_lips": _names(61, 68),
}

FIVE_POINTS: tuple[str, ...] = (
    "right_eye_centre",
    "left_eye_centre",
    "nose_tip",
    "right_mouth_corner",
    "left_mouth_corner",
)

# Each of the five points is the mean of the landmarks it names. The first choice is Multi-PIE's chart; files of the Basel
# Face Model name corners instead.
_BY_MULTI_PIE: tuple[tuple[str, ...], ...] = (
    GROUPS["right_eye"],
    GROUPS["left_eye"],
    (NOSE_TIP,),
    (multi_pie_name(49),),
    (multi_pie_name(55),),
)
_BY_BASEL_NAMES: tuple[tuple[str, ...], ...] = (
    ("right.eye.corner_outer", "right.eye.corner_inner"),
    ("left.eye.corner_outer", "left.eye.corner_inner"),
    (NOSE_TIP,),
    ("right.lips.corner",),
    ("left.lips.corner",),
)


class FivePoints(NamedTuple):
    """The five points that frame a face, as weights over vertices: point = weights @ positions[:, vertices].

    Attributes:
        vertices: indices of the vertices that carry them.
        weights: rows in the order of `FIVE_POINTS`, each sums to 1.
    """

    vertices: Int[Array, " landmark"]
    weights: Float[Array, "5 landmark"]


def find_five_points(landmarks: dict[str, int]) -> FivePoints | None:
    """The five points from the landmarks that a model has, or None where neither set of names is complete (ours)."""
    for choice in (_BY_MULTI_PIE, _BY_BASEL_NAMES):
        names = [name for point in choice for name in point]
        if all(name in landmarks for name in names):
            weights = np.zeros((5, len(names)), np.float32)
            column = 0
            for row, point in enumerate(choice):
                weights[row, column : column + len(point)] = 1 / len(point)
                column += len(point)
            return FivePoints(np.array([landmarks[name] for name in names], np.int32), weights)
    return None
