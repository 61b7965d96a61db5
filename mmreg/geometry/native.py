"""Compiled kernels inside TensorFlow graphs: one image a thread, the gradient given by a second kernel.

A kernel is a numba function that releases the interpreter lock and treats one image; `each_image` spreads a batch over
the machine's cores. `differentiable` wraps a forward and a backward function on numpy arrays as one differentiable
TensorFlow operation. On other backends nothing here is used: the `keras.ops` formulation of the same function is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import Any

import keras
import numpy as np

from mmreg.arrays import InputError


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_cores())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has none of its parent's threads


def available() -> bool:
    """Whether arrays of the current backend can be handed to compiled CPU kernels: TensorFlow without a GPU."""
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def wanted(path: str) -> bool:
    """Whether a function with the argument `path` ("auto", "native" or "ops") is to use its compiled kernels.

    Raises:
        InputError: another word, or "native" where the kernels can't be used.
    """
    if path not in ("auto", "native", "ops"):
        raise InputError(f'path must be "auto", "native" or "ops", not {path!r}.')
    if path == "native" and keras.config.backend() != "tensorflow":
        raise InputError(
            f'path "native" needs the TensorFlow backend, but Keras uses {keras.config.backend()}; use "auto" or "ops".'
        )
    return path == "native" or (path == "auto" and available())


def each_image(kernel: Callable[[int], None], batch: int) -> None:
    """Runs `kernel(index)` for every index of the batch, in this thread and in those of a pool; the first error is raised."""
    left = iter(range(batch))

    def work() -> None:
        for index in left:  # each thread takes the next one; the interpreter's lock keeps them from taking the same
            kernel(index)

    helpers = [_pool().submit(work) for _ in range(min(_cores(), batch) - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            helper.result()


def empty(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """An uninitialised array that TensorFlow takes over as a result without a copy, since its memory is aligned as TensorFlow's."""
    return _aligned(np.empty, shape, dtype)


def zeros(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """`empty`, filled with zeros."""
    return _aligned(np.zeros, shape, dtype)


def _aligned(allocate, shape, dtype) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = allocate(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


_kept = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
    """An uninitialised array that the calling thread keeps under this name, so that its memory is asked for only once."""
    count = int(np.prod(shape))
    arrays = _kept.__dict__
    if name not in arrays or arrays[name].size < count or arrays[name].dtype != dtype:
        arrays[name] = np.empty(count, dtype)
    return arrays[name][:count].reshape(shape)


def fused(function: Callable) -> Callable:
    """`function`, which must be pure `keras.ops`, compiled to few passes over memory where that is possible.

    TensorFlow runs elementwise mathematics one operation at a time; XLA fuses it. Kernels
    of this module can't be called inside. On other backends the caller's own compiler does this already.
    """

    @cache
    def compiled():
        import tensorflow as tf

        return tf.function(function, jit_compile=True)

    @wraps(function)
    def call(*arguments):
        return compiled()(*arguments) if available() else function(*arguments)

    return call


def as_written(function: Callable) -> Callable:
    """`function`, kept from TensorFlow's AutoGraph, for those that define what runs in the pool.

    AutoGraph rewrites the Python that a graph is traced from, functions defined inside included. In the pool's threads every
    call that they make would then be looked up to be rewritten, which costs some half a millisecond an image.
    """

    @cache
    def kept():
        import tensorflow as tf

        return tf.autograph.experimental.do_not_convert(function)

    @wraps(function)
    def call(*arguments, **options):
        return kept()(*arguments, **options)

    return call


def constant(function: Callable[..., Sequence[np.ndarray]], inputs: Sequence, outputs: Sequence[tuple]) -> list:
    """Calls `function` on numpy arrays from inside a graph; nothing is differentiated.

    Args:
        inputs: tensors, handed over as numpy arrays.
        outputs: (shape, dtype) of each array that `function` returns.
    """
    import tensorflow as tf

    return _call(function, [tf.stop_gradient(x) for x in inputs], outputs)


def _call(function: Callable[..., Sequence[np.ndarray]], tensors: Sequence, outputs: Sequence[tuple]) -> list:
    import tensorflow as tf

    results = tf.numpy_function(function, tensors, [dtype for _, dtype in outputs], stateful=False)
    results = tf.nest.flatten(results)  # eagerly, one result comes without its list
    return [tf.ensure_shape(r, shape) for r, (shape, _) in zip(results, outputs, strict=True)]


def differentiable(
    forward: Callable[..., Sequence[np.ndarray]],
    backward: Callable[..., Sequence[np.ndarray]],
    inputs: Sequence,
    constants: Sequence,
    shape: tuple,
    by_products: Sequence[tuple] = (),
) -> Any:
    """`forward(*inputs, *constants)` as one operation, whose derivative is `backward(*inputs, *constants, *by_products, upstream)`.

    Args:
        inputs: float32 tensors with static shapes; `backward` returns one gradient for each, of the same shape.
        constants: tensors that have no derivative (triangle ids).
        shape: of the result, float32.
        by_products: (shape, dtype) of what else `forward` returns after the result; none of it has a derivative.

    Returns:
        The result, or a list of the result and the by-products where there are any.
    """
    import tensorflow as tf

    outputs = [(shape, tf.float32), *by_products]

    @tf.custom_gradient
    def operation(*tensors):
        fixed = [tf.stop_gradient(c) for c in constants]
        results = _call(forward, [*tensors, *fixed], outputs)

        def gradient(upstream, *_):
            arguments = [*tensors, *fixed, *results[1:], upstream]
            return _call(backward, arguments, [(t.shape, tf.float32) for t in tensors])

        return results, gradient

    results = operation(*[tf.convert_to_tensor(x, tf.float32) for x in inputs])
    return results if by_products else results[0]
