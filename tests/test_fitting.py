"""Pose and expression from landmarks, where the truth is known: the points are projected from faces that we posed."""

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.face import Coefficients
from mmreg.face.landmarks import MULTI_PIE
from mmreg.fitting import FitSettings, fit_landmarks, project_landmarks
from mmreg.geometry.camera import Pose, perspective_camera

SIZE = (300, 320)
SETTINGS = FitSettings(steps=400)
MOVEMENTS = (("jawOpen",), ("mouthSmileLeft", "mouthSmileRight"), ("mouthPucker",), ("mouthFunnel",))


@pytest.fixture(scope="module")
def posed(open_model):
    """(people, expressions, poses, points): four people, each with a movement that lips and jaw show."""
    people = Coefficients.sample(open_model, 4, seed=5)
    expression = [sum(open_model.expression_units[name] for name in names) for names in MOVEMENTS]
    expression = np.stack(expression).astype(np.float32)
    pose = Pose(*(np.float32(angles) for angles in ([0.6, -0.4, 0.2, 0.0], [0.2, -0.1, 0.0, 0.15], [0.1, 0, -0.2, 0])))
    return people, expression, pose, points_of(open_model, people, expression, pose)


def points_of(model, people, expression, pose, distance=1200.0):
    corners = np.asarray(model.positions(people.shape, expression))[:, model.multi_pie]
    eye = np.tile(np.float32([[25.0, -10.0, distance]]), (len(corners), 1))  # off the axis: the crop undoes it
    target = eye * np.float32([1.0, 1.0, 0.0])
    camera = perspective_camera(eye, target, np.full(len(corners), 0.25, np.float32), SIZE)
    return np.asarray(project_landmarks(corners, pose, camera, SIZE))


@pytest.fixture(scope="module")
def fitted(open_model, posed):
    people, _, _, points = posed
    return fit_landmarks(open_model, people.shape, points, SIZE, settings=SETTINGS)


def degrees_apart(a: Pose, b: Pose):
    """The angle of the turn that leads from each of one pose's heads to the other's."""
    between = np.einsum("bij,bkj->bik", np.asarray(a.rotation()), np.asarray(b.rotation()))
    return np.rad2deg(np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0)))


def test_the_pose_is_recovered(fitted, posed):
    pose = posed[2]
    frontal = Pose(*(0.0 * angle for angle in pose))
    assert degrees_apart(frontal, pose).max() > 30.0
    assert degrees_apart(fitted.pose, pose).max() < 1.5


def test_the_expression_is_recovered_as_far_as_points_show_it(open_model, fitted, posed):
    people, expression, _, _ = posed

    def points_in_space(e):
        return np.asarray(open_model.positions(people.shape, e))[:, open_model.multi_pie]

    truth = points_in_space(expression)
    left = np.linalg.norm(points_in_space(fitted.expression) - truth, axis=-1).mean(axis=1)
    moved = np.linalg.norm(points_in_space(None) - truth, axis=-1).mean(axis=1)
    assert (left < 0.6 * moved).all()  # some of it is depth, which one picture doesn't show


def test_the_landmarks_fall_on_the_points(open_model, fitted, posed):
    people, _, _, points = posed
    assert (fitted.error < 0.01).all()
    assert (fitted.error < 0.2 * fitted.history[0]).all()
    positions = np.asarray(open_model.positions(people.shape, fitted.expression))[:, open_model.multi_pie]
    again = project_landmarks(positions, fitted.pose, fitted.camera, SIZE)
    np.testing.assert_allclose(np.asarray(again), fitted.landmarks_pixels, atol=0.01)
    assert np.abs(fitted.landmarks_pixels - points).max() < 8.0


def test_a_face_is_fitted_as_if_it_were_alone(open_model, fitted, posed):
    people, _, _, points = posed
    alone = fit_landmarks(open_model, people.shape[2:3], points[2:3], SIZE, settings=SETTINGS)
    assert degrees_apart(alone.pose, Pose(*(angle[2:3] for angle in fitted.pose))).max() < 0.05
    np.testing.assert_allclose(alone.expression[0], fitted.expression[2], atol=0.02)


def test_moving_and_enlarging_the_picture_changes_neither_pose_nor_expression(open_model, fitted, posed):
    people, _, _, points = posed
    enlarged = 1.7 * points + np.float32([40.0, -15.0])
    again = fit_landmarks(open_model, people.shape, enlarged, SIZE, settings=SETTINGS)
    assert degrees_apart(again.pose, fitted.pose).max() < 0.05
    np.testing.assert_allclose(again.expression, fitted.expression, atol=0.02)


def test_points_of_a_neutral_frontal_face_leave_it_neutral(open_model):
    people = Coefficients.sample(open_model, 2, seed=6)
    zero = np.zeros(2, np.float32)
    still = np.zeros((2, open_model.expression.component_count), np.float32)
    eye, fov = np.tile(np.float32([[0.0, 0.0, 1200.0]]), (2, 1)), np.full(2, 0.3, np.float32)
    positions = np.asarray(open_model.positions(people.shape, still))[:, open_model.multi_pie]
    camera = perspective_camera(eye, 0.0 * eye, fov, SIZE)
    points = np.asarray(project_landmarks(positions, Pose(zero, zero, zero), camera, SIZE))
    fit = fit_landmarks(open_model, people.shape, points, SIZE, settings=SETTINGS)
    assert np.abs(fit.expression).max() < 0.02
    assert np.rad2deg(np.abs(np.stack(fit.pose))).max() < 0.1


def test_without_the_far_side_s_jaw_the_pose_is_still_found(open_model, posed):
    people, _, pose, points = posed
    seen = [k for k in range(68) if k not in range(0, 7)]
    fit = fit_landmarks(open_model, people.shape, points[:, seen], SIZE, [MULTI_PIE[k] for k in seen], SETTINGS)
    assert degrees_apart(fit.pose, pose).max() < 3.0


def test_the_watcher_sees_the_start_frontal_and_neutral(open_model, posed):
    people, _, _, points = posed
    seen = {}
    settings = FitSettings(steps=3)

    def watch(step, problem):
        seen[step] = problem.snapshot()

    fit = fit_landmarks(open_model, people.shape, points, SIZE, settings=settings, watch=watch)
    assert list(seen) == [0, 1, 2]
    assert not np.any(seen[0].pose)
    assert not np.any(seen[0].expression)
    assert np.any(seen[1].pose)
    np.testing.assert_allclose(fit.history, [seen[step].error for step in range(3)], rtol=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda points: points[:, :60], "shape"),
        (lambda points: np.where(points > 100, np.nan, points), "finite"),
        (lambda points: 0.0 * points, "no face's"),
    ],
)
def test_points_that_are_no_face_s_are_refused(open_model, posed, change, said):
    people, _, _, points = posed
    with pytest.raises(InputError, match=said):
        fit_landmarks(open_model, people.shape, change(points), SIZE)


def test_too_few_landmarks_are_refused(open_model, posed):
    people, _, _, points = posed
    names = [MULTI_PIE[k] for k in (36, 45, 30)]
    with pytest.raises(InputError, match="six or more"):
        fit_landmarks(open_model, people.shape, points[:, [36, 45, 30]], SIZE, names)
    with pytest.raises(InputError, match="outer corners"):
        fit_landmarks(open_model, people.shape, points[:, :30], SIZE, MULTI_PIE[:30])
