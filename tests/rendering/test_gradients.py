"""The gradient of `render` against float64 finite differences at fixed ids, and one path's against the other's."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from mmreg.geometry.mesh import vertex_normals
from tests.rendering import oracle
from tests.rendering.scenes import INPUTS, PATHS, lit_scene, render_scene

SIZE = (12, 13)
LIGHTS = (0, 1, 2, 3)
SHININESS = (1, 12, 2.5)


def picture_and_gradients(scene, triangles, weight, size=SIZE, **options):
    """(radiance, ids, input's name to ∂Σ weight · radiance / ∂input)."""
    inputs = {name: tf.constant(scene[name]) for name in INPUTS}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        rendering = render_scene(inputs, triangles, size, **options)
        value = tf.reduce_sum(weight * rendering.radiance)
    gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
    return (
        rendering.radiance.numpy(),
        rendering.fragments.triangle_ids.numpy(),
        {name: tf.convert_to_tensor(gradient).numpy() for name, gradient in gradients.items()},
    )


@cache
def exact(lights, shininess):
    """(scene, triangles, weight, ids, radiance, gradients) in float64, from the pixels' ids alone."""
    scene, triangles = lit_scene(seed=lights, lights=lights)
    weight = np.random.default_rng(7).normal(size=(2, *SIZE, 3)).astype(np.float32)
    ids = np.asarray(render_scene(scene, triangles, SIZE).fragments.triangle_ids)
    assert (ids >= 0).mean() > 0.4

    def value(name, x):
        return (weight * oracle.radiance({**scene, name: x}, triangles, ids, shininess)).sum()

    gradients = {name: oracle.numeric_gradient(lambda x, n=name: value(n, x), scene[name]) for name in INPUTS}
    return scene, triangles, weight, ids, oracle.radiance(scene, triangles, ids, shininess), gradients


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shininess", SHININESS)
@pytest.mark.parametrize("lights", LIGHTS)
def test_the_gradient_of_every_input_is_that_of_float64_finite_differences_at_fixed_ids(lights, shininess, path):
    scene, triangles, weight, ids, radiance, expected = exact(lights, shininess)
    picture, own_ids, gradients = picture_and_gradients(scene, triangles, weight, shininess=shininess, path=path)
    np.testing.assert_array_equal(own_ids, ids)
    np.testing.assert_allclose(picture, radiance, atol=2e-6)
    for name in INPUTS:
        assert oracle.relative_error(gradients[name], expected[name]) < 1e-5, name


@pytest.mark.parametrize("name", INPUTS)
def test_the_measure_sees_a_gradient_that_is_wrong_by_one_percent_or_in_one_number(name):
    gradient = exact(2, 12)[-1][name]
    assert np.linalg.norm(gradient) > 0.1
    wrong = gradient.copy()
    wrong.flat[np.abs(gradient).argmax()] *= 1.01
    for sign_or_size in (1.01 * gradient, 0.99 * gradient, -gradient, 0 * gradient, wrong):
        assert oracle.relative_error(sign_or_size, gradient) > 1e-4


def test_a_gradient_that_should_be_nothing_must_be_nothing():
    assert oracle.relative_error([0.0, 1e-3], np.zeros(2)) == 1e-3
    scene, triangles, weight, *_ = exact(0, 12)
    for path in PATHS:
        gradients = picture_and_gradients(scene, triangles, weight, path=path)[-1]
        for name in ("normals_world", "camera_position", "specular_constant"):  # nothing shines without a light
            assert (gradients[name] == 0).all(), (path, name)


def test_numeric_gradients_are_those_of_a_function_whose_gradient_is_known():
    x = np.random.default_rng(0).normal(size=(3, 4))
    assert oracle.relative_error(oracle.numeric_gradient(lambda v: np.sin(v).sum(), x), np.cos(x)) < 1e-9


@pytest.mark.parametrize("name", INPUTS)
def test_what_all_images_share_has_the_sum_of_their_gradients(name):
    scene, triangles = lit_scene(3, batch=3)
    weight = np.random.default_rng(4).normal(size=(3, *SIZE, 3)).astype(np.float32)
    scene[name] = scene[name][:1]
    repeated = {**scene, name: np.repeat(scene[name], 3, axis=0)}
    for path in PATHS:
        shared_picture, _, shared = picture_and_gradients(scene, triangles, weight, path=path)
        picture, _, apart = picture_and_gradients(repeated, triangles, weight, path=path)
        np.testing.assert_array_equal(shared_picture, picture)
        assert oracle.relative_error(shared[name], apart[name].sum(axis=0, keepdims=True)) < 1e-6
        for other in INPUTS:
            assert other == name or oracle.relative_error(shared[other], apart[other]) < 1e-6, other


def agree(scene, triangles, size, **options):
    """Both paths see the same triangles, and their gradients differ by less than 1e-4."""
    batch = len(scene["positions_world"])
    weight = np.random.default_rng(5).normal(size=(batch, *size, 3)).astype(np.float32)
    (native, native_ids, a), (ops, ops_ids, b) = (
        picture_and_gradients(scene, triangles, weight, size, path=path, **options) for path in PATHS
    )
    np.testing.assert_array_equal(native_ids, ops_ids)
    assert np.abs(native - ops).mean() < 1e-6
    for name in INPUTS:
        assert np.linalg.norm(b[name]) > 0, name
        assert oracle.relative_error(a[name], b[name]) < 1e-4, name


@pytest.mark.parametrize(("size", "seed"), [((12, 13), 0), ((40, 31), 1), ((1, 64), 2), ((64, 1), 3)])
def test_both_paths_have_the_same_gradients_on_sheets(size, seed):
    scene, triangles = lit_scene(seed, lights=3, size=size, rows=9, columns=7)
    agree(scene, triangles, size)


@pytest.mark.parametrize("seed", range(3))
def test_both_paths_have_the_same_gradients_on_a_jumble_of_triangles(seed):
    scene, triangles = lit_scene(seed, batch=1, rows=6, columns=6)
    triangles = np.random.default_rng(seed).permutation(triangles.ravel()).reshape(-1, 3)
    agree(scene, triangles, (32, 32), shininess=3.5)


def test_both_paths_have_the_same_gradients_on_a_face(face_scene):
    agree(*face_scene, (150, 150))


def test_the_gradient_reaches_the_vertices_through_their_normals_alike_on_both_paths():
    scene, triangles = lit_scene(6, rows=8, columns=8)
    weight = np.random.default_rng(6).normal(size=(2, 30, 30, 3)).astype(np.float32)
    gradients = []
    for path in PATHS:
        positions = tf.constant(scene["positions_world"])
        with tf.GradientTape() as tape:
            tape.watch(positions)
            moved = {**scene, "positions_world": positions, "normals_world": vertex_normals(positions, triangles, path)}
            value = tf.reduce_sum(weight * render_scene(moved, triangles, (30, 30), path=path).radiance)
        gradients.append(tape.gradient(value, positions).numpy())
    assert oracle.relative_error(*gradients) < 1e-4


@pytest.mark.parametrize("path", PATHS)
def test_a_graph_has_the_gradients_of_eager_execution(path):
    scene, triangles = lit_scene(8)
    weight = np.random.default_rng(8).normal(size=(2, *SIZE, 3)).astype(np.float32)
    _, _, eager = picture_and_gradients(scene, triangles, weight, path=path)

    @tf.function(autograph=False)
    def traced(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = tf.reduce_sum(weight * render_scene(inputs, triangles, SIZE, path=path).radiance)
        return tape.gradient(value, inputs)

    graph = traced({name: tf.constant(value) for name, value in scene.items()})
    for name in INPUTS:
        assert oracle.relative_error(tf.convert_to_tensor(graph[name]).numpy(), eager[name]) < 1e-5, name
