"""Writes dlib's serialised format, for tests to read."""

from __future__ import annotations

import math

import numpy as np


def integer(value: int) -> bytes:
    magnitude = abs(value)
    digits = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "little")
    return bytes([len(digits) | (0x80 if value < 0 else 0)]) + digits


def real(value: float) -> bytes:
    if math.isnan(value):
        return integer(0) + integer(32002)
    if math.isinf(value):
        return integer(0) + integer(32000 if value > 0 else 32001)
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def string(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def shape(*size: int) -> bytes:
    return b"".join(map(integer, size))


def tensor(values: np.ndarray) -> bytes:
    return integer(2) + shape(*values.shape) + values.astype("<f4").tobytes()


def flat_tensor(values: np.ndarray) -> bytes:
    return tensor(values.reshape(1, 1, 1, -1))


def convolution(kernel: np.ndarray, bias: np.ndarray, stride: int = 1, padding: int = 0) -> bytes:
    """kernel: (out, in, rows, columns)."""
    filters = len(bias)
    parameters = flat_tensor(np.concatenate([kernel.ravel(), bias]))
    numbers = shape(filters, *kernel.shape[2:], stride, stride, padding, padding)
    aliases = integer(1) + shape(*kernel.shape) + integer(1) + shape(1, filters, 1, 1)
    return string("con_4") + parameters + numbers + aliases + real(1.0) * 4


def matrix(values: np.ndarray) -> bytes:
    """A column: minus its size, minus one, and its values."""
    return integer(-values.size) + integer(-1) + b"".join(map(real, values.ravel()))


def landmark_predictor(mean_shape: np.ndarray, leaf: np.ndarray, offset: np.ndarray, threshold: float = 0.0) -> bytes:
    """One stage of one tree of one split between pixels 0 and 1; leaf (2, point, 2), offset (pixel, 2) from point 0."""
    tree = integer(1) + integer(0) + integer(1) + real(threshold) + integer(2) + matrix(leaf[0]) + matrix(leaf[1])
    forest = integer(1) + integer(1) + tree
    anchors = integer(1) + integer(len(offset)) + integer(0) * len(offset)
    offsets = integer(1) + integer(len(offset)) + b"".join(map(real, offset.ravel()))
    return integer(1) + matrix(mean_shape) + forest + anchors + offsets
