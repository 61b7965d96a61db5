"""Shape types, the two vector operations everybody needs, and the error that a user can act on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from jaxtyping import Bool, Float, Int
from keras import ops

Array = Any  # numpy array, TensorFlow tensor or JAX array: all maths is written in keras.ops

__all__ = [
    "Array",
    "Bool",
    "Float",
    "InputError",
    "Int",
    "atomic_folder",
    "atomic_path",
    "concrete",
    "dot",
    "outside_graphs",
    "unit",
]


class InputError(ValueError):
    """The user's input can't be used.

    The message is one sentence or two that name the input, what was expected and what to do;
    the command line prints it without a traceback and exits with code 2.
    """


def dot(a: Float[Array, "*shape n"], b: Float[Array, "*shape n"]) -> Float[Array, "*shape 1"]:
    """a · b over the last axis, which is kept with length 1 so that the result broadcasts."""
    return ops.sum(a * b, axis=-1, keepdims=True)


def unit(v: Float[Array, "*shape n"], smallest: float = 1e-12) -> Float[Array, "*shape n"]:
    """v / |v| over the last axis; a vector shorter than √`smallest` is left near zero instead of dividing by zero.

    The gradient is finite everywhere, also at v = 0.
    """
    return v * ops.rsqrt(ops.maximum(dot(v, v), smallest))


def concrete(value: Array) -> np.ndarray | None:
    """The value as a numpy array, without a copy where it lies in the processor's memory; None while a graph is traced."""
    try:
        return np.asarray(value)
    except Exception:  # each backend refuses in its own way to turn a traced value into numbers
        return None


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A sibling path to write a file to: it takes `path`'s place when the block ends well, and vanishes when it doesn't.

    Nothing half-written is ever found under `path`. The sibling keeps the suffix, which many writers look at.

    Raises:
        InputError: the folder can't be written.
    """
    path = Path(path)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial{path.suffix}")
    with _refusing(path, partial):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty sibling folder to fill: it replaces `path` when the block ends well, and vanishes when it doesn't.

    Raises:
        InputError: the folder can't be written.
    """
    path = Path(path)
    partial, former = (path.with_name(f"{path.name}.{os.getpid()}.{word}") for word in ("partial", "partial.former"))
    with _refusing(path, partial):
        try:
            partial.mkdir(parents=True)
            yield partial
            if path.exists():
                path.rename(former)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(former, ignore_errors=True)


@contextmanager
def _refusing(path: Path, partial: Path) -> Iterator[None]:
    """Turns "that can't be written" into a sentence; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.filename is None or Path(error.filename) not in (path, partial, *partial.parents):
            raise
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} can't be written ({reason}); choose a folder that you may write to.") from error


@contextmanager
def outside_graphs() -> Iterator[None]:
    """Tensors made inside are real ones that may be kept, also when a graph is being traced."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.init_scope():
            yield
    elif backend == "jax":
        import jax

        with jax.ensure_compile_time_eval():
            yield
    else:
        yield
