"""The face of a model that lies nearest to a scan: what a perfect regressor could reach, and no regressor of that model can pass."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

from mmreg.arrays import Bool, Float
from mmreg.data.records import Scan
from mmreg.evaluation.protocols import Comparison
from mmreg.evaluation.scan_error import plane_distances
from mmreg.face.landmarks import MULTI_PIE, NOSE_TIP
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry.camera import Pose
from mmreg.rendering.rasterizer import rasterize

__all__ = ["face_mesh", "measured_part", "nearest_face"]

ROUNDS = 5
NOISE_MM = (
    0.5  # of a vertex's distance to its plane, beside a coefficient's deviation of 1: how closely the scan is followed
)
_POINTS = 4000
_PICTURE = (512, 512)


@cache
def measured_part(model: MorphableModel) -> Bool[np.ndarray, " vertex"]:
    """The vertices that a scanner around the mean face could see: not the mouth's inside, nor what lies behind the eyes."""
    seen = np.zeros(model.vertex_count, bool)
    centred = model.mean_positions() - model.mean_positions().mean(axis=0)
    extent = 1.05 * np.linalg.norm(centred, axis=1).max()
    for yaw, pitch in product(np.deg2rad([-80.0, -40.0, 0.0, 40.0, 80.0]), np.deg2rad([-35.0, 0.0, 35.0])):
        turned = Pose(*(np.array([angle], np.float32) for angle in (yaw, pitch, 0.0))).rotation()
        positions = centred @ np.asarray(turned)[0].T / extent
        clip = np.concatenate([positions * [1.0, 1.0, -1.0], np.ones((len(positions), 1))], axis=1)  # orthographic
        ids = np.unique(np.asarray(rasterize(clip[None].astype(np.float32), model.triangles, _PICTURE).triangle_ids))
        seen[model.triangles[ids[ids >= 0]]] = True
    return seen & model.regions.get("visible", np.ones_like(seen))  # from below one sees into an open neck


def face_mesh(model: MorphableModel, shape: Float[np.ndarray, " component"]) -> Scan:
    """A face of the model as a mesh to be measured: its visible triangles on all its vertices, with the landmarks it has, in mm."""
    positions = np.asarray(model.positions(np.asarray(shape, np.float32)[None]))[0].astype(np.float64)
    triangles = model.triangles[measured_part(model)[model.triangles].all(axis=1)]
    names = [name for name in (NOSE_TIP, *MULTI_PIE) if name in model.landmarks]
    return Scan(positions, triangles, {name: positions[model.landmarks[name]] for name in names})


def nearest_face(model: MorphableModel, scan: Scan) -> Float[np.ndarray, " component"]:
    """Shape coefficients s that minimise Σ (n·(S(s) − y))² + |s|² over pairs of a vertex and a tangent plane of the scan, both
    sought anew after each of five alignments (ours)."""
    shape, alignment = np.zeros(model.shape.component_count, np.float32), None
    for _ in range(ROUNDS):
        comparison = Comparison(face_mesh(model, shape), scan, start=alignment)
        alignment = comparison.alignment
        moved = comparison.reconstruction.moved(alignment)
        _, partner = plane_distances(moved, comparison.target)
        inside = np.flatnonzero(~comparison.target.on_border[partner])
        chosen = inside[:: 1 + len(inside) // _POINTS]
        back = alignment.inverse()
        planes = back(comparison.target.positions[partner[chosen]])
        normals = comparison.target.normals[partner[chosen]] @ alignment.rotation  # R⁻¹ n
        space = model.shape.take(comparison.kept[chosen])
        basis = (space.basis * space.standard_deviations).reshape(len(chosen), 3, -1).astype(np.float64)
        system = np.einsum("vc,vck->vk", normals, basis)
        mean = (space.mean + model.expression.take(comparison.kept[chosen]).mean).reshape(-1, 3)
        gap = np.sum(normals * (planes - mean), axis=1)
        moments = system.T @ system / NOISE_MM**2 + np.eye(len(shape))
        shape = np.linalg.solve(moments, system.T @ gap / NOISE_MM**2).astype(np.float32)
    return shape
