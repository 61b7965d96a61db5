"""What an error in the shape's coefficients does to the face's surface. Ours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError, Int
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry.mesh import CROP_RADIUS_MM, vertex_normals, vertices_around

__all__ = ["SurfaceMotion", "surface_form", "surface_motion"]

ALIGNED_BY = 7  # numbers of a similarity
_SMALLEST = 1e-9  # eigenvalues below this share of the largest are rounding


class SurfaceMotion(NamedTuple):
    """How far each deviation of each shape component moves the mean face's surface along its normals, in mm."""

    vertices: Int[np.ndarray, " kept"]  # around the nose, of triangles that are seen
    moved: Float[np.ndarray, "kept component"]
    left: Float[np.ndarray, "kept component"]  # once the similarity that takes back most of it has been applied


def surface_motion(model: MorphableModel) -> SurfaceMotion:
    """What is left of a component's movement, to first order, between two faces after alignment, point to plane (section 6.2).

    Raises:
        InputError: too little of the model's face is visible to be aligned.
    """
    positions = model.mean_positions().astype(np.float64)
    normals = np.asarray(vertex_normals(positions[None].astype(np.float32), model.triangles))[0].astype(np.float64)
    visible = model.regions.get("visible", np.ones(model.vertex_count, bool))
    seen = model.triangles[visible[model.triangles].all(axis=1)]
    kept, _ = vertices_around(positions, seen, positions[model.landmarks["nose_tip"]])
    if len(kept) <= ALIGNED_BY:
        raise InputError(
            f"The face model {model.name} has {len(kept)} vertices in its face's triangles within {CROP_RADIUS_MM:.0f} mm of its nose; "
            f"{ALIGNED_BY + 1} are the least that an alignment leaves something of."
        )
    place, normal = positions[kept] - positions[kept].mean(axis=0), normals[kept]
    basis = (model.shape.basis * model.shape.standard_deviations).reshape(-1, 3, model.shape.component_count)[kept]
    moved = np.einsum("vd,vdk->vk", normal, basis, dtype=np.float64)
    # shifts move along the normals by n, turns by p × n, a change of scale by p · n
    alignment = np.concatenate([normal, np.cross(place, normal), (place * normal).sum(axis=1, keepdims=True)], axis=1)
    directions, _ = np.linalg.qr(alignment)
    return SurfaceMotion(kept, moved, moved - directions @ (directions.T @ moved))


def surface_form(model: MorphableModel, power: float) -> Float[np.ndarray, "component component"]:
    """The matrix W of the squared length eᵀ W e of an error e in shape coefficients; its trace is their number, as the unit matrix's.

    W is proportional to (Mᵀ M)^(power / 2), with M what `surface_motion` says is left. With power 2 the length is of squared millimetres; with 0 all
    directions are alike, as in the paper. As `losses.component_weights`, but for components that move the same part of a face, or move
    what is outside it, or only turn or enlarge it.

    Raises:
        InputError: as `surface_motion`.
    """
    left = surface_motion(model).left
    squares, axes = np.linalg.eigh(left.T @ left)
    scaled = np.maximum(squares, _SMALLEST * squares.max()) ** (power / 2.0)
    return ((axes * scaled) @ axes.T * (len(squares) / scaled.sum())).astype(np.float32)
