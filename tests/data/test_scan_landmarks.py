"""A scanned face has its points found, however the scanner's axes lie, and what is no face has none."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmreg.data import scan_landmarks
from mmreg.data.scan_landmarks import find_landmarks
from mmreg.face import Coefficients
from mmreg.face.landmarks import NOSE_TIP, multi_pie_name

OFFSET = np.array([30.0, -500.0, 70.0])


@pytest.fixture(scope="module")
def face(open_model):
    positions = np.asarray(open_model.positions(Coefficients.sample(open_model, 1, seed=5).shape))[0]
    return positions, open_model.triangles, {name: positions[index] for name, index in open_model.landmarks.items()}


@pytest.mark.parametrize(
    ("axes", "degrees"),
    [("xyz", (0, 0, 0)), ("xyz", (8, 15, -6)), ("x", 90), ("z", 20)],
    ids=["front", "turned", "z up", "tilted"],
)
def test_nose_tip_and_eyes_are_found_in_the_scans_own_axes(face, axes, degrees):
    positions, triangles, known = face
    turn = Rotation.from_euler(axes, degrees, degrees=True)
    found = find_landmarks((turn.apply(positions) + OFFSET).astype(np.float32), triangles[:, ::-1])
    expected = {name: turn.apply(known[name]) + OFFSET for name in found}
    assert np.linalg.norm(found[NOSE_TIP] - expected[NOSE_TIP]) < 6.0  # mm, on a crop of 95
    for number in (37, 40, 43, 46):
        name = multi_pie_name(number)
        assert (
            np.linalg.norm(found[name] - expected[name]) < 20.0
        )  # right and left aren't confused: they are 60 to 100 apart


def test_what_shows_no_face_has_no_points(monkeypatch, rng):
    monkeypatch.setattr(scan_landmarks, "detect", lambda image: [])
    positions = rng.normal(size=(50, 3)).astype(np.float32) * 50
    assert find_landmarks(positions, rng.integers(0, 50, (90, 3))) == {}


def test_a_hole_shows_nothing_of_what_lies_behind_it():
    seen = np.full((scan_landmarks._SIZE, scan_landmarks._SIZE, 3), np.nan)
    seen[98:103, 98:103] = [0.0, 0.0, 50.0]
    seen[100, 100] = [0.0, 0.0, -90.0]
    assert scan_landmarks._surface_at(seen, np.array([100.0, 100.0]))[2] == 50.0
    assert scan_landmarks._surface_at(seen, np.array([10.0, 10.0])) is None
