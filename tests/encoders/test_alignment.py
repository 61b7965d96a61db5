"""Similarities are recovered exactly, and a face's chip doesn't depend on where in the picture the face is."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmreg.encoders.alignment import align, similarity, warp
from mmreg.encoders.registry import Encoder

TEMPLATE = np.array([[100, 45], [85, 46], [50, 45], [65, 46], [75, 88]], np.float32)
CHIP = Encoder("test", keras.Sequential(), (150, 150), 0, 0, "", TEMPLATE, TEMPLATE, "")
POINTS = arrays(np.float64, (5, 2), elements=st.floats(-100, 100)).filter(lambda p: np.ptp(p, axis=0).min() > 1)


def turned(scale, degrees, shift):
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([linear, np.reshape(shift, (2, 1))], axis=1)


def moved(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


def smooth_image(height, width):
    """A picture without sharp edges, so that interpolating it twice changes little."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 17 + k) * np.cos(y / 23 - k) for k in range(3)]
    return (0.5 + 0.4 * np.stack(waves, axis=-1)).astype(np.float32)


@given(POINTS, st.floats(0.1, 10), st.floats(-180, 180), st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
def test_a_similarity_is_recovered_exactly(points, scale, degrees, shift):
    transform = turned(scale, degrees, shift)
    np.testing.assert_allclose(similarity(points, moved(transform, points)), transform, atol=1e-6)


@given(POINTS, POINTS)
def test_no_similarity_is_a_reflection_and_none_nearby_fits_better(source, target):
    best = similarity(source, target)
    assert np.linalg.det(best[:, :2]) >= -1e-9

    def misfit(transform):
        return ((moved(transform, source) - target) ** 2).sum()

    centre = source.mean(axis=0)
    for scale, degrees in ((1.02, 0), (0.98, 0), (1, 2), (1, -2)):
        linear = best[:, :2] @ turned(scale, degrees, (0, 0))[:, :2]
        other = np.concatenate([linear, (moved(best, centre) - linear @ centre)[:, None]], axis=1)
        assert misfit(other) >= misfit(best) * (1 - 1e-9)


def test_points_of_one_place_give_a_finite_transform():
    assert np.isfinite(similarity(np.ones((5, 2)), TEMPLATE)).all()


def test_the_identity_gives_the_picture_itself():
    image = smooth_image(40, 60)
    np.testing.assert_allclose(warp(image, np.eye(2, 3), (40, 60)), image, atol=1e-6)


def test_a_shift_by_whole_pixels_moves_pixels_and_leaves_black_behind():
    image = smooth_image(40, 60)
    chip = warp(image, turned(1, 0, (5, 3)), (40, 60))
    np.testing.assert_allclose(chip[3:, 5:], image[:-3, :-5], atol=1e-6)
    assert (chip[:3] == 0).all()
    assert (chip[:, :5] == 0).all()


def test_shrinking_averages_every_pixel():
    image = np.zeros((64, 64, 3), np.float32)
    image[::2] = 1  # stripes that a point sample of every fourth row would miss or double
    chip = warp(image, turned(0.25, 0, (-0.375, -0.375)), (16, 16))
    np.testing.assert_allclose(chip, 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"),
    [(1, 0, (31.5, -12.25)), (1.7, 0, (0, 0)), (1, 25, (90, 10)), (1.3, -140, (250, 350))],
)
def test_a_chip_does_not_depend_on_where_how_large_and_how_turned_the_face_is(scale, degrees, shift):
    image = smooth_image(300, 300)
    points = TEMPLATE * 0.9 + 80
    transform = turned(scale, degrees, shift)
    elsewhere = warp(image, transform, (800, 800))
    chip, again = align(image, points, CHIP), align(elsewhere, moved(transform, points), CHIP)
    seen = align(np.ones_like(image), points, CHIP)[..., 0] == 1
    seen &= align(warp(np.ones_like(image), transform, (800, 800)), moved(transform, points), CHIP)[..., 0] > 0.999
    assert seen.mean() > 0.5
    np.testing.assert_allclose(again[seen], chip[seen], atol=0.01)


def test_points_already_in_place_cut_the_chip_out_unchanged():
    image = smooth_image(200, 200)
    np.testing.assert_allclose(align(image, TEMPLATE, CHIP), image[:150, :150], atol=1e-4)


def test_a_chip_of_a_picture_of_one_pixel_is_made():
    chip = align(np.ones((1, 1, 3), np.float32), TEMPLATE, CHIP)
    assert chip.shape == (150, 150, 3)
    assert np.isfinite(chip).all()
