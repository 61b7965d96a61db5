"""How far a reconstruction moves when the photograph changes and the person doesn't, and when it has moved too far.

The paper shows such photographs in a row and lets the reader look (FERET, occlusion, blur). The measures are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry.registration import fit_similarity

__all__ = [
    "BROKEN",
    "BreakingPoint",
    "Spread",
    "between_people",
    "breaking_point",
    "coefficient_drift",
    "mesh_drift_mm",
    "spread",
]

BROKEN = 0.5  # of the median distance between two people: from there on, half of who it is has been lost
RESAMPLES = 2000


def coefficient_drift(
    one: Float[np.ndarray, "face component"], other: Float[np.ndarray, "face component"]
) -> Float[np.ndarray, " face"]:
    """√(mean_k (c_k − c'_k)²): how far faces lie apart, in the model's standard deviations a coefficient.

    Two people drawn from the model lie √2 apart.
    """
    return np.sqrt(np.mean((np.asarray(one, np.float64) - np.asarray(other, np.float64)) ** 2, axis=-1))


def mesh_drift_mm(
    model: MorphableModel, one: Float[np.ndarray, "face s"], other: Float[np.ndarray, "face s"]
) -> Float[np.ndarray, " face"]:
    """Mean distance of corresponding vertices of the face proper, in mm, after the similarity that lays `one` on `other`.

    Args:
        one, other: shape coefficients.
    """
    region = model.shape.take(np.flatnonzero(model.face_region))
    found = []
    for a, b in zip(np.asarray(one, np.float32), np.asarray(other, np.float32), strict=True):
        positions = np.asarray(region(np.stack([a, b])), np.float64).reshape(2, -1, 3)
        moved = fit_similarity(positions[0], positions[1])(positions[0])
        found.append(np.linalg.norm(moved - positions[1], axis=1).mean())
    return np.array(found)


def between_people(count: int, most: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(first, second): indices of all pairs of `count` people, or of `most` of them drawn without replacement.

    Raises:
        InputError: fewer than two people make no pair.
    """
    if count < 2:
        raise InputError("Two people are needed to say how far apart two people are; the photographs show only one.")
    pairs = np.array(list(combinations(range(count), 2)))
    if len(pairs) > most:
        pairs = pairs[np.random.default_rng(seed).choice(len(pairs), most, replace=False)]
    return pairs[:, 0], pairs[:, 1]


class Spread(NamedTuple):
    """A quantity over people, at each level: median, and the 10th and 90th percentile; NaN where nobody has a value."""

    median: Float[np.ndarray, " level"]
    low: Float[np.ndarray, " level"]
    high: Float[np.ndarray, " level"]


def spread(values: Float[np.ndarray, "person level"]) -> Spread:
    """Median and percentiles over people; missing values (NaN) don't count."""
    values = np.asarray(values, np.float64)
    found = np.full((3, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        if np.isfinite(column).any():
            found[:, k] = np.nanpercentile(column, [50.0, 10.0, 90.0])
    return Spread(*found)


class BreakingPoint(NamedTuple):
    """The level at which a growing disturbance takes the median person's drift across a limit; None: not by the last level.

    `low` and `high` hold the bootstrap's 95 % over people; `high` None reaches beyond the last level.
    """

    level: float | None
    low: float | None
    high: float | None


def breaking_point(
    levels: Sequence[float | int],
    drift: Float[np.ndarray, "person level"],
    limit: float = BROKEN,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> BreakingPoint:
    """Where the median of the drift over people first exceeds `limit`, between two levels along the straight line.

    Args:
        levels: from the mildest, which is where nothing is disturbed and the drift is 0, to the strongest; rising or falling.
        drift: relative to the median distance of two people; missing values (NaN) don't count.

    Raises:
        InputError: the levels are neither rising nor falling, or don't fit the drift.
    """
    places, drift = np.asarray(levels, np.float64), np.asarray(drift, np.float64)
    steps = np.diff(places)
    if drift.ndim != 2 or drift.shape[1] != len(places) or not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"{len(places)} levels in order must fit the drift's columns, of shape {drift.shape}.")
    generator = np.random.default_rng(seed)
    rows = generator.integers(len(drift), size=(resamples, len(drift)))
    # by how many levels one comes until the median crosses, whole ones and a part of the next
    crossings = np.array([_crossing(np.nanmedian(drift[chosen], axis=0), limit) for chosen in rows])
    crossings.sort()
    low, high = crossings[int(0.025 * (resamples - 1))], crossings[int(np.ceil(0.975 * (resamples - 1)))]
    return BreakingPoint(*(_level(places, c) for c in (_crossing(np.nanmedian(drift, axis=0), limit), low, high)))


def _crossing(curve: np.ndarray, limit: float) -> float:
    """The (fractional) index at which a curve first exceeds the limit; infinite if it doesn't."""
    above = np.flatnonzero(curve > limit)
    if not len(above):
        return np.inf
    after = int(above[0])
    if after == 0 or not np.isfinite(curve[after - 1]):
        return float(after)
    return after - 1 + (limit - curve[after - 1]) / (curve[after] - curve[after - 1])


def _level(levels: np.ndarray, crossing: float) -> float | None:
    return None if np.isinf(crossing) else float(np.interp(crossing, np.arange(len(levels)), levels))
