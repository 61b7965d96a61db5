"""People drawn with shape and albedo together."""

from __future__ import annotations

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.face import Attributes, Coefficients, IdentitySampler
from mmreg.face.identity_sampler import ANCESTRIES, attribute_features, draw_attributes


@pytest.fixture(scope="module")
def sampler():
    return IdentitySampler.load()


def small_sampler():
    """Two shape and one albedo coefficient: the gender in both, and noise in the shape of men."""
    regression = np.zeros((15, 3), np.float32)
    regression[1] = (1, 0, 2)
    shape_factors = np.stack([np.zeros((2, 2)), np.array([[0, 0], [0, 0.5]])]).astype(np.float32)
    return IdentitySampler(regression, shape_factors, np.zeros((2, 1, 1), np.float32))


def test_the_same_seed_draws_the_same_people_and_another_draws_others(sampler):
    one, again, other = (sampler.sample(3, seed) for seed in (1, 1, 2))
    assert (one.shape == again.shape).all()
    assert (one.albedo == again.albedo).all()
    assert (one.shape != other.shape).any(axis=1).all()
    assert one.shape.dtype == one.albedo.dtype == np.float32
    assert one.expression is None


def test_coefficients_follow_the_regression_and_men_alone_vary_where_women_do_not():
    people = Attributes(np.array([0, 1, 1], np.float32), np.full(3, 41, np.float32), np.full((3, 3), 1 / 3, np.float32))
    drawn = small_sampler().sample_people(people, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.shape[:, 0], [-1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(drawn.albedo[:, 0], [-2, 2, 2], atol=1e-6)
    assert drawn.shape[0, 1] == 0
    assert len(set(drawn.shape[1:, 1].tolist()) - {0.0}) == 2


def test_what_is_given_is_held_fixed_and_the_rest_is_left_to_chance():
    people = draw_attributes(50, np.random.default_rng(0), gender="male", ancestry={"african": 1, "asian": 3})
    assert (people.gender == 1).all()
    np.testing.assert_allclose(people.ancestry, np.tile([0.25, 0.75, 0], (50, 1)))
    assert people.age.std() > 5
    free = draw_attributes(50, np.random.default_rng(0))
    assert (free.age == people.age).all()  # fixing one attribute changes no other
    np.testing.assert_allclose(free.ancestry.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"gender": "boy"}, "gender must be.*female or male.*'boy'"),
        ({"gender": 1.5}, "gender must be.*from 0 to 1; got 1.5"),
        ({"age": 5}, "age must be.*from 18 to 80; got 5"),
        ({"age": float("nan")}, "age must be.*got nan"),
        ({"ancestry": "martian"}, "ancestry must be one of african, asian, european.*'martian'"),
        ({"ancestry": {"asian": -1.0}}, "none below 0"),
        ({"ancestry": {}}, "ancestry must be"),
    ],
)
def test_an_attribute_out_of_range_is_refused_by_name(sampler, arguments, named):
    with pytest.raises(InputError, match=named):
        sampler.sample(1, 0, **arguments)


def test_over_the_population_coefficients_have_mean_zero_and_variance_one(sampler):
    people = sampler.sample(6000, seed=0)
    for part in (people.shape, people.albedo):
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=0.1)
        np.testing.assert_allclose(part.std(axis=0), 1, atol=0.08)


def test_shape_and_albedo_of_a_person_agree_and_those_of_independent_coefficients_do_not(sampler, open_model):
    """Gender read from the shape against gender read from the albedo, each by its own part of the regression."""
    men, women = (
        sampler.mean(
            Attributes(np.full(1, g, np.float32), np.full(1, 41, np.float32), np.full((1, 3), 1 / 3, np.float32))
        )
        for g in (1, 0)
    )

    def agreement(faces):
        readings = [part @ (man - woman)[0] for part, man, woman in zip(faces[:2], men[:2], women[:2], strict=True)]
        return np.corrcoef(*readings)[0, 1]

    assert agreement(sampler.sample(2000, seed=3)) > 0.5
    assert abs(agreement(Coefficients.sample(open_model, 2000, seed=3))) < 0.1


def test_men_have_longer_faces_and_ancestry_colours_the_skin(sampler, open_model):
    chin, root = open_model.landmark_indices(["multi_pie_09", "multi_pie_28"])

    def length(gender):
        positions = np.asarray(open_model.positions(sampler.sample(60, 0, gender=gender).shape))
        return np.linalg.norm(positions[:, chin] - positions[:, root], axis=1).mean()

    def lightness(ancestry):
        albedos = np.asarray(open_model.albedos(sampler.sample(60, 0, ancestry=ancestry).albedo))
        return albedos[:, open_model.face_region].mean()

    assert length("male") > length("female") + 1
    african, asian, european = (lightness(name) for name in ANCESTRIES)
    assert african < asian < european


def test_features_are_a_constant_and_all_products_up_to_the_second_order():
    people = draw_attributes(40, np.random.default_rng(1))
    features = attribute_features(people)
    assert features.shape == (40, 15)
    np.testing.assert_allclose(features[:, 5], features[:, 1] ** 2)
    assert np.linalg.matrix_rank(features) == 15
