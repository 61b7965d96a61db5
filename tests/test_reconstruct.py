"""The whole way, from the command line as a user goes it. The weights are made here; they needn't be good."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from typer.testing import CliRunner

from mmreg.data.photographs import photo_like_features
from mmreg.profiles import get_profile
from mmreg.reconstruct import reference_weights
from mmreg.regressor import DomainStatistics, fresh_regressor

FILES = {"face.glb", "face.obj", "coefficients.json", "panel.png", "render.png"}


@pytest.fixture(scope="module")
def weights(open_model, encoder, tmp_path_factory):
    photos = photo_like_features(100, 0)
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(open_model, encoder, {"photograph": statistics, "rendering": statistics}, 0)
    path = tmp_path_factory.mktemp("weights") / "regressor.npz"
    regressor.save_file(path, {"seed": 0})
    return path


@pytest.fixture(scope="module")
def portrait_path(tmp_path_factory):
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    Image.fromarray(astronaut()[:300, 60:400]).save(path)
    return path


def run(*arguments):
    """(exit code, stdout, stderr) of the command line, in this process, through the same door."""
    from mmreg import cli
    from mmreg.arrays import InputError

    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if isinstance(result.exception, InputError):
        return cli.BAD_INPUT, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def reconstructed(portrait_path, weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    blank = portrait_path.parent / "blank.jpg"
    Image.new("RGB", (200, 160), (120, 130, 140)).save(blank)
    broken = portrait_path.parent / "broken.jpg"
    broken.write_bytes(b"no image")
    outcome = run("reconstruct", broken, blank, portrait_path, "--out", out, "--weights", weights)
    return outcome, out


def test_the_good_photograph_is_done_although_others_fail(reconstructed):
    (code, _, stderr), out = reconstructed
    assert code == 2
    assert "broken.jpg" in stderr
    assert "blank.jpg shows no face" in stderr
    assert sorted(p.name for p in out.iterdir()) == ["portrait", "skipped.jsonl"]
    skipped = [json.loads(line) for line in (out / "skipped.jsonl").read_text().splitlines()]
    assert [Path(one["photograph"]).name for one in skipped] == ["blank.jpg"]
    assert skipped[0]["no_face"]
    assert {p.name for p in (out / "portrait").iterdir()} == FILES


def test_the_meshes_have_the_models_vertices_triangles_and_colours(reconstructed, open_model):
    _, out = reconstructed
    obj = trimesh.load(out / "portrait" / "face.obj", process=False)
    glb = trimesh.load(out / "portrait" / "face.glb", process=False, force="mesh")
    for mesh in (obj, glb):
        assert len(mesh.vertices) == open_model.vertex_count
        assert len(mesh.faces) == len(open_model.triangles)
        assert mesh.visual.kind == "vertex"
        assert mesh.visual.vertex_colors[:, :3].std() > 5
    np.testing.assert_allclose(glb.vertices * 1000, obj.vertices, atol=1e-2)  # metres and millimetres
    assert 150 < np.ptp(obj.vertices[:, 1]) < 400  # a head's height in millimetres


def test_the_coefficients_name_what_they_belong_to_and_make_the_mesh(reconstructed, open_model, encoder, weights):
    from mmreg.results import file_checksum

    _, out = reconstructed
    record = json.loads((out / "portrait" / "coefficients.json").read_text())
    assert record["model"] == {"name": open_model.name, "checksum": open_model.checksum}
    assert record["encoder"]["checksum"] == encoder.checksum
    assert record["weights"]["checksum"] == file_checksum(weights)
    assert (len(record["shape"]), len(record["albedo"]), record["face"]) == (199, 199, 1)
    positions = np.asarray(open_model.positions(np.array([record["shape"]], np.float32)))[0]
    obj = trimesh.load(out / "portrait" / "face.obj", process=False)
    np.testing.assert_allclose(obj.vertices, positions, atol=1e-2)


def test_the_pictures_show_something(reconstructed):
    _, out = reconstructed
    for name, shape in ("render.png", (512, 512)), ("panel.png", None):
        picture = np.asarray(Image.open(out / "portrait" / name).convert("RGB"))
        assert shape is None or picture.shape[:2] == shape
        assert picture.std() > 10


def test_several_faces_are_numbered_largest_first_in_the_photographs_folder(portrait_path, weights, tmp_path):
    face = Image.open(portrait_path)
    small = face.resize((face.width * 2 // 3, face.height * 2 // 3))
    both = Image.new("RGB", (face.width + small.width, face.height), (90, 90, 90))
    both.paste(small, (0, 0))
    both.paste(face, (small.width, 0))
    both.save(tmp_path / "two.png")
    arguments = ("reconstruct", tmp_path / "two.png", "--out", tmp_path / "out", "--weights", weights)
    code, stdout, _ = run(*arguments, "--write", "meshes")
    assert code == 0
    folders = [tmp_path / "out" / "two" / f"face_{k}" for k in (1, 2)]
    assert stdout.split() == [str(folder) for folder in folders]
    assert {p.name for p in folders[1].iterdir()} == FILES - {"panel.png", "render.png"}
    records = [json.loads((folder / "coefficients.json").read_text()) for folder in folders]
    assert [(record["face"], record["faces"]) for record in records] == [(1, 2), (2, 2)]
    boxes = [record["box"] for record in records]
    areas = [(b["right"] - b["left"]) * (b["bottom"] - b["top"]) for b in boxes]
    assert areas[0] > areas[1]
    assert boxes[0]["left"] > boxes[1]["left"]


def test_a_photograph_without_a_face_exits_with_1_and_leaves_a_note(tmp_path, weights):
    Image.new("RGB", (90, 90), (200, 180, 160)).save(tmp_path / "wall.png")
    arguments = ("reconstruct", tmp_path / "wall.png", "--out", tmp_path / "out", "--weights", weights)
    for _ in range(2):  # looked at, then remembered
        code, _, stderr = run(*arguments)
        assert code == 1
        assert "wall.png shows no face" in stderr
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["skipped.jsonl"]
    assert len((tmp_path / "out" / "skipped.jsonl").read_text().splitlines()) == 1
    assert run(*arguments, "--allow-skipped")[0] == 0


def test_bad_arguments_are_said_in_one_sentence_with_code_2(tmp_path, portrait_path, weights):
    (tmp_path / "occupied").touch()
    code, _, stderr = run("reconstruct", portrait_path, "--out", tmp_path / "occupied" / "x", "--weights", weights)
    assert (code, "can't be written" in stderr) == (2, True)
    code, _, stderr = run("reconstruct", portrait_path, "--out", tmp_path / "o", "--weights", tmp_path / "none.npz")
    assert (code, "none.npz isn't there" in stderr) == (2, True)
    code, _, stderr = run("reconstruct", portrait_path, "--out", tmp_path / "o", "--model", tmp_path / "none.h5")
    assert (code, "none.h5" in stderr) == (2, True)
    code, _, stderr = run("reconstruct", portrait_path, "--out", tmp_path / "o", "--weights", weights, "--write", "obj")
    assert (code, "no 'obj' to be written; choose coefficients" in stderr) == (2, True)
    for shard in ("0/4", "5/4", "4", "a/b"):
        code, _, stderr = run("reconstruct", portrait_path, "--out", tmp_path / "o", "--shard", shard)
        assert (code, "should be I/N" in stderr) == (2, True)
    code, _, stderr = run("train", "--profile", "enormous", "--out", tmp_path / "run")
    assert (code, "no profile 'enormous'" in stderr) == (2, True)
    code, _, stderr = run("train", "--photos", tmp_path / "none.npz", "--out", tmp_path / "run")
    assert (code, "mmreg data encode" in stderr) == (2, True)


def test_a_training_by_the_command_line_is_what_its_profile_says(tmp_path, monkeypatch):
    from mmreg import training
    from mmreg.profiles import FULL

    seen = {}

    def record(studio, photos, profile, seed, folder, resume, observer):
        seen.update(studio=studio, photos=photos, profile=profile, seed=seed, folder=folder)

    monkeypatch.setattr(training, "train_run", record)
    assert run("train", "--profile", "full", "--out", tmp_path, "--seed", 3)[0] == 0
    studio, photos = seen["studio"], seen["photos"]
    assert (seen["profile"], seen["seed"], seen["folder"]) == (FULL, 3, tmp_path)
    assert studio.encoder.name == FULL.encoder
    assert len(studio.visible.triangles) < 1.05 * FULL.triangles < len(studio.model.triangles)
    assert photos.stand_in
    assert photos.features.shape[1] == studio.encoder.feature_size


def test_the_entry_point_says_errors_without_a_traceback(tmp_path):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "mmreg.cli", "reconstruct", str(tmp_path / "none.jpg"), "--out", str(tmp_path / "o")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "none.jpg" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_the_list_of_data_are_given(tmp_path, monkeypatch):
    monkeypatch.setenv("MMREG_DATA", str(tmp_path))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "none"))
    Image.new("RGB", (9, 9)).save(tmp_path / "0001.png")
    (tmp_path / "art" / "pencil").mkdir(parents=True)
    (tmp_path / "0001.png").rename(tmp_path / "art" / "pencil" / "0001.png")
    (tmp_path / "mofa_test").mkdir()
    code, stdout, _ = run("--help")
    assert code == 0
    assert all(command in stdout for command in ("reconstruct", "train", "data"))
    code, stdout, _ = run("data", "list")
    assert code == 0
    assert "open face model: available" in stdout
    assert "Basel Face Model 2017" in stdout
    assert f"(art): available, {tmp_path / 'art'}: 1 photographs" in stdout
    assert "(mofa_test): unusable: " in stdout
    assert "(micc): missing (an open stand-in takes its place" in stdout
    code, stdout, _ = run("data", "check", "art")
    assert (code, "art portraits: 1 photographs; 0 can't be used" in stdout) == (0, True)
    (tmp_path / "art" / "pencil" / "0002.png").write_text("no picture")
    code, stdout, stderr = run("data", "check", "art", tmp_path / "art")
    assert (code, "0002.png is not a picture" in stderr, "1 can't be used" in stdout) == (2, True, True)
    code, _, stderr = run("data", "check", "micc")
    assert (code, "https://www.micc.unifi.it" in stderr) == (2, True)


def test_the_reference_regressor_is_there_and_belongs_to_the_open_model_and_its_encoder(open_model):
    from mmreg.encoders import load_encoder
    from mmreg.regressor import load_regressor

    encoder = load_encoder(get_profile("full").encoder)
    loaded = load_regressor(reference_weights(), open_model.checksum, encoder.checksum)
    assert loaded.provenance["profile"]["name"] == "full"
    assert loaded.provenance["data"][0]["stand_in"] is False
    assert reference_weights().stat().st_size < 8e6
