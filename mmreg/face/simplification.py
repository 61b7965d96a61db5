"""A face model on fewer triangles, for pictures so small that many of its triangles would share a pixel. Ours."""

from __future__ import annotations

from dataclasses import replace

import fast_simplification
import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree
from trimesh.triangles import closest_point, points_to_barycentric

from mmreg.arrays import Float, InputError, Int
from mmreg.face.morphable_model import MorphableModel

__all__ = ["simplified"]

_CANDIDATES = 16  # triangles, by their centres, among which the one nearest to a point is looked for


def simplified(model: MorphableModel, triangle_count: int) -> MorphableModel:
    """The model on about so many triangles, chosen on its mean face by quadric error (Garland and Heckbert 1997).

    Every new vertex is a fixed mean of three old ones, so the model stays linear and coefficients mean what they meant. Landmarks stay
    exactly where they were: their vertices are kept as points that no triangle uses. A model that has no more triangles comes back as it is.

    Raises:
        InputError: fewer than a hundred triangles are asked for.
    """
    if triangle_count < 100:
        raise InputError(f"A face can't be drawn with {triangle_count} triangles; ask for a hundred at least.")
    if triangle_count >= len(model.triangles):
        return model
    mean = model.mean_positions().astype(np.float64)
    points, triangles = fast_simplification.simplify(mean, model.triangles, target_count=triangle_count)[:2]
    corners, shares = _places(points, mean, model.triangles)
    names = sorted(model.landmarks)
    marks = np.array([model.landmarks[name] for name in names], np.int64)
    count = len(points) + len(marks)
    weights = csr_array(
        (
            np.concatenate([shares.ravel(), np.ones(len(marks))]),
            (
                np.concatenate([np.repeat(np.arange(len(points)), 3), np.arange(len(points), count)]),
                np.concatenate([corners.ravel(), marks]),
            ),
        ),
        shape=(count, model.vertex_count),
    )
    return replace(
        model,
        name=f"{model.name}, simplified",
        shape=model.shape.mixed(weights),
        albedo=model.albedo.mixed(weights),
        expression=model.expression.mixed(weights),
        triangles=triangles.astype(np.int32),
        landmarks={name: len(points) + k for k, name in enumerate(names)},
        regions={name: weights @ mask > 0.5 for name, mask in model.regions.items()},
    )


def _places(
    points: Float[np.ndarray, "point 3"], mesh: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]
) -> tuple[Int[np.ndarray, "point 3"], Float[np.ndarray, "point 3"]]:
    """Of the nearest place of a mesh to each point: the vertices about it, and their shares, which sum to 1."""
    corners = mesh[triangles]
    near = cKDTree(corners.mean(axis=1)).query(points, k=min(_CANDIDATES, len(triangles)))[1]
    repeated = np.repeat(points.astype(np.float64), near.shape[1], axis=0)
    places = closest_point(corners[near.ravel()], repeated).reshape(*near.shape, 3)
    best = np.linalg.norm(places - points[:, None], axis=2).argmin(axis=1)
    rows = np.arange(len(points))
    chosen = near[rows, best]
    shares = np.clip(points_to_barycentric(corners[chosen], places[rows, best]), 0.0, 1.0)
    return triangles[chosen], shares / shares.sum(axis=1, keepdims=True)
