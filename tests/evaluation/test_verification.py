import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.verification import area_under_curve, correlations


def test_area_is_the_share_of_rightly_ordered_pairs():
    same, different = np.array([0.9, 0.5, 0.3]), np.array([0.5, 0.1])
    pairs = [(s > d) + 0.5 * (s == d) for s in same for d in different]
    assert area_under_curve(same, different) == pytest.approx(np.mean(pairs))
    assert area_under_curve(same, same) == 0.5
    assert area_under_curve(np.ones(3), np.zeros(4)) == 1.0


def test_area_needs_both_kinds():
    with pytest.raises(InputError, match="both kinds"):
        area_under_curve(np.array([]), np.array([1.0]))


def test_correlation_is_one_for_any_rising_line_and_zero_without_variation():
    t = np.random.default_rng(0).normal(size=(50, 3))
    p = t * [2.0, -0.5, 0.0] + 7
    np.testing.assert_allclose(correlations(p, t), [1, -1, 0], atol=1e-9)
