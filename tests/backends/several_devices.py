"""The same on one device and on two: `python -m tests.backends.several_devices FOLDER` writes FOLDER/BACKEND.npz.

A program of its own, since a process has one backend, and its virtual devices must be made before anything else. On TensorFlow a
step of stage two; on JAX, where compiling that takes minutes, a function as small as can be.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

from mmreg.arrays import InputError
from mmreg.data.photographs import photo_like_features
from mmreg.devices import check_devices, devices_at_hand, shared_out
from mmreg.encoders import load_encoder
from mmreg.face import load
from mmreg.objective import Trainer
from mmreg.profiles import QUICK
from mmreg.regressor import DomainStatistics, fresh_regressor
from mmreg.studio import Studio
from mmreg.training import compile_trainer, stage_two_batch

# an odd number of photographs, so that the devices' shares differ
TINY = replace(QUICK, name="tiny", photos_per_step=3, views_per_photo=1, distribution_photos=12, synthetic_per_step=1)


def a_step(devices: int, studio: Studio, photos, batch) -> dict:
    """The terms and the weights after a step."""
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    domains = {"photograph": statistics, "rendering": statistics}
    regressor = fresh_regressor(studio.model, studio.encoder, domains, 0)
    trainer = Trainer(regressor, replace(studio, devices=devices), TINY.weights, TINY.views_per_photo)
    compile_trainer(trainer, 1e-4, TINY)
    found = {f"terms/{k}": v for k, v in trainer.train_on_batch(batch, return_dict=True).items()}
    return found | {f"weights/{k}": np.asarray(w) for k, w in enumerate(regressor.get_weights())}


def where_derivatives_are_worked_out(encoder) -> list[str]:
    """The device of every convolution's derivative in the graph of a gradient through the encoder."""

    @tf.function
    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            embedding = shared_out(lambda images: encoder(images).embedding, 2, 3, images)
        return tape.gradient(embedding, images)

    graph = gradient.get_concrete_function(tf.zeros((3, *encoder.image_size, 3))).graph
    return [op.device for op in graph.get_operations() if op.type == "Conv2DBackpropInput"]


def on_jax(devices: int, rows, weight) -> dict:
    """A function of an odd number of rows, two of the first record to each of the second, and its gradient, compiled by JAX."""
    import jax
    from keras import ops

    mixing = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)

    @jax.jit
    def value_and_gradient(rows):
        def value(rows):
            def mixed(record, weight):
                pictures, absent = record["pictures"], record["absent"]
                assert absent is None
                return {"rows": ops.tanh(pictures @ mixing) * ops.repeat(weight, 2, axis=0)}

            return shared_out(mixed, devices, len(weight), {"pictures": rows, "absent": None}, weight)["rows"]

        return value(rows), jax.grad(lambda x: (value(x) ** 2).sum())(rows)

    found, gradient = value_and_gradient(rows)
    return {"rows": found, "gradient": gradient}


def main(folder: Path) -> None:
    assert len(devices_at_hand()) == 2
    found = {}
    if keras.config.backend() == "tensorflow":
        encoder = load_encoder(TINY.encoder)
        studio, photos = Studio(load("open"), encoder), photo_like_features(60, 0, encoder)
        batch = stage_two_batch(studio, photos, TINY, 0, 0)
        for devices in (1, 2):
            found |= {f"{devices}/{k}": v for k, v in a_step(devices, studio, photos, batch).items()}
        found["where"] = np.array(where_derivatives_are_worked_out(encoder))
    else:
        random = np.random.default_rng(0)
        rows, weight = (random.normal(size=shape).astype(np.float32) for shape in ((6, 4), (3, 5)))
        for devices in (1, 2):
            found |= {f"{devices}/{k}": v for k, v in on_jax(devices, rows, weight).items()}
    try:
        check_devices(3)
    except InputError as error:
        found["refusal"] = np.array(str(error))
    np.savez(folder / f"{keras.config.backend()}.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
