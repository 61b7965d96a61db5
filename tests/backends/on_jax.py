"""Renders a test's scenes on JAX's CPU, compiled: `KERAS_BACKEND=jax python -m tests.backends.on_jax FOLDER` (see test_jax.py)."""

import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np

from mmreg.arrays import InputError
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import rasterize
from mmreg.rendering.triangle_ids import pair_count, triangle_ids_ops
from tests.rendering.scenes import INPUTS, render_scene


def picture_and_gradients(scene, triangles, weight, pair_budget=None):
    """The picture, its ids and the gradient of Σ weight · radiance in every input, all under `jit`."""
    size = weight.shape[1:3]

    @jax.jit
    def traced(scene):
        def value(scene):
            rendering = render_scene(scene, triangles, size, pair_budget=pair_budget)
            return (weight * rendering.radiance).sum(), rendering

        (_, rendering), gradients = jax.value_and_grad(value, has_aux=True)(scene)
        return rendering.radiance, rendering.fragments.triangle_ids, gradients

    radiance, ids, gradients = traced(scene)
    return {"radiance": radiance, "ids": ids, **{f"d_{name}": gradients[name] for name in INPUTS}}


def picture_only(scene, triangles, size, pair_budget):
    return render_scene(scene, triangles, size, pair_budget=pair_budget).radiance


def poisoned(clip, triangles, size, budget):
    """Whether each barycentric of a compiled rasterization is NaN; the share of them."""
    fragments = jax.jit(lambda c: rasterize(c, triangles, size, pair_budget=budget))(clip)
    return np.isnan(fragments.barycentrics).mean()


def main(folder: Path) -> None:
    given = {path.stem: dict(np.load(path)) for path in folder.glob("*.npz")}
    results = {}
    for name, arrays in given.items():
        scene = {key: arrays[key] for key in INPUTS}
        if name != "tight":
            results[name] = picture_and_gradients(scene, arrays["triangles"], arrays["weight"])
            normals = jax.jit(lambda p, t=arrays["triangles"]: vertex_normals(p, t))(scene["positions_world"])
            results[name]["normals"] = normals
            continue
        to_clip, positions = scene["world_to_clip"], scene["positions_world"]
        clip = positions @ np.swapaxes(to_clip[:, :, :3], 1, 2) + to_clip[:, None, :, 3]
        triangles, size = arrays["triangles"], arrays["weight"].shape[1:3]
        need = pair_count(clip, triangles, size)
        exactly = picture_and_gradients(scene, triangles, arrays["weight"], need)
        short = jax.jit(partial(picture_only, triangles=triangles, size=size, pair_budget=need // 2))(scene)
        results[name] = {
            **exactly,
            "poisoned_at_need": poisoned(clip, triangles, size, need),
            "poisoned_below_need": poisoned(clip, triangles, size, need - 1),
            "nan_with_half": np.isnan(short).mean(),
        }
        # 2¹² triangles that each cover 2²⁰ pixels: as 32-bit integers the pairs add up to 0
        huge = np.float32([[[-9, -9, 0, 1], [9, -9, 0, 1], [0, 9, 0, 1]]])
        many = np.tile(np.int32([[0, 1, 2]]), (2**12, 1))
        results[name]["poisoned_beyond_integers"] = poisoned(huge, many, (1024, 1024), 9)
        try:
            triangle_ids_ops(huge, many, (1024, 1024))
            results[name]["refused_eagerly"] = False
        except InputError:
            results[name]["refused_eagerly"] = True
    np.savez(
        folder / "on_jax.npz", **{f"{name}/{key}": value for name, r in results.items() for key, value in r.items()}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
