"""Where in a gallery a rendering's person comes: ranks, recall, what chance recalls, and an interval over people (table 2)."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, Int

__all__ = ["RANKS", "Ranks", "chance", "interval_over_people", "rank_people"]

RANKS = (1, 5)  # table 2
TIE = 1e-6  # cosines that differ by less are one and the same: 32-bit sums in another order differ by a tenth of it
BLOCK_CELLS = 1 << 23  # cosines at a time while a gallery is ranked


class Ranks(NamedTuple):
    """For each probe, where in the order of the gallery, the most similar first, its person comes.

    Attributes:
        before: photographs that are more similar than the person's most similar one.
        same, others: photographs of the person, and of others, that share that one's similarity; in whatever order they lie, it is
            no merit and no fault. `same` is 0 where the gallery holds none of the person.
    """

    before: Int[np.ndarray, " probe"]
    same: Int[np.ndarray, " probe"]
    others: Int[np.ndarray, " probe"]

    def found(self, rank: int) -> Float[np.ndarray, " probe"]:
        """The chance that the person is among the first `rank` photographs: 1 or 0, but for ties.

        Of the k − g places that are left behind the g photographs before, a random order of m of the person and n of others that are
        tied gives none to the person with probability C(n, k − g)/C(n + m, k − g).
        """
        places = np.clip(rank - self.before, 0, self.same + self.others)
        found = np.where((places > 0) & (self.same > 0), 1.0, 0.0)
        tied = (places > 0) & (self.same > 0) & (self.others > 0)
        cases, which = np.unique(
            np.stack([self.same[tied], self.others[tied], places[tied]]), axis=1, return_inverse=True
        )
        chances = [1.0 - comb(int(n), int(k)) / comb(int(m + n), int(k)) for m, n, k in cases.T]
        found[tied] = np.array(chances)[which.reshape(-1)] if chances else 0.0
        return found

    def recall(self, rank: int) -> float:
        """The share of probes whose person is among the first `rank` photographs."""
        return float(self.found(rank).mean())


def rank_people(
    probes: Float[np.ndarray, "probe e"],
    gallery: Float[np.ndarray, "photo e"],
    probe_people: np.ndarray,
    gallery_people: np.ndarray,
    excluded: Int[np.ndarray, " probe"] | None = None,
) -> Ranks:
    """Ranks a gallery of photographs by their similarity to each probe.

    Args:
        probes, gallery: directions.
        excluded: for each probe the index of a photograph to leave out (its own), or None.
    """
    order = np.argsort(gallery_people, kind="stable")  # a person's photographs side by side
    sorted_gallery, sorted_people = gallery[order], gallery_people[order]
    first, last = (np.searchsorted(sorted_people, probe_people, side) for side in ("left", "right"))
    place = np.argsort(order)
    found = np.zeros((3, len(probes)), np.int64)
    step = max(1, BLOCK_CELLS // max(len(gallery), 1))
    for start in range(0, len(probes), step):
        block = slice(start, start + step)
        cosines = probes[block] @ sorted_gallery.T
        if excluded is not None:
            cosines[np.arange(len(cosines)), place[excluded[block]]] = -np.inf
        own = [row[a:b] for row, a, b in zip(cosines, first[block], last[block], strict=True)]
        best = np.array([[photos.max(initial=-np.inf)] for photos in own], cosines.dtype)
        before = np.count_nonzero(cosines > best + TIE, axis=1)
        level = np.count_nonzero(cosines >= best - TIE, axis=1) - before
        same = [
            np.count_nonzero(photos >= top - TIE) if top > -np.inf else 0
            for photos, (top,) in zip(own, best, strict=True)
        ]
        found[:, block] = before, same, level - np.array(same, np.int64)
    return Ranks(*found)


def chance(
    photos_of_person: Int[np.ndarray, " probe"], gallery: int, own_removed: bool, ranks: Sequence[int] = RANKS
) -> dict[str, float]:
    """What a random order of the gallery recalls: 1 − C(g − n, k)/C(g, k), averaged over probes whose person has n of g
    photographs."""
    same = np.asarray(photos_of_person) - int(own_removed)
    blind = Ranks(np.zeros_like(same), same, gallery - int(own_removed) - same)
    return {f"top_{k}": blind.recall(k) for k in ranks}


def interval_over_people(
    values: Float[np.ndarray, " probe"], people: np.ndarray, seed: int, draws: int = 1000
) -> tuple[float, float]:
    """The middle 95 % of the mean over probes, when people (with all their photographs) are drawn with replacement.

    Photographs of one person succeed or fail together, so people are what chance has drawn, not photographs.
    """
    _, who = np.unique(people, return_inverse=True)
    sums, counts = np.bincount(who, values), np.bincount(who)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
