from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from keras import ops
from scipy.sparse import csr_array

from mmreg.face import Coefficients, FaceModelError, LinearSpace


def with_shape(model, **changes):
    return dataclasses.replace(model, shape=dataclasses.replace(model.shape, **changes))


def test_zero_coefficients_give_the_mean(tiny_model):
    zero = Coefficients.neutral(tiny_model)
    np.testing.assert_allclose(tiny_model.positions(zero.shape)[0], tiny_model.mean_positions(), rtol=1e-6)
    np.testing.assert_allclose(tiny_model.albedos(zero.albedo)[0], tiny_model.albedo.mean.reshape(-1, 3), rtol=1e-6)


def test_faces_are_linear_in_their_coefficients(tiny_model):
    a, b = Coefficients.sample(tiny_model, 2, seed=0).shape[:, None]
    mean = tiny_model.mean_positions()
    both = tiny_model.positions(a + 2 * b)[0] - mean
    apart = (tiny_model.positions(a)[0] - mean) + 2 * (tiny_model.positions(b)[0] - mean)
    np.testing.assert_allclose(both, apart, atol=1e-3)


def test_a_coefficient_of_one_moves_the_mesh_by_one_standard_deviation(tiny_model):
    for k in range(8):
        one = np.eye(8, dtype=np.float32)[None, k]
        moved = ops.convert_to_numpy(tiny_model.positions(one))[0] - tiny_model.mean_positions()
        np.testing.assert_allclose(np.linalg.norm(moved), tiny_model.shape.standard_deviations[k], rtol=1e-4)


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.49, 1), (0.51, 2), (0.79, 2), (0.81, 3), (1.0, 4)])
def test_leading_components_carry_a_share_of_the_variance(share, count):
    deviations = np.sqrt(np.float32([5, 3, 1, 1]))
    space = LinearSpace(np.zeros(6, np.float32), np.eye(6, 4, dtype=np.float32), deviations)
    assert space.leading(share) == count


def test_the_mean_expression_is_added_with_and_without_an_expression(tiny_model):
    zero = Coefficients.neutral(tiny_model)
    neutral = tiny_model.positions(zero.shape)
    np.testing.assert_allclose(neutral, tiny_model.positions(zero.shape, np.zeros((1, 5), np.float32)), atol=1e-5)
    np.testing.assert_allclose((neutral[0] - tiny_model.shape.mean.reshape(-1, 3))[:, 2], 0.25, atol=1e-5)


def test_shape_and_expression_add_up(tiny_model):
    sample = Coefficients.sample(tiny_model, 3, seed=2, expression=True)
    whole = tiny_model.positions(sample.shape, sample.expression)
    displacement = sample.expression * tiny_model.expression.standard_deviations @ tiny_model.expression.basis.T
    np.testing.assert_allclose(whole, tiny_model.positions(sample.shape) + displacement.reshape(3, -1, 3), atol=1e-3)


@pytest.mark.parametrize("expression", [False, True])
def test_a_sample_projected_is_itself(tiny_model, expression):
    sample = Coefficients.sample(tiny_model, 4, seed=3, expression=expression)
    positions = tiny_model.positions(sample.shape, sample.expression)
    found = tiny_model.project(positions, tiny_model.albedos(sample.albedo), expression=expression)
    for before, after in zip(sample, found, strict=True):
        if before is not None:
            np.testing.assert_allclose(after, before, atol=1e-4)


def test_what_lies_outside_the_model_projects_onto_nothing(tiny_model):
    zero = Coefficients.neutral(tiny_model)
    noise = np.random.default_rng(0).normal(size=tiny_model.shape.mean.size)
    noise -= tiny_model.shape.basis @ (tiny_model.shape.basis.T @ noise)
    positions = tiny_model.mean_positions() + noise.reshape(-1, 3)
    found = tiny_model.project(positions[None], tiny_model.albedos(zero.albedo))
    np.testing.assert_allclose(found.shape, 0, atol=1e-4)


def test_albedos_are_not_clipped(tiny_model):
    extreme = np.full((1, 6), 40, np.float32)
    albedos = ops.convert_to_numpy(tiny_model.albedos(extreme))
    assert albedos.max() > 1
    assert albedos.min() < 0


def test_a_crop_keeps_what_coefficients_mean(tiny_model):
    keep = np.random.default_rng(1).random(tiny_model.vertex_count) < 0.6
    keep[tiny_model.landmarks["nose_tip"]], keep[tiny_model.landmarks["chin"]] = True, False
    cropped = tiny_model.crop(keep)
    sample = Coefficients.sample(tiny_model, 2, seed=4, expression=True)
    positions = ops.convert_to_numpy(tiny_model.positions(sample.shape, sample.expression))
    cropped_positions = ops.convert_to_numpy(cropped.positions(sample.shape, sample.expression))
    np.testing.assert_allclose(cropped_positions, positions[:, keep], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        cropped.albedos(sample.albedo), tiny_model.albedos(sample.albedo).numpy()[:, keep], rtol=1e-5
    )
    np.testing.assert_array_equal(
        cropped_positions[0][cropped.landmarks["nose_tip"]],
        cropped_positions[0][np.cumsum(keep)[tiny_model.vertex_count // 2] - 1],
    )
    assert "chin" not in cropped.landmarks
    assert (cropped.regions["left"] == tiny_model.regions["left"][keep]).all()
    found = cropped.project(cropped_positions, cropped.albedos(sample.albedo), expression=True)
    np.testing.assert_allclose(found.shape, sample.shape, atol=1e-3)


def test_a_crop_keeps_the_triangles_whose_corners_are_kept(tiny_model):
    keep = tiny_model.regions["left"]
    cropped = tiny_model.crop(keep)
    whole = tiny_model.mean_positions()[tiny_model.triangles[keep[tiny_model.triangles].all(axis=1)]]
    assert (cropped.mean_positions()[cropped.triangles] == whole).all()


def test_keeping_everything_changes_nothing_but_the_name(tiny_model):
    everything = tiny_model.crop(np.ones(tiny_model.vertex_count, bool))
    assert everything.checksum == tiny_model.checksum
    assert tiny_model.crop(None) is tiny_model


@pytest.mark.parametrize("mask", [np.ones(3, bool), np.arange(49)])
def test_a_crop_wants_a_mask_over_the_vertices(tiny_model, mask):
    with pytest.raises(ValueError, match="boolean mask of 49 vertices"):
        tiny_model.crop(mask)


def test_the_checksum_knows_every_array_that_coefficients_depend_on(tiny_model):
    nudged = tiny_model.shape.basis.copy()
    nudged[5, 2] = np.nextafter(nudged[5, 2], 2)
    variants = [
        tiny_model,
        with_shape(tiny_model, mean=tiny_model.shape.mean + np.float32(1)),
        with_shape(tiny_model, basis=nudged),
        with_shape(tiny_model, standard_deviations=tiny_model.shape.standard_deviations[::-1].copy()),
        dataclasses.replace(tiny_model, albedo=tiny_model.expression, expression=tiny_model.albedo),
        dataclasses.replace(tiny_model, triangles=tiny_model.triangles[::-1].copy()),
    ]
    assert len({model.checksum for model in variants}) == len(variants)


def test_the_checksum_does_not_depend_on_memory_layout_or_names(tiny_model):
    other = with_shape(tiny_model, basis=np.ascontiguousarray(tiny_model.shape.basis))
    fortran = with_shape(tiny_model, basis=np.asfortranarray(tiny_model.shape.basis))
    renamed = dataclasses.replace(tiny_model, name="other", landmarks={})
    assert other.checksum == fortran.checksum == renamed.checksum == tiny_model.checksum


def test_a_basis_must_fit_its_mean():
    with pytest.raises((ValueError, TypeError)):  # TypeError where shapes are checked by their annotations
        LinearSpace(np.zeros(6, np.float32), np.zeros((6, 3), np.float32), np.ones(2, np.float32))


def test_missing_landmarks_and_regions_are_named(tiny_model):
    with pytest.raises(FaceModelError, match=r"no landmark multi_pie_01.*landmarks\.json"):
        _ = tiny_model.multi_pie
    with pytest.raises(FaceModelError, match=r"can't be framed.*landmarks\.json"):
        _ = tiny_model.five_points
    with pytest.raises(FaceModelError, match=r"no region nose; its regions: left"):
        tiny_model.region("nose")
    assert tiny_model.face_region.all()


def test_positions_work_inside_a_traced_function_and_pass_gradients(tiny_model):
    tf = pytest.importorskip("tensorflow")
    fresh = dataclasses.replace(tiny_model, shape=dataclasses.replace(tiny_model.shape))
    shape = tf.Variable(np.zeros((1, 8), np.float32))

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            height = fresh.positions(shape)[0, 10, 1]
        return tape.gradient(height, shape)

    expected = fresh.shape.basis[31] * fresh.shape.standard_deviations
    np.testing.assert_allclose(gradient()[0], expected, rtol=1e-4)
    np.testing.assert_allclose(
        fresh.positions(shape)[0], fresh.mean_positions(), rtol=1e-6
    )  # tensors outlive the trace


def test_a_mixed_space_is_the_weighted_mean_of_its_vertices(open_model):
    weights = np.zeros((2, open_model.vertex_count), np.float32)
    weights[0, [3, 10]] = 0.25, 0.75
    weights[1, 7] = 1.0
    coefficients = np.random.default_rng(0).normal(size=(4, open_model.albedo.component_count)).astype(np.float32)
    whole = np.asarray(open_model.albedos(coefficients))
    mixed = np.asarray(open_model.albedo.mixed(weights)(coefficients)).reshape(4, 2, 3)
    np.testing.assert_allclose(mixed[:, 0], 0.25 * whole[:, 3] + 0.75 * whole[:, 10], atol=1e-5)
    np.testing.assert_allclose(mixed[:, 1], whole[:, 7], atol=1e-5)


def test_weights_may_be_sparse(open_model):
    weights = np.zeros((2, open_model.vertex_count), np.float32)
    weights[0, [3, 10]] = 0.25, 0.75
    weights[1, 7] = 1.0
    dense, sparse = (open_model.shape.mixed(w) for w in (weights, csr_array(weights)))
    np.testing.assert_allclose(sparse.mean, dense.mean, atol=1e-4)
    np.testing.assert_allclose(sparse.basis, dense.basis, atol=1e-6)
