import numpy as np
import pytest
import tensorflow as tf

from mmreg.arrays import InputError
from mmreg.rendering.rasterizer import Fragments, barycentrics_at, interpolate, rasterize
from tests.rendering.scenes import oracle_ids, random_mesh

PATHS = ("native", "ops")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", range(6))
def test_ids_are_those_of_a_float64_scan(path, seed):
    clip, triangles = random_mesh(seed)
    ids = np.asarray(rasterize(clip, triangles, (23, 31), path).triangle_ids)
    for image in range(len(clip)):
        expected, sure = oracle_ids(clip[image], triangles, (23, 31))
        assert sure.mean() > 0.6
        assert len(np.unique(expected[sure])) > 5
        np.testing.assert_array_equal(ids[image][sure], expected[sure])


@pytest.mark.parametrize("image_size", [(1, 1), (1, 9), (40, 7), (64, 64)])
@pytest.mark.parametrize("seed", [3, 4])
def test_both_paths_see_the_same(seed, image_size):
    clip, triangles = random_mesh(seed, vertices=100, triangles=300)
    native, ops = (rasterize(clip, triangles, image_size, path) for path in PATHS)
    np.testing.assert_array_equal(np.asarray(native.triangle_ids), np.asarray(ops.triangle_ids))
    seen = np.asarray(native.triangle_ids) >= 0
    np.testing.assert_allclose(np.asarray(native.depth), np.asarray(ops.depth), atol=1e-6)
    np.testing.assert_allclose(np.asarray(native.barycentrics)[seen], np.asarray(ops.barycentrics)[seen], atol=1e-4)


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_view_is_background(path):
    clip = np.full((1, 3, 4), 5.0, np.float32) * [1, 1, 0, 0.2]
    fragments = rasterize(clip.astype(np.float32), np.array([[0, 1, 2]]), (4, 5), path)
    assert (np.asarray(fragments.triangle_ids) == -1).all()
    assert (np.asarray(fragments.barycentrics) == 0).all()
    assert (np.asarray(fragments.depth) == 1).all()
    assert (np.asarray(fragments.coverage) == 0).all()


@pytest.mark.parametrize("path", PATHS)
def test_of_two_coincident_triangles_the_later_is_seen(path):
    clip = np.array([[[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1]]], np.float32)
    ids = rasterize(clip, np.array([[0, 1, 2], [0, 1, 2]]), (2, 2), path).triangle_ids
    assert (np.asarray(ids) == 1).all()


@pytest.mark.parametrize("path", PATHS)
def test_nan_vertices_cover_nothing_and_hide_nothing(path):
    clip = np.array([[[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1], [np.nan] * 4]], np.float32)
    ids = rasterize(clip, np.array([[0, 1, 2], [0, 1, 3]]), (4, 4), path).triangle_ids
    assert (np.asarray(ids) == 0).sum() > 4
    assert (np.asarray(ids) != 1).all()


def test_cropping_leaves_the_remaining_pixels_unchanged():
    clip, triangles = random_mesh(5, awkward=False)
    whole = np.asarray(rasterize(clip, triangles, (40, 40)).triangle_ids)
    half = clip.copy()
    half[..., 0] = 2 * clip[..., 0] + clip[..., 3]  # the left half, enlarged to the whole picture's width
    left = np.asarray(rasterize(half, triangles, (40, 20)).triangle_ids)
    assert (left == whole[:, :, :20]).mean() > 0.995  # other roundings may move a pixel on an edge


def test_barycentrics_add_up_and_reproduce_the_pixel():
    clip, triangles = random_mesh(7, awkward=False)
    fragments = rasterize(clip, triangles, (30, 30))
    b, ids = np.asarray(fragments.barycentrics, np.float64), np.asarray(fragments.triangle_ids)
    image, row, column = np.nonzero(ids >= 0)
    corners = clip[image[:, None], triangles[ids[image, row, column]]].astype(np.float64)
    point = np.einsum("pk,pkc->pc", b[image, row, column], corners)
    np.testing.assert_allclose(b[image, row, column].sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(point[:, 0] / point[:, 3], (column + 0.5) / 15 - 1, atol=2e-3)
    np.testing.assert_allclose(point[:, 1] / point[:, 3], 1 - (row + 0.5) / 15, atol=2e-3)


def test_barycentrics_are_negative_outside_the_triangle():
    clip = tf.constant([[[-0.5, -0.5, 0, 1], [0.5, -0.5, 0, 1], [0, 0.5, 0, 1]]], tf.float32)
    forced = tf.zeros((1, 5, 5), tf.int32)  # the triangle is taken to be everywhere
    b = np.asarray(barycentrics_at(clip, np.array([[0, 1, 2]]), forced))
    assert b[0, 0, 0].min() < 0
    np.testing.assert_allclose(b.sum(-1), 1, atol=1e-5)


def finite_difference_error(function, gradient, x, seed=0, step=1e-5, probes=12):
    """Largest error of a directional derivative, relative to the gradient's length."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(probes):
        direction = rng.normal(size=x.shape)
        direction /= np.linalg.norm(direction)
        numeric = (function(x + step * direction) - function(x - step * direction)) / (2 * step)
        worst = max(worst, abs(numeric - (gradient * direction).sum()) / np.linalg.norm(gradient))
    return worst


def interpolated_sum(clip, attributes, triangles, ids, weight):
    """The oracle in float64, at fixed ids."""
    height, width = ids.shape
    total = 0.0
    for row, column in zip(*np.nonzero(ids >= 0), strict=True):
        c = clip[triangles[ids[row, column]]]
        x, y = (column + 0.5) * 2 / width - 1, 1 - (row + 0.5) * 2 / height
        d = c[:, :2] - np.array([x, y]) * c[:, 3:]
        e = np.array([np.linalg.det(np.stack([d[(k + 1) % 3], d[(k + 2) % 3]])) for k in range(3)])
        total += weight[row, column] @ ((e / e.sum()) @ attributes[triangles[ids[row, column]]])
    return total


@pytest.mark.parametrize("path", PATHS)
def test_gradients_are_those_of_finite_differences_at_fixed_ids(path):
    rng = np.random.default_rng(11)
    clip, triangles = random_mesh(11, batch=1, vertices=12, triangles=8, awkward=False)
    attributes = rng.normal(size=(1, 12, 4)).astype(np.float32)
    weight = rng.normal(size=(1, 12, 13, 4)).astype(np.float32)
    c, a = tf.constant(clip), tf.constant(attributes)
    with tf.GradientTape() as tape:
        tape.watch([c, a])
        fragments = rasterize(c, triangles, (12, 13), path)
        value = tf.reduce_sum(weight * interpolate(a, fragments, triangles, path))
    ids = fragments.triangle_ids.numpy()[0]
    assert (ids >= 0).sum() > 20
    d_clip, d_attributes = (g.numpy()[0] for g in tape.gradient(value, [c, a]))
    fixed = (triangles, ids, weight[0].astype(np.float64))
    exact = [clip[0].astype(np.float64), attributes[0].astype(np.float64)]

    def of_clip(x):
        return interpolated_sum(x, exact[1], *fixed)

    def of_attributes(x):
        return interpolated_sum(exact[0], x, *fixed)

    assert finite_difference_error(of_clip, d_clip, exact[0]) < 2e-4
    assert finite_difference_error(of_attributes, d_attributes, exact[1]) < 2e-4
    assert finite_difference_error(of_clip, 1.01 * d_clip, exact[0]) > 2e-4  # the check itself sees a wrong gradient


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
        assert np.linalg.norm(native - ops) < 1e-4 * np.linalg.norm(ops)


def test_too_small_a_pair_budget_poisons_instead_of_dropping():
    clip, triangles = random_mesh(1, awkward=False)
    enough = rasterize(clip, triangles, (16, 16), "ops", pair_budget=200_000)
    unbounded = rasterize(clip, triangles, (16, 16), "ops")
    np.testing.assert_array_equal(np.asarray(enough.triangle_ids), np.asarray(unbounded.triangle_ids))
    assert np.isnan(np.asarray(rasterize(clip, triangles, (16, 16), "ops", pair_budget=50).barycentrics)).all()


def test_background_pixels_interpolate_to_zero():
    fragments = Fragments(
        np.full((1, 2, 2), -1, np.int32), np.zeros((1, 2, 2, 3), np.float32), np.ones((1, 2, 2), np.float32)
    )
    out = interpolate(np.ones((1, 3, 2), np.float32), fragments, np.array([[0, 1, 2]]))
    assert (np.asarray(out) == 0).all()


@pytest.mark.parametrize(
    ("clip", "triangles", "size", "message"),
    [
        (np.zeros((3, 4), np.float32), [[0, 1, 2]], (4, 4), "clip_vertices must have the shape"),
        (np.zeros((1, 3, 3), np.float32), [[0, 1, 2]], (4, 4), "clip_vertices must have the shape"),
        (np.zeros((1, 3, 4), np.float32), [[0, 1, 3]], (4, 4), "reach from 0 to 3"),
        (np.zeros((1, 3, 4), np.float32), [[0, -1, 2]], (4, 4), "reach from -1 to 2"),
        (np.zeros((1, 3, 4), np.float32), [[0.0, 1, 2]], (4, 4), "whole numbers"),
        (np.zeros((1, 3, 4), np.float32), [[0, 1, 2]], (0, 4), "image_size"),
    ],
)
def test_what_is_no_mesh_is_refused(clip, triangles, size, message):
    with pytest.raises(InputError, match=message):
        rasterize(clip, np.array(triangles), size)
