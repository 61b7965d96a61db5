"""Compiled kernels inside TensorFlow graphs: one image a thread, the gradient given by a second kernel.

A kernel is a numba function that releases the interpreter lock and treats one image; `each_image` spreads a batch over
the machine's cores. `differentiable` wraps a forward and a backward function on numpy arrays as one differentiable
TensorFlow operation. On other backends nothing here is used: the `keras.ops` formulation of the same function is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps

import keras
import numpy as np


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)


def available() -> bool:
    """Whether arrays of the current backend can be handed to compiled CPU kernels: TensorFlow without a GPU."""
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def each_image(kernel: Callable[[int], None], batch: int) -> None:
    """Runs `kernel(index)` for every index of the batch over a pool of threads; the first error is raised."""
    if batch == 1:
        kernel(0)
        return
    for _ in _pool().map(kernel, range(batch)):
        pass


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


def constant(function: Callable[..., Sequence[np.ndarray]], inputs: Sequence, outputs: Sequence[tuple]) -> list:
    """Calls `function` on numpy arrays from inside a graph; nothing is differentiated.

    Args:
        inputs: tensors, handed over as numpy arrays.
        outputs: (shape, dtype) of each array that `function` returns.
    """
    import tensorflow as tf

    results = tf.numpy_function(
        function, [tf.stop_gradient(x) for x in inputs], [dtype for _, dtype in outputs], stateful=False
    )
    return [tf.ensure_shape(r, shape) for r, (shape, _) in zip(results, outputs, strict=True)]


def differentiable(
    forward: Callable[..., np.ndarray],
    backward: Callable[..., Sequence[np.ndarray]],
    inputs: Sequence,
    constants: Sequence,
    shape: tuple,
):
    """One float32 operation `forward(*inputs, *constants)` whose derivative is `backward(*inputs, *constants, upstream)`.

    Args:
        inputs: float32 tensors with static shapes; `backward` returns one gradient for each, of the same shape.
        constants: tensors that have no derivative (triangle ids).
        shape: of the result.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def operation(*tensors):
        fixed = [tf.stop_gradient(c) for c in constants]
        result = tf.numpy_function(forward, [*tensors, *fixed], tf.float32, stateful=False)

        def gradient(upstream):
            gradients = tf.nest.flatten(
                tf.numpy_function(backward, [*tensors, *fixed, upstream], [tf.float32] * len(tensors), stateful=False)
            )
            return [tf.ensure_shape(g, t.shape) for g, t in zip(gradients, tensors, strict=True)]

        return tf.ensure_shape(result, shape), gradient

    return operation(*[tf.convert_to_tensor(x, tf.float32) for x in inputs])
