"""What can be said of people from some of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError

__all__ = ["Interval", "bootstrap"]

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
    samples: Float[np.ndarray, "person *rest"],
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
