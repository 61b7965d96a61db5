"""How similar pictures are, over all pairs: distributions of cosines, and how far apart two of them lie (section 6.3).

All pairs are compared block by block: memory grows with the number of pictures, not of their pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError

__all__ = [
    "Distribution",
    "PhotoPairs",
    "RenderingPairs",
    "area_under_curve",
    "earth_movers_distance",
    "photo_pairs",
    "rendering_pairs",
]

BINS = 1 << 16  # of a `Distribution`, over cosines from -1 to 1: 0.00003 wide
TILE = 2048  # photographs: all pairs are worked through in squares of so many


class Distribution:
    """Cosines of many pairs as a histogram of 65,536 bins: 0.5 MB for any number of them.

    Count, mean and deviation are exact. What else it is asked, it answers as if a bin's cosines lay spread evenly over the bin, of
    which the width is 0.00003.
    """

    def __init__(self, values: Float[np.ndarray, " n"] | None = None):
        self.weights = np.zeros(BINS)
        self.count = 0
        self._sums = np.zeros(2)  # of the cosines and of their squares
        if values is not None:
            self.add(values)

    def add(self, values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"] | None = None) -> None:
        """Enters cosines, each with weight one or with a weight of its own."""
        if not len(values):
            return
        bins = np.clip(((values + 1.0) * (BINS / 2)).astype(np.int32), 0, BINS - 1)
        self.weights += np.bincount(bins, weights, BINS)
        exact = values.astype(np.float64)
        weighted = exact if weights is None else exact * weights
        self._sums += weighted.sum(), weighted @ exact
        self.count += len(values)

    @property
    def total(self) -> float:
        """The sum of the weights: the number of pairs, where all weigh the same. InputError if there are none."""
        total = float(self.weights.sum())
        if total <= 0.0:
            raise InputError("There are no pairs of this kind; it takes people with two photographs, and two people.")
        return total

    @property
    def mean(self) -> float:
        """The mean cosine."""
        return float(self._sums[0] / self.total)

    @property
    def standard_deviation(self) -> float:
        """Of the cosines."""
        return float(np.sqrt(max(self._sums[1] / self.total - self.mean**2, 0.0)))

    @property
    def cumulative(self) -> Float[np.ndarray, " edge"]:
        """F at the bins' edges, from 0 at −1 to 1 at 1."""
        return np.concatenate([[0.0], np.cumsum(self.weights) / self.total])

    def share_below(self, cosine: float) -> float:
        """F(x): the share of pairs with a smaller cosine."""
        return float(np.interp(cosine, _EDGES, self.cumulative))

    def share_above(self, cosine: float) -> float:
        """1 − F(x): the share of pairs with a larger cosine."""
        return 1.0 - self.share_below(cosine)

    def outline(self, bins: int = 128) -> list[float]:
        """The density over so many equal bins from −1 to 1, to be drawn; their number divides 65,536."""
        return (self.weights.reshape(bins, -1).sum(axis=1) / self.total * (bins / 2)).tolist()


_EDGES = np.linspace(-1.0, 1.0, BINS + 1)


def earth_movers_distance(one: Distribution, other: Distribution) -> float:
    """∫ |F(x) − G(x)| dx: how far, in cosine, one pile of similarities must be carried on average to become the other.

    In one dimension this integral is the earth mover's distance, also called Wasserstein's of order one. Exact for the binned
    cosines, hence within a bin's width (0.00003) for the cosines themselves.
    """
    apart = np.abs(one.cumulative - other.cumulative)
    return float((apart[1:] + apart[:-1]).sum() / BINS)  # F - G is a line within a bin, half of 2 / BINS


def area_under_curve(same: Distribution, different: Distribution) -> float:
    """As `verification.area_under_curve`, for many pairs; cosines in one bin are ties, which count half."""
    below = different.cumulative
    return float(same.weights @ (below[1:] + below[:-1]) / (2.0 * same.total))


class PhotoPairs(NamedTuple):
    """The cosines of all pairs of photographs: what renderings' similarities are held against.

    `by_person` are the pairs of one person again, in which all people weigh the same; in `same`, whoever has n photographs has
    n (n − 1)/2 pairs.
    """

    same: Distribution
    different: Distribution
    by_person: Distribution
    largest_share: float  # of one person in the pairs of `same`


def photo_pairs(photos: Float[np.ndarray, "photo e"], people: np.ndarray) -> PhotoPairs:
    """All pairs of photographs, in memory that doesn't grow with their number.

    Args:
        photos: directions.
        people: (photo,) who is on them.
    """
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    pairs_of = counts * (counts - 1.0) / 2.0
    found = PhotoPairs(
        Distribution(), Distribution(), Distribution(), pairs_of.max(initial=0.0) / max(pairs_of.sum(), 1.0)
    )
    for rows, columns in _tiles(len(photos), len(photos)):
        if columns.start < rows.start:
            continue
        cosines, alike = photos[rows] @ photos[columns].T, who[rows][:, None] == who[columns][None, :]
        new = np.ones_like(alike)
        if rows == columns:
            new = np.triu(new, 1)
        first, second = np.nonzero(alike & new)
        values = cosines[first, second]
        found.same.add(values)
        found.by_person.add(values, 1.0 / pairs_of[who[rows][first]])
        found.different.add(cosines[~alike & new])
    return found


class RenderingPairs(NamedTuple):
    """The cosines of renderings and photographs: each with the photograph that it was made from, with others of the same person, and
    with those of other people."""

    own: Float[np.ndarray, " rendering"]
    another: Distribution
    different: Distribution


def rendering_pairs(
    renderings: Float[np.ndarray, "rendering e"], photos: Float[np.ndarray, "rendering e"], people: np.ndarray
) -> RenderingPairs:
    """Renderings against the photographs that they were made from, all against all.

    Args:
        renderings, photos: directions, each kind's own; the k-th rendering was made from the k-th photograph.
        people: (photo,) who is on them.
    """
    _, who = np.unique(people, return_inverse=True)
    another, different = Distribution(), Distribution()
    for rows, columns in _tiles(len(renderings), len(photos)):
        cosines, alike = renderings[rows] @ photos[columns].T, who[rows][:, None] == who[columns][None, :]
        different.add(cosines[~alike])
        if rows == columns:
            np.fill_diagonal(alike, False)
        another.add(cosines[alike])
    return RenderingPairs(np.einsum("re,re->r", renderings, photos), another, different)


def _tiles(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            yield slice(top, min(top + TILE, rows)), slice(left, min(left + TILE, columns))
