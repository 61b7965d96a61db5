import numpy as np
import pytest
import tensorflow as tf

from mmreg import losses


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_equal_coefficients_cost_nothing():
    s, t = normal(0, 5, 7), normal(1, 5, 9)
    assert float(losses.parameter_loss(s, t, s, t)) == 0.0


def test_parameter_loss_weighs_shape_and_albedo_as_the_paper_does():
    s, t = np.zeros((4, 199), np.float32), np.zeros((4, 199), np.float32)
    assert float(losses.parameter_loss(s + 1, t, s, t)) == pytest.approx(0.4 * 199, rel=1e-5)
    assert float(losses.parameter_loss(s, t + 1, s, t)) == pytest.approx(0.002 * 199, rel=1e-5)


def test_components_are_weighed_by_a_power_of_their_deviation_and_by_one_on_average():
    deviations = np.float32([4.0, 2.0, 1.0, 1.0])
    np.testing.assert_allclose(losses.component_weights(deviations, 0.0), 1.0)
    np.testing.assert_allclose(losses.component_weights(deviations, 1.0), [2.0, 1.0, 0.5, 0.5])
    np.testing.assert_allclose(losses.component_weights(deviations, 2.0), np.array([16.0, 4.0, 1.0, 1.0]) / 5.5)


def test_parameter_and_loopback_losses_take_a_weight_for_each_coefficient():
    shape, albedo, zero = np.float32([[1.0, 2.0]]), np.float32([[3.0, 1.0]]), np.zeros((1, 2), np.float32)
    weights = np.float32([0.4, 0.1]), np.float32([0.5, 0.0])
    wanted = 0.4 * 1.0 + 0.1 * 4.0 + 0.5 * 9.0
    assert float(losses.parameter_loss(shape, albedo, zero, zero, *weights)) == pytest.approx(wanted)
    assert float(losses.loopback_loss(zero, zero, shape, albedo, *weights)) == pytest.approx(wanted)


def test_parameter_loss_takes_the_matrix_of_a_squared_length():
    shape, albedo, zero = np.float32([[1.0, 2.0], [0.0, 1.0]]), np.float32([[3.0], [0.0]]), np.zeros((2, 2), np.float32)
    form = np.float32([[2.0, 1.0], [1.0, 3.0]])
    wanted = (2.0 + 2 * 2.0 + 3 * 4.0 + 0.5 * 9.0 + 3.0) / 2
    assert float(losses.parameter_loss(shape, albedo, zero, zero[:, :1], form, 0.5)) == pytest.approx(wanted)
    assert float(losses.parameter_loss(shape, albedo, zero, zero[:, :1], 0.4 * np.eye(2, dtype=np.float32), 0.5)) == (
        pytest.approx(float(losses.parameter_loss(shape, albedo, zero, zero[:, :1], 0.4, 0.5)))
    )


def test_identity_loss_is_0_for_the_same_direction_1_for_orthogonal_2_for_opposite():
    a = np.array([[2.0, 0.0]], np.float32)
    for b, expected in ([[5.0, 0.0]], 0.0), ([[0.0, 3.0]], 1.0), ([[-1.0, 0.0]], 2.0):
        assert float(losses.identity_loss(a, np.array(b, np.float32))) == pytest.approx(expected, abs=1e-5)


def test_identity_loss_ignores_an_offset_that_each_domain_has_to_itself():
    a, b, offset = normal(0, 6, 16), normal(1, 6, 16), 10 * normal(2, 16)
    plain = float(losses.identity_loss(a, b))
    assert float(losses.identity_loss(a + offset, b - offset, offset, -offset)) == pytest.approx(plain, abs=1e-4)
    assert float(losses.identity_loss(a + offset, b + offset)) < 0.2 * plain  # uncentred, all faces look alike


def test_a_batch_with_the_models_moments_costs_nothing():
    x = normal(0, 64, 8)
    x = (x - x.mean(0)) / x.std(0)
    assert float(losses.batch_distribution_loss(x, x)) == pytest.approx(0.0, abs=1e-8)


def test_a_collapsed_batch_pays_one_per_coefficient_and_its_squared_distance():
    s, t = np.full((10, 7), 2.0, np.float32), np.zeros((10, 9), np.float32)
    assert float(losses.batch_distribution_loss(s, t)) == pytest.approx(7 * 1 + 7 * 4 + 9 * 1, rel=1e-5)


def test_components_that_are_not_held_pay_for_spreading_alone():
    x = normal(0, 400, 6)
    x = (x - x.mean(0)) / x.std(0)
    timid, wild = x * np.float32([1, 1, 1, 1, 0.5, 0.5]), x * np.float32([1, 1, 1, 1, 1, 2])
    assert float(losses.batch_distribution_loss(timid, x)) == pytest.approx(2 * 0.75**2, rel=1e-4)
    assert float(losses.batch_distribution_loss(timid, x, 4, 4)) == pytest.approx(0.0, abs=1e-8)
    assert float(losses.batch_distribution_loss(wild, x, 4, 4)) == pytest.approx(9.0, rel=1e-4)
    assert float(losses.batch_distribution_loss(timid, x, 5, 4)) == pytest.approx(0.75**2, rel=1e-4)


def test_a_lightly_held_mean_pays_less_and_the_variance_as_much():
    s, t = np.full((10, 7), 2.0, np.float32), np.zeros((10, 9), np.float32)
    assert float(losses.batch_distribution_loss(s, t, mean_weight=0.1)) == pytest.approx(
        7 * 1 + 0.1 * 7 * 4 + 9, rel=1e-5
    )


def test_loopback_reaches_both_predictions():
    first, second = tf.constant(normal(0, 3, 4)), tf.constant(normal(1, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch([first, second])
        value = losses.loopback_loss(first, first, second, second)
    d_first, d_second = tape.gradient(value, [first, second])
    assert float(tf.norm(d_first)) > 0
    np.testing.assert_allclose(d_first.numpy(), -d_second.numpy(), rtol=1e-5)


def tones(seed, count=40):
    return normal(seed, count, 3) * np.array([0.5, 0.1, 0.1], np.float32)


def test_the_same_order_of_skin_tones_costs_nothing_whatever_the_light_is():
    of_people = tones(0)
    assert float(losses.skin_tone_loss(of_people, of_people)) == pytest.approx(0.0, abs=1e-4)
    under_another_lamp = 0.7 * of_people + np.array([-0.8, 0.4, -0.3], np.float32)
    assert float(losses.skin_tone_loss(under_another_lamp, of_people)) == pytest.approx(0.0, abs=1e-4)


def test_unrelated_skin_tones_cost_one_and_opposite_ones_two():
    many = tones(1, 20_000)
    assert float(losses.skin_tone_loss(many, tones(2, 20_000))) == pytest.approx(1.0, abs=0.05)
    assert float(losses.skin_tone_loss(many, -many)) == pytest.approx(2.0, abs=1e-4)


def test_a_batch_of_one_skin_tone_has_no_order_and_a_finite_gradient():
    alike = tf.constant(np.full((5, 3), 0.3, np.float32))
    with tf.GradientTape() as tape:
        tape.watch(alike)
        value = losses.skin_tone_loss(tones(3, 5), alike)
    assert float(value) == pytest.approx(1.0)
    assert np.isfinite(tape.gradient(value, alike).numpy()).all()
