"""What can be said of people from some of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError

__all__ = ["Interval", "bootstrap", "permutation_of_groups"]

DRAWS = 2000
_LEVEL = 0.95


class Interval(NamedTuple):
    """A value, and the range that 95 % of repetitions with other people would lie in."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """For a result file."""
        return self._asdict()


def bootstrap(
    samples: np.ndarray,  # one row a person
    statistic: Callable[[np.ndarray], float],
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """A statistic of some people, and its 95 % percentile interval over people drawn from them with replacement (Efron 1979).

    With fewer than ten people the interval is too narrow; of one person it has no width, which says nothing.

    Raises:
        InputError: there is nobody.
    """
    samples = np.asarray(samples)
    if not len(samples):
        raise InputError("An interval needs at least one person.")
    rng = np.random.default_rng(seed)
    drawn = [statistic(samples[rng.integers(len(samples), size=len(samples))]) for _ in range(draws)]
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(statistic(samples)), float(low), float(high))


def permutation_of_groups(
    values: Float[np.ndarray, " person"], groups: np.ndarray, seed: int = 0, draws: int = DRAWS
) -> float:
    """The chance that groups of these sizes, made at random, have means that lie as far apart as the two furthest do.

    Raises:
        InputError: there are fewer than two groups.
    """
    names, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError("Groups can't be compared where there are fewer than two.")
    rng = np.random.default_rng(seed)

    def range_of_means(order: np.ndarray) -> float:
        return float(np.ptp(np.bincount(index, values[order]) / counts))

    found = range_of_means(np.arange(len(values)))
    drawn = np.array([range_of_means(rng.permutation(len(values))) for _ in range(draws)])
    return float((1 + (drawn >= found - 1e-12).sum()) / (draws + 1))
