"""One surface laid onto another: a similarity, a thin plate, then closest points; and what is carried from one to the other.

All of it is for preparing data: numpy, float64, no gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse
from scipy.interpolate import RBFInterpolator
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from mmreg.arrays import Bool, Float, Int
from mmreg.geometry.mesh import vertex_normals

__all__ = [
    "Similarity",
    "carrying_weights",
    "fit_similarity",
    "lay_onto",
    "rigid_motions",
    "thin_plate",
    "without_rigid_motion",
]


class Similarity(NamedTuple):
    """x ↦ s R x + t."""

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]

    def __call__(self, points: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """The moved points."""
        return self.turned(points) + self.translation

    def turned(self, vectors: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """s R v: what happens to a displacement, which knows no place."""
        return self.scale * np.einsum("...j,ij->...i", vectors, self.rotation)

    def inverse(self) -> Similarity:
        """The way back."""
        rotation = self.rotation.T
        return Similarity(1.0 / self.scale, rotation, -(rotation @ self.translation) / self.scale)


def fit_similarity(
    source: Float[np.ndarray, "point 3"], target: Float[np.ndarray, "point 3"], scale: bool = True
) -> Similarity:
    """The similarity without reflection that takes `source` nearest to `target` by least squares (Umeyama 1991).

    Args:
        scale: without, a rigid motion.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    s = float((singular * signs).sum() / (a**2).sum()) if scale else 1.0
    return Similarity(s, rotation, target_mean - s * (rotation @ source_mean))


def thin_plate(
    source: Float[np.ndarray, "landmark 3"],
    target: Float[np.ndarray, "landmark 3"],
    points: Float[np.ndarray, "point 3"],
) -> Float[np.ndarray, "point 3"]:
    """`points` after the least bent deformation of space that takes each source landmark to its target (Bookstein 1989).

    In three dimensions the least bending kernel is |r|. Landmarks that coincide are given once.
    """
    _, first = np.unique(source.round(6), axis=0, return_index=True)
    warp = RBFInterpolator(source[first], (target - source)[first], kernel="linear", degree=1)
    return points + warp(points)


def lay_onto(
    positions: Float[np.ndarray, "vertex 3"],
    triangles: Int[np.ndarray, "triangle 3"],
    target_positions: Float[np.ndarray, "target 3"],
    target_triangles: Int[np.ndarray, "target_triangle 3"],
    free: Bool[np.ndarray, " vertex"] | None = None,
    stiffnesses: Sequence[float] = (30.0, 10.0, 3.0, 1.0),
    rounds: int = 3,
    reach: float = 15.0,
) -> Float[np.ndarray, "vertex 3"]:
    """Non-rigid iterative closest points: `positions` moved onto the target surface, neighbours moving alike.

    Each round pairs every vertex with the tangent plane at the nearest target vertex whose normal is within 60 degrees of
    its own, and minimises Σ_v |d_v − (y_v − x_v)|² + α Σ_edges |d_v − d_u|² over displacements d from the start, for falling
    α. After Amberg et al. (2007), with a displacement in place of their affine map at each vertex, which is enough after a
    thin plate; ours.

    Args:
        free: vertices without a counterpart, which only follow their neighbours.
        stiffnesses: α, in order.
        rounds: pairings for each α.
        reach: pairs further apart are no pairs; in the positions' unit.
    """
    count = len(positions)
    laplacian = _laplacian(triangles, count)
    target_normals = _normals(target_positions, target_triangles)
    tree = cKDTree(target_positions)
    paired = np.ones(count, bool) if free is None else ~free
    moved = positions.astype(np.float64)
    for stiffness in stiffnesses:
        for _ in range(rounds):
            normals = _normals(moved, triangles)
            distance, nearest = tree.query(moved, k=4, distance_upper_bound=reach)
            found = np.isfinite(distance)
            nearest = np.where(found, nearest, 0)
            agrees = found & (np.einsum("vc,vkc->vk", normals, target_normals[nearest]) > 0.5)
            weight = (agrees.any(axis=1) & paired).astype(np.float64)
            chosen = nearest[np.arange(count), agrees.argmax(axis=1)]
            n = target_normals[chosen]
            onto_plane = moved + n * np.sum(n * (target_positions[chosen] - moved), axis=1, keepdims=True)
            # the small number holds what no data hold, such as a part that is connected to nothing
            system = sparse.diags(weight + 1e-6) + stiffness * laplacian
            solver = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
            moved = positions + solver.solve(weight[:, None] * (onto_plane - positions))
    return moved


def carrying_weights(
    positions: Float[np.ndarray, "vertex 3"],
    normals: Float[np.ndarray, "vertex 3"],
    source_positions: Float[np.ndarray, "source 3"],
    source_normals: Float[np.ndarray, "source 3"],
    neighbours: int = 8,
    normal_reach: float = 8.0,
) -> sparse.csr_matrix:
    """(vertex, source): weights that carry a field from one mesh to another that lies on it; each row sums to 1.

    A vertex reads its nearest source vertices, nearest in place and in normal, so that a lip never reads the other lip. Near
    ones count more, and the weights give a field that is linear along the surface back exactly (moving least squares).

    Args:
        normal_reach: opposite normals count as twice this distance; in the positions' unit.
    """
    neighbours = min(neighbours, len(source_positions))
    tree = cKDTree(np.concatenate([source_positions, normal_reach * source_normals], axis=1))
    distance, index = tree.query(np.concatenate([positions, normal_reach * normals], axis=1), k=neighbours)
    distance, index = distance.reshape(len(positions), -1), index.reshape(len(positions), -1)
    furthest = 1.001 * distance[:, -1:] + 1e-9
    near = ((furthest - distance) / (furthest * (distance + 1e-3 * furthest))) ** 2  # Franke and Little: 0 at the last
    near /= near.sum(axis=1, keepdims=True)
    offsets = source_positions[index] - positions[:, None]  # v k xyz
    terms = np.concatenate([np.ones((*offsets.shape[:2], 1)), offsets], axis=2)  # v k (1 x y z)
    moments = np.einsum("vk,vki,vkj->vij", near, terms, terms)
    spread = np.trace(moments[:, 1:, 1:], axis1=1, axis2=2)
    moments[:, [1, 2, 3], [1, 2, 3]] += (0.03 * spread + 1e-12)[:, None]  # neighbours in a plane say nothing across it
    first_row = np.linalg.solve(moments, np.broadcast_to(np.eye(4)[:, :1], (len(positions), 4, 1)))[..., 0]
    weights = near * np.einsum("vi,vki->vk", first_row, terms)
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(positions)), neighbours)
    return sparse.csr_matrix((weights.ravel(), (rows, index.ravel())), shape=(len(positions), len(source_positions)))


def _laplacian(triangles: Int[np.ndarray, "triangle 3"], count: int) -> sparse.csr_matrix:
    """The graph's Laplacian L: xᵀ L x = Σ_edges |x_v − x_u|², each edge once."""
    ends = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    adjacency = sparse.coo_matrix((np.ones(len(ends)), tuple(ends.T)), shape=(count, count))
    adjacency = (adjacency + adjacency.T).tocsr()
    return sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency


def _normals(positions: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]) -> np.ndarray:
    return np.asarray(vertex_normals(positions[None].astype(np.float32), triangles))[0].astype(np.float64)


def rigid_motions(positions: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(6, 3N) small translations and turns of a mesh about its weighted centre."""
    centred = positions - (positions * weight[:, None]).sum(axis=0) / weight.sum()
    axes = np.eye(3)
    moves = [np.broadcast_to(axis, positions.shape) for axis in axes] + [np.cross(axis, centred) for axis in axes]
    return np.stack([m.reshape(-1) for m in moves])


def without_rigid_motion(displacements: np.ndarray, positions: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(target, 3N) displacements less the rigid motion that fits each best, by weighted least squares over the vertices."""
    motions = rigid_motions(positions, weight)
    weighted = motions * np.repeat(weight, 3)
    amounts = np.linalg.solve(weighted @ motions.T, weighted @ displacements.T)
    return displacements - amounts.T @ motions
