"""Inception-ResNet-v1 has the published sizes, and weights are read by any of their three namings."""

import h5py
import numpy as np
import pytest
import tensorflow as tf

from mmreg.encoders import EncoderError, load_encoder
from mmreg.encoders.inception_resnet import build_inception_resnet, load_inception_resnet

# output side and depth, from Szegedy et al. (2017), figure 14, at 160 pixels instead of 299
SIZES = {
    "conv2d_1a.relu": (79, 32),
    "conv2d_2a.relu": (77, 32),
    "conv2d_2b.relu": (77, 64),
    "maxpool_3a": (38, 64),
    "conv2d_3b.relu": (38, 80),
    "conv2d_4a.relu": (36, 192),
    "conv2d_4b.relu": (17, 256),
    "repeat_1.4.relu": (17, 256),
    "mixed_6a.joined": (8, 896),
    "repeat_2.9.relu": (8, 896),
    "mixed_7a.joined": (3, 1792),
    "block8.sum": (3, 1792),
}


@pytest.fixture(scope="module")
def network():
    """Random weights, the normalisations' own included, so that no array can take another's place unnoticed."""
    built = build_inception_resnet()
    random = np.random.default_rng(0)
    for layer in built.layers:
        for variable in layer.weights:
            if variable.name in ("gamma", "moving_variance"):
                variable.assign(random.uniform(0.5, 1.5, variable.shape))
            elif variable.name != "kernel":
                variable.assign(random.normal(0.0, 0.1, variable.shape))
    return built


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).uniform(size=(1, 160, 160, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(network, picture):
    return [np.asarray(output) for output in network(picture, training=False)]


def arrays_of(network):
    return {f"{layer.name}/{w.name}": w.numpy() for layer in network.layers for w in layer.weights}


def torch_name(name):
    """facenet-pytorch's name of one of our arrays, from its modules' source."""
    layer, kind = name.split("/")
    words = {
        "kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias",
        "moving_mean": "running_mean", "moving_variance": "running_var",
    }  # fmt: skip
    return f"{layer}.{words[kind]}"


def torch_layout(array):
    return np.transpose(array, (3, 2, 0, 1)) if array.ndim == 4 else array.T


def deepface_name(layer, kernel_size):
    """deepface's name of one of our layers, from its Keras source."""
    words = layer.split(".")
    blocks = {"repeat_1": "Block35", "repeat_2": "Block17", "repeat_3": "Block8"}
    normalised = "_BatchNorm" if words[-1] in ("bn", "last_bn") else ""
    if words[0].startswith("last"):
        return f"Bottleneck{normalised}"
    size = "x".join(map(str, kernel_size))
    if words[0].startswith("conv2d"):
        return f"Conv2d_{words[0][-2:]}_{size}{normalised}"
    if words[0] in blocks:
        block, rest = f"{blocks[words[0]]}_{int(words[1]) + 1}", words[2:]
    else:
        block, rest = {"block8": "Block8_6"}.get(words[0], words[0].capitalize()), words[1:]
    if rest == ["conv2d"]:
        return f"{block}_Conv2d_1x1"
    branch, place = rest[0][-1], rest[1] if len(rest) == 3 else None
    halves = block.startswith("Mixed") and (block, branch, place) in {
        ("Mixed_6a", "0", None), ("Mixed_6a", "1", "2"), ("Mixed_7a", "0", "1"), ("Mixed_7a", "1", "1"), ("Mixed_7a", "2", "2"),
    }  # fmt: skip
    letter = "1a_" if halves else f"0{'abc'[int(place)]}_" if place is not None else ""
    return f"{block}_Branch_{branch}_Conv2d_{letter}{size}{normalised}"


@pytest.mark.parametrize("layer", SIZES)
def test_a_layer_has_the_published_size(network, layer):
    side, depth = SIZES[layer]
    assert network.get_layer(layer).output.shape[1:] == (side, side, depth)


def test_the_whole_has_the_published_number_of_weights(network):
    statistics = sum(w.count_params() if hasattr(w, "count_params") else int(np.prod(w.shape))
                     for layer in network.layers for w in layer.weights if w.name.startswith("moving"))  # fmt: skip
    logits = 512 * 8631 + 8631  # of facenet-pytorch's classifier over VGGFace2's people, which isn't part of ours
    assert network.count_params() - statistics == 23_482_624
    assert network.count_params() - statistics + logits == 27_910_327
    assert [output.shape[1:] for output in network.outputs] == [(1792,), (512,)]


def test_embeddings_are_unit_and_the_gradient_reaches_the_picture(network, picture):
    pictures = tf.constant(picture)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        _, embedding = network(pictures, training=False)
        value = embedding[0, 0]
    assert float(tf.norm(embedding)) == pytest.approx(1.0, abs=1e-4)
    gradient = tape.gradient(value, pictures).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def same(encoder, picture, expected):
    encoding = encoder(picture)
    np.testing.assert_allclose(encoding.features, expected[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(encoding.embedding, expected[1], rtol=1e-3, atol=1e-5)


def test_weights_are_read_by_our_names(network, picture, expected, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **arrays_of(network))
    encoder = load_encoder(f"inception_resnet:{path}")
    same(encoder, picture, expected)
    assert encoder.network.trainable_weights == []
    assert (encoder.name, encoder.feature_size, encoder.embedding_size) == ("inception_resnet", 1792, 512)
    assert encoder.template.max() < 160


def test_weights_are_read_by_the_names_and_in_the_layout_of_facenet_pytorch(network, picture, expected, tmp_path):
    path = tmp_path / "weights.npz"
    arrays = {torch_name(name): torch_layout(array) for name, array in arrays_of(network).items()}
    assert {"conv2d_1a.conv.weight", "repeat_2.9.branch1.2.bn.running_var", "block8.conv2d.bias"} <= set(arrays)
    others = {"logits.weight": np.zeros((8631, 512), np.float32), "conv2d_1a.bn.num_batches_tracked": np.array(0)}
    np.savez(path, **arrays, **others)
    same(load_inception_resnet(path), picture, expected)


def test_a_file_of_deepface_is_read_whose_normalisations_have_no_gain(network, picture, tmp_path):
    plain = build_inception_resnet(128)
    for layer in plain.layers:
        for variable in layer.weights:
            other = next((w for w in network.get_layer(layer.name).weights if w.name == variable.name), None)
            if variable.name != "gamma" and other is not None and other.shape == variable.shape:
                variable.assign(other)
    kernels = {layer.name: layer.kernel_size for layer in plain.layers if hasattr(layer, "kernel_size")}
    path, names = tmp_path / "facenet_weights.h5", set()
    with h5py.File(path, "w") as file:
        for name, array in arrays_of(plain).items():
            layer, kind = name.split("/")
            if kind != "gamma":
                theirs = deepface_name(layer, kernels.get(layer.removesuffix("bn") + "conv", kernels.get(layer)))
                names.add(theirs)
                file[f"{theirs}/{theirs}/{kind}:0"] = array
    assert {
        "Conv2d_1a_3x3", "Block35_1_Branch_2_Conv2d_0c_3x3_BatchNorm", "Mixed_6a_Branch_0_Conv2d_1a_3x3",
        "Block17_10_Branch_1_Conv2d_0b_1x7", "Block8_6_Conv2d_1x1", "Block8_6_Branch_0_Conv2d_1x1", "Bottleneck_BatchNorm",
    } <= names  # fmt: skip
    encoder = load_inception_resnet(path)
    assert encoder.embedding_size == 128
    same(encoder, picture, [np.asarray(output) for output in plain(picture, training=False)])


def test_weights_that_do_not_fit_are_refused_by_name(network, tmp_path):
    arrays = arrays_of(network)
    arrays.pop("repeat_1.0.branch0.bn/moving_mean")
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(EncoderError, match=r"no array repeat_1.0.branch0.bn/moving_mean"):
        load_inception_resnet(tmp_path / "weights.npz")
    with pytest.raises(EncoderError, match="pickles never"):
        load_inception_resnet("20180402-114759-vggface2.pt")
