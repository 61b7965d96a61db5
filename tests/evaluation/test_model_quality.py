import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.evaluation.model_quality import compactness, generalisation, specificity
from tests.face.conftest import random_space


@pytest.fixture(scope="module")
def space():
    return random_space(np.random.default_rng(0).normal(size=(30, 3)), 6, seed=1)


def faces(space, coefficients):
    return (space.mean + (coefficients * space.standard_deviations) @ space.basis.T).astype(np.float64)


def test_compactness_rises_to_one_by_the_share_of_each_variance(space):
    curve = compactness(space)
    variances = space.standard_deviations.astype(np.float64) ** 2
    np.testing.assert_allclose(np.diff(curve, prepend=0), variances / variances.sum())
    assert curve[-1] == pytest.approx(1)


def test_generalisation_falls_from_the_distance_of_the_mean_to_nothing_for_faces_of_the_space(space):
    held_out = faces(space, np.random.default_rng(2).normal(size=(5, 6)))
    curve = generalisation(space, held_out)
    distances = np.sqrt(((held_out - space.mean).reshape(5, -1, 3) ** 2).sum(axis=2).mean(axis=1))
    assert len(curve) == 7
    assert curve[0] == pytest.approx(distances.mean())
    assert (np.diff(curve) < 0).all()
    assert curve[-1] == pytest.approx(0, abs=1e-4)


def test_what_no_component_says_is_never_reconstructed(space):
    outside = np.linalg.qr(np.c_[space.basis, np.random.default_rng(3).normal(size=90)])[0][:, -1]
    curve = generalisation(space, (space.mean + 2.0 * outside)[None].astype(np.float64))
    np.testing.assert_allclose(curve, 2.0 / np.sqrt(30), rtol=1e-4)


def test_generalisation_of_a_crop_is_by_least_squares(space):
    keep = np.arange(30) < 20
    cropped = space.take(np.flatnonzero(keep))
    curve = generalisation(cropped, faces(cropped, np.random.default_rng(2).normal(size=(4, 6))))
    assert curve[-1] == pytest.approx(0, abs=1e-4)
    assert (np.diff(curve) < 0).all()


def test_specificity_is_the_distance_to_the_nearest_of_the_faces_the_model_was_made_of(space):
    rng = np.random.default_rng(4)
    training = faces(space, rng.normal(size=(9, 6))) + 0.1 * rng.normal(size=(9, 90))
    samples = rng.normal(size=(5, 6))
    for count, found in zip((3, 6), specificity(space, samples, training, (3, 6)), strict=True):
        drawn = faces(space, samples * (np.arange(6) < count))
        offsets = (drawn[:, None] - training).reshape(5, 9, -1, 3)
        distances = np.sqrt((offsets**2).sum(axis=3).mean(axis=2))
        assert found == pytest.approx(distances.min(axis=1).mean(), rel=1e-4)


def test_a_sample_that_is_a_training_face_is_at_no_distance(space):
    samples = np.random.default_rng(5).normal(size=(4, 6))
    assert specificity(space, samples, faces(space, samples), (6,))[0] == pytest.approx(0, abs=1e-3)


def test_faces_of_another_mesh_are_refused(space):
    with pytest.raises(InputError, match=r"with 90 coordinates.*got \(2, 87\)"):
        generalisation(space, np.zeros((2, 87)))
    with pytest.raises(InputError, match="got \\(0, 90\\)"):
        specificity(space, np.zeros((1, 6)), np.zeros((0, 90)), (6,))
