"""The same training step on TensorFlow and, compiled, on JAX, which is how it reaches a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")
PROGRAM = Path(__file__).with_name("training_step.py")


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Terms of two steps of each stage, by backend."""
    folder = tmp_path_factory.mktemp("steps")
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        run = subprocess.run(
            [sys.executable, "-m", "tests.backends.training_step", str(folder)],
            cwd=PROGRAM.parents[2],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr[-3000:]
    return {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}


def test_every_term_is_the_same_before_and_after_a_step(steps):
    assert set(steps) == {"tensorflow", "jax"}
    assert set(steps["jax"]) == {
        f"{stage}, {step}" for stage in ("stage_one", "stage_two") for step in ("first", "second")
    }
    assert len(steps["jax"]["stage_two, first"]) == 6
    for when, terms in steps["tensorflow"].items():
        assert steps["jax"][when] == pytest.approx(terms, rel=1e-3), when


def test_a_step_changes_every_term(steps):
    first, second = (steps["jax"][f"stage_two, {step}"] for step in ("first", "second"))
    assert all(abs(first[term] - second[term]) > 1e-3 * abs(first[term]) for term in first)
