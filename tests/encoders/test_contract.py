"""What an encoder must fulfil: ours do, and each way to fail is told by its own sentence."""

import hashlib
from dataclasses import replace

import keras
import numpy as np
import pytest

from mmreg.encoders import EncoderError, load_encoder
from mmreg.encoders.contract import check_contract, violations
from mmreg.encoders.registry import Encoder
from mmreg.encoders.templates import scaled_templates

SIZE = (32, 32)


def tiny(embed=None, trainable=False):
    """A network of one convolution, or with another way from its map to the embedding."""
    keras.utils.set_random_seed(0)
    images = keras.Input((*SIZE, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 5, activation="relu")(images))
    embedding = keras.layers.Dense(4)(features)
    network = keras.Model(images, [features, embed(images, embedding) if embed else embedding])
    network.trainable = trainable
    checksum = hashlib.sha256(b"tiny").hexdigest()
    return Encoder("tiny", network, SIZE, 8, 4, checksum, *scaled_templates(SIZE), "Apache-2.0")


@pytest.mark.parametrize("name", ["dlib", "dlib+skin", "dlib-layers"])
def test_our_encoders_fulfil_it(name):
    check_contract(load_encoder(name))


def test_a_tiny_one_fulfils_it():
    assert violations(tiny()) == []
    assert violations(replace(tiny(), both_sides=True)) == []


@keras.saving.register_keras_serializable("mmreg_tests")
class Rounded(keras.layers.Layer):
    def call(self, x):
        return keras.ops.stop_gradient(x)


@keras.saving.register_keras_serializable("mmreg_tests")
class AgainstTheBatch(keras.layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


@keras.saving.register_keras_serializable("mmreg_tests")
class Silent(keras.layers.Layer):
    def call(self, x):
        return 0.0 * x


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (tiny(trainable=True), "must be frozen"),
        (replace(tiny(), name="tiny:file"), "colon"),
        (replace(tiny(), checksum="abc"), "64 hexadecimal digits"),
        (replace(tiny(), feature_size=9), r"features should have the shape \(3, 9\)"),
        (replace(tiny(), image_size=(4, 4)), "can't encode pictures"),
        (replace(tiny(), template=tiny().template + 30.0), "must lie within"),
        (replace(tiny(), template=tiny().template[[1, 0, 2, 3, 4]]), "image-left eye"),
        (replace(tiny(), alignment_template=np.zeros((4, 2))), "five points"),
        (replace(tiny(), both_sides=True, template=tiny().template + np.float32([1.0, 0.0])), "must be symmetric"),
        (tiny(lambda images, x: Rounded()(x)), "no gradient reaches the pictures"),
        (tiny(lambda images, x: AgainstTheBatch()(x)), "alone as among others"),
        (tiny(lambda images, x: Silent()(x)), "the same for different pictures"),
        (tiny(lambda images, x: x / Silent()(x)), "aren't finite"),
    ],
)
def test_a_broken_one_is_refused_in_words(encoder, message):
    with pytest.raises(EncoderError, match=message):
        check_contract(encoder)


def test_an_installed_package_s_encoder_is_found_by_name(monkeypatch):
    from mmreg.encoders import register, registry

    class Entry:
        def load(self):
            register("of_a_package", tiny)

    monkeypatch.setattr(registry, "_asked", False)
    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()] if group == "mmreg.encoders" else [])
    assert load_encoder("of_a_package").name == "tiny"
    with pytest.raises(EncoderError, match=r"no encoder named 'unknown'.*of_a_package"):
        load_encoder("unknown")
    registry._factories.pop("of_a_package")
