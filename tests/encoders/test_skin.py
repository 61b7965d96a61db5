"""An encoder that tells the cheeks' colour beside what it told before."""

import numpy as np
import pytest
import tensorflow as tf

from mmreg.color import linear_to_srgb, srgb_to_linear
from mmreg.data.photographs import photo_like_features
from mmreg.encoders import load_encoder
from mmreg.encoders.skin import cheek_weights, skin_color

PICTURES = np.random.default_rng(0).uniform(0.1, 0.9, (3, 150, 150, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def telling():
    return load_encoder("dlib+skin")


def test_features_and_embedding_are_as_before_and_three_numbers_follow(telling, encoder):
    plain, with_tone = encoder.predict(PICTURES), telling.predict(PICTURES)
    np.testing.assert_allclose(with_tone.features[:, :-3], plain.features, atol=1e-5)
    np.testing.assert_allclose(with_tone.embedding, plain.embedding, atol=1e-5)
    assert with_tone.features.shape == (3, telling.feature_size) == (3, encoder.feature_size + 3)
    assert telling.checksum != encoder.checksum
    assert telling.network.trainable_weights == []


def test_a_plain_picture_has_the_tone_of_its_colour(telling):
    plain = np.full((1, 150, 150, 3), [0.5, 1.0, 0.25], np.float32)
    r, g, b = 0.214041, 1.0, 0.050876  # linear
    expected = np.log([0.2126 * r + 0.7152 * g + 0.0722 * b, r / g, b / g])
    np.testing.assert_allclose(telling.predict(plain).features[0, -3:], expected, atol=1e-3)


def test_half_the_light_lowers_the_luminance_alone(telling):
    light = np.asarray(srgb_to_linear(PICTURES))
    full, half = (telling.predict(np.asarray(linear_to_srgb(k * light))).features[:, -3:] for k in (1.0, 0.5))
    np.testing.assert_allclose(full[:, 0] - half[:, 0], np.log(2.0), atol=1e-3)
    np.testing.assert_allclose(full[:, 1:], half[:, 1:], atol=1e-3)


def test_the_gradient_reaches_the_cheeks(telling):
    pictures = tf.constant(PICTURES[:1])
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        value = tf.reduce_sum(telling(pictures).features[:, -3])
    gradient = tape.gradient(value, pictures).numpy()[0]
    assert (gradient[70:80, 40:110] > 0).any()
    assert (gradient[:10] == 0).all()


def test_the_stand_in_for_photographs_has_tones_of_its_own(telling):
    photos = photo_like_features(50, 0, telling)
    plain = photo_like_features(50, 0)
    assert photos.features.shape == (50, telling.feature_size)
    assert photos.encoder_checksum == telling.checksum
    assert photos.stand_in
    np.testing.assert_array_equal(photos.features[:, :-3], plain.features)
    assert photos.features[:, -3].std() > 0.1


def test_cheeks_are_weighed_to_one_and_lie_between_eyes_and_mouth(encoder):
    weights = cheek_weights(encoder)
    assert weights.sum() == pytest.approx(1)
    row, column = np.nonzero(weights)
    right_eye, left_eye, _, right_mouth, _ = encoder.template
    assert right_eye[1] < row.min()
    assert row.max() < right_mouth[1]
    assert right_eye[0] - 10 < column.min()
    assert column.max() < left_eye[0] + 10


def test_the_skin_colour_of_a_plain_image_is_its_linear_colour(encoder):
    chips = np.full((2, 150, 150, 3), [0.5, 1.0, 0.0], np.float32)
    np.testing.assert_allclose(skin_color(chips, cheek_weights(encoder)), [[0.21404, 1, 0]] * 2, atol=1e-4)
