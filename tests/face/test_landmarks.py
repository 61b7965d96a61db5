from __future__ import annotations

import numpy as np
import pytest

from mmreg.face.landmarks import FIVE_POINTS, GROUPS, MULTI_PIE, NOSE_TIP, find_five_points, multi_pie_name

BASEL = [f"{side}.eye.corner_{end}" for side in ("right", "left") for end in ("outer", "inner")]
BASEL += ["right.lips.corner", "left.lips.corner"]


def test_the_groups_hold_every_point_of_the_chart_once_and_in_order():
    assert [name for group in GROUPS.values() for name in group] == list(MULTI_PIE)
    assert len(MULTI_PIE) == 68
    assert [len(group) for group in GROUPS.values()] == [17, 5, 5, 4, 5, 6, 6, 12, 8]


@pytest.mark.parametrize("number", [0, 69])
def test_there_is_no_point_off_the_chart(number):
    with pytest.raises(ValueError, match="from 1 to 68"):
        multi_pie_name(number)


@pytest.mark.parametrize("names", [MULTI_PIE, BASEL])
def test_five_points_are_means_of_landmarks(names):
    landmarks = {name: 10 + i for i, name in enumerate([*names, NOSE_TIP])}
    five = find_five_points(landmarks)
    np.testing.assert_allclose(five.weights.sum(axis=1), 1, rtol=1e-6)
    assert five.weights.shape == (len(FIVE_POINTS), len(five.vertices))
    positions = np.random.default_rng(0).normal(size=(100, 3))
    points = five.weights @ positions[five.vertices]
    eye = GROUPS["right_eye"] if names is MULTI_PIE else BASEL[:2]
    np.testing.assert_allclose(points[0], positions[[landmarks[name] for name in eye]].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(points[2], positions[landmarks[NOSE_TIP]], atol=1e-6)
    corner = "multi_pie_49" if names is MULTI_PIE else "right.lips.corner"
    np.testing.assert_allclose(points[3], positions[landmarks[corner]], atol=1e-6)


def test_five_points_are_not_made_up_from_fewer_landmarks():
    assert find_five_points(dict.fromkeys(MULTI_PIE[:50], 0) | {NOSE_TIP: 1}) is None
