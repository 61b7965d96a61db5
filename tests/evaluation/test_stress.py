"""Drift and breaking points on drifts that are known."""

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.stress import (
    BreakingPoint,
    between_people,
    breaking_point,
    coefficient_drift,
    mesh_drift_mm,
    spread,
)
from mmreg.face import Coefficients

LEVELS = (0.0, 10.0, 20.0, 30.0)


def test_the_drift_of_coefficients_is_their_deviation():
    one = np.zeros((2, 50), np.float32)
    np.testing.assert_allclose(coefficient_drift(one, one + np.float32([[0.0], [0.7]])), [0.0, 0.7], rtol=1e-6)


def test_two_random_people_lie_the_root_of_two_apart(rng):
    a, b = rng.normal(size=(2, 100, 400))
    assert coefficient_drift(a, b).mean() == pytest.approx(np.sqrt(2.0), rel=0.02)


def test_a_mesh_doesn_t_drift_from_itself_and_drifts_alike_both_ways(open_model):
    people = Coefficients.sample(open_model, 3, seed=1).shape
    np.testing.assert_allclose(mesh_drift_mm(open_model, people, people), 0.0, atol=1e-4)
    there, back = mesh_drift_mm(open_model, people[:1], people[1:2]), mesh_drift_mm(open_model, people[1:2], people[:1])
    assert 1.0 < there[0] < 15.0
    assert back[0] == pytest.approx(there[0], rel=0.1)  # millimetres of another face


def test_a_mesh_that_drifts_along_a_straight_line_drifts_by_its_length(open_model):
    person = Coefficients.sample(open_model, 1, seed=2).shape
    step = 0.1 * Coefficients.sample(open_model, 1, seed=3).shape
    one, two = (mesh_drift_mm(open_model, person + k * step, person)[0] for k in (1, 2))
    assert two == pytest.approx(2.0 * one, rel=0.03)


def test_all_pairs_or_as_many_as_asked():
    first, second = between_people(5)
    assert len(first) == 10
    assert (first < second).all()
    first, second = between_people(100, most=200)
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == 200
    with pytest.raises(InputError, match="Two people"):
        between_people(1)


def test_missing_values_don_t_count_in_a_spread():
    found = spread(np.array([[1.0, np.nan, 5.0], [3.0, np.nan, np.nan], [2.0, np.nan, np.nan]]))
    np.testing.assert_allclose(found.median, [2.0, np.nan, 5.0])
    assert found.low[0] < 2.0 < found.high[0]


def test_a_median_that_crosses_between_two_levels_breaks_there():
    drift = np.tile([0.0, 0.2, 0.6, 0.9], (7, 1))
    broken = breaking_point(LEVELS, drift)
    assert broken.level == pytest.approx(17.5)
    assert (broken.low, broken.high) == (pytest.approx(17.5), pytest.approx(17.5))


def test_falling_levels_break_on_their_way_down():
    assert breaking_point((64.0, 16.0, 4.0), np.tile([0.0, 0.4, 0.8], (5, 1))).level == pytest.approx(13.0)


def test_what_never_exceeds_the_limit_has_no_breaking_point():
    assert breaking_point(LEVELS, np.full((5, 4), 0.3)) == BreakingPoint(None, None, None)


def test_the_interval_holds_the_truth_about_as_often_as_it_says(rng):
    """People break at 15 plus their own normal deviation, of which 15 is the median; 95 % intervals must hold it."""
    held = 0
    for trial in range(60):
        own = 15.0 + 4.0 * rng.normal(size=25)
        levels = np.linspace(0.0, 30.0, 31)
        broken = breaking_point(levels.tolist(), 0.5 * levels[None] / own[:, None], seed=trial, resamples=400)
        held += broken.low <= 15.0 <= broken.high
    assert 50 <= held <= 60


def test_an_interval_may_reach_beyond_the_last_level():
    drift = np.array([[0.0, 0.1, 0.2, 0.3]] * 4 + [[0.0, 0.3, 0.6, 0.9]] * 5)
    broken = breaking_point(LEVELS, drift)
    assert broken.level is not None
    assert broken.low is not None
    assert broken.high is None


def test_people_without_a_value_are_left_out():
    drift = np.tile([0.0, 0.2, 0.6, 0.9], (6, 1))
    drift[0, 2:] = np.nan
    assert breaking_point(LEVELS, drift).level == pytest.approx(17.5)


@pytest.mark.parametrize("levels", [(0.0, 2.0, 1.0, 3.0), (0.0, 1.0)])
def test_levels_out_of_order_or_number_are_refused(levels):
    with pytest.raises(InputError, match="levels"):
        breaking_point(levels, np.zeros((3, 4)))
