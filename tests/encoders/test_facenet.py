"""FaceNet's NN2 against the sizes that Schroff et al. publish in their table 2."""

import numpy as np
import pytest
import tensorflow as tf

from mmreg.encoders import EncoderError, load_encoder
from mmreg.encoders.facenet import MODULES, build_facenet

# output side, depth, thousands of parameters
TABLE = {
    "3a": (28, 256, 164), "3b": (28, 320, 228), "3c": (14, 640, 398), "4a": (14, 640, 545), "4b": (14, 640, 595),
    "4c": (14, 640, 654), "4d": (14, 640, 722), "4e": (7, 1024, 717), "5a": (7, 1024, 1600), "5b": (7, 1024, 1600),
}  # fmt: skip


@pytest.fixture(scope="module")
def network():
    return build_facenet()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_has_the_published_size_and_weights(network, module):
    side, depth, thousands = TABLE[module.name]
    assert network.get_layer(f"inception_{module.name}_output").output.shape[1:] == (side, side, depth)
    of_module = [layer for layer in network.layers if layer.name.startswith(f"inception_{module.name}_")]
    assert sum(layer.count_params() for layer in of_module) / 1000 == pytest.approx(thousands, rel=0.04)


def test_the_whole_has_the_published_size(network):
    assert network.count_params() / 1e6 == pytest.approx(7.5, abs=0.1)
    assert network.get_layer("conv1").output.shape[1:] == (112, 112, 64)
    assert network.get_layer("conv2").output.shape[1:] == (56, 56, 192)
    assert [output.shape[1:] for output in network.outputs] == [(1024,), (128,)]


def test_embeddings_are_unit_and_the_gradient_reaches_the_picture(network):
    pictures = tf.random.stateless_uniform((1, 224, 224, 3), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        _, embedding = network(pictures)
        value = embedding[0, 0]
    assert float(tf.norm(embedding)) == pytest.approx(1.0, abs=1e-4)
    gradient = tape.gradient(value, pictures).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_weights_are_read_by_their_names(network, tmp_path):
    arrays = {f"{layer.name}/{w.name}": w.numpy() for layer in network.layers for w in layer.weights}
    path = tmp_path / "facenet.npz"
    np.savez(path, **arrays)
    encoder = load_encoder(f"facenet:{path}")
    picture = np.random.default_rng(0).uniform(size=(1, 224, 224, 3)).astype(np.float32)
    features, embedding = network(picture)
    np.testing.assert_allclose(encoder(picture).features, features, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(encoder(picture).embedding, embedding, rtol=1e-4, atol=1e-6)
    assert encoder.network.trainable_weights == []
    assert load_encoder(f"facenet:{path}") is encoder
    assert encoder.name == "facenet"  # which weights name; the path is this machine's
    assert encoder.template.max() < 224


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("conv2/bias"), "no array conv2/bias"),
        (lambda a: a.update({"conv1/kernel": np.zeros(3)}), "conv1/kernel should have the shape"),
        (lambda a: a.update({"conv1/bias": np.full(64, np.nan)}), "aren't finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(network, tmp_path, change, message):
    arrays = {f"{layer.name}/{w.name}": w.numpy() for layer in network.layers for w in layer.weights}
    change(arrays)
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"facenet:{tmp_path / 'weights.npz'}")


@pytest.mark.parametrize("name", ["weights.pt", "absent.npz"])
def test_pickles_and_absent_files_are_refused(tmp_path, name):
    if name != "absent.npz":
        (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(EncoderError, match=r"pickles never|isn't there"):
        load_encoder(f"facenet:{tmp_path / name}")
