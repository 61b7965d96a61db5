"""dlib's DenseNet: read from a file of the user's, in the right order, and able to tell people apart.

The recogniser's own weights aren't installed with the project; MMREG_DENSENET names their file for the tests that need them.
"""

import bz2
import os
from pathlib import Path

import dlib_writer as write
import numpy as np
import pytest

from mmreg.encoders import EncoderError, centred_unit
from mmreg.encoders.alignment import align, detect
from mmreg.encoders.dlib_dat import BatchNorm, Convolution, Dense, layers, weights_path
from mmreg.encoders.dlib_densenet import BLOCKS, load_densenet

FILE_NAME = "face_recognition_densenet_model_v1.dat.bz2"
BESIDE_REPOSITORY = Path(__file__).parents[3] / "shared" / "data" / "weights" / FILE_NAME
WEIGHTS = Path(os.environ.get("MMREG_DENSENET", BESIDE_REPOSITORY))
with_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"MMREG_DENSENET doesn't name {FILE_NAME}")

GROWTH, STEM, NARROW = 16, 32, 8  # dlib's own narrow convolutions have 64 filters


def norm(generator, channels: int) -> bytes:
    gain, offset, mean = generator.normal(size=(3, channels))
    variance = generator.uniform(0.5, 2.0, channels)
    alias = write.integer(1) + write.shape(1, channels, 1, 1)
    running = b"".join(map(write.flat_tensor, (mean, variance, mean, variance)))
    numbers = write.shape(100, 1000) + write.real(1.0) * 4 + write.real(1e-4)
    return write.string("bn_con2") + write.flat_tensor(np.concatenate([gain, offset])) + alias * 2 + running + numbers


def convolution(generator, outputs: int, inputs: int, rows: int, stride: int = 1) -> bytes:
    """The kind that says whether it has a bias; it has none."""
    kernel = generator.normal(size=(outputs, inputs, rows, rows)) / np.sqrt(inputs * rows**2)
    numbers = write.shape(outputs, rows, rows, stride, stride, rows // 2, rows // 2)
    aliases = write.integer(1) + write.shape(*kernel.shape) + write.integer(1) + write.shape(0, 0, 0, 0)
    return write.string("con_5") + write.flat_tensor(kernel) + numbers + aliases + write.real(1.0) * 4 + b"0"


def densenet_file(seed: int = 0, outputs: int = 128) -> bytes:
    """A file of dlib's architecture, with random weights and narrower convolutions."""
    generator = np.random.default_rng(seed)
    channels, blocks, between = STEM, [], []
    for number, count in enumerate(BLOCKS):
        for _ in range(count):
            first = norm(generator, channels) + convolution(generator, NARROW, channels, 1)
            blocks.append(first + norm(generator, NARROW) + convolution(generator, GROWTH, NARROW, 3))
            channels += GROWTH
        between.append(norm(generator, channels))
        if number < len(BLOCKS) - 1:
            between.append(convolution(generator, channels // 2, channels, 1))
            channels //= 2
    scaling = write.string("input_rgb_image") + b"".join(map(write.real, (122.782, 117.001, 104.298)))
    stem = scaling + convolution(generator, STEM, 3, 7, stride=2) + norm(generator, STEM)
    weights = generator.normal(size=(channels, outputs))
    head = write.string("fc_3") + write.shape(outputs, channels) + write.flat_tensor(weights)
    return b"".join([*blocks[::-1], stem, *between, head])


@pytest.fixture(scope="module")
def random_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("densenet") / "random.dat"
    path.write_bytes(densenet_file())
    return path


@pytest.fixture(scope="module")
def random_encoder(random_file):
    return load_densenet(random_file)


@pytest.fixture(scope="module")
def judge():
    return load_densenet(WEIGHTS)


@pytest.fixture(scope="module")
def judge_layers():
    content = WEIGHTS.read_bytes()
    return list(layers(bz2.decompress(content) if content.startswith(b"BZh") else content, WEIGHTS.name))


def test_a_packed_file_holds_the_same_weights_as_the_unpacked_one(random_file, random_encoder, tmp_path):
    packed = tmp_path / "random.dat.bz2"
    packed.write_bytes(bz2.compress(random_file.read_bytes()))
    again = load_densenet(packed)
    assert again.checksum == random_encoder.checksum
    for weight, same in zip(again.network.get_weights(), random_encoder.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_the_embedding_is_linear_in_the_features_and_the_weights_are_frozen(random_file, random_encoder):
    images = np.random.default_rng(1).random((2, *random_encoder.image_size, 3)).astype(np.float32)
    features, embedding = map(np.asarray, random_encoder(images))
    assert features.shape == (2, random_encoder.feature_size) == (2, 258)
    assert embedding.shape == (2, random_encoder.embedding_size) == (2, 128)
    *_, head = layers(random_file.read_bytes(), "random.dat")
    assert isinstance(head, Dense)
    np.testing.assert_allclose(features @ head.weights, embedding, rtol=1e-3, atol=1e-4)
    assert not random_encoder.network.trainable_variables


def test_one_image_is_encoded_the_same_alone_and_among_others(random_encoder):
    images = np.random.default_rng(2).random((3, *random_encoder.image_size, 3)).astype(np.float32)
    alone, among = random_encoder(images[1:2]).embedding[0], random_encoder(images).embedding[1]
    np.testing.assert_allclose(alone, among, rtol=1e-3, atol=1e-4)


def test_photographs_are_aligned_as_for_the_resnet(random_encoder, encoder):
    np.testing.assert_array_equal(random_encoder.alignment_template, encoder.alignment_template)
    np.testing.assert_array_equal(random_encoder.template, encoder.template)


def test_an_absent_or_empty_file_is_refused_by_its_name(tmp_path):
    with pytest.raises(EncoderError, match=r"none\.dat"):
        load_densenet(tmp_path / "none.dat")
    with pytest.raises(EncoderError, match="can't be read"):
        load_densenet(tmp_path)
    (tmp_path / "empty.dat").touch()
    with pytest.raises(EncoderError, match=r"empty\.dat is empty.*dlib-models"):
        load_densenet(tmp_path / "empty.dat")


def test_a_packed_file_that_ends_early_is_refused_by_its_name(random_file, tmp_path):
    packed = bz2.compress(random_file.read_bytes())
    for length in (3, 100, len(packed) - 1):
        (tmp_path / "short.dat.bz2").write_bytes(packed[:length])
        with pytest.raises(EncoderError, match=r"short\.dat\.bz2 can't be unpacked.*dlib-models"):
            load_densenet(tmp_path / "short.dat.bz2")


def test_a_file_that_ends_early_is_refused_and_the_remedy_is_not_to_reinstall_another_package(random_file, tmp_path):
    content = random_file.read_bytes()
    path = tmp_path / "short.dat"
    for length in (1, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(EncoderError, match=r"short\.dat .*dlib-models") as refusal:
            load_densenet(path)
        assert "reinstall" not in str(refusal.value)


def test_another_networks_file_is_refused():
    with pytest.raises(EncoderError, match="another network than dlib's DenseNet"):
        load_densenet(weights_path("dlib_face_recognition_resnet_model_v1.dat"))


def test_layers_that_do_not_fit_each_other_are_refused(tmp_path):
    content = densenet_file()
    parts = content.split(write.string("bn_con2"))
    parts[1], parts[3] = parts[3], parts[1]  # two norms with other numbers of channels, each with its convolution
    (tmp_path / "shuffled.dat").write_bytes(write.string("bn_con2").join(parts))
    with pytest.raises(EncoderError, match=r"shuffled\.dat holds another network"):
        load_densenet(tmp_path / "shuffled.dat")


@with_weights
def test_the_file_has_62_convolutions_and_0_63_million_weights(judge, judge_layers):
    assert sum(isinstance(layer, Convolution) for layer in judge_layers) == 2 * sum(BLOCKS) + len(BLOCKS) == 62
    assert 0.62e6 < judge.network.count_params() < 0.64e6
    assert (judge.image_size, judge.feature_size, judge.embedding_size) == ((150, 150), 258, 128)


@with_weights
def test_a_layers_result_is_joined_behind_its_input(judge_layers):
    """Two layers of one block see the same channels, so the statistics in the file tell where these lie."""
    norms = [layer for layer in judge_layers if isinstance(layer, BatchNorm)]
    later, earlier = norms[0], norms[2]  # of the last block; it is written backwards
    count = len(earlier.mean)
    assert len(later.mean) == count + GROWTH
    np.testing.assert_allclose(later.mean[:count], earlier.mean, rtol=0.05, atol=0.05)


@with_weights
def test_versions_of_one_portrait_are_nearer_than_anything_else(judge):
    data = pytest.importorskip("skimage.data", reason="scikit-image carries the portrait")
    portrait = data.astronaut().astype(np.float32) / 255
    points = detect(portrait)[0].points
    jitter = np.random.default_rng(4).normal(size=(2, 5, 2)).astype(np.float32)
    same = [
        align(portrait, points, judge),
        align(portrait**1.4, points + jitter[0], judge),
        align(0.8 * portrait, points + jitter[1], judge),
    ]
    # The same skin and hair, but no longer this person: mirrored top to bottom, and cut at other places.
    others = [
        same[0][::-1],
        align(portrait, points + np.float32([40, 20]), judge),
        align(portrait, points * 0.7, judge),
    ]
    embedding = judge(np.stack([*same, *others])).embedding
    unit = np.asarray(centred_unit(embedding, np.mean(embedding, axis=0)))
    likeness = unit @ unit.T
    assert likeness[:3, :3].min() > 0.5 > likeness[:3, 3:].max()
