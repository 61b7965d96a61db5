"""The renderer compiled by JAX sees, shades and differentiates as TensorFlow's compiled path does."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmreg.geometry.mesh import vertex_normals
from tests.rendering import oracle
from tests.rendering.scenes import INPUTS, lit_scene, render_scene
from tests.rendering.test_gradients import picture_and_gradients

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX isn't installed")
NAMES = ("sheet", "face", "tight")
MOVED = 0.001  # of the pixels may see another triangle, since XLA rounds otherwise


@pytest.fixture(scope="module")
def scenes(face_scene):
    """Name to (scene, triangles, weight); no weight lies on edges, where another rounding may see the neighbour."""
    sheet, tight = lit_scene(21, lights=3, size=(64, 50), rows=12, columns=12), lit_scene(22)
    rng = np.random.default_rng(21)
    sizes = {"sheet": (2, 64, 50, 3), "face": (1, 150, 150, 3), "tight": (2, 12, 13, 3)}
    drawn = {}
    for name, (scene, triangles) in zip(NAMES, (sheet, face_scene, tight), strict=True):
        fragments = render_scene(scene, triangles, sizes[name][1:3]).fragments
        inside = np.asarray(fragments.barycentrics).min(-1, keepdims=True) > 1e-3
        drawn[name] = scene, triangles, (rng.normal(size=sizes[name]) * inside).astype(np.float32)
    return drawn


@pytest.fixture(scope="module")
def on_jax(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    for name, (scene, triangles, weight) in scenes.items():
        np.savez(folder / f"{name}.npz", triangles=triangles, weight=weight, **scene)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "tests.backends.on_jax", str(folder)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(folder / "on_jax.npz"))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_gradients_are_those_of_the_compiled_kernels(name, scenes, on_jax):
    """Without a pair budget, too, but for the scene that is given exactly what it needs."""
    scene, triangles, weight = scenes[name]
    radiance, ids, _ = picture_and_gradients(scene, triangles, weight, weight.shape[1:3], path="native")
    same = on_jax[f"{name}/ids"] == ids
    assert (ids >= 0).mean() > 0.2
    assert (~same).mean() <= MOVED
    np.testing.assert_allclose(on_jax[f"{name}/radiance"][same], radiance[same], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_compiled_kernels(name, scenes, on_jax):
    scene, triangles, weight = scenes[name]
    gradients = picture_and_gradients(scene, triangles, weight, weight.shape[1:3], path="native")[-1]
    for key in INPUTS:
        assert np.linalg.norm(gradients[key]) > 0, key
        assert oracle.relative_error(on_jax[f"{name}/d_{key}"], gradients[key]) < 1e-3, key


@pytest.mark.parametrize("name", ["sheet", "face"])
def test_normals_are_those_of_the_compiled_kernels(name, scenes, on_jax):
    scene, triangles, _ = scenes[name]
    normals = np.asarray(vertex_normals(scene["positions_world"], triangles, "native"))
    np.testing.assert_allclose(on_jax[f"{name}/normals"], normals, atol=1e-3)
    assert np.abs(on_jax[f"{name}/normals"] - normals).mean() < 1e-6


def test_exactly_the_pairs_that_there_are_suffice_and_one_less_turns_everything_into_nan(on_jax):
    assert on_jax["tight/poisoned_at_need"] == 0
    assert on_jax["tight/poisoned_below_need"] == 1
    assert on_jax["tight/nan_with_half"] == 1


def test_more_pairs_than_can_be_numbered_are_noticed(on_jax):
    assert on_jax["tight/poisoned_beyond_integers"] == 1
    assert on_jax["tight/refused_eagerly"]
