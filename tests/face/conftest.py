"""A tiny face model: a bulging grid with random orthonormal components."""

from __future__ import annotations

import numpy as np
import pytest

from mmreg.face import LinearSpace, MorphableModel

SIDE = 7  # vertices along a side of the grid


def random_space(mean: np.ndarray, count: int, seed: int) -> LinearSpace:
    """A space of `count` components about `mean` (vertex, 3), with falling deviations."""
    columns = np.linalg.qr(np.random.default_rng(seed).normal(size=(mean.size, count)))[0]
    deviations = np.linspace(9, 2, count)
    return LinearSpace(mean.reshape(-1).astype(np.float32), columns.astype(np.float32), deviations.astype(np.float32))


@pytest.fixture(scope="session")
def tiny_model() -> MorphableModel:
    """49 vertices, 8 shape, 6 albedo, 5 expression components; the surface faces +z, the subject's left is +x."""
    v, u = np.mgrid[0:SIDE, 0:SIDE] - SIDE // 2
    positions = np.stack([20.0 * u, 20.0 * v, 60 - 4.0 * (u**2 + v**2)], axis=2).reshape(-1, 3)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).reshape(-1, 1)
    triangles = np.concatenate([corner + np.array(c) for c in ([0, 1, SIDE + 1], [0, SIDE + 1, SIDE])]).astype(np.int32)
    centre = SIDE * SIDE // 2
    return MorphableModel(
        name="tiny",
        shape=random_space(positions, 8, seed=1),
        albedo=random_space(np.full((SIDE * SIDE, 3), 0.5), 6, seed=2),
        expression=random_space(np.tile([0, 0, 0.25], (SIDE * SIDE, 1)), 5, seed=3),
        triangles=triangles,
        landmarks={"nose_tip": centre, "chin": 3},
        license="CC0-1.0",
        regions={"left": positions[:, 0] > 0},
        expression_units={"frown": np.linspace(-1, 1, 5, dtype=np.float32)},
    )
