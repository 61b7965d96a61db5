import numpy as np
import pytest

from mmreg.evaluation.skin_tone import skin_tone_agreement
from tools.skin_tone_bound import best_correlation, halves_agree


def test_halves_of_a_person_agree_as_far_as_light_lets_them():
    random = np.random.default_rng(0)
    groups = [np.arange(8) + 8 * k for k in range(150)]
    skin = np.repeat(random.normal(size=150), 8)
    assert halves_agree(skin, groups) == pytest.approx(1.0)
    assert abs(halves_agree(random.normal(size=1200), groups)) < 0.15
    assert 0.4 < halves_agree(skin + 1.5 * random.normal(size=1200), groups) < 0.9


def test_the_bound_is_what_knowing_skin_and_a_part_of_the_light_reaches():
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(3000), 6)
    skin, light = np.repeat(random.normal(size=3000), 6), 2.4 * random.normal(size=18000)
    seen = skin + light
    means = seen.reshape(-1, 6).mean(axis=1)
    reliability, scatter = 1.0 / means.var(), seen.reshape(-1, 6).std(axis=1, ddof=1).mean() / means.std()
    for part in (0.0, 0.15, 0.4):
        found = skin_tone_agreement(seen, skin + part * light, people)
        assert best_correlation(reliability, scatter, found.within_over_between) == pytest.approx(found.rho, abs=0.03)
    assert best_correlation(reliability, scatter, 0.0) == pytest.approx(np.sqrt(reliability), abs=1e-6)
    assert best_correlation(reliability, scatter, scatter) == pytest.approx(1.0, abs=1e-6)
