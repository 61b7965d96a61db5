"""Faces are found where they are, and nowhere else."""

import dlib_writer as write
import numpy as np
import pytest

from mmreg.encoders.alignment import detect
from mmreg.encoders.dlib_dat import EncoderError, weights_path
from mmreg.encoders.dlib_detector import Box, build_detector, find_boxes, intersection_over_union, suppress
from mmreg.encoders.dlib_landmarks import load_landmark_predictor, read_landmark_predictor

# The astronaut's face, by eye: brows to chin, ear to ear; and her eyes' outer corners and nose base.
FACE = Box(172, 65, 270, 175, 1)
EYES_AND_NOSE = np.array([[195, 101], [255, 104], [224, 134]])


@pytest.fixture(scope="module")
def portrait():
    return pytest.importorskip("skimage.data", reason="scikit-image carries the portrait").astronaut()


@pytest.fixture(scope="module")
def detections(portrait):
    return detect(portrait.astype(np.float32) / 255)


def test_one_face_is_found_where_it_is(detections):
    (detection,) = detections
    assert intersection_over_union(Box(*detection.box, 1), FACE) > 0.6
    assert detection.score > 0.5
    np.testing.assert_allclose(detection.points[[2, 0, 4]], EYES_AND_NOSE, atol=5)


def test_a_shifted_face_is_found_shifted(portrait, detections):
    shifted = np.zeros((512, 640, 3), np.float32)
    shifted[:, 128:] = portrait / 255.0
    (detection,) = detect(shifted)
    np.testing.assert_allclose(detection.box - detections[0].box, [128, 0, 128, 0], atol=12)
    np.testing.assert_allclose(detection.points - detections[0].points, [[128, 0]] * 5, atol=3)


def test_of_several_faces_the_largest_comes_first(portrait):
    face = portrait[20:230, 120:330]
    several = np.zeros((420, 700, 3), np.uint8)
    several[10:220, 10:220] = face
    several[:, 260:680] = np.repeat(np.repeat(face, 2, axis=0), 2, axis=1)
    boxes = find_boxes(several)
    assert len(boxes) == 2
    assert boxes[0].area > 2 * boxes[1].area
    assert boxes[1].right < 240 < boxes[0].left


def test_a_small_face_is_found_by_looking_closer(portrait):
    small = portrait[::4, ::4]
    (box,) = find_boxes(np.ascontiguousarray(small))
    assert intersection_over_union(Box(*(4 * box.corners), 1), FACE) > 0.5


def test_no_face_is_found_in_noise_or_on_a_blank_page():
    noise = np.random.default_rng(0).integers(0, 256, (200, 160, 3), np.uint8)
    assert find_boxes(noise) == []
    assert find_boxes(np.full((200, 160, 3), 255, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 7), (79, 81)])
def test_tiny_and_narrow_pictures_have_no_face(size):
    assert detect(np.full((*size, 3), 0.5, np.float32)) == []


def test_boxes_of_one_face_are_one():
    best, shifted, inside, other = (
        Box(0, 0, 100, 100, 0.9),
        Box(10, 5, 110, 105, 0.5),
        Box(30, 30, 60, 60, 0.4),
        Box(300, 0, 380, 80, 0.2),
    )
    assert suppress([shifted, other, inside, best]) == [best, other]
    assert intersection_over_union(best, best) == 1
    assert intersection_over_union(best, other) == 0


def test_another_networks_file_is_no_detector():
    path = weights_path("dlib_face_recognition_resnet_model_v1.dat")
    with pytest.raises(EncoderError, match="face detector"):
        build_detector(path.read_bytes(), str(path))


MEAN_SHAPE = np.array([[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]])
LEAVES = np.array([np.full((3, 2), 0.1), np.full((3, 2), -0.1)])
PIXELS = np.array([[-0.1, 0.0], [0.4, 0.0]])  # from the first point
BOX = np.array([10.0, 20.0, 50.0, 60.0])


@pytest.fixture
def predictor():
    return read_landmark_predictor(write.landmark_predictor(MEAN_SHAPE, LEAVES, PIXELS, threshold=20.0), "tiny.dat")


def test_a_tree_moves_the_mean_shape_by_the_leaf_that_its_pixels_lead_to(predictor):
    grey = np.zeros((80, 80), np.float32)
    dark = MEAN_SHAPE * 40 + [10, 20]
    np.testing.assert_allclose(predictor(grey, BOX), dark - 4, atol=1e-4)
    grey[30, 16] = 21  # the first pixel: 10 + 40 (0.25 − 0.1), 20 + 40 · 0.25
    np.testing.assert_allclose(predictor(grey, BOX), dark + 4, atol=1e-4)
    grey[30, 36] = 1  # the second: the difference is no longer above the threshold
    np.testing.assert_allclose(predictor(grey, BOX), dark - 4, atol=1e-4)


def test_landmarks_move_and_grow_with_the_box(predictor):
    grey = np.zeros((500, 500), np.float32)
    points = predictor(grey, BOX)
    np.testing.assert_allclose(predictor(grey, BOX + 100), points + 100, atol=1e-4)
    np.testing.assert_allclose(predictor(grey, 3 * BOX), 3 * points, atol=1e-3)


def test_a_box_beyond_the_picture_is_black_there(predictor):
    assert np.isfinite(predictor(np.ones((5, 5), np.float32), BOX)).all()


def test_dlibs_cascade_has_15_stages_of_500_trees():
    stages = load_landmark_predictor().stages
    assert len(stages) == 15
    assert {stage.first.shape for stage in stages} == {(500, 15)}
    assert {stage.leaf.shape for stage in stages} == {(500, 16, 5, 2)}


def test_a_malformed_cascade_is_refused():
    good = write.landmark_predictor(MEAN_SHAPE, LEAVES, PIXELS)
    for length in range(1, len(good), 5):
        with pytest.raises(EncoderError, match=r"odd\.dat"):
            read_landmark_predictor(good[:length], "odd.dat")
    with pytest.raises(EncoderError, match=r"odd\.dat"):
        read_landmark_predictor(good + b"\x00", "odd.dat")
    with pytest.raises(EncoderError, match=r"odd\.dat"):
        read_landmark_predictor(write.integer(2) + good[2:], "odd.dat")
