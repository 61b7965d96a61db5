"""Similarity of photographs and renderings among all pairs of photographs, and earth mover's distances (section 6.3).

Is the rendering of somebody's predicted face as much like the photograph as another photograph of the same person, or only as much as a
photograph of anybody?
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.records import PhotoSet
from mmreg.evaluation.identity import (
    Court,
    Distribution,
    PhotoPairs,
    area_under_curve,
    earth_movers_distance,
    interval_over_people,
    photo_pairs,
    rendering_pairs,
)
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.photographs import PHOTO_SETS, chosen_photos, encode_photos
from mmreg.experiments.recognition import JUDGE, LOSS, REGRESSOR, Recognition, recognise

__all__ = ["evaluate", "run", "similarity_numbers"]

BINS = 64  # of the densities that are written


def evaluate(setting: Setting) -> Result:
    """The experiment on the photographs of `mmreg evaluate`: LFW and MoFA-Test, or their stand-ins."""
    numbers, data = {}, []
    for name in PHOTO_SETS:
        photos, probe_names = chosen_photos(name, setting)
        numbers[name] = run(setting, photos, probe_names)
        data.append(of_set(photos))
    return Result("similarity", numbers, data)


def run(
    setting: Setting, photos: PhotoSet, probe_names: Sequence[str] | None = None, encoded: EncodedSet | None = None
) -> dict:
    """What `similarity_numbers` counts, of a set; the arguments are as `recognise`'s."""
    recognition = recognise(setting, photos, encoded or encode_photos(setting, photos), probe_names)
    return similarity_numbers(recognition, setting.seed)


def similarity_numbers(recognition: Recognition, seed: int = 0) -> dict:
    """For each verdict, centred and raw: the distributions of photographs' pairs, and how each method's similarities lie beside them.

    `own_photo` are the similarities of a rendering and the photograph it was made from, as in the paper; `another_photo` those to other
    photographs of the person, which show the person as well but not the same moment.
    """
    verdicts = {}
    for verdict, network in recognition.networks.items():
        of_network = {"network": network.name, "is_a_judge": verdict == JUDGE}
        for kind in ("centred", "raw"):
            of_network[kind] = _compare(recognition, verdict, kind == "centred", seed)
        verdicts[verdict] = of_network
    return _headline(verdicts) | {"setting": recognition.setting()} | verdicts


def _compare(recognition: Recognition, verdict: str, centred: bool, seed: int) -> dict:
    court = recognition.court(verdict, centred)
    pairs = photo_pairs(court.gallery, recognition.people)
    methods = {
        method: _method(recognition.directions(method, verdict, centred), court, pairs, seed)
        for method in recognition.renderings
    }
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
