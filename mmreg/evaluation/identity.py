"""Is a rendering recognised as the photographed person? Similarities, earth mover's distances and recall (section 6.3 and table 2).

All pairs of a gallery are compared block by block: memory grows with the number of photographs, not of their pairs. An embedding is
compared by its direction, and what all pictures of one kind have in common is taken away first (`directions`). Paper: compares
VGG-Face's φ(t) as they are; `mean=None` does so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import comb
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError, Int

__all__ = [
    "Court",
    "Distribution",
    "PhotoPairs",
    "Ranks",
    "RenderingPairs",
    "area_under_curve",
    "chance",
    "directions",
    "earth_movers_distance",
    "interval_over_people",
    "photo_pairs",
    "rank_people",
    "rendering_pairs",
]

RANKS = (1, 5)  # table 2
BINS = 1 << 16  # of a `Distribution`, over cosines from -1 to 1: 0.00003 wide
TIE = 1e-6  # cosines that differ by less are one and the same: 32-bit sums in another order differ by a tenth of it
TILE = 2048  # photographs: all pairs are worked through in squares of so many
BLOCK_CELLS = 1 << 23  # cosines at a time while a gallery is ranked


def directions(
    embedding: Float[np.ndarray, "picture e"], mean: Float[np.ndarray, " e"] | None = None
) -> Float[np.ndarray, "picture e"]:
    """(e − ē)/|e − ē|; one that is its kind's mean has no direction and is left at zero.

    Args:
        mean: of the pictures' own kind, photographs or renderings; None takes nothing away.
    """
    centred = embedding if mean is None else embedding - mean
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 0.0, length, 1.0)


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


class Court:
    """One network's view of the photographs, and the comparisons made in it.

    Args:
        gallery: (photo, e) raw embeddings of all photographs.
        people: (photo,) who is on them.
        probes: (probe,) indices of the photographs to be reconstructed.
        centred: whether the photographs' mean is taken away.
    """

    def __init__(self, gallery: np.ndarray, people: np.ndarray, probes: np.ndarray, centred: bool = True):
        self.gallery = directions(gallery, gallery.mean(axis=0) if centred else None)
        self.people, self.probes = people, probes
        self.own, self.probe_people = self.gallery[probes], people[probes]
        names, counts = np.unique(people, return_counts=True)
        self.photos_of_person = counts[np.searchsorted(names, self.probe_people)]
        self.again = self.photos_of_person > 1

    @cached_property
    def pairs(self) -> PhotoPairs:
        """All pairs of the probes' photographs."""
        return photo_pairs(self.own, self.probe_people)

    def chances(self, ranks: Sequence[int] = RANKS) -> dict[str, dict[str, float]]:
        """What guessing recalls, in the three ways of `recalls`."""
        size, counts = len(self.gallery), self.photos_of_person
        found = {
            "own_photo_in_gallery": chance(counts, size, False, ranks),
            "own_photo_removed": chance(counts, size, True, ranks),
        }
        if self.again.any():
            found["own_photo_removed_people_with_another"] = chance(counts[self.again], size, True, ranks)
        return found

    def ranks(self, probe_directions: np.ndarray) -> dict[str, Ranks]:
        """Each probe's rank with its own photograph in the gallery, and with it removed."""
        everything = (probe_directions, self.gallery, self.probe_people, self.people)
        return {
            "own_photo_in_gallery": rank_people(*everything),
            "own_photo_removed": rank_people(*everything, self.probes),
        }

    def recalls(self, probe_directions: np.ndarray, ranks: Sequence[int] = RANKS) -> dict[str, dict[str, float]]:
        """Top-1 and top-5 with each probe's own photograph in the gallery; with it removed; and the latter over those probes
        alone whose person has another photograph (the others can't be recalled)."""
        found = self.ranks(probe_directions)
        if self.again.any():
            again = Ranks(*(part[self.again] for part in found["own_photo_removed"]))
            found["own_photo_removed_people_with_another"] = again
        return {name: {f"top_{k}": ranked.recall(k) for k in ranks} for name, ranked in found.items()}

    def similarities(self, rendering_directions: np.ndarray) -> dict[str, float]:
        """Mean cosines of renderings to photographs of the probes' people, and how they lie among pairs of photographs."""
        own, another, different = rendering_pairs(rendering_directions, self.own, self.probe_people)
        return {
            "own_photo": own.mean(),
            "own_photo_standard_deviation": own.std(),
            "another_photo_of_the_person": another.mean,
            "photo_of_another_person": different.mean,
            "area_under_curve_another_photo": area_under_curve(another, different),
            "same_person_photo_pairs_below_own_photo_mean": self.pairs.same.share_below(own.mean()),
            "different_person_photo_pairs_above_own_photo_mean": self.pairs.different.share_above(own.mean()),
        }

    def ceiling(self) -> dict:
        """Photographs in place of renderings; with its own in the gallery a photograph would find itself."""
        recalls = self.recalls(self.own)
        del recalls["own_photo_in_gallery"]
        same, different = self.pairs.same, self.pairs.different
        similarity = {
            "same_person": same.mean,
            "same_person_standard_deviation": same.standard_deviation,
            "different_people": different.mean,
            "different_people_standard_deviation": different.standard_deviation,
            "area_under_curve": area_under_curve(same, different),
        }
        return {"recall": recalls, "similarity": similarity}
