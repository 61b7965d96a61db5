"""mmreg sheet and mmreg fit from the command line, on the portrait that scikit-image carries, with its own projected points."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mmreg.face import Coefficients
from mmreg.figures.fitting import portrait_camera, posed_pictures
from mmreg.fitting import project_landmarks
from mmreg.geometry.camera import Pose
from mmreg.reconstruct import reference_weights

SIZE = (240, 240)


@pytest.fixture(scope="module")
def portrait_path(tmp_path_factory):
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    Image.fromarray(astronaut()[:260, 90:370]).save(path)
    return path


def run(*arguments):
    """(exit code, stdout, what was complained of) of the command line, in this process, through the same door."""
    from mmreg import cli
    from mmreg.arrays import InputError

    result = CliRunner().invoke(cli.app, [*map(str, arguments), "--weights", str(reference_weights())])
    if isinstance(result.exception, InputError):
        return cli.BAD_INPUT, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def turned(open_model, tmp_path_factory):
    """(picture, points, pose): a random person of the model, turned, on disk."""
    folder = tmp_path_factory.mktemp("turned")
    person = Coefficients.sample(open_model, 1, seed=4)
    positions, albedos = open_model.positions(person.shape), open_model.albedos(person.albedo)
    pose, camera = Pose(*(np.float32([angle]) for angle in (0.35, 0.1, -0.1))), portrait_camera(1, SIZE)
    picture = posed_pictures(open_model, positions, albedos, pose, camera, SIZE)[0]
    Image.fromarray(np.round(255.0 * picture).astype(np.uint8)).save(folder / "turned.png")
    points = np.asarray(project_landmarks(np.asarray(positions)[:, open_model.multi_pie], pose, camera, SIZE))[0]
    (folder / "turned.json").write_text(json.dumps(points.tolist()))
    return folder / "turned.png", folder / "turned.json", pose


def test_a_photograph_s_pose_is_fitted_and_written_with_a_picture_to_check_it_by(turned, tmp_path):
    picture, points, pose = turned
    code, stdout, _ = run("fit", picture, points, "--out", tmp_path / "fitted")
    assert code == 0
    assert str(tmp_path / "fitted") in stdout
    record = json.loads((tmp_path / "fitted/fit.json").read_text())
    assert record["yaw_degrees"] == pytest.approx(
        np.rad2deg(pose.yaw_radians[0]), abs=8.0
    )  # the shape isn't the person's
    coefficients = json.loads((tmp_path / "fitted/coefficients.json").read_text())
    assert np.abs(coefficients["expression"]).max() > 0.0
    assert Image.open(tmp_path / "fitted/fit.png").width > 300
    assert (tmp_path / "fitted/face.glb").stat().st_size > 1e5


def test_points_that_lie_around_no_face_are_refused(turned, tmp_path):
    picture, points, _ = turned
    moved = tmp_path / "moved.json"
    moved.write_text(json.dumps((np.array(json.loads(points.read_text())) + 500.0).tolist()))
    code, _, stderr = run("fit", picture, moved, "--out", tmp_path / "fitted")
    assert (code, "lies around the points" in stderr) == (2, True)
    assert not (tmp_path / "fitted").exists()


def test_a_sheet_shows_everybody_with_a_face_and_says_who_has_none(portrait_path, tmp_path):
    Image.new("RGB", (90, 90), (200, 180, 160)).save(tmp_path / "wall.png")
    code, stdout, stderr = run("sheet", portrait_path, tmp_path / "wall.png", "--out", tmp_path / "s")
    assert code == 1
    assert "wall.png shows no face" in stderr
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["sheet-001.png"]
    assert "sheet-001.png" in stdout
    assert np.asarray(Image.open(tmp_path / "s/sheet-001.png").convert("RGB")).std() > 20
