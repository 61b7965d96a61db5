"""Whom photographs show: means and deviations of coefficients, and what they mean for a face."""

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.skin_tone import albedo_luminance
from mmreg.face import Coefficients, load
from mmreg.face.population import POPULATIONS, Population, get_population


@pytest.fixture(scope="module")
def model():
    return load("open")


def test_the_models_own_population_leaves_coefficients_as_they_are(model):
    faces = Coefficients.sample(model, 4, seed=0)
    shape, albedo = get_population("model", model).standardised(faces.shape, faces.albedo)
    np.testing.assert_array_equal(shape, faces.shape)
    np.testing.assert_array_equal(albedo, faces.albedo)


def test_faces_drawn_of_a_population_are_standard_normal_for_it(model):
    population = get_population("press", model)
    faces = population.sample(model, 4000, seed=1)
    for z in population.standardised(faces.shape, faces.albedo):
        assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(4000)
        assert np.abs(z.std(axis=0) - 1).max() < 5 / np.sqrt(8000)


def test_the_population_of_given_faces_has_their_mean_and_deviation():
    faces = Coefficients(np.array([[1.0, 0.0], [3.0, 0.0]], np.float32), np.array([[-2.0], [2.0]], np.float32))
    found = Population.of_faces(faces)
    np.testing.assert_allclose(found.shape_mean, [2.0, 0.0])
    np.testing.assert_allclose(found.shape_deviation, [1.0, 0.0])
    np.testing.assert_allclose(found.albedo_mean, [0.0])
    np.testing.assert_allclose(found.albedo_deviation, [2.0])


def test_people_of_the_press_are_paler_than_the_models_average_and_not_all_alike(model):
    press = get_population("press", model)
    average = albedo_luminance(model, np.stack([np.zeros_like(press.albedo_mean), press.albedo_mean]))
    assert average[1] > 1.2 * average[0]
    assert press.albedo_deviation[0] > 0.8


def test_the_same_population_comes_every_time(model):
    first = get_population("press", model)
    from mmreg.face import population

    population._drawn.cache_clear()
    for a, b in zip(first, get_population("press", model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_face_model_has_its_own_population_only(model):
    from dataclasses import replace

    other = replace(model, albedo=replace(model.albedo, mean=0.9 * model.albedo.mean))
    assert not get_population("press", other).shape_mean.any()


def test_an_unknown_population_is_refused_with_those_there_are(model):
    with pytest.raises(InputError, match=", ".join(POPULATIONS)):
        get_population("martians", model)
