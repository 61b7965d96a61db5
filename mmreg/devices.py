"""Several processors of one machine: the pictures of a batch are shared out among them, and what follows sees the whole batch.

Rendering and encoding are nearly all of a training step's work, and treat every picture by itself; the regressor and the losses
are small, and two of the losses (L_batchdistr, L_skin) are statistics over all photographs of a step. So only the former is shared out. A
replica for each device, as `tf.distribute` and `keras.distribution` make them, would take those statistics over its own photographs: other
losses, with other minima.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from mmreg.arrays import InputError

__all__ = ["DeviceError", "check_devices", "devices_at_hand", "shared_out"]


class DeviceError(InputError):
    """There are fewer devices than were asked for."""


def devices_at_hand() -> list:
    """The backend's GPUs, or its CPUs where it has none: names on TensorFlow, devices on JAX."""
    if keras.config.backend() == "jax":
        import jax

        return list(jax.devices())
    import tensorflow as tf

    kinds = (tf.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
    return [device.name for device in next(filter(None, kinds))]


def check_devices(count: int) -> None:
    """Raises DeviceError unless there are so many devices."""
    if count < 1:
        raise DeviceError(f"--devices must be 1 or more, not {count}.")
    if count > 1 and keras.config.backend() not in ("tensorflow", "jax"):
        raise DeviceError(f"{keras.config.backend()} trains on one device; use TensorFlow or JAX (KERAS_BACKEND=jax).")
    there = devices_at_hand() if count > 1 else [None]
    if count > len(there):
        raise DeviceError(
            f"--devices {count} was asked for, but {keras.config.backend()} finds {len(there)}; ask for no more than that. "
            "Fewer cores or fewer visible GPUs than expected? See CUDA_VISIBLE_DEVICES."
        )


def shared_out(function: Callable, devices: int, count: int, *records: Any) -> Any:
    """`function(*records)`, worked out on several devices at once, each with its share of the rows; differentiable in the records.

    Args:
        function: maps every one of `count` things by itself; no gradient reaches what else it uses, such as a network's weights.
        devices: how many; 1 calls `function` as it is. No more are used than there are things.
        records: trees of arrays (None may stand for one) with `count` rows each, or a multiple of it: several rows a thing.
    """
    devices = min(devices, count)
    if devices < 2:
        return function(*records)
    if keras.config.backend() == "jax":
        return _on_jax(function, devices, count, records)
    return _on_tensorflow(function, devices, count, records)


def _on_tensorflow(function, devices, count, records):
    ends = np.linspace(0, count, devices + 1).round().astype(int)
    parts = []
    for device, first, last in zip(devices_at_hand(), ends, ends[1:], strict=False):
        share = keras.tree.map_structure(_rows(count, first, last), records)
        parts.append(_placed(function, device, share))
    return keras.tree.map_structure(lambda *pieces: ops.concatenate(pieces, axis=0), *parts)


def _rows(count: int, first: int, last: int) -> Callable:
    def take(array):
        if array is None:
            return None
        each = array.shape[0] // count
        return ops.convert_to_tensor(array)[first * each : last * each]

    return take


def _placed(function, device, records):
    """The function with its derivative on a device; by itself, TensorFlow would place every derivative on the first."""
    import tensorflow as tf

    flat = keras.tree.flatten(records)
    present = [k for k, array in enumerate(flat) if array is not None]

    @tf.custom_gradient
    def operation(*inputs):
        with tf.device(device), tf.GradientTape(persistent=True) as tape:  # each loss asks for its own derivative
            tape.watch(inputs)
            filled = list(flat)
            for k, value in zip(present, inputs, strict=True):
                filled[k] = value
            result = function(*keras.tree.pack_sequence_as(records, filled))
        outputs = keras.tree.flatten(result)

        def gradient(*upstream, variables=()):
            with tf.device(device):
                found = tape.gradient(outputs, inputs, list(upstream))
            return found, [None] * len(variables)

        structure.append(result)
        return outputs, gradient

    structure: list = []
    outputs = operation(*(flat[k] for k in present))
    return keras.tree.pack_sequence_as(structure[0], keras.tree.flatten(outputs))


def _on_jax(function, devices, count, records):
    import jax
    from jax.sharding import Mesh, PartitionSpec

    mesh = Mesh(np.array(devices_at_hand()[:devices]), ("devices",))
    spread = -(-count // devices) * devices  # the last share is filled up with the first things

    def filled(array):
        if array is None:
            return None
        array = ops.convert_to_tensor(array)
        each = array.shape[0] // count
        return ops.concatenate([array, array[: (spread - count) * each]], axis=0) if spread > count else array

    rows = PartitionSpec("devices")
    shared = jax.shard_map(function, mesh=mesh, in_specs=rows, out_specs=rows, check_vma=False)
    result = shared(*keras.tree.map_structure(filled, records))

    def cut(array):
        return array[: array.shape[0] // spread * count]

    return keras.tree.map_structure(cut, result)
