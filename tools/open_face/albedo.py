"""The people's albedos, painted by `mmreg.data.stand_ins.paint`, and their principal components, of sRGB as Basel's."""

from __future__ import annotations

import multiprocessing

import numpy as np
from threadpoolctl import threadpool_limits

from mmreg.data.stand_ins.canvas import Canvas
from mmreg.data.stand_ins.paint import paint, to_linear, to_srgb
from mmreg.face.identity_sampler import Attributes
from tools.open_face.shape_space import Components, coefficients_of, principal_components

__all__ = ["albedo_space", "sample_albedos", "to_linear", "to_srgb"]

_worker: tuple[Canvas, Attributes, int] | None = None  # set before the workers are forked


def _paint_one(index: int) -> np.ndarray:
    canvas, people, first_seed = _worker
    with threadpool_limits(1):  # threads of BLAS inside several processes slow each other tenfold
        return paint(canvas, people, index, np.random.default_rng(first_seed + index))


def sample_albedos(canvas: Canvas, people: Attributes, first_seed: int, processes: int = 2) -> np.ndarray:
    """(person, 3N) sRGB, float32; the persons' generators are seeded by `first_seed` and the numbers after it."""
    global _worker
    _worker = canvas, people, first_seed
    count = len(people.gender)
    albedos = np.empty((count, 3 * (len(canvas.skin) + 2 * len(canvas.eye_directions))), np.float32)
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for row, albedo in zip(albedos, pool.imap(_paint_one, range(count), chunksize=8), strict=True):
            row[:] = albedo.reshape(-1)
    return albedos


def albedo_space(albedos: np.ndarray, component_count: int, mirror: np.ndarray) -> tuple[Components, np.ndarray]:
    """The albedo components over painted people (person, 3N) and their mirror images, and the people's coefficients.

    The albedos are centred in place, to spare the memory of a copy.
    """
    mean = albedos.mean(axis=0, dtype=np.float64).reshape(-1, 3)
    mean = ((mean + mean[mirror]) / 2).reshape(-1)
    albedos -= mean.astype(np.float32)
    found = principal_components(albedos, 1 / len(albedos), component_count, mean, mirror)
    return found, coefficients_of(found.space, albedos)
