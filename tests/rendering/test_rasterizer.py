"""Barycentrics and interpolation: against float64, between the paths, and their derivatives."""

import numpy as np
import pytest
import tensorflow as tf

from mmreg.rendering.rasterizer import Fragments, barycentrics_at, interpolate, rasterize
from tests.rendering import oracle
from tests.rendering.scenes import PATHS, lit_scene, random_mesh, seen_in_perspective, sphere


def clip_of(scene):
    """Clip coordinates rounded to float32, once for the library and the oracle alike."""
    to_clip = scene["world_to_clip"].astype(np.float64)
    clip = scene["positions_world"] @ np.swapaxes(to_clip[:, :, :3], 1, 2) + to_clip[:, None, :, 3]
    return clip.astype(np.float32)


def mean_barycentric_error(clip, triangles, image_size, path):
    fragments = rasterize(clip, triangles, image_size, path)
    ids, b = np.asarray(fragments.triangle_ids), np.asarray(fragments.barycentrics)
    assert (ids >= 0).sum() > 50
    assert (b[ids < 0] == 0).all()
    return np.mean(
        [np.abs(b[i][ids[i] >= 0] - oracle.barycentrics(clip[i], triangles, ids[i])).mean() for i in range(len(ids))]
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", range(3))
def test_barycentrics_of_random_triangles_are_those_of_float64(path, seed):
    clip, triangles = random_mesh(seed, awkward=False)
    assert mean_barycentric_error(clip, triangles, (23, 31), path) < 1e-5


@pytest.mark.parametrize("path", PATHS)
def test_barycentrics_of_a_sphere_are_those_of_float64(path):
    points, triangles = sphere(3)
    assert mean_barycentric_error(seen_in_perspective(points), triangles, (101, 80), path) < 1e-5


@pytest.mark.parametrize("size", [150, 224])
@pytest.mark.parametrize("path", PATHS)
def test_barycentrics_of_a_face_are_those_of_float64(path, size, face_scene):
    scene, triangles = face_scene
    assert mean_barycentric_error(clip_of(scene), triangles, (size, size), path) < 1e-5


@pytest.mark.parametrize("path", PATHS)
def test_barycentrics_add_up_and_reproduce_the_pixel(path):
    clip, triangles = random_mesh(7, awkward=False)
    fragments = rasterize(clip, triangles, (30, 30), path)
    b, ids = np.asarray(fragments.barycentrics, np.float64), np.asarray(fragments.triangle_ids)
    image, row, column = np.nonzero(ids >= 0)
    corners = clip[image[:, None], triangles[ids[image, row, column]]].astype(np.float64)
    point = np.einsum("pk,pkc->pc", b[image, row, column], corners)
    np.testing.assert_allclose(b[image, row, column].sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(point[:, 0] / point[:, 3], (column + 0.5) / 15 - 1, atol=2e-3)
    np.testing.assert_allclose(point[:, 1] / point[:, 3], 1 - (row + 0.5) / 15, atol=2e-3)
    depth = np.asarray(fragments.depth)[image, row, column]
    np.testing.assert_allclose(point[:, 2] / point[:, 3], depth, atol=2e-3)


def test_barycentrics_are_negative_outside_the_triangle():
    clip = tf.constant([[[-0.5, -0.5, 0, 1], [0.5, -0.5, 0, 1], [0, 0.5, 0, 1]]], tf.float32)
    forced = tf.zeros((1, 5, 5), tf.int32)  # the triangle is taken to be everywhere
    b = np.asarray(barycentrics_at(clip, np.array([[0, 1, 2]]), forced))
    assert b[0, 0, 0].min() < 0
    np.testing.assert_allclose(b.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [1, 4, 11])
def test_gradients_are_those_of_finite_differences_at_fixed_ids(path, width):
    scene, triangles = lit_scene(11, batch=1)
    rng = np.random.default_rng(11)
    clip = clip_of(scene)
    attributes = rng.normal(size=(1, clip.shape[1], width)).astype(np.float32)
    weight = rng.normal(size=(1, 12, 13, width)).astype(np.float32)
    c, a = tf.constant(clip), tf.constant(attributes)
    with tf.GradientTape() as tape:
        tape.watch([c, a])
        fragments = rasterize(c, triangles, (12, 13), path)
        value = tf.reduce_sum(weight * interpolate(a, fragments, triangles, path))
    ids = fragments.triangle_ids.numpy()[0]
    assert (ids >= 0).sum() > 60
    d_clip, d_attributes = (tf.convert_to_tensor(g).numpy()[0] for g in tape.gradient(value, [c, a]))

    def total(clip, attributes):
        return (weight[0][ids >= 0] * oracle.interpolate(clip, attributes, triangles, ids)).sum()

    exact = oracle.numeric_gradient(lambda x: total(x, attributes[0]), clip[0])
    assert oracle.relative_error(d_clip, exact) < 1e-5
    exact = oracle.numeric_gradient(lambda x: total(clip[0], x), attributes[0])
    assert oracle.relative_error(d_attributes, exact) < 1e-5


def test_both_paths_have_the_same_gradient():
    rng = np.random.default_rng(2)
    clip, triangles = random_mesh(2, awkward=False)
    attributes = rng.normal(size=(2, 40, 5)).astype(np.float32)
    weight = rng.normal(size=(2, 20, 20, 5)).astype(np.float32)
    gradients = []
    for path in PATHS:
        c, a = tf.constant(clip), tf.constant(attributes)
        with tf.GradientTape() as tape:
            tape.watch([c, a])
            value = tf.reduce_sum(weight * interpolate(a, rasterize(c, triangles, (20, 20), path), triangles, path))
        gradients.append([g.numpy() for g in tape.gradient(value, [c, a])])
    for native, ops in zip(*gradients, strict=True):
        assert oracle.relative_error(native, ops) < 1e-4


@pytest.mark.parametrize("path", PATHS)
def test_ids_and_depth_have_no_derivative(path):
    clip, triangles = random_mesh(4, awkward=False)
    c = tf.constant(clip)
    with tf.GradientTape() as tape:
        tape.watch(c)
        fragments = rasterize(c, triangles, (9, 9), path)
        value = tf.reduce_sum(fragments.depth) + tf.reduce_sum(tf.cast(fragments.triangle_ids, tf.float32))
    assert tape.gradient(value, c) is None


@pytest.mark.parametrize("path", PATHS)
def test_background_pixels_interpolate_to_zero(path):
    fragments = Fragments(
        np.full((1, 2, 2), -1, np.int32), np.zeros((1, 2, 2, 3), np.float32), np.ones((1, 2, 2), np.float32)
    )
    for triangles in (np.array([[0, 1, 2]]), np.zeros((0, 3), np.int32)):
        out = interpolate(np.ones((1, 3, 2), np.float32), fragments, triangles, path)
        assert (np.asarray(out) == 0).all()
