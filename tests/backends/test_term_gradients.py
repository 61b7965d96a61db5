"""The gradients of single terms are the derived ones, by either backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.backends.term_gradients import X


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_each_weighted_term_has_its_own_gradient(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} isn't installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.backends.term_gradients", str(tmp_path / "found.npz")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(tmp_path / "found.npz", allow_pickle=False)
    squares = 3.0 * 2.0 * X.T @ (X @ np.float32([[0.5], [-1.0]]))
    sums = 2.0 * X.sum(axis=0)[:, None]
    np.testing.assert_allclose(found["parameter"], squares, rtol=1e-5)
    np.testing.assert_allclose(found["identity"], sums, rtol=1e-5)
    assert found["norm_total"] == pytest.approx(np.linalg.norm(squares + sums), rel=1e-5)
