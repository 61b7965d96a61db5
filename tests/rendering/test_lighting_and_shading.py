import numpy as np
import pytest
import tensorflow as tf

from mmreg.color import linear_to_srgb, srgb_to_linear
from mmreg.rendering.color import blackbody_linear_rgb
from mmreg.rendering.lighting import LIGHT_SOURCES_KELVIN, LightSettings, PointLights, sample_lights, studio_lights
from mmreg.rendering.shading import phong

NORMAL = np.array([[[[0.0, 0.0, 1.0]]]], np.float32)
ORIGIN = np.zeros((1, 1, 1, 3), np.float32)
DIFFUSE = np.array([[[[0.5, 0.4, 0.3]]]], np.float32)
CAMERA = np.array([[0.0, 0.0, 1000.0]], np.float32)


def lights(position=(0.0, 0.0, 2000.0), intensity=1.0, ambient=0.2):
    return PointLights(
        np.array([[position]], np.float32),
        np.full((1, 1, 3), intensity, np.float32),
        np.full((1, 3), ambient, np.float32),
    )


def shade(light, normal=NORMAL, **options):
    return np.asarray(phong(normal, ORIGIN, DIFFUSE, light, CAMERA, **options))[0, 0, 0]


def test_light_behind_the_surface_leaves_only_ambient():
    np.testing.assert_allclose(shade(lights((0, 0, -2000.0))), 0.2 * DIFFUSE[0, 0, 0], rtol=1e-5)


def test_treble_the_light_treble_the_radiance():
    one, three = shade(lights((500, 300, 2000.0))), shade(lights((500, 300, 2000.0), 3.0, 0.6))
    np.testing.assert_allclose(three, 3 * one, rtol=1e-5)


def test_a_matt_surface_follows_lamberts_cosine():
    for angle in np.deg2rad([0, 30, 60, 85]):
        light = lights((2000 * np.sin(angle), 0, 2000 * np.cos(angle)), ambient=0.0)
        np.testing.assert_allclose(shade(light, specular_constant=0.0), np.cos(angle) * DIFFUSE[0, 0, 0], rtol=1e-4)


def test_the_highlight_is_strongest_in_the_mirror_direction_and_its_colour_is_c_minus_c_kd():
    facing = shade(lights(ambient=0.0), specular_constant=0.3) - shade(lights(ambient=0.0), specular_constant=0.0)
    np.testing.assert_allclose(facing, 0.3 - 0.3 * DIFFUSE[0, 0, 0], rtol=1e-4)
    askew = lights((900, 0, 1800.0), ambient=0.0)
    assert (shade(askew, specular_constant=0.3) - shade(askew, specular_constant=0.0) < facing).all()


def test_two_lights_add_up():
    a, b = lights((900, 0, 1800.0), ambient=0.0), lights((-400, 700, 1500.0), 0.5, ambient=0.0)
    both = PointLights(*(np.concatenate([x, y], axis=1) for x, y in zip(a[:2], b[:2], strict=True)), a.ambient)
    np.testing.assert_allclose(shade(both), shade(a) + shade(b), rtol=1e-5)


def test_normals_of_any_length_shade_alike():
    np.testing.assert_allclose(shade(lights((500, 0, 900.0)), 0.01 * NORMAL), shade(lights((500, 0, 900.0))), rtol=1e-4)


def test_gradients_are_finite_where_the_light_grazes_and_where_there_is_no_surface():
    normal, position = (
        tf.constant(np.concatenate([NORMAL, 0 * NORMAL], 1)),
        tf.constant(np.concatenate([ORIGIN, ORIGIN], 1)),
    )
    with tf.GradientTape() as tape:
        tape.watch([normal, position])
        value = tf.reduce_sum(phong(normal, position, np.concatenate([DIFFUSE] * 2, 1), lights((2000, 0, 0.0)), CAMERA))
    assert all(np.isfinite(g.numpy()).all() for g in tape.gradient(value, [normal, position]))


def test_srgb_and_linear_are_inverse():
    values = np.linspace(0, 1, 101, dtype=np.float32)
    np.testing.assert_allclose(np.asarray(linear_to_srgb(srgb_to_linear(values))), values, atol=1e-5)
    assert float(srgb_to_linear(0.5)) == pytest.approx(0.21404, abs=1e-4)


def test_warm_light_is_red_cold_light_blue_and_6500_kelvin_nearly_white():
    candle, white, shade_ = blackbody_linear_rgb(np.array([1900.0, 6504.0, 9000.0]))
    assert candle[0] > candle[1] > candle[2]
    assert shade_[2] > shade_[1] > shade_[0]
    np.testing.assert_allclose(white, 1.0, atol=0.04)


def test_sampled_lights_are_two_coloured_metres_away_and_reproducible():
    settings = LightSettings()
    one, again, other = sample_lights(200, 5), sample_lights(200, 5), sample_lights(200, 6)
    np.testing.assert_array_equal(one.intensity, again.intensity)
    assert not np.array_equal(one.intensity, other.intensity)
    distance = np.linalg.norm(one.position_world, axis=-1)
    assert one.position_world.shape == (200, 2, 3)
    assert distance.min() >= settings.distance_mm[0] - 1
    assert distance.max() <= settings.distance_mm[1] + 1
    assert (one.intensity > 0).all()
    assert (one.ambient > 0).all()
    tint = one.ambient / one.ambient.mean(1, keepdims=True)
    assert tint[:, 0].std() > 0.03  # colours vary
    warm = np.mean([k < 5000 for k in LIGHT_SOURCES_KELVIN.values()])
    assert abs((tint[:, 0] > tint[:, 2]).mean() - warm) < 0.35  # as often warm as the table is


def test_studio_light_is_white_and_the_same_for_all():
    light = studio_lights(3)
    assert np.ptp(light.intensity, axis=-1).max() == 0
    assert np.ptp(light.position_world, axis=0).max() == 0
