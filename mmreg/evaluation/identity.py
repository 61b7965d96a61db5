"""Is a rendering recognised as the photographed person? One network's view of a gallery, its similarities and its recall (section 6.3 and table 2).

An embedding is compared by its direction, and what all pictures of one kind have in common is taken away first (`directions`). Paper: compares
VGG-Face's φ(t) as they are; `mean=None` does so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mmreg.arrays import Float
from mmreg.evaluation.ranks import RANKS, Ranks, chance, rank_people
from mmreg.evaluation.similarity import PhotoPairs, area_under_curve, photo_pairs, rendering_pairs

__all__ = ["Court", "directions"]


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
