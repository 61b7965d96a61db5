import numpy as np
import pytest

from mmreg.data.feature_store import FeatureStore
from mmreg.evaluation.skin_tone import skin_tone_agreement
from mmreg.face import LinearSpace
from mmreg.face.population import Population
from tools.skin_tone_bound import (
    TRIED_RIDGES,
    TRIED_SHARES,
    Reader,
    best_correlation,
    halves_agree,
    skill_needed,
    tried_on_people_left_out,
)


def test_halves_of_a_person_agree_as_far_as_light_lets_them():
    random = np.random.default_rng(0)
    groups = [np.arange(8) + 8 * k for k in range(150)]
    skin = np.repeat(random.normal(size=150), 8)
    assert halves_agree(skin, groups) == pytest.approx(1.0)
    assert abs(halves_agree(random.normal(size=1200), groups)) < 0.15
    assert 0.4 < halves_agree(skin + 1.5 * random.normal(size=1200), groups) < 0.9


class Lit:
    """Many people with as many photographs each, in which skin and light are known."""

    def __init__(self, people: int, photographs: int, seed: int):
        self.random = np.random.default_rng(seed)
        self.people = np.repeat(np.arange(people), photographs)
        self.skin = np.repeat(self.random.normal(size=people), photographs)
        self.light = 2.4 * self.random.normal(size=len(self.people))
        self.seen = self.skin + self.light
        by_person = self.seen.reshape(people, photographs)
        means = by_person.mean(axis=1)
        self.reliability = 1.0 / means.var()
        self.scatter = by_person.std(axis=1, ddof=1).mean() / means.std()

    def agreement(self, predicted):
        return skin_tone_agreement(self.seen, predicted, self.people)


def test_the_bound_is_what_knowing_skin_and_a_part_of_the_light_reaches():
    lit = Lit(3000, 6, seed=1)
    for part in (0.0, 0.15, 0.4):
        found = lit.agreement(lit.skin + part * lit.light)
        bound = best_correlation(lit.reliability, lit.scatter, found.within_over_between)
        assert bound == pytest.approx(found.rho, abs=0.03)
    assert best_correlation(lit.reliability, lit.scatter, 0.0) == pytest.approx(np.sqrt(lit.reliability), abs=1e-6)
    assert best_correlation(lit.reliability, lit.scatter, lit.scatter) == pytest.approx(1.0, abs=1e-6)


def test_the_skill_that_both_wishes_need_makes_both_come_true():
    lit = Lit(6000, 6, seed=4)
    skill, share = skill_needed(lit.reliability, lit.scatter, 0.75, 0.4, 6)
    assert 0.8 < skill < 1.0
    for better, comes_true in ((0.0, True), (-0.2, False)):
        error = np.sqrt(1.0 / (skill + better) ** 2 - 1.0) * lit.random.normal(size=len(lit.people))
        found = lit.agreement(lit.skin + error + share * lit.light)
        assert (found.within_over_between < 0.41 and found.rho > 0.72) == comes_true
    assert np.isnan(skill_needed(lit.reliability, lit.scatter, 0.99, 0.1, 6)).all()


def photographs(features, skin_luminance, people):
    """A store of photographs whose cheeks are grey and as light as given."""
    return FeatureStore(
        np.float32(features),
        np.random.default_rng(2).normal(size=(len(features), 8)).astype(np.float32),
        np.float32(np.repeat(skin_luminance[:, None], 3, axis=1)),
        tuple(f"{person}/{k}.jpg" for k, person in enumerate(people)),
        "aaaa",
        "a test",
    )


def test_readings_are_tried_on_people_left_out_of_the_fit():
    random = np.random.default_rng(3)
    people, skin = np.repeat(np.arange(60), 5), np.repeat(random.uniform(0.1, 0.6, 60), 5)
    basis, _ = np.linalg.qr(random.normal(size=(4, 3)))
    space = LinearSpace(np.float32([0.6, 0.5, 0.4]), np.float32(basis.T), np.full(4, 0.05, np.float32))
    noise = random.normal(size=(300, 400))  # by which 150 photographs can be learnt by heart
    telling = np.concatenate([10.0 * np.log(skin)[:, None], random.normal(size=(300, 5))], axis=1)
    for features, agreement in ((noise, 0.0), (telling, 1.0)):
        tried = tried_on_people_left_out(photographs(features, skin, people), Population.standard(2, 4), space)
        assert len({(t["own_share"], t["ridge"]) for t in tried}) == len(TRIED_SHARES) * len(TRIED_RIDGES)
        np.testing.assert_allclose([t["rho"] for t in tried], agreement, atol=0.3)
    seen = photographs(noise, skin, people)
    curve = Reader(seen, Population.standard(2, 4), space).with_and_without_curve(seen)
    assert curve["straight"]["darkest"] != curve["bent"]["darkest"]
    assert curve["straight"]["rho"] == pytest.approx(curve["bent"]["rho"], abs=0.05)  # nobody changes places
    by_heart = Reader(seen, Population.standard(2, 4), space).agreement(seen, share=1.0, ridge=0.003)
    assert by_heart.rho > 0.9
