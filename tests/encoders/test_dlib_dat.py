"""dlib's format: what is written is read; what is malformed is said in one sentence."""

import dlib_writer as write
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.arrays import InputError
from mmreg.encoders import dlib_dat
from mmreg.encoders.dlib_dat import BatchNorm, Convolution, EncoderError, Reader, integers, layers, weights_path

WORDS = st.integers(-(2**62), 2**62)


@given(WORDS)
def test_an_integer_is_read_as_it_was_written(value):
    content = write.integer(value)
    reader = Reader(content, "test.dat")
    assert reader.integer() == value
    assert reader.position == len(content)


@given(st.floats(allow_subnormal=False))
def test_a_float_is_read_as_it_was_written_even_if_it_is_not_finite(value):
    read = Reader(write.real(value), "test.dat").float()
    assert read == value or (np.isnan(read) and np.isnan(value))


@given(st.lists(WORDS, max_size=40))
def test_all_integers_at_once_are_the_integers_one_by_one(values):
    content = b"".join(map(write.integer, values))
    np.testing.assert_array_equal(integers(content, "test.dat"), values)


def test_a_tensor_is_read_as_it_was_written():
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(Reader(write.tensor(values), "test.dat").tensor(), values)


def test_a_convolution_is_found_between_other_bytes_with_its_kernel_in_keras_order():
    generator = np.random.default_rng(0)
    kernel, bias = generator.normal(size=(4, 3, 5, 2)).astype(np.float32), np.arange(4, dtype=np.float32)
    content = b"\x00\x07relu_" + write.convolution(kernel, bias, stride=2, padding=1) + b"\x00tail"
    (layer,) = layers(content, "test.dat")
    assert isinstance(layer, Convolution)
    assert layer.kernel.shape == (5, 2, 3, 4)
    assert layer.kernel[4, 1, 2, 3] == kernel[3, 2, 4, 1]
    np.testing.assert_array_equal(layer.bias, bias)
    assert (layer.stride, layer.padding) == ((2, 2), (1, 1))


def test_weights_that_look_like_a_layer_are_not_searched():
    disguise = np.frombuffer(b"\x01\x05con_4abcde", "<f4")  # as a packed string: the tag of a convolution
    (layer,) = layers(write.convolution(disguise.reshape(1, 3, 1, 1), np.zeros(1)), "test.dat")
    assert layer.kernel.tobytes() == disguise.tobytes()


def test_a_frozen_batch_normalisation_does_what_the_running_one_does():
    generator = np.random.default_rng(1)
    gain, offset, mean, x = generator.normal(size=(4, 6))
    variance = generator.uniform(0.5, 2.0, 6)
    norm = BatchNorm(gain, offset, mean, variance, 1e-4)
    expected = gain * (x - mean) / np.sqrt(variance + 1e-4) + offset
    np.testing.assert_allclose(norm.frozen.gain * x + norm.frozen.offset, expected, rtol=1e-12)


def test_a_file_that_ends_early_is_refused_with_its_name_at_every_length():
    content = write.convolution(np.ones((2, 3, 3, 3)), np.zeros(2))
    for length in range(0, len(content), 7):
        with pytest.raises(EncoderError, match=r"short\.dat"):
            list(layers(content[:length], "short.dat"))


@pytest.mark.parametrize(
    ("content", "method"),
    [
        (b"\x40\x01", "integer"),  # a bit that no control byte has
        (b"\x09" + bytes(9), "integer"),  # more bytes than an integer has
        (b"\x02\x01", "integer"),  # fewer than it promises
        (write.integer(3) + write.shape(1, 1, 1, 1) + bytes(4), "tensor"),  # another version
        (write.integer(2) + write.shape(-1, 1, 1, -1) + bytes(4), "tensor"),
        (write.integer(2) + write.shape(9, 9, 9, 9), "tensor"),
        (write.integer(1) + write.integer(5000), "float"),
        (b"x", "boolean"),
        (b"", "string"),
    ],
)
def test_malformed_values_are_refused(content, method):
    with pytest.raises(EncoderError, match=r"odd\.dat"):
        getattr(Reader(content, "odd.dat"), method)()


@pytest.mark.parametrize("content", [b"\x40", b"\x01\x05\x03\x01", b"\x0b" + bytes(11)])
def test_a_malformed_stream_of_integers_is_refused(content):
    with pytest.raises(EncoderError, match=r"odd\.dat"):
        integers(content, "odd.dat")


def test_parameters_that_do_not_fit_their_shape_are_refused():
    good = write.convolution(np.ones((2, 3, 3, 3)), np.zeros(2))
    bad = good.replace(write.shape(2, 3, 3, 3), write.shape(2, 3, 3, 2))
    with pytest.raises(EncoderError, match="convolution"):
        list(layers(bad, "odd.dat"))


def test_the_weights_are_found_without_importing_their_package():
    import sys

    path = weights_path("mmod_human_face_detector.dat")
    assert path.is_file()
    assert dlib_dat.WEIGHTS_PACKAGE not in sys.modules


def test_a_missing_file_or_package_says_what_to_install(monkeypatch):
    with pytest.raises(InputError, match="pip install"):
        weights_path("no_such_network.dat")
    monkeypatch.setattr(dlib_dat, "WEIGHTS_PACKAGE", "no_such_package")
    with pytest.raises(EncoderError, match="pip install no_such_package"):
        weights_path("mmod_human_face_detector.dat")
