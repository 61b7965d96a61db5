import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.skin_tone import albedo_luminance, luminance, skin_tone_agreement

PEOPLE = np.repeat(np.arange(30), 5)


def test_white_has_luminance_1_and_green_weighs_most():
    np.testing.assert_allclose(luminance(np.array([[1.0, 1, 1], [0, 1, 0], [0, 0, 0]])), [1.0, 0.7152, 0.0])


def test_predictions_in_the_order_of_the_people_agree_whatever_each_photographs_light():
    rng = np.random.default_rng(0)
    tone = np.linspace(0.1, 0.6, 30)[PEOPLE]
    agreement = skin_tone_agreement(tone * rng.uniform(0.98, 1.02, len(tone)), tone**2, PEOPLE)
    assert agreement.rho == pytest.approx(1.0, abs=0.02)
    assert agreement.within_over_between == pytest.approx(0.0, abs=1e-9)
    assert agreement.people == 30


def test_predictions_that_follow_the_light_scatter_within_a_person():
    rng = np.random.default_rng(1)
    light = rng.uniform(0.1, 0.6, len(PEOPLE))
    agreement = skin_tone_agreement(light, light, PEOPLE)
    assert agreement.rho == pytest.approx(1.0)
    assert agreement.within_over_between > 1.5


def test_people_with_few_photographs_dont_count_and_too_few_people_are_refused():
    people = np.concatenate([PEOPLE, [100, 100, 100]])
    values = np.concatenate([np.linspace(0, 1, 30)[PEOPLE], [5.0, 5.0, 5.0]])
    assert skin_tone_agreement(values, values, people).people == 30
    with pytest.raises(InputError, match="Only 0 of 30 people have 6 or more"):
        skin_tone_agreement(values[:150], values[:150], PEOPLE, fewest_photos=6)


def test_the_light_end_of_the_first_albedo_component_is_brighter(open_model):
    albedo = np.zeros((2, open_model.albedo.component_count), np.float32)
    albedo[:, 0] = [-2.0, 2.0]
    one, other = albedo_luminance(open_model, albedo)
    assert abs(one - other) > 0.1
    assert 0.0 < min(one, other) < max(one, other) < 1.0
