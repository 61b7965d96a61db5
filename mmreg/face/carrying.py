"""ICT-FaceKit and the open model meet: our albedo on its mesh, or its identity modes on ours.

Where the two surfaces correspond is found once (`lay_open_onto_ict`): the open model's mean is moved onto the kit's neutral
face by a similarity and a thin plate over the landmarks, without the jaw's, which lie on no particular point of skin, and then
by non-rigid closest points. Skin is matched to skin only, the mouth's inside to the mouth's inside, each eyeball to its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse

from mmreg.arrays import Bool, Float
from mmreg.face.ict import ICT_LICENSE, NARROW_FACE, SKIN, IctFaceKit, read_ict
from mmreg.face.landmarks import MULTI_PIE
from mmreg.face.linear_space import LinearSpace
from mmreg.face.modes import space_of_modes
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry.mesh import vertex_normals
from mmreg.geometry.registration import Similarity, carrying_weights, fit_similarity, lay_onto, thin_plate

__all__ = ["load_ict", "load_open_with_ict"]

_ANCHORS = MULTI_PIE[17:]


def load_ict(path: str | Path, open_model: MorphableModel) -> MorphableModel:
    """ICT-FaceKit as a morphable model of its own, in the open model's frame, with the open model's albedo on its mesh.

    Its size in millimetres is kept. Shape is the kit's population (see `mmreg.face.ict`), expression its movements. The albedo
    is the open model's population as its components look on this mesh, made orthonormal again.

    The numbers may differ in their last digits on another machine. Weights that shall travel need the model to travel with
    them: `load("ict", path).save("ict.h5")` writes a file that is read like any other.
    """
    kit = _in_our_frame(read_ict(path), open_model)
    laid, _ = lay_open_onto_ict(open_model, kit)
    weights = _carrying(
        kit.positions, kit.triangles, _ict_groups(kit), laid, open_model.triangles, _open_groups(open_model)
    )
    albedo = open_model.albedo
    modes = _carried(weights, albedo.basis.T * albedo.standard_deviations[:, None])
    mean = np.clip(weights @ albedo.mean.reshape(-1, 3).astype(np.float64), 0.0, 1.0)
    expression = _expression_space(kit)
    groups = {name: np.isin(np.arange(len(kit.positions)), kit.parts[part]) for name, part in _EYES_AND_MOUTH.items()}
    return MorphableModel(
        name="ICT-FaceKit with the open model's albedo",
        shape=space_of_modes(kit.positions.reshape(-1), kit.identities.reshape(len(kit.identities), -1)),
        albedo=space_of_modes(mean.reshape(-1), modes),
        expression=expression,
        triangles=kit.triangles,
        landmarks=kit.landmarks,
        license=f"{ICT_LICENSE}; albedo: {open_model.license}",
        regions={"face": np.isin(np.arange(len(kit.positions)), kit.parts["face"][:NARROW_FACE])} | groups,
        expression_units=_expression_units(kit, expression),
    )


def load_open_with_ict(path: str | Path, open_model: MorphableModel) -> MorphableModel:
    """The open model with ICT-FaceKit's identity modes in place of its own shape components; all else is the open model's.

    The modes are displacements, and are added to the open model's mean, so that its eyelids and lips stay as they were made
    (ours: the mean is then not that of the scans). They are scaled as the open mean is to the kit's neutral face.
    """
    kit = _in_our_frame(read_ict(path), open_model)
    laid, to_ict = lay_open_onto_ict(open_model, kit)
    weights = _carrying(
        laid, open_model.triangles, _open_groups(open_model), kit.positions, kit.triangles, _ict_groups(kit)
    )
    identities = kit.identities.reshape(len(kit.identities), -1)
    modes = to_ict.inverse().turned(_carried(weights, identities).reshape(len(identities), -1, 3))
    return MorphableModel(
        name="open face model with the identity modes of ICT-FaceKit",
        shape=space_of_modes(open_model.shape.mean, modes.astype(np.float32).reshape(len(identities), -1)),
        albedo=open_model.albedo,
        expression=open_model.expression,
        triangles=open_model.triangles,
        landmarks=open_model.landmarks,
        license=f"{open_model.license}; identity modes: {ICT_LICENSE}",
        regions=open_model.regions,
        expression_units=open_model.expression_units,
    )


def lay_open_onto_ict(open_model: MorphableModel, kit: IctFaceKit) -> tuple[Float[np.ndarray, "vertex 3"], Similarity]:
    """The open model's mean face laid onto the kit's, and the similarity that it began with."""
    positions = open_model.mean_positions().astype(np.float64)
    ours, theirs = open_model.landmark_indices(_ANCHORS), [kit.landmarks[name] for name in _ANCHORS]
    to_ict = fit_similarity(positions[ours], kit.positions[theirs])
    start = to_ict(positions)
    laid = thin_plate(start[ours], kit.positions[theirs], start)

    regions = {name: open_model.regions.get(name, np.zeros(len(positions), bool)) for name in _EYES_AND_MOUTH}
    free = np.any(list(regions.values()), axis=0)
    skin = np.isin(np.arange(len(kit.positions)), np.concatenate([kit.parts[name] for name in SKIN]))
    on_skin = kit.triangles[skin[kit.triangles].all(axis=1)]
    laid = lay_onto(laid, open_model.triangles, *_compact(kit.positions, on_skin), free=free)
    for name in ("left_eye", "right_eye"):
        if regions[name].any():
            laid[regions[name]] = _ball_onto_ball(start[regions[name]], kit.positions[kit.parts[_EYES_AND_MOUTH[name]]])
    return laid, to_ict


_EYES_AND_MOUTH = {"left_eye": "left_eyeball", "right_eye": "right_eyeball", "mouth_bag": "mouth_socket"}


class _Group(NamedTuple):
    """Vertices of one kind: skin, an eyeball, the mouth's inside."""

    name: str
    vertices: np.ndarray


def _open_groups(model: MorphableModel) -> list[_Group]:
    masks: dict[str, Bool[np.ndarray, " vertex"]] = {
        name: model.regions[name] for name in _EYES_AND_MOUTH if name in model.regions
    }
    skin = ~np.any(list(masks.values()), axis=0) if masks else np.ones(model.vertex_count, bool)
    return [_Group(name, np.flatnonzero(mask)) for name, mask in {"skin": skin, **masks}.items()]


def _ict_groups(kit: IctFaceKit) -> list[_Group]:
    skin = _Group("skin", np.concatenate([kit.parts[part] for part in SKIN]))
    return [skin, *(_Group(name, kit.parts[part]) for name, part in _EYES_AND_MOUTH.items())]


def _carrying(positions, triangles, groups, source_positions, source_triangles, source_groups) -> sparse.csr_matrix:
    """(vertex, source vertex) weights, kind by kind; a kind that the source lacks reads its skin."""
    normals, source_normals = _normals(positions, triangles), _normals(source_positions, source_triangles)
    sources = {group.name: group.vertices for group in source_groups}
    total = sparse.csr_matrix((len(positions), len(source_positions)))
    for name, vertices in groups:
        theirs = sources.get(name, sources["skin"])
        block = carrying_weights(
            positions[vertices], normals[vertices], source_positions[theirs], source_normals[theirs]
        ).tocoo()
        total += sparse.csr_matrix((block.data, (vertices[block.row], theirs[block.col])), shape=total.shape)
    return total


def _carried(weights: sparse.csr_matrix, modes: Float[np.ndarray, "mode coordinate"]) -> np.ndarray:
    """Each mode, three numbers a vertex, as the other mesh has it; float32."""
    carried = np.empty((len(modes), weights.shape[0], 3), np.float32)
    for mode, values in zip(carried, modes, strict=True):
        mode[:] = weights @ values.reshape(-1, 3).astype(np.float64)
    return carried.reshape(len(modes), -1)


def _in_our_frame(kit: IctFaceKit, open_model: MorphableModel) -> IctFaceKit:
    """The kit turned and shifted, not scaled, so that its face stands where the open model's does."""
    ours = open_model.mean_positions()[open_model.landmark_indices(_ANCHORS)].astype(np.float64)
    move = fit_similarity(kit.positions[[kit.landmarks[name] for name in _ANCHORS]], ours, scale=False)
    return kit._replace(
        positions=move(kit.positions),
        identities=move.turned(kit.identities).astype(np.float32),
        movements={name: move.turned(moved).astype(np.float32) for name, moved in kit.movements.items()},
    )


def _expression_space(kit: IctFaceKit) -> LinearSpace:
    """About zero, so that coefficients of zero are the neutral face; as the open model's expressions are."""
    units = np.stack(list(kit.movements.values())).reshape(len(kit.movements), -1)
    root = np.linalg.cholesky(
        kit.movement_moment
    )  # E[a aᵀ] = L Lᵀ, so Lᵀ E with weights N(0, 1) has the second moment of aᵀ E
    return space_of_modes(np.zeros(units.shape[1]), np.einsum("ji,jk->ik", root, units.astype(np.float64)))


def _expression_units(kit: IctFaceKit, space: LinearSpace) -> dict[str, Float[np.ndarray, " component"]]:
    """Coefficients of each whole movement, and of those that ARKit has for both sides together."""
    units = {
        name: (moved.reshape(-1) @ space.basis) / space.standard_deviations for name, moved in kit.movements.items()
    }
    for both in ("browInnerUp", "cheekPuff"):
        if both not in units and {f"{both}Left", f"{both}Right"} <= units.keys():
            units[both] = units[f"{both}Left"] + units[f"{both}Right"]
    return {name: unit.astype(np.float32) for name, unit in units.items()}


def _ball_onto_ball(points: Float[np.ndarray, "point 3"], target: Float[np.ndarray, "target 3"]) -> np.ndarray:
    """An eyeball, or its front, put in another's place and size."""
    (centre, radius), (target_centre, target_radius) = _sphere(points), _sphere(target)
    return target_centre + (points - centre) * (target_radius / radius)


def _sphere(points: Float[np.ndarray, "point 3"]) -> tuple[np.ndarray, float]:
    """Centre and radius by least squares: |p|² = 2 p·c + (r² − |c|²)."""
    system = np.concatenate([2.0 * points, np.ones((len(points), 1))], axis=1)
    x, y, z, rest = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    centre = np.array([x, y, z])
    return centre, float(np.sqrt(max(rest + centre @ centre, 1e-6)))


def _compact(positions, triangles) -> tuple[np.ndarray, np.ndarray]:
    """Only the vertices that the triangles use."""
    used, renumbered = np.unique(triangles, return_inverse=True)
    return positions[used], renumbered.reshape(-1, 3).astype(np.int32)


def _normals(positions, triangles) -> np.ndarray:
    return np.asarray(vertex_normals(positions[None].astype(np.float32), triangles))[0].astype(np.float64)
