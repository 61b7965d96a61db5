"""Whom it serves: groups, biases and differences on people whose labels and surfaces are known."""

import json

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data.records import ScannedPerson, ScanSet
from mmreg.evaluation.skin_tone import lightness
from mmreg.experiments import fairness
from mmreg.experiments.fairness import _difference, groups_of
from mmreg.results import _plain


def person(gender=0.0, age=40.0, shares=(0.0, 0.0, 1.0), luminance=0.3):
    return {
        "gender": gender, "age": age, "african": shares[0], "asian": shares[1], "european": shares[2],
        "skin_luminance": luminance,
    }  # fmt: skip


def test_groups_are_halves_three_ages_the_largest_share_and_thirds():
    people = [
        person(0.49, 34.9, (0.6, 0.4, 0.0), 0.1),
        person(0.5, 35.0, (0.4, 0.3, 0.3), 0.2),
        person(1.0, 55.0, (0.0, 0.5, 0.5), 0.3),
    ]
    found = groups_of(people)
    assert found["gender"] == ["female", "male", "male"]
    assert found["age"] == ["under 35", "35 to 54", "55 and over"]
    assert found["ancestry"] == ["african", "mixed", "asian"]
    assert found["skin tone"] == ["darkest", "middle", "lightest"]


def test_a_true_difference_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(0)
    groups = np.repeat(["one", "other", "third"], 30)
    values = rng.normal(1.0, 0.1, 90)
    assert _difference(values, groups, 0)["p"] > 0.05
    values[groups == "other"] += 0.2
    found = _difference(values, groups, 0)
    assert found["between"][1] == "other"
    assert found["low"] > 0.1
    assert found["p"] < 0.001
    assert 0.05 < found["detectable"] < 0.1  # 2.8 · 0.1 · √(2/30) = 0.072


def test_groups_of_one_are_not_compared():
    found = _difference(np.array([1.0, 2.0, 3.0]), np.array(["one", "one", "other"]), 0)
    assert found == {"between": ["one"], "why_not": "fewer than two groups have two people"}


def test_a_run_gives_every_group_its_measures_and_no_likeness_without_a_judge(reconstructor, scans):
    result = fairness.run(reconstructor, scans, progress=False)
    json.dumps(_plain(result.numbers), allow_nan=False)
    row = result.numbers["groups"]["gender"]["male"]
    assert row["people"] == 1
    assert set(row) == {"people", *fairness.MEASURES} - {"similarity"}
    assert result.numbers["setting"]["judge"] is None
    # the bias is the predicted lightness less the label's
    bias = result.arrays["lightness_bias"]
    true = lightness(np.array([0.1, 0.2]))
    assert ((bias + true > 5.0) & (bias + true < 95.0)).all()
    np.testing.assert_allclose(np.abs(bias), result.arrays["lightness_error"])


def test_people_whose_attributes_nobody_knows_are_refused(reconstructor, scans):
    one = scans.people[0]
    unknown = ScanSet("MICC", False, [ScannedPerson(one.name, one.read_scan, one.videos, {"view": "frontal1"})], "0")
    with pytest.raises(InputError, match="has no label african"):
        fairness.run(reconstructor, unknown, progress=False)
