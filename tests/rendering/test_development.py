"""A rendering's picture: the compiled pass against `keras.ops`, against sRGB's definition, and against differences."""

import numpy as np
import pytest
import tensorflow as tf

from mmreg.rendering.development import develop, gaussian_blur

SIZES = [(1, 1), (1, 9), (5, 3), (37, 50)]


def scene(size, seed=0):
    """Radiance from below 0 to above 1, with many dark values; ids of which a third see nothing; a background that overshoots."""
    rng = np.random.default_rng(seed)
    radiance = (1.4 * rng.uniform(-0.1, 1.0, (3, *size, 3)) ** 3).astype(np.float32)
    ids = rng.integers(-1, 2, (3, *size)).astype(np.int32)
    return radiance, ids, rng.uniform(-0.2, 1.2, (3, *size, 3)).astype(np.float32)


def picture_and_gradient(path, blur, radiance, ids, background):
    radiance = tf.constant(radiance)
    upstream = tf.random.stateless_normal(radiance.shape, seed=(0, 1))
    with tf.GradientTape() as tape:
        tape.watch(radiance)
        picture = develop(radiance, ids, background, blur, path)
    return picture.numpy(), tape.gradient(picture, radiance, upstream).numpy()


@pytest.mark.parametrize("blur", [0.0, 0.8, 2.5])
@pytest.mark.parametrize("size", SIZES)
def test_both_paths_make_the_same_picture_and_gradient(size, blur):
    inputs = scene(size)
    (native, native_gradient), (reference, gradient) = (
        picture_and_gradient(p, blur, *inputs) for p in ("native", "ops")
    )
    np.testing.assert_allclose(native, reference, atol=1e-6)
    np.testing.assert_allclose(native_gradient, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("path", ["native", "ops"])
def test_values_are_srgb_as_its_standard_defines_it(path):
    linear = np.linspace(0.0, 1.0, 30_000, dtype=np.float32).reshape(1, 100, 100, 3)
    picture = np.asarray(develop(linear, np.zeros((1, 100, 100), np.int32), 0.0 * linear, path=path))
    x = linear.astype(np.float64)
    np.testing.assert_allclose(picture, np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), atol=3e-7)


@pytest.mark.parametrize("path", ["native", "ops"])
def test_the_gradient_is_what_differences_say_and_none_where_it_is_clipped_or_not_seen(path):
    size, blur, step = (7, 6), 0.8, 1e-3
    radiance, ids, background = scene(size)
    radiance = np.where(np.abs(radiance - 0.5) < 0.4, radiance, np.where(radiance > 0.5, 1.3, -0.3)).astype(np.float32)
    _, gradient = picture_and_gradient(path, blur, radiance, ids, background)
    upstream = tf.random.stateless_normal(radiance.shape, seed=(0, 1)).numpy().astype(np.float64)

    def value(moved):
        return (upstream * np.asarray(develop(moved, ids, background, blur, "ops"), np.float64)).sum()

    for place in np.ndindex(*radiance.shape):
        if place[0] == 0:
            change = np.zeros_like(radiance)
            change[place] = step
            slope = (value(radiance + change) - value(radiance - change)) / (2 * step)
            assert gradient[place] == pytest.approx(slope, rel=2e-3, abs=2e-3)
    clipped = (radiance < 0) | (radiance > 1) | (ids < 0)[..., None]
    assert clipped.any()
    assert (gradient[clipped] == 0).all()


def test_a_background_is_clipped_and_shows_where_nothing_is_seen():
    radiance, ids, background = scene((5, 3))
    picture = np.asarray(develop(radiance, ids, background))
    np.testing.assert_array_equal(picture[ids < 0], np.clip(background, 0, 1)[ids < 0])


def test_blurring_keeps_the_mean_and_a_flat_picture_and_is_symmetric():
    flat = np.full((1, 20, 30, 3), 0.4, np.float32)
    np.testing.assert_allclose(np.asarray(gaussian_blur(flat, 1.3)), flat, atol=1e-6)
    point = np.zeros((1, 21, 21, 3), np.float32)
    point[:, 10, 10] = 1.0
    spread = np.asarray(gaussian_blur(point, 1.0))[0, :, :, 0]
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(spread, spread[::-1, ::-1], atol=1e-7)
    np.testing.assert_allclose(spread, spread.T, atol=1e-7)
    assert spread[10, 11] / spread[10, 10] == pytest.approx(np.exp(-0.5), rel=1e-3)
