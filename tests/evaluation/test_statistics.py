"""Intervals cover what they should, and shuffled groups differ as chance says."""

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.statistics import bootstrap, permutation_of_groups


def test_an_interval_covers_the_truth_about_19_times_of_20():
    rng = np.random.default_rng(0)
    covered = []
    for k in range(200):
        found = bootstrap(rng.normal(3.0, 1.0, 40), np.mean, seed=k, draws=300)
        assert found.low <= found.value <= found.high
        covered.append(found.low <= 3.0 <= found.high)
    assert 0.88 < np.mean(covered) < 0.99


def test_an_interval_narrows_with_the_root_of_the_number():
    values = np.random.default_rng(1).normal(size=400)
    few, many = bootstrap(values[:100], np.mean), bootstrap(values, np.mean)
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(2.0, rel=0.25)


def test_one_person_has_no_width_and_nobody_is_refused():
    found = bootstrap(np.array([2.0]), np.mean)
    assert found == (2.0, 2.0, 2.0)
    with pytest.raises(InputError, match="at least one"):
        bootstrap(np.array([]), np.mean)


def test_p_is_uniform_where_groups_mean_nothing_and_small_where_they_do():
    rng = np.random.default_rng(0)
    groups = np.repeat(["a", "b", "c"], 10)
    chances = [permutation_of_groups(rng.normal(size=30), groups, k, draws=99) for k in range(200)]
    assert np.mean(np.array(chances) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(chances) == pytest.approx(0.5, abs=0.07)
    assert permutation_of_groups(np.repeat([0.0, 1.0, 2.0], 10) + 0.1 * rng.normal(size=30), groups) < 0.001
    with pytest.raises(InputError, match="fewer than two"):
        permutation_of_groups(np.ones(3), np.array(["a"] * 3))
