"""dlib's ResNet: its shape, its derivative, and that it tells people apart."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmreg.encoders import (
    Encoder,
    EncoderError,
    centred_unit,
    cosine,
    dlib_resnet,
    encoder_names,
    load_encoder,
    register,
    registry,
)
from mmreg.encoders.alignment import align, detect
from mmreg.encoders.dlib_dat import read_weights, weights_path

SIZE = (150, 150)


@pytest.fixture(scope="module")
def portrait():
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the portrait")
    return data.astronaut().astype(np.float32) / 255


def test_the_network_has_29_convolutions_and_5_6_million_frozen_weights(encoder):
    convolutions = [layer for layer in encoder.network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 29
    # Every affine layer's gain and offset is folded away: 29 kernels with bias, and 256 x 128 weights
    assert encoder.network.count_params() == sum(layer.count_params() for layer in convolutions) + 256 * 128
    assert 5.55e6 < encoder.network.count_params() < 5.65e6
    assert not encoder.network.trainable_variables


def test_the_map_before_the_pool_has_1024_values(encoder):
    pooled = encoder.network.get_layer("features")
    assert pooled.input.shape[1:] == (2, 2, 256)


def test_the_encoder_of_the_map_says_where_what_the_pooled_one_averages(encoder):
    mapped = load_encoder("dlib-map")
    images = np.random.default_rng(1).random((2, *SIZE, 3)).astype(np.float32)
    features, embedding = mapped(images)
    pooled, same_embedding = encoder(images)
    assert features.shape == (2, mapped.feature_size) == (2, 1024)
    np.testing.assert_allclose(np.asarray(features).reshape(2, 4, 256).mean(axis=1), pooled, atol=1e-5)
    np.testing.assert_allclose(embedding, same_embedding, atol=1e-5)
    assert mapped.checksum != encoder.checksum
    assert load_encoder("dlib-map+skin")(images).features.shape == (2, 1027)


def test_the_encoder_of_layers_tells_the_pool_and_a_coarse_map_from_halfway(encoder):
    layered = load_encoder("dlib-layers")
    images = np.random.default_rng(1).random((2, *SIZE, 3)).astype(np.float32)
    features, embedding = layered(images)
    pooled, same_embedding = encoder(images)
    assert features.shape == (2, layered.feature_size) == (2, 256 + 4 * 4 * 128)
    np.testing.assert_allclose(np.asarray(features)[:, :256], pooled, atol=1e-5)
    np.testing.assert_allclose(embedding, same_embedding, atol=1e-5)
    halfway = next(layer.output for layer in encoder.network.layers[::-1] if layer.output.shape[1:] == (8, 8, 128))
    maps = np.asarray(keras.Model(encoder.network.input, halfway)(images))
    middle = np.asarray(features)[:, 256:].reshape(2, 4, 4, 128)
    np.testing.assert_allclose(middle, maps.reshape(2, 4, 2, 4, 2, 128).mean(axis=(2, 4)), atol=1e-5)
    names = ("dlib", "dlib-map", "dlib-layers", "dlib-layers+skin", "dlib-layers-one-side")
    assert len({load_encoder(name).checksum for name in names}) == 5
    assert [load_encoder(name).name for name in names] == list(names)
    assert {
        load_encoder(name).last_features or load_encoder(name).feature_size for name in names if name != "dlib-map"
    } == {256}
    assert load_encoder("dlib+skin").last_features == 256  # the cheeks' tone is no feature of the recogniser's


def test_photographs_are_seen_from_both_sides_by_the_encoder_of_layers_alone(encoder):
    images = np.random.default_rng(2).random((3, *SIZE, 3)).astype(np.float32)
    telling = load_encoder("dlib-layers+skin")
    mirrored = telling.predict(images[:, :, ::-1])
    for part, same, one, other in zip(
        telling.predict(images), mirrored, telling(images), telling(images[:, :, ::-1]), strict=True
    ):
        np.testing.assert_allclose(part, (np.asarray(one) + np.asarray(other)) / 2, atol=1e-4)
        np.testing.assert_allclose(part, same, atol=1e-5)
        assert np.abs(part - one).max() > 1e-3
    assert np.abs(encoder.predict(images).features - encoder.predict(images[:, :, ::-1]).features).max() > 1e-3


def test_encodings_have_the_sizes_that_the_encoder_states(encoder):
    images = np.random.default_rng(0).random((3, *SIZE, 3)).astype(np.float32)
    features, embedding = encoder(images)
    assert (encoder.image_size, encoder.feature_size, encoder.embedding_size) == (SIZE, 256, 128)
    assert features.shape == (3, 256)
    assert embedding.shape == (3, 128)
    assert (np.asarray(features) >= 0).all()
    np.testing.assert_allclose(encoder.predict(images).embedding, embedding, atol=1e-5)


def test_no_images_have_no_encodings(encoder):
    features, embedding = encoder.predict(np.zeros((0, *SIZE, 3), np.float32))
    assert features.shape == (0, 256)
    assert embedding.shape == (0, 128)


def test_the_embedding_is_linear_in_the_features(encoder):
    images = np.random.default_rng(1).random((2, *SIZE, 3)).astype(np.float32)
    features, embedding = map(np.asarray, encoder(images))
    kernel = np.asarray(encoder.network.get_layer("embedding").kernel)
    np.testing.assert_allclose(features @ kernel, embedding, atol=1e-5)


def test_one_image_is_encoded_the_same_alone_and_among_others(encoder):
    images = np.random.default_rng(2).random((4, *SIZE, 3)).astype(np.float32)
    np.testing.assert_allclose(encoder(images[2:3]).embedding[0], encoder(images).embedding[2], atol=1e-5)


def directional_error(function, gradient, point, direction, step):
    """|(f(x + h d) − f(x − h d))/2h − g·d| / |g·d|."""
    measured = (function(point + step * direction) - function(point - step * direction)) / (2 * step)
    predicted = float((gradient * direction).sum())
    return abs(measured - predicted) / abs(predicted)


@pytest.fixture(scope="module")
def slope(encoder, portrait):
    """A function of the embedding, its gradient by the tape inside a compiled function, and a chip to take it at."""
    chip = align(portrait, detect(portrait)[0].points, encoder)
    weights = np.random.default_rng(3).normal(size=128).astype(np.float32)

    def function(image):
        return float(np.dot(np.asarray(encoder(image[None]).embedding, np.float64)[0], weights))

    @tf.function(jit_compile=False)
    def gradient(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = tf.reduce_sum(encoder(image[None]).embedding[0] * weights)
        return tape.gradient(value, image)

    return function, gradient(tf.constant(chip)).numpy(), chip


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_gradient_with_respect_to_the_image_is_that_of_finite_differences(slope, seed):
    function, gradient, chip = slope
    # Along the gradient with some noise: float32 rounding drowns directions that hardly change the embedding, and a longer
    # step crosses kinks of the relus (1 % at a step of 0.01).
    noise = np.random.default_rng(seed).normal(size=chip.shape)
    direction = gradient / np.linalg.norm(gradient) + 0.5 * noise / np.linalg.norm(noise)
    assert directional_error(function, gradient, chip, direction.astype(np.float32), step=5e-4) < 0.005


def test_finite_differences_refuse_a_wrong_gradient(slope):
    function, gradient, chip = slope
    direction = (gradient / np.linalg.norm(gradient)).astype(np.float32)
    assert directional_error(function, 1.1 * gradient, chip, direction, step=5e-4) > 0.05
    assert directional_error(function, gradient[:, ::-1], chip, direction, step=5e-4) > 0.05


def test_versions_of_one_portrait_are_nearer_than_anything_else(encoder, portrait):
    points = detect(portrait)[0].points
    jitter = np.random.default_rng(4).normal(size=(2, 5, 2)).astype(np.float32)
    same = [
        align(portrait, points, encoder),
        align(portrait**1.4, points + jitter[0], encoder),
        align(0.8 * portrait, points + jitter[1], encoder),
    ]
    # The same skin and hair, but no longer this person: mirrored top to bottom, and cut at other places.
    others = [
        same[0][::-1],
        align(portrait, points + np.array([40.0, 20.0]), encoder),
        align(portrait, points * 0.7, encoder),
    ]
    embedding = encoder(np.stack([*same, *others])).embedding
    unit = np.asarray(centred_unit(embedding, np.mean(embedding, axis=0)))
    likeness = unit @ unit.T
    assert likeness[:3, :3].min() > 0.5 > likeness[:3, 3:].max()


def test_cosine_ignores_lengths_and_centring_removes_the_common_offset():
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=(2, 7, 16)).astype(np.float32)
    np.testing.assert_allclose(cosine(3 * a, 0.1 * b), cosine(a, b), atol=1e-6)
    np.testing.assert_allclose(cosine(a, a), 1, atol=1e-6)
    offset = np.full(16, 5.0, np.float32)
    np.testing.assert_allclose(centred_unit(a + offset, offset), centred_unit(a, 0 * offset), atol=1e-5)


def test_the_template_is_a_symmetric_face_within_the_image(encoder):
    right_eye, left_eye, nose, right_mouth, left_mouth = encoder.template
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] == left_eye[1] < nose[1] < right_mouth[1] == left_mouth[1]
    assert right_eye[0] + left_eye[0] == pytest.approx(2 * nose[0]) == right_mouth[0] + left_mouth[0]
    for template in (encoder.template, encoder.alignment_template):
        assert template.shape == (5, 2)
        assert ((template > 0) & (template < 149)).all()


def test_an_encoder_is_loaded_once_and_an_unknown_one_lists_the_known():
    assert "dlib" in encoder_names()
    assert load_encoder("dlib") is load_encoder("dlib")
    with pytest.raises(EncoderError, match="dlib"):
        load_encoder("no such encoder")


def test_a_registered_encoder_is_loaded_by_its_name(encoder, monkeypatch):
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    mine = Encoder("mine", encoder.network, SIZE, 256, 128, "", encoder.template, encoder.alignment_template, "")
    register("mine", lambda: mine)
    assert load_encoder("mine") is mine
    assert load_encoder("dlib") is encoder


def test_another_networks_file_is_refused():
    path = weights_path("mmod_human_face_detector.dat")
    with pytest.raises(EncoderError, match="mmod_human_face_detector"):
        dlib_resnet.build_network(path.read_bytes(), str(path))


def test_an_absent_or_empty_weights_file_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"none\.dat"):
        read_weights(tmp_path / "none.dat")
    (tmp_path / "empty.dat").touch()
    with pytest.raises(EncoderError, match="empty"):
        read_weights(tmp_path / "empty.dat")
