from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from mmreg.arrays import InputError
from mmreg.data.synthetic import photograph, photograph_surface, sample_scenes, studio_scene, visible_part
from mmreg.face import Coefficients
from mmreg.geometry.camera import clip_to_pixels, perspective_camera

SIZE = (150, 150)


@pytest.fixture(scope="module")
def pictures(open_model, encoder):
    coefficients = Coefficients.sample(open_model, 2, 0)
    scene = sample_scenes(2, 1)
    return np.asarray(photograph(open_model, coefficients, scene, encoder.template, SIZE))


def test_a_picture_is_srgb_between_0_and_1_and_not_flat(pictures):
    assert pictures.shape == (2, 150, 150, 3)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert pictures.std() > 0.05


def test_a_face_in_several_scenes_is_the_face_repeated(open_model, encoder):
    coefficients, scene = Coefficients.sample(open_model, 2, 3), sample_scenes(4, 1)
    repeated = Coefficients(*(None if c is None else np.repeat(c, 2, axis=0) for c in coefficients))
    shared = photograph(open_model, coefficients, scene, encoder.template, (40, 40))
    np.testing.assert_allclose(shared, photograph(open_model, repeated, scene, encoder.template, (40, 40)), atol=1e-5)
    with pytest.raises(InputError, match="3 scenes can't be shared out evenly to 2 faces"):
        photograph(open_model, coefficients, sample_scenes(3, 1), encoder.template, (40, 40))


def test_the_same_seed_draws_the_same_scene_another_seed_another():
    one, again, other = sample_scenes(3, 4), sample_scenes(3, 4), sample_scenes(3, 5)
    np.testing.assert_array_equal(one.background, again.background)
    np.testing.assert_array_equal(one.pose.yaw_radians, again.pose.yaw_radians)
    assert not np.array_equal(one.pose.yaw_radians, other.pose.yaw_radians)


def test_the_visible_part_makes_the_same_picture_as_the_whole(open_model, encoder, pictures):
    part = visible_part(open_model, encoder.template, SIZE)
    assert part.vertex_count < 0.9 * open_model.vertex_count
    coefficients, scene = Coefficients.sample(open_model, 2, 0), sample_scenes(2, 1)
    seen = np.asarray(photograph(part, coefficients, scene, encoder.template, SIZE))
    assert (np.abs(seen - pictures).max(axis=-1) > 0.02).mean() < 0.005


def test_the_gradient_reaches_shape_and_albedo(open_model, encoder):
    shape, albedo = (tf.zeros((1, 199)) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch([shape, albedo])
        picture = photograph(open_model, Coefficients(shape, albedo), studio_scene(1, 20.0), encoder.template, SIZE)
        value = tf.reduce_sum(picture[:, 40:110, 40:110] ** 2)
    for gradient in tape.gradient(value, [shape, albedo]):
        assert np.isfinite(gradient.numpy()).all()
        assert np.abs(gradient.numpy()).max() > 1e-3


def test_brighter_albedo_makes_a_brighter_picture_as_the_gradient_says(open_model, encoder):
    def brightness(t):
        scene = studio_scene(1)
        return photograph(open_model, Coefficients(tf.zeros((1, 199)), t), scene, encoder.template, SIZE)[
            :, 40:110, 40:110
        ]

    t = tf.zeros((1, 199))
    with tf.GradientTape() as tape:
        tape.watch(t)
        value = tf.reduce_mean(brightness(t))
    gradient = tape.gradient(value, t).numpy()
    step = 0.2 * gradient / np.linalg.norm(gradient)
    change = float(tf.reduce_mean(brightness(tf.constant(step)))) - float(value)
    assert change == pytest.approx(0.2 * np.linalg.norm(gradient), rel=0.05)


def test_a_studio_face_is_framed_on_the_encoders_template(open_model, encoder):
    positions = np.asarray(open_model.positions(np.zeros((1, 199), np.float32)))
    vertices, weights = open_model.five_points
    points = weights @ positions[:, vertices]
    camera = perspective_camera(
        np.array([[0, 0, 1200.0]], np.float32), np.zeros((1, 3), np.float32), np.full(1, 0.3, np.float32), SIZE
    ).framing(points, encoder.template, SIZE)
    pixels = np.asarray(clip_to_pixels(camera.project(points), SIZE))[0]
    assert np.abs(pixels - encoder.template).max() < 6.0  # one face differs from the average of photographs


def test_a_surface_of_no_model_is_photographed_as_the_mean_face_of_one_that_has_it(open_model, encoder):
    rng, shape = np.random.default_rng(5), (open_model.vertex_count, 3)
    surface = open_model.mean_positions() + np.sin(0.1 * open_model.mean_positions()).astype(np.float32)
    paint = rng.uniform(0.2, 0.8, shape).astype(np.float32)
    other = replace(
        open_model,
        shape=replace(open_model.shape, mean=surface.ravel()),
        albedo=replace(open_model.albedo, mean=paint.ravel()),
    )
    scene, template = sample_scenes(2, 6), encoder.template
    of_surface = photograph_surface(surface[None], paint[None], open_model, scene, template, (50, 50))
    of_model = photograph(other, Coefficients.neutral(other), scene, template, (50, 50))
    np.testing.assert_allclose(of_surface, of_model, atol=1e-5)
    own = photograph(open_model, Coefficients.neutral(open_model), scene, template, (50, 50))
    assert np.abs(np.asarray(of_surface) - np.asarray(own)).max() > 0.1
