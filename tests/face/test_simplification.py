import numpy as np
import pytest
from scipy.spatial import cKDTree

from mmreg.arrays import InputError
from mmreg.data.synthetic import photograph, studio_scene, visible_part
from mmreg.encoders import load_encoder
from mmreg.face import Coefficients
from mmreg.face.simplification import simplified
from mmreg.studio import Studio


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("dlib")


@pytest.fixture(scope="module")
def visible(open_model, encoder):
    return visible_part(open_model, encoder.template, encoder.image_size)


@pytest.fixture(scope="module")
def coarse(visible):
    return simplified(visible, 12_000)


def test_a_simplified_model_has_about_the_triangles_asked_for(coarse):
    assert 11_500 < len(coarse.triangles) <= 12_000
    assert coarse.triangles.min() >= 0
    assert coarse.triangles.max() < coarse.vertex_count


def test_landmarks_stay_where_they_were_in_every_face(visible, coarse):
    faces = Coefficients.sample(visible, 3, 0)
    names = sorted(visible.landmarks)
    assert sorted(coarse.landmarks) == names
    before = np.asarray(visible.positions(faces.shape))[:, visible.landmark_indices(names)]
    after = np.asarray(coarse.positions(faces.shape))[:, coarse.landmark_indices(names)]
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_its_pictures_are_nearly_the_whole_models(visible, coarse, encoder):
    faces = Coefficients.sample(visible, 4, 0)
    one, other = (
        np.asarray(photograph(model, faces, studio_scene(4, 15.0), encoder.template, encoder.image_size))
        for model in (visible, coarse)
    )
    assert np.abs(one - other).mean() < 0.004  # a step of 8 bits
    assert np.corrcoef((one - one.mean(axis=0)).ravel(), (other - other.mean(axis=0)).ravel())[0, 1] > 0.998


def test_regions_and_expressions_come_along(visible, coarse):
    nearest = cKDTree(visible.mean_positions()).query(coarse.mean_positions())[1]
    assert set(coarse.regions) == set(visible.regions)
    for name, before in visible.regions.items():
        assert (coarse.regions[name] == before[nearest]).mean() > 0.98
    assert coarse.expression.component_count == visible.expression.component_count


def test_a_model_that_is_small_enough_stays_as_it_is(visible):
    assert simplified(visible, len(visible.triangles)) is visible


def test_too_few_triangles_are_refused(visible):
    with pytest.raises(InputError, match="a hundred"):
        simplified(visible, 12)


def test_a_studio_renders_from_the_triangles_asked_for(open_model, encoder):
    studio = Studio(open_model, encoder, triangles=8000)
    assert 7_500 < len(studio.visible.triangles) <= 8_000
    assert studio.model is open_model
