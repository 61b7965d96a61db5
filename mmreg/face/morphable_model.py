"""The 3D morphable model: a face is a mean plus weighted components (Blanz and Vetter 1999; the paper's section 3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from keras import ops

from mmreg.arrays import Array, Bool, Float, InputError, Int
from mmreg.face.coefficients import Coefficients
from mmreg.face.landmarks import MULTI_PIE, FivePoints, find_five_points
from mmreg.face.linear_space import LinearSpace, solve_coefficients
from mmreg.geometry.mesh import vertex_normals

__all__ = ["FaceModelError", "MorphableModel"]

_ROW_MM, _COLUMN_MM = 2.0, 5.0  # cells within which `in_picture_order` leaves vertices as they are


class FaceModelError(InputError):
    """A face model can't be read, or lacks what was asked of it; the message says what to do."""


def picture_order(
    positions: Float[np.ndarray, "vertex 3"], triangles: Int[np.ndarray, "triangle 3"]
) -> Int[np.ndarray, " vertex"]:
    """A mesh's vertices as the rows of a frontal picture meet them, those that look away at the end."""
    normals = np.asarray(vertex_normals(positions[None].astype(np.float32), triangles))[0]
    positions = positions.astype(np.float64)
    rows, columns = np.floor(positions[:, 1] / -_ROW_MM), np.floor(positions[:, 0] / _COLUMN_MM)
    return np.lexsort((columns, rows, normals[:, 2] < 0.0))


@dataclass(frozen=True, eq=False)
class MorphableModel:
    """A face model: S = S̄ + P_SS W_SS s + P_SE W_SE e, T = T̄ + P_T W_T t (the paper's section 3.1).

    Millimetres; y up, z towards the viewer, the face looks to +z, the subject's left is +x. Triangles are counter-clockwise
    seen from outside.

    Attributes:
        name: what reports call it.
        shape: S̄, P_SS, W_SS.
        albedo: T̄, P_T, W_T; sRGB.
        expression: displacements P_SE, W_SE, with a mean of its own.
            Paper: the equation has no mean expression, Basel's file has one. It is added to every face, also
            to the neutral one, as in the software that Basel published with the model; zero in the open model.
        triangles: (T, 3) int32 vertex indices.
        landmarks: vertex index by name: "multi_pie_01" to "multi_pie_68", "nose_tip", and what a file names.
        license: the terms of the model.
        regions: boolean vertex masks by name; may be empty.
        expression_units: expression coefficients of named movements ("jawOpen": 1 is the whole movement); may be empty.
    """

    name: str
    shape: LinearSpace
    albedo: LinearSpace
    expression: LinearSpace
    triangles: Int[np.ndarray, "triangle 3"]
    landmarks: Mapping[str, int]
    license: str
    regions: Mapping[str, Bool[np.ndarray, " vertex"]] = field(default_factory=dict)
    expression_units: Mapping[str, Float[np.ndarray, " component"]] = field(default_factory=dict)

    @property
    def vertex_count(self) -> int:
        """N, the number of vertices."""
        return len(self.shape.mean) // 3

    @cached_property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of what coefficients mean: means, bases, deviations, triangles; weights name it.

        Over float32 and int32, little-endian, each array after its dimensions, bases component by component. Landmarks and
        regions don't enter.
        """
        digest = hashlib.sha256()
        arrays = [
            a for s in (self.shape, self.albedo, self.expression) for a in (s.mean, s.standard_deviations, s.basis.T)
        ]
        for array, dtype in [*((a, "<f4") for a in arrays), (self.triangles, "<i4")]:
            digest.update(np.array(array.shape, "<i8").tobytes())
            digest.update(np.ascontiguousarray(array, dtype))
        return digest.hexdigest()

    def positions(
        self,
        shape: Float[Array, "batch shape_component"],
        expression: Float[Array, "batch expression_component"] | None = None,
    ) -> Float[Array, "batch vertex 3"]:
        """S = S̄ + P_SS W_SS s + P_SE W_SE e: the vertices in millimetres; differentiable in both arguments."""
        positions = self.shape(shape)
        if expression is not None:
            positions = positions + self.expression(expression)
        elif self._mean_expression_moves:
            positions = positions + self.expression.mean_tensor
        return ops.reshape(positions, (-1, self.vertex_count, 3))

    @cached_property
    def _mean_expression_moves(self) -> bool:
        return bool(self.expression.mean.any())

    def albedos(self, albedo: Float[Array, "batch albedo_component"]) -> Float[Array, "batch vertex 3"]:
        """T = T̄ + P_T W_T t: the vertices' diffuse colour in sRGB; differentiable.

        Not clipped: a linear model can leave [0, 1] a little, and clipping would stop the gradient there. Whoever turns
        it into linear light or into a picture clips.
        """
        return ops.reshape(self.albedo(albedo), (-1, self.vertex_count, 3))

    def mean_positions(self) -> Float[np.ndarray, "vertex 3"]:
        """The mean neutral face in millimetres, numpy."""
        return (self.shape.mean + self.expression.mean).reshape(-1, 3)

    def project(
        self,
        positions: Float[Array, "batch vertex 3"],
        albedos: Float[Array, "batch vertex 3"],
        expression: bool = False,
    ) -> Coefficients:
        """The model's faces nearest to the given ones, by least squares over all vertices; a sample projected is itself.

        Args:
            positions: millimetres, in the model's pose.
            albedos: sRGB.
            expression: solve for shape and expression together; without, the faces are taken to be neutral.
        """
        batch = len(positions)
        flat_positions = np.asarray(positions, np.float64).reshape(batch, -1)
        if expression:
            shape, movement = solve_coefficients(flat_positions, [self.shape, self.expression])
        else:
            (shape,), movement = solve_coefficients(flat_positions - self.expression.mean, [self.shape]), None
        (albedo,) = solve_coefficients(np.asarray(albedos, np.float64).reshape(batch, -1), [self.albedo])
        return Coefficients(shape, albedo, movement)

    def landmark_indices(self, names: Iterable[str]) -> Int[np.ndarray, " landmark"]:
        """Vertex indices of landmarks by name.

        Raises:
            FaceModelError: the model lacks one.
        """
        names = list(names)
        missing = [name for name in names if name not in self.landmarks]
        if missing:
            raise FaceModelError(
                f"The face model {self.name} has no landmark {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; "
                "put a file NAME.landmarks.json with {name: vertex index} beside the model's NAME.h5."
            )
        return np.array([self.landmarks[name] for name in names], np.int32)

    @property
    def multi_pie(self) -> Int[np.ndarray, "68"]:
        """Vertex indices of the 68 points of Multi-PIE, in order. Raises FaceModelError where they are missing."""
        return self.landmark_indices(MULTI_PIE)

    @cached_property
    def five_points(self) -> FivePoints:
        """Eye centres, nose tip, mouth corners as weights over vertices; raises FaceModelError where points are missing."""
        found = find_five_points(dict(self.landmarks))
        if found is None:
            raise FaceModelError(
                f"The face model {self.name} names neither Multi-PIE's eyes, nose tip and mouth corners nor Basel's, so it "
                "can't be framed; put a file NAME.landmarks.json with {name: vertex index} beside the model's NAME.h5."
            )
        return found

    @property
    def face_region(self) -> Bool[np.ndarray, " vertex"]:
        """The vertices of the face proper (no scalp, neck, ears, mouth bag): the region "face", else all vertices."""
        return self.regions.get("face", np.ones(self.vertex_count, bool))

    def region(self, name: str) -> Bool[np.ndarray, " vertex"]:
        """A region's vertex mask by name. Raises FaceModelError where the model has no such region."""
        if name not in self.regions:
            known = ", ".join(sorted(self.regions)) or "none"
            raise FaceModelError(f"The face model {self.name} has no region {name}; its regions: {known}.")
        return self.regions[name]

    def crop(self, keep_vertices: np.ndarray | None) -> MorphableModel:
        """The model on the vertices where the mask holds, with triangles, landmarks and regions renumbered.

        A triangle stays when its three corners do; a landmark when its vertex does. Coefficients keep their meaning, so
        weights trained on a crop drive the whole model. None keeps all.

        Args:
            keep_vertices: (vertex,) boolean; anything else raises ValueError.
        """
        if keep_vertices is None:
            return self
        keep = np.asarray(keep_vertices)
        if keep.shape != (self.vertex_count,) or keep.dtype != bool:
            raise ValueError(
                f"keep_vertices must be a boolean mask of {self.vertex_count} vertices, got {keep.dtype} {keep.shape}"
            )
        return self._take(np.flatnonzero(keep), f"{self.name}, cropped")

    def in_picture_order(self) -> MorphableModel:
        """The same model with its vertices numbered by `picture_order`, and its triangles by their first vertices.

        What is seen side by side then lies side by side in memory, where the renderer finds it sooner.
        """
        renumbered = self._take(self.picture_order(), self.name)
        order = np.argsort(renumbered.triangles.min(axis=1), kind="stable")
        return replace(renumbered, triangles=renumbered.triangles[order])

    def picture_order(self) -> Int[np.ndarray, " vertex"]:
        """The vertices of the mean face as the rows of a frontal picture meet them, those that look away at the end."""
        return picture_order(self.mean_positions(), self.triangles)

    def _take(self, vertices: Int[np.ndarray, " kept"], name: str) -> MorphableModel:
        """The model on the chosen vertices, in their order."""
        new_index = np.full(self.vertex_count, -1)
        new_index[vertices] = np.arange(len(vertices))
        triangles = new_index[self.triangles]
        triangles = triangles[(triangles >= 0).all(axis=1)]
        return MorphableModel(
            name=name,
            shape=self.shape.take(vertices),
            albedo=self.albedo.take(vertices),
            expression=self.expression.take(vertices),
            triangles=triangles.astype(np.int32),
            landmarks={name: int(new_index[i]) for name, i in self.landmarks.items() if new_index[i] >= 0},
            license=self.license,
            regions={name: mask[vertices] for name, mask in self.regions.items()},
            expression_units=self.expression_units,
        )

    def save(self, path: str | Path) -> None:
        """Writes the Basel Face Model 2017 h5 layout, with what that has no place for under /mmreg; `load` gives it back."""
        from mmreg.face.basel import write_basel  # basel builds MorphableModels, so it can't be imported above

        write_basel(self, path)
