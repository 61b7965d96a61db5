"""Points from files: three ways to write the same, and what is refused."""

import json

import numpy as np
import pytest

from mmreg.data.points import PointsError, read_points

POINTS = np.stack([np.linspace(10.5, 200.25, 68), np.linspace(3.0, 90.0, 68)], axis=1).astype(np.float32)


def lines(points, separator):
    return "\n".join(f"{x:.4f}{separator}{y:.4f}" for x, y in points)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("face.pts", "version: 1\nn_points: 68\n{\n" + lines(POINTS + 1.0, " ") + "\n}\n"),
        ("face.json", json.dumps(POINTS.tolist())),
        ("face.csv", "# x, y\n" + lines(POINTS, ", ")),
        ("face.txt", "\n" + lines(POINTS, "  ") + "\n\n"),
    ],
)
def test_points_are_the_same_however_they_are_written(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    np.testing.assert_allclose(read_points(tmp_path / name), POINTS, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("few.txt", lines(POINTS[:67], " "), "expected 68"),
        ("words.txt", "left eye", "two numbers a line"),
        ("open.pts", lines(POINTS, " "), "two numbers a line"),
        ("holes.json", json.dumps([[1.0, None]] * 68), "expected 68"),
        ("ragged.csv", "1, 2\n3", "two numbers a line"),
    ],
)
def test_a_file_that_holds_no_face_s_points_is_named_and_refused(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(PointsError, match=name) as refusal:
        read_points(tmp_path / name)
    assert said in str(refusal.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PointsError, match=r"none\.pts"):
        read_points(tmp_path / "none.pts")
