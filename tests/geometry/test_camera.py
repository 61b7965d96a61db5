import numpy as np
import pytest

from mmreg.geometry.camera import Pose, clip_to_pixels, perspective_camera, pixel_centres, pixels_to_ndc, rotate

SIZE = (120, 160)


def camera(position=(0.0, 0.0, 1000.0), target=(0.0, 0.0, 0.0), fov=0.5):
    return perspective_camera(
        np.array([position], np.float32), np.array([target], np.float32), np.array([fov], np.float32), SIZE
    )


def pixels_of(points, cam):
    return np.asarray(clip_to_pixels(cam.project(np.array([points], np.float32)), SIZE))[0]


def test_the_target_falls_on_the_centre_of_the_picture():
    cam = camera(position=(300.0, -200.0, 900.0), target=(10.0, 20.0, 30.0))
    assert pixels_of([(10.0, 20.0, 30.0)], cam)[0] == pytest.approx([(160 - 1) / 2, (120 - 1) / 2], abs=1e-3)


def test_up_is_up_and_right_is_right():
    centre, up, right = pixels_of([(0, 0, 0), (0, 50, 0), (50, 0, 0)], camera())
    assert up[1] < centre[1]
    assert right[0] > centre[0]


def test_twice_as_far_looks_half_as_large():
    near = pixels_of([(100, 0, 0), (-100, 0, 0)], camera((0, 0, 1000)))
    far = pixels_of([(100, 0, 0), (-100, 0, 0)], camera((0, 0, 2000)))
    assert near[0, 0] - near[1, 0] == pytest.approx(2 * (far[0, 0] - far[1, 0]), rel=1e-5)


def test_turning_the_whole_scene_leaves_the_picture_unchanged():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 80, (1, 20, 3)).astype(np.float32)
    position, target = rng.normal(0, 1, (1, 3)), rng.normal(0, 10, (1, 3))
    position = 900 * position / np.linalg.norm(position)
    up = np.array([[0.1, 1.0, 0.2]])
    turn = np.asarray(Pose(*np.array([[0.7], [-0.4], [0.3]], np.float32)).rotation())

    def picture(r):
        cam = perspective_camera(
            (position @ r[0].T).astype(np.float32),
            (target @ r[0].T).astype(np.float32),
            np.array([0.4], np.float32),
            SIZE,
            up=(up @ r[0].T).astype(np.float32),
        )
        return np.asarray(clip_to_pixels(cam.project(np.asarray(rotate(r, points))), SIZE))

    np.testing.assert_allclose(picture(turn), picture(np.eye(3, dtype=np.float32)[None]), atol=2e-2)


def test_positive_yaw_turns_the_face_to_its_own_left():
    nose = np.asarray(
        rotate(Pose(*np.array([[0.3], [0], [0]], np.float32)).rotation(), np.array([[[0, 0, 1.0]]], np.float32))
    )
    assert nose[0, 0, 0] > 0


def test_positive_pitch_bows_and_positive_roll_tilts_to_the_viewers_left():
    forward, crown = np.array([[[0, 0, 1.0]]], np.float32), np.array([[[0, 1.0, 0]]], np.float32)
    assert np.asarray(rotate(Pose(*np.array([[0], [0.3], [0]], np.float32)).rotation(), forward))[0, 0, 1] < 0
    assert np.asarray(rotate(Pose(*np.array([[0], [0], [0.3]], np.float32)).rotation(), crown))[0, 0, 0] < 0


def test_rotations_keep_lengths_and_orientation():
    r = np.asarray(Pose(*np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)).rotation())
    np.testing.assert_allclose(r @ r.transpose(0, 2, 1), np.tile(np.eye(3), (5, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(r), 1.0, atol=1e-5)


def test_framing_puts_points_on_a_template_that_a_crop_can_reach():
    points = np.array([[[-30, 20, 0], [30, 20, 0], [0, 0, 0], [-20, -30, 0], [20, -30, 0]]], np.float32)
    template = pixels_of(points[0], camera()) * 1.7 + [12.0, -9.0]
    framed = camera().framing(points, template.astype(np.float32), SIZE)
    np.testing.assert_allclose(pixels_of(points[0], framed), template, atol=1e-3)


def test_cropping_scales_about_the_centre_then_shifts():
    cam, point = camera(), [(40.0, 25.0, 10.0)]
    centre = np.array([(160 - 1) / 2, (120 - 1) / 2])
    cropped = cam.cropped(np.array([2.0], np.float32), np.array([[0.1, 0.2]], np.float32))
    expected = centre + 2 * (pixels_of(point, cam)[0] - centre) + [0.1 * 80, -0.2 * 60]
    np.testing.assert_allclose(pixels_of(point, cropped)[0], expected, atol=1e-3)


def test_pixel_coordinates_and_device_coordinates_are_inverse():
    pixels = np.random.default_rng(0).uniform(0, 100, (7, 2)).astype(np.float32)
    ndc = pixels_to_ndc(pixels, SIZE)
    clip = np.concatenate([ndc, np.zeros((7, 1)), np.ones((7, 1))], axis=1).astype(np.float32)
    np.testing.assert_allclose(np.asarray(clip_to_pixels(clip, SIZE)), pixels, atol=1e-4)


def test_row_zero_is_the_top():
    x, y = pixel_centres((3, 2))
    np.testing.assert_allclose(x, [-0.5, 0.5])
    np.testing.assert_allclose(y, [2 / 3, 0, -2 / 3], atol=1e-7)
