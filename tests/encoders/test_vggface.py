"""VGG-Face: its published size, and weights from the authors' kind of file (here with few filters and random numbers)."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from mmreg.encoders import EncoderError
from mmreg.encoders.vggface import build_vggface, load_vggface

FEW = (2, 3, 3, 4, 4)


def few():
    return build_vggface(FEW, 6)


@pytest.fixture(scope="module")
def arrays():
    """Random arrays by layer name, in the order of the layers."""
    random = np.random.default_rng(0)
    return {
        f"{layer.name}/{w.name}": random.normal(0.0, 0.3, w.shape).astype(np.float32)
        for layer in few().layers
        for w in layer.weights
    }


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).uniform(size=(1, 224, 224, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(arrays, picture):
    network = few()
    network.set_weights(list(arrays.values()))
    return np.asarray(network(picture)[0])


def test_the_published_network_has_13_convolutions_and_two_layers_of_4096():
    network = build_vggface()
    kernels = [layer.kernel.shape for layer in network.layers if layer.weights]
    assert len(kernels) == 15
    assert kernels[0] == (3, 3, 3, 64)
    assert kernels[12] == (3, 3, 512, 512)
    assert kernels[13:] == [(7, 7, 512, 4096), (1, 1, 4096, 4096)]
    assert network.get_layer("pool5").output.shape[1:] == (7, 7, 512)
    assert network.count_params() == 14_714_688 + 7 * 7 * 512 * 4096 + 4096 + 4096 * 4096 + 4096  # VGG-16's, to fc7


def test_the_authors_file_is_read(arrays, expected, picture, tmp_path):
    names = dict.fromkeys(name.split("/")[0] for name in arrays)
    layers = np.empty(len(names) + 1, object)
    for k, name in enumerate(names):
        weights = np.empty(2, object)
        weights[:] = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
        layers[k] = {"name": name, "type": "conv", "weights": weights}
    layers[-1] = {"name": "prob", "type": "softmax"}
    path = tmp_path / "vgg_face.mat"
    savemat(path, {"net": {"layers": layers}})
    encoder = load_vggface(path, few())
    np.testing.assert_allclose(encoder(picture).features, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(encoder(picture).embedding, encoder(picture).features)
    assert (encoder.feature_size, encoder.embedding_size) == (6, 6)
    assert len(encoder.checksum) == 64


def test_a_file_of_keras_is_read_by_the_ends_of_its_names(arrays, expected, picture, tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[f"model_weights/{name}"] = array
    np.testing.assert_allclose(load_vggface(path, few())(picture).features, expected, rtol=1e-4, atol=1e-4)


def test_the_mean_colour_is_taken_away(arrays):
    network = few()
    mean = np.broadcast_to(np.array([129.1863, 104.7624, 93.5940], np.float32) / 255.0, (1, 224, 224, 3))
    np.testing.assert_allclose(np.asarray(network.get_layer("mean")(mean)), 0.0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vgg_face.mat", None, "isn't there"),
        ("vgg_face.mat", b"no matrix", "can't be read as a MATLAB file"),
        ("weights.h5", b"no weights", "can't be read"),
        ("weights.pth", b"pickle", "pickles never"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EncoderError, match=message):
        load_vggface(tmp_path / name, few())


def test_a_matlab_file_of_other_things_is_refused(tmp_path):
    savemat(tmp_path / "other.mat", {"x": np.ones(3)})
    with pytest.raises(EncoderError, match="holds no layers"):
        load_vggface(tmp_path / "other.mat", few())
