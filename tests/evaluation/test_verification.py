import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.verification import area_under_curve, correlations, recall


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


def test_recall_counts_a_person_among_the_nearest():
    gallery = np.eye(6)
    people = np.array([0, 0, 1, 1, 2, 2])
    probes = gallery[[0, 2, 4]] + 0.01
    found = recall(probes, gallery, np.array([0, 1, 9]), people, ranks=(1, 5))
    assert found == {1: pytest.approx(2 / 3), 5: pytest.approx(2 / 3)}


def test_without_the_own_photo_another_photo_of_the_person_must_be_found():
    gallery = np.array([[1, 0.0], [0, 1], [0.9, 0.1]])
    probe = np.array([[1.0, 0.0]])
    people = np.array([0, 1, 1])
    assert recall(probe, gallery, np.array([0]), people, ranks=(1,))[1] == 1.0
    assert recall(probe, gallery, np.array([0]), people, ranks=(1,), excluded=np.array([0]))[1] == 0.0
