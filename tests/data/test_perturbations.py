"""Photographs made worse: by how much, and where, is what the level says."""

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data.perturbations import (
    OCCLUDER,
    PERTURBATIONS,
    blur,
    compress,
    eye_distance,
    face_box,
    occlude,
    reduce_resolution,
)

# the corners of both eyes and the nose's base of an upright face, 40 pixels between the eyes
POINTS = np.float32([[132, 90], [108, 90], [68, 90], [92, 90], [100, 120]])


@pytest.fixture
def image(rng):
    return rng.uniform(size=(200, 200, 3)).astype(np.float32)


def test_the_eyes_are_forty_pixels_apart_and_lie_in_the_box():
    assert eye_distance(POINTS) == pytest.approx(40.0)
    left, top, right, bottom = face_box(POINTS)
    assert left < 68
    assert right > 132
    assert top < 90 < 120 < bottom


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_mildest_level_leaves_a_picture_as_it_is_and_every_next_one_takes_it_further(name, image):
    perturbation = PERTURBATIONS[name]
    changed = [
        np.abs(perturbation.apply(image, POINTS, level) - image)[40:140, 55:145].mean() for level in perturbation.levels
    ]
    assert changed[0] == 0.0
    assert changed[1] > 0.01
    assert (np.diff(changed) > -1e-3).all()


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_size_and_range_stay(name, image):
    perturbation = PERTURBATIONS[name]
    worst = perturbation.apply(image, POINTS, perturbation.levels[-1])
    assert worst.shape == image.shape
    assert worst.dtype == np.float32
    assert worst.min() >= 0.0
    assert worst.max() <= 1.0


@pytest.mark.parametrize("side", ["below", "above", "left"])
@pytest.mark.parametrize("percent", [25, 60])
def test_an_occluder_hides_its_share_of_the_face(image, side, percent):
    left, top, right, bottom = np.round(face_box(POINTS)).astype(int)
    covered = (occlude(image, POINTS, percent, side) == OCCLUDER).all(axis=-1)
    assert covered[top:bottom, left:right].mean() == pytest.approx(percent / 100.0, abs=0.02)


def test_an_occluder_from_nowhere_is_refused(image):
    with pytest.raises(InputError, match="behind"):
        occlude(image, POINTS, 10, "behind")


def test_levels_are_measured_on_the_face(image):
    """The same picture at twice the size, blurred by the same share of the eyes' distance, is as blurred."""
    smooth = blur(image, POINTS, 10.0)
    large = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
    again = blur(large, 2.0 * POINTS + 0.5, 10.0).reshape(200, 2, 200, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(again[20:-20, 20:-20], smooth[20:-20, 20:-20], atol=0.03)


def test_a_blur_by_a_share_of_the_eyes_distance_is_a_gaussian_of_so_many_pixels():
    dot = np.zeros((101, 101, 3), np.float32)
    dot[50, 50] = 1.0
    profile = blur(dot, POINTS, 10.0)[50, :, 0].astype(np.float64)
    variance = (profile * (np.arange(101) - 50) ** 2).sum() / profile.sum()
    assert np.sqrt(variance) == pytest.approx(4.0, rel=0.01)


def test_fewer_pixels_between_the_eyes_are_what_is_left(image):
    """At five pixels between the eyes an eighth of the pixels remains, so block means of the rest agree."""
    small = reduce_resolution(image, POINTS, 5.0)
    assert small.std() < 0.3 * image.std()
    np.testing.assert_allclose(small.mean(), image.mean(), atol=0.01)


def test_the_best_quality_is_the_picture_itself(image):
    assert compress(image, POINTS, 100) is image
