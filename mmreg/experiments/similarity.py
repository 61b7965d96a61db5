"""Similarity of photographs and renderings among all pairs of photographs, and earth mover's distances (section 6.3).

Is the rendering of somebody's predicted face as much like the photograph as another photograph of the same person, or only as much as a
photograph of anybody?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.records import PhotoSet
from mmreg.evaluation.identity import Court
from mmreg.evaluation.ranks import interval_over_people
from mmreg.evaluation.similarity import (
    Distribution,
    PhotoPairs,
    area_under_curve,
    earth_movers_distance,
    photo_pairs,
    rendering_pairs,
)
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.photographs import PHOTO_SETS, chosen_photos, encode_photos
from mmreg.experiments.recognition import JUDGE, LOSS, REGRESSOR, Recognition, recognise

__all__ = ["Heaps", "evaluate", "run", "similarity_numbers"]

BINS = 64  # of the densities that are written


def evaluate(setting: Setting) -> Result:
    """The experiment on the photographs of `mmreg evaluate`: LFW and MoFA-Test, or their stand-ins."""
    numbers, data = {}, []
    heaps: Heaps | None = None
    for name in PHOTO_SETS:
        photos, probe_names = chosen_photos(name, setting)
        recognition = recognise(setting, photos, encode_photos(setting, photos), probe_names)
        if heaps is None or heaps.stand_in != photos.stand_in:  # LFW's, but never real ones beside a stand-in
            heaps = Heaps.of(recognition)
        numbers[name] = similarity_numbers(recognition, setting.seed, heaps)
        data.append(of_set(photos))
    return Result("similarity", numbers, data)


@dataclass(frozen=True, eq=False)
class Heaps:
    """All pairs of a set's photographs, of one person and of two, by verdict and whether centred. The paper's are LFW's for every set."""

    name: str
    stand_in: bool
    pairs: Mapping[tuple[str, bool], PhotoPairs]

    @classmethod
    def of(cls, recognition: Recognition) -> Heaps:
        """Compares all pairs of the gallery."""
        pairs = {
            (verdict, centred): photo_pairs(recognition.court(verdict, centred).gallery, recognition.people)
            for verdict in recognition.networks
            for centred in (True, False)
        }
        return cls(recognition.source.name, recognition.source.stand_in, pairs)


def run(
    setting: Setting, photos: PhotoSet, probe_names: Sequence[str] | None = None, encoded: EncodedSet | None = None
) -> dict:
    """What `similarity_numbers` counts, of a set beside its own pairs; the arguments are as `recognise`'s."""
    recognition = recognise(setting, photos, encoded or encode_photos(setting, photos), probe_names)
    return similarity_numbers(recognition, setting.seed)


def similarity_numbers(recognition: Recognition, seed: int = 0, heaps: Heaps | None = None) -> dict:
    """For each verdict, centred and raw: the distributions of photographs' pairs, and how each method's similarities lie beside them.

    `own_photo` are the similarities of a rendering and the photograph it was made from, as in the paper; `another_photo` those to other
    photographs of the person, which show the person as well but not the same moment.

    Args:
        heaps: what to hold the similarities against; None takes the set's own pairs.

    Raises:
        InputError: nobody in the set has two photographs, and no heaps are given.
    """
    heaps = heaps or Heaps.of(recognition)
    verdicts = {}
    for verdict, network in recognition.networks.items():
        of_network = {"network": network.name, "is_a_judge": verdict == JUDGE}
        for kind in ("centred", "raw"):
            of_network[kind] = _compare(
                recognition.court(verdict, kind == "centred"),
                {m: recognition.directions(m, verdict, kind == "centred") for m in recognition.renderings},
                heaps.pairs[verdict, kind == "centred"],
                seed,
            )
        verdicts[verdict] = of_network
    setting = recognition.setting() | {"photo_pairs_of": heaps.name}
    return _headline(verdicts) | {"setting": setting} | verdicts


def _compare(court: Court, directions: Mapping[str, np.ndarray], pairs: PhotoPairs, seed: int) -> dict:
    methods = {method: _method(own, court, pairs, seed) for method, own in directions.items()}
    return {"photo_pairs": _describe_pairs(pairs), "methods": methods}


def _describe_pairs(pairs: PhotoPairs) -> dict:
    return {
        "same_person": _describe(pairs.same),
        "same_person_all_people_alike": _describe(pairs.by_person),
        "different_people": _describe(pairs.different),
        "area_under_curve": area_under_curve(pairs.same, pairs.different),
        "same_to_different": earth_movers_distance(pairs.same, pairs.different),
        "largest_share_of_one_person_in_same": pairs.largest_share,
    }


def _method(directions: np.ndarray, court: Court, pairs: PhotoPairs, seed: int) -> dict:
    own, another, different = rendering_pairs(directions, court.own, court.probe_people)
    beside = Distribution(own)
    low, high = interval_over_people(own, court.probe_people, seed)
    found = {
        "own_photo": _describe(beside) | {"mean_interval_95": [low, high]},
        "earth_movers_distance_to_same": earth_movers_distance(beside, pairs.same),
        "earth_movers_distance_to_different": earth_movers_distance(beside, pairs.different),
        "same_person_photo_pairs_below_mean": pairs.same.share_below(beside.mean),
        "different_people_photo_pairs_above_mean": pairs.different.share_above(beside.mean),
    }
    if different.count:
        found["photo_of_another_person"] = _describe(different)
    if another.count:
        found |= {
            "another_photo": _describe(another),
            "another_photo_earth_movers_distance_to_same": earth_movers_distance(another, pairs.same),
            "another_photo_earth_movers_distance_to_different": earth_movers_distance(another, pairs.different),
        }
        if different.count:
            found["area_under_curve_another_photo"] = area_under_curve(another, different)
    return found


def _describe(distribution: Distribution) -> dict:
    return {
        "mean": distribution.mean,
        "standard_deviation": distribution.standard_deviation,
        "pairs": distribution.count,
        "density": distribution.outline(BINS),
    }


def _headline(verdicts: dict) -> dict:
    """Single values, of the judge where there is one; else of the network in the loss, and named so."""
    verdict = JUDGE if JUDGE in verdicts else LOSS
    by = "" if verdict == JUDGE else "_by_the_network_in_the_loss"
    compared = verdicts[verdict]["centred"]
    regressor, photos = compared["methods"][REGRESSOR], compared["photo_pairs"]
    values = {
        "similarity_to_own_photo": regressor["own_photo"]["mean"],
        "similarity_of_photos_of_one_person": photos["same_person"]["mean"],
        "similarity_of_photos_of_two_people": photos["different_people"]["mean"],
        "same_person_photo_pairs_below_mean": regressor["same_person_photo_pairs_below_mean"],
        "different_people_photo_pairs_above_mean": regressor["different_people_photo_pairs_above_mean"],
        "earth_movers_distance_to_same": regressor["earth_movers_distance_to_same"],
        "earth_movers_distance_to_different": regressor["earth_movers_distance_to_different"],
    }
    return {name + by: value for name, value in values.items()}
