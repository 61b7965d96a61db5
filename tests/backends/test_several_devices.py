"""Training on several devices computes what training on one does; two virtual processors stand in for two GPUs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmreg.devices import DeviceError, check_devices, shared_out

ROOT = Path(__file__).parents[2]


def ran_on(backend, folder):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-m", "tests.backends.several_devices", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(folder / f"{backend}.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def on_tensorflow(tmp_path_factory):
    return ran_on("tensorflow", tmp_path_factory.mktemp("devices"))


def test_a_step_has_the_same_terms_and_leaves_the_same_weights(on_tensorflow):
    terms = [name.removeprefix("1/") for name in on_tensorflow if name.startswith("1/terms/")]
    assert {"terms/batch_distribution", "terms/skin_tone", "terms/identity", "terms/loopback"} <= set(terms)
    for name in terms:
        assert on_tensorflow[f"2/{name}"] == pytest.approx(on_tensorflow[f"1/{name}"], rel=1e-5), name
    weights = [name.removeprefix("1/") for name in on_tensorflow if name.startswith("1/weights/")]
    assert len(weights) == 6
    for name in weights:  # a step moves each weight by 1e-4, whatever the size of its gradient
        np.testing.assert_allclose(on_tensorflow[f"2/{name}"], on_tensorflow[f"1/{name}"], atol=2e-5)


def test_derivatives_are_worked_out_where_the_pictures_were(on_tensorflow):
    first, second = (sum(device.endswith(f"CPU:{k}") for device in on_tensorflow["where"]) for k in (0, 1))
    assert first == second > 20


def test_more_devices_than_there_are_is_refused(on_tensorflow):
    assert "--devices 3 was asked for, but tensorflow finds 2" in str(on_tensorflow["refusal"])
    with pytest.raises(DeviceError, match="1 or more"):
        check_devices(0)
    check_devices(1)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX isn't installed")
def test_on_jax_a_function_of_rows_and_its_gradient_are_the_same(tmp_path):
    found = ran_on("jax", tmp_path)
    assert found["1/rows"].shape == (6, 5)
    for name in ("rows", "gradient"):
        assert np.abs(found[f"1/{name}"]).max() > 0
        np.testing.assert_allclose(found[f"2/{name}"], found[f"1/{name}"], atol=1e-6)
    assert "jax finds 2" in str(found["refusal"])


def test_one_device_calls_the_function_as_it_is():
    given = {"rows": np.arange(3), "none": None}
    assert shared_out(lambda record: record, 1, 3, given) is given
