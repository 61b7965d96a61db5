"""Analysis by synthesis from points: the pose and the expression with which a face's landmarks fall where a photograph has them.

The paper's appendix A.1 does this to its neutral output by gradient descent. Scale and place in the picture aren't descended on:
for any pose and expression the best of them are known in closed form (`Camera.framing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError
from mmreg.face.landmarks import MULTI_PIE, multi_pie_name
from mmreg.face.linear_space import LinearSpace
from mmreg.face.morphable_model import MorphableModel
from mmreg.geometry.camera import Camera, Pose, clip_to_pixels, perspective_camera, rotate

__all__ = ["EYE_CORNERS", "FitSettings", "LandmarkFit", "LandmarkProblem", "fit_landmarks", "project_landmarks"]

EYE_CORNERS = (multi_pie_name(37), multi_pie_name(46))  # the outer ones, whose distance is the unit of landmark errors
FOV_Y_RADIANS = 0.3  # before the crop, which undoes it


class FitSettings(NamedTuple):
    """How the descent goes. Paper: gradient descent, nothing more is said; these are ours.

    Attributes:
        steps: of Adam, the rate falling to nothing as a cosine.
        learning_rate: of the first step, for angles in radians and for coefficients alike.
        point_deviation: how far points are taken to be off, as a share of the distance between the outer eye corners. The smaller,
            the less the prior e ~ N(0, 1) counts.
        distance_mm: from the camera to the head, which a single picture hardly shows.
    """

    steps: int = 300
    learning_rate: float = 0.08
    point_deviation: float = 0.02
    distance_mm: float = 1200.0


DEFAULT_FIT = FitSettings()


class LandmarkFit(NamedTuple):
    """What `fit_landmarks` found, for a batch of faces.

    Attributes:
        pose: the heads' turns.
        expression: coefficients of the model's expressions.
        camera: before which the heads turn, cropped to the photographs.
        landmarks_pixels: where the fitted landmarks fall.
        error: mean distance of given and fitted points, as a share of the distance between the outer eye corners.
        history: `error` before every step.
    """

    pose: Pose
    expression: Float[np.ndarray, "batch expression_component"]
    camera: Camera
    landmarks_pixels: Float[np.ndarray, "batch landmark 2"]
    error: Float[np.ndarray, " batch"]
    history: Float[np.ndarray, "step batch"]


def fit_landmarks(
    model: MorphableModel,
    shape: Float[np.ndarray, "batch shape_component"],
    points_pixels: Float[np.ndarray, "batch landmark 2"],
    image_size: tuple[int, int],
    landmarks: Sequence[str] = MULTI_PIE,
    settings: FitSettings = DEFAULT_FIT,
    watch: Callable[[int, LandmarkProblem], None] | None = None,
) -> LandmarkFit:
    """Descends from a frontal, neutral face to the pose and expression whose landmarks lie nearest to the given points.

    Minimises, for each face by itself,  Σₖ |xₖ(R, e) − pₖ|² / ς² + |e|²,  with xₖ the projected landmark, pₖ the point in
    the photograph and ς the points' deviation: the most probable e, where points err normally and e is standard normal.

    Args:
        shape: coefficients, which stay as they are.
        points_pixels: x right and y down; whole numbers are pixel centres.
        image_size: (height, width) of the photograph.
        landmarks: names of the points in their order; leave out those that nobody can see.
        watch: called before every step with its number and the problem, whose `snapshot` says how things stand.

    Raises:
        InputError: points that can't be fitted; names that the model lacks.
    """
    points = np.asarray(points_pixels, np.float32)
    _check(points, shape, landmarks)
    problem = LandmarkProblem(model, np.asarray(shape, np.float32), points, image_size, tuple(landmarks), settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps)
    problem.compile(optimizer=keras.optimizers.Adam(rate), jit_compile=False)
    history = []
    for step in range(settings.steps):
        if watch is not None:
            watch(step, problem)
        problem.train_on_batch(points)
        history.append(_copy(problem.error))
    return problem.snapshot()._replace(history=np.reshape(history, (-1, len(points))).astype(np.float32))


def project_landmarks(
    positions: Float[Array, "batch vertex 3"], pose: Pose, camera: Camera, image_size: tuple[int, int]
) -> Float[Array, "batch vertex 2"]:
    """Pixels of points of heads, in the model's frame (mm), that turn before a camera."""
    return clip_to_pixels(camera.project(rotate(pose.rotation(), positions)), image_size)


def _check(points: np.ndarray, shape: np.ndarray, landmarks: Sequence[str]) -> None:
    expected = (len(shape), len(landmarks), 2)
    if points.shape != expected:
        raise InputError(
            f"Expected points of the shape (face, landmark, 2) = {expected}, x and y in pixels; got {points.shape}."
        )
    if not np.isfinite(points).all():
        raise InputError("Some points aren't finite; leave the landmarks out that can't be seen, by their names.")
    if missing := [name for name in EYE_CORNERS if name not in landmarks]:
        raise InputError(f"The outer corners of both eyes are needed, the unit of length; {missing[0]} isn't there.")
    if len(landmarks) < 6:
        raise InputError(f"{len(landmarks)} landmarks don't fix a pose and an expression; six or more are needed.")
    corners = points[:, [list(landmarks).index(name) for name in EYE_CORNERS]]
    if (np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1) < 2.0).any():
        raise InputError("The outer eye corners lie within two pixels of each other; the points are no face's.")


class LandmarkProblem(keras.Model):
    """The unknowns as weights, and the sum over faces of what each wants to be small as the loss."""

    def __init__(self, model, shape, points, image_size, landmarks, settings: FitSettings):
        super().__init__(name="landmark_fit")
        vertices = model.landmark_indices(landmarks)
        batch = len(points)
        self._fixed = _Fixed(
            np.asarray(model.shape.take(vertices)(shape)),
            model.expression.take(vertices),
            points,
            image_size,
            settings.distance_mm,
        )
        corners = points[:, [landmarks.index(name) for name in EYE_CORNERS]]
        self.unit_pixels = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
        self.deviation_pixels = settings.point_deviation * self.unit_pixels
        self.angles = self.add_weight(shape=(batch, 3), initializer="zeros", name="angles")
        self.expression = self.add_weight(
            shape=(batch, model.expression.component_count), initializer="zeros", name="expression"
        )
        self.error = self.add_weight(shape=(batch,), initializer="zeros", trainable=False, name="error")
        self.built = True

    def pose(self) -> Pose:
        """The heads' turns as they are now."""
        return Pose(self.angles[:, 0], self.angles[:, 1], self.angles[:, 2])

    def project(self) -> tuple[Camera, Float[Array, "batch landmark 2"]]:
        """The camera that frames the landmarks as they are now, and where they fall."""
        known = self._fixed
        flat = known.neutral + known.expressions(self.expression)
        turned = rotate(self.pose().rotation(), ops.reshape(flat, (len(known.points), -1, 3)))
        position = np.tile(np.float32([[0.0, 0.0, known.distance_mm]]), (len(known.points), 1))
        fov = np.full(len(known.points), FOV_Y_RADIANS, np.float32)
        camera = perspective_camera(position, 0.0 * position, fov, known.image_size)
        camera = camera.framing(turned, known.points, known.image_size)
        return camera, clip_to_pixels(camera.project(turned), known.image_size)

    def snapshot(self) -> LandmarkFit:
        """How things stand, in numpy, without a history."""
        camera, landmarks_pixels = self.project()
        away = np.linalg.norm(np.asarray(landmarks_pixels) - self._fixed.points, axis=-1)
        return LandmarkFit(
            _numpy(self.pose()),
            _copy(self.expression),
            _numpy(camera),
            _copy(landmarks_pixels),
            away.mean(axis=1) / self.unit_pixels,
            np.zeros((0, len(away)), np.float32),
        )

    def call(self, points):
        """Where the landmarks fall."""
        return self.project()[1]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Σ over faces of Σₖ |xₖ − pₖ|² / ς² + |e|²: each unknown belongs to one face, so each face is fitted by itself."""
        away = ops.sum((y_pred - x) ** 2, axis=-1)  # b landmark
        self.error.assign(ops.mean(ops.sqrt(away), axis=1) / self.unit_pixels)
        data = ops.sum(away, axis=1) / self.deviation_pixels**2
        return ops.sum(data + ops.sum(self.expression**2, axis=1))


class _Fixed(NamedTuple):
    """What the unknowns are fitted to; in a record so that Keras tracks none of it."""

    neutral: Float[np.ndarray, "batch coordinate"]
    expressions: LinearSpace
    points: Float[np.ndarray, "batch landmark 2"]
    image_size: tuple[int, int]
    distance_mm: float


def _numpy(record):
    """A record of tensors as one of numpy arrays."""
    return type(record)(*(_copy(part) for part in record))


def _copy(value) -> np.ndarray:
    return np.asarray(value).copy()  # what a weight was, not what it becomes
