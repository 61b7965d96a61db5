"""Pictures: their samples, their background, and what gradient descent makes of them."""

import numpy as np
import pytest
import tensorflow as tf

from mmreg.geometry.camera import Pose, rotate
from mmreg.geometry.mesh import vertex_normals
from tests.rendering import oracle
from tests.rendering.scenes import INPUTS, PATHS, lit_scene, render_scene, sphere

SIZE = (12, 13)


def test_any_number_of_lights_shines_one_after_another():
    scene, triangles = lit_scene(lights=3)
    sums = []
    for count in range(4):
        fewer = {
            **scene,
            "light_position": scene["light_position"][:, :count],
            "intensity": scene["intensity"][:, :count],
        }
        sums.append(np.asarray(render_scene(fewer, triangles).radiance).sum())
    assert 0 < sums[0] < sums[1] < sums[2] < sums[3]


def mean_of_blocks(samples, k):
    """The mean over k × k pixels, by hand."""
    return sum(samples[:, i::k, j::k] for i in range(k) for j in range(k)) / k**2


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("k", [2, 3])
def test_supersampling_is_the_mean_of_a_larger_picture_as_is_its_gradient(k, path):
    scene, triangles = lit_scene(4)
    weight = np.random.default_rng(4).normal(size=(2, *SIZE, 3)).astype(np.float32)
    pictures, gradients = [], []
    for by_hand in (False, True):
        inputs = {name: tf.constant(scene[name]) for name in INPUTS}
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            if by_hand:
                large = render_scene(inputs, triangles, (12 * k, 13 * k), path=path)
                radiance, alpha = mean_of_blocks(large.radiance, k), mean_of_blocks(large.alpha, k)
            else:
                radiance, alpha, _ = render_scene(inputs, triangles, SIZE, supersampling=k, path=path)
            value = tf.reduce_sum(weight * radiance)
        pictures.append(np.concatenate([radiance, alpha], -1))
        gradients.append(tape.gradient(value, inputs))
    np.testing.assert_allclose(*pictures, atol=1e-6)
    between = pictures[0][..., 3] * (1 - pictures[0][..., 3])
    assert (between > 0).mean() > 0.05  # at the sheet's rim
    for name in INPUTS:
        a, b = (tf.convert_to_tensor(g[name]).numpy() for g in gradients)
        assert np.linalg.norm(b) > 0.01
        assert oracle.relative_error(a, b) < 1e-5, name


@pytest.mark.parametrize("k", [1, 2])
def test_a_background_is_a_number_a_colour_a_picture_or_one_an_image(k):
    scene, triangles = lit_scene(5)
    rendering = render_scene(scene, triangles, supersampling=k)
    radiance, alpha = np.asarray(rendering.radiance), np.asarray(rendering.alpha)
    rng = np.random.default_rng(5)
    backgrounds = [0.25, rng.random(3), rng.random((12, 13, 3)), rng.random((2, 12, 13, 3)), rng.random((2, 1, 1, 3))]
    for background in backgrounds:
        expected = radiance + (1 - alpha) * np.broadcast_to(background, radiance.shape)
        over = np.asarray(rendering.over(np.float32(background)))
        np.testing.assert_allclose(over, expected, atol=1e-6)
        bare, covered = alpha[..., 0] == 0, alpha[..., 0] == 1
        np.testing.assert_array_equal(over[covered], radiance[covered])
        np.testing.assert_array_equal(over[bare], np.broadcast_to(np.float32(background), over.shape)[bare])
    assert bare.any()
    assert covered.any()


def test_the_gradient_reaches_a_background_where_it_is_seen():
    scene, triangles = lit_scene(5)
    background = tf.Variable(np.full((12, 13, 3), 0.5, np.float32))
    with tf.GradientTape() as tape:
        rendering = render_scene(scene, triangles, supersampling=2)
        value = tf.reduce_sum(rendering.over(background))
    expected = (1 - np.asarray(rendering.alpha)).sum(axis=0)
    np.testing.assert_allclose(tape.gradient(value, background), np.broadcast_to(expected, (12, 13, 3)), atol=1e-6)


VIEW = lit_scene(batch=1)[0]  # its camera


def turned(positions, triangles, angles):
    """A scene of one image with the mesh turned by (yaw, pitch, roll), lit from the camera's side."""
    angles = tf.reshape(tf.convert_to_tensor(angles, tf.float32), (3, 1))
    positions = rotate(Pose(*tf.unstack(angles)).rotation(), positions)
    white = np.full(positions.shape, 0.7, np.float32)
    lights = {
        "light_position": np.float32([[[2, 3, 6], [-3, 0, 5]]]),
        "intensity": np.float32([[[0.9, 0.5, 0.2], [0.1, 0.3, 0.6]]]),
    }
    normals = vertex_normals(positions, triangles)
    return {**VIEW, **lights, "positions_world": positions, "normals_world": normals, "diffuse": white}


CUBE = np.float32([[-1, -1, 1], [-1, -1, -1], [-1, 1, -1], [-1, 1, 1], [1, -1, 1], [1, -1, -1], [1, 1, -1], [1, 1, 1]])
CUBE_TRIANGLES = np.int32([[0, 1, 2], [2, 3, 0], [3, 2, 6], [6, 7, 3], [7, 6, 5], [5, 4, 7],
                           [4, 5, 1], [1, 0, 4], [5, 6, 2], [2, 1, 5], [7, 4, 0], [0, 3, 7]])  # fmt: skip


def recover(positions, triangles, wanted, start, steps, rate, size=(48, 48)):
    """(loss before, loss after, angles) of descending the mean absolute difference of two pictures from `start`."""
    target = render_scene(turned(positions, triangles, wanted), triangles, size).radiance
    angles, velocity = tf.Variable(np.float32(start)), np.zeros(3, np.float32)

    @tf.function(autograph=False)
    def loss_and_gradient():
        with tf.GradientTape() as tape:
            radiance = render_scene(turned(positions, triangles, angles), triangles, size).radiance
            value = tf.reduce_mean(tf.abs(radiance - target))
        return value, tape.gradient(value, angles)

    first = float(loss_and_gradient()[0])
    for step in range(steps):
        gradient = loss_and_gradient()[1].numpy()
        velocity = 0.5 * velocity + gradient / max(np.linalg.norm(gradient), 1e-6)
        angles.assign_sub(rate * (1 - step / steps) * velocity)
    return first, float(loss_and_gradient()[0]), angles.numpy()


def test_a_cube_is_recovered_from_a_turned_start_by_gradient_descent():
    cube = CUBE[None] * np.float32(0.55)
    wanted = np.float32([0.5, 0.4, 0.2])
    first, last, angles = recover(
        cube, CUBE_TRIANGLES, wanted, wanted + np.float32([0.3, -0.25, 0.2]), steps=60, rate=0.04
    )
    assert first > 0.02
    assert last < 0.05 * first
    np.testing.assert_allclose(angles, wanted, atol=0.01)


def test_an_egg_is_recovered_from_its_shading_by_gradient_descent():
    points, triangles = sphere(3)
    egg = np.float32(points * [0.9, 0.5, 0.7])[None]
    wanted = np.float32([0.3, 0.2, -0.4])
    first, last, angles = recover(egg, triangles, wanted, [0, 0, 0], steps=60, rate=0.04)
    assert last < 0.1 * first
    np.testing.assert_allclose(angles, wanted, atol=0.02)
