"""Clustering recall (table 2): does the rendering of somebody's predicted face find the person among thousands of photographs?"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.records import PhotoSet
from mmreg.evaluation.identity import Court
from mmreg.evaluation.ranks import Ranks, interval_over_people
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.photographs import PHOTO_SETS, chosen_photos, encode_photos
from mmreg.experiments.recognition import JUDGE, LOSS, REGRESSOR, Recognition, recognise

__all__ = ["evaluate", "recall_numbers", "run"]

RANKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
WITH, WITHOUT = "own_photo_in_gallery", "own_photo_removed"


def evaluate(setting: Setting) -> Result:
    """The experiment on the photographs of `mmreg evaluate`: LFW and MoFA-Test, or their stand-ins."""
    numbers, data = {}, []
    for name in PHOTO_SETS:
        photos, probe_names = chosen_photos(name, setting)
        numbers[name] = run(setting, photos, probe_names)
        data.append(of_set(photos))
    return Result("recall", numbers, data)


def run(
    setting: Setting, photos: PhotoSet, probe_names: Sequence[str] | None = None, encoded: EncodedSet | None = None
) -> dict:
    """What `recall_numbers` counts, of a set; the arguments are as `recognise`'s."""
    recognition = recognise(setting, photos, encoded or encode_photos(setting, photos), probe_names)
    return recall_numbers(recognition, setting.seed)


def recall_numbers(recognition: Recognition, seed: int = 0) -> dict:
    """For each verdict, centred and raw: recall by rank, of each method and of chance, with each probe's own photograph in the gallery
    (as in the paper) and with it removed; photographs in place of renderings show what can be reached without it."""
    ranks = [rank for rank in RANKS if rank <= len(recognition.people)]
    verdicts = {}
    for verdict, network in recognition.networks.items():
        of_network = {"network": network.name, "is_a_judge": verdict == JUDGE}
        for kind in ("centred", "raw"):
            of_network[kind] = _compare(recognition, verdict, kind == "centred", ranks, seed)
        verdicts[verdict] = of_network
    return _headline(verdicts) | {"setting": recognition.setting(), "ranks": ranks} | verdicts


def _compare(recognition: Recognition, verdict: str, centred: bool, ranks: Sequence[int], seed: int) -> dict:
    court = recognition.court(verdict, centred)
    started = time.perf_counter()
    found = {"chance": court.chances(ranks)}
    for method in recognition.renderings:
        ranked = court.ranks(recognition.directions(method, verdict, centred))
        found[method] = {way: _curve(of_way, court, ranks, seed) for way, of_way in ranked.items()}
        if court.again.any():
            again = Ranks(*(part[court.again] for part in ranked[WITHOUT]))
            found[method]["own_photo_removed_people_with_another"] = {f"top_{k}": again.recall(k) for k in ranks}
    seconds = (time.perf_counter() - started) / (2 * len(recognition.renderings))
    if court.again.any():
        photos = court.recalls(court.own, ranks)
        del photos[WITH]  # a photograph would find itself
        found["photo_against_photo"] = photos
    return found | {"seconds_of_one_ranking": seconds}


def _curve(ranked: Ranks, court: Court, ranks: Sequence[int], seed: int) -> dict:
    found = {f"top_{k}": ranked.recall(k) for k in ranks}
    _, who = np.unique(court.probe_people, return_inverse=True)
    for k in (1, 5):
        hits = ranked.found(k)
        found[f"top_{k}_interval_95"] = list(interval_over_people(hits, court.probe_people, seed))
        found[f"top_{k}_all_people_alike"] = float((np.bincount(who, hits) / np.bincount(who)).mean())
    return found


def _headline(verdicts: dict) -> dict:
    """Single values, of the judge where there is one; else of the network in the loss, and named so."""
    verdict = JUDGE if JUDGE in verdicts else LOSS
    by = "" if verdict == JUDGE else "_by_the_network_in_the_loss"
    centred = verdicts[verdict]["centred"]
    values = {}
    for method, title in ((REGRESSOR, ""), ("chance", "_of_chance"), ("mean_face", "_of_the_mean_face")):
        for way, words in ((WITH, ""), (WITHOUT, "_own_photo_removed")):
            values |= {f"recall_top_{k}{words}{title}": centred[method][way][f"top_{k}"] for k in (1, 5)}
    return {name + by: value for name, value in values.items()}
