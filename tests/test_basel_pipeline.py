"""The whole way with a file that isn't ours: small, made from the open model, in exactly Basel's layout."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import trimesh
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner

from mmreg import cli, profiles
from mmreg.arrays import InputError
from mmreg.data.synthetic import sample_scenes
from mmreg.face import Coefficients, load
from mmreg.studio import Studio
from tools.basel_layout import write_basel_layout

REPOSITORY = Path(__file__).parents[1]
TINY = replace(
    profiles.QUICK,
    name="tiny",
    stage_one_steps=3,
    stage_one_batch=4,
    stage_two_steps=2,
    photos_per_step=2,
    views_per_photo=1,
    distribution_photos=20,
    synthetic_per_step=2,
    surface_errors=True,
    warmup_steps=1,
    statistics_renderings=16,
)


@pytest.fixture(scope="module")
def basel(tmp_path_factory):
    path = tmp_path_factory.mktemp("basel") / "model2017-1_bfm_nomouth.h5"
    write_basel_layout(path)
    return path


def run(*arguments):
    """(exit code, what was said) of the command line."""
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if isinstance(result.exception, InputError):
        return cli.BAD_INPUT, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def trained(basel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "basel"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(profiles.PROFILES, "tiny", TINY)
        code, said = run("train", "--model", basel, "--profile", "tiny", "--out", folder)
    assert code == 0, said
    return folder / "regressor.npz"


def test_synthetic_photographs_show_a_face_in_its_place(basel, encoder):
    studio = Studio(load(basel), encoder)
    pictures = studio.photograph(Coefficients.sample(studio.model, 4, 0), sample_scenes(4, 1))
    assert np.asarray(pictures).std(axis=(1, 2, 3)).min() > 0.05
    assert studio.visible.vertex_count > 0.5 * studio.model.vertex_count


def test_a_regressor_trained_with_the_file_knows_it(trained, basel):
    history = json.loads((trained.parent / "run.json").read_text())["history"]
    assert (len(history["stage_one"]), len(history["stage_two"])) == (3, 2)
    settings = json.loads((trained.parent / "settings.json").read_text())
    assert settings["model"] == load(basel).checksum


def test_a_photograph_becomes_a_mesh_of_the_files_model(trained, basel, tmp_path):
    Image.fromarray(astronaut()[:300, 60:400]).save(tmp_path / "portrait.png")
    out = tmp_path / "faces"
    code, said = run("reconstruct", tmp_path / "portrait.png", "--model", basel, "--weights", trained, "--out", out)
    assert code == 0, said
    record = json.loads((out / "portrait/coefficients.json").read_text())
    model = load(basel)
    assert record["model"] == {"name": basel.stem, "checksum": model.checksum}
    positions = np.asarray(model.positions(np.array([record["shape"]], np.float32)))[0]
    mesh = trimesh.load(out / "portrait/face.obj", process=False)
    np.testing.assert_allclose(mesh.vertices, positions, atol=1e-2)
    assert len(mesh.faces) == len(model.triangles)


def test_without_weights_of_its_own_another_model_is_refused_in_one_sentence(basel, tmp_path):
    Image.fromarray(astronaut()[:300, 60:400]).save(tmp_path / "portrait.png")
    code, said = run("reconstruct", tmp_path / "portrait.png", "--model", basel, "--out", tmp_path / "faces")
    assert code == cli.BAD_INPUT
    assert "reference regressor was trained for the open model" in said
    assert f"mmreg train --model {basel}" in said


def test_what_was_read_is_saved_and_read_again(basel, tmp_path):
    model = load(basel)
    model.save(tmp_path / "again.h5")
    again = load(tmp_path / "again.h5")
    assert again.checksum == model.checksum
    assert again.landmarks == model.landmarks


@pytest.fixture(scope="module")
def chapters(basel, tmp_path_factory):
    """Chapters 01 and 02, run side by side with the file; away from the checkout, whose results stay the open model's."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(REPOSITORY / "notebooks", folder / "notebooks")
    shutil.copytree(REPOSITORY / "results/benchmarks", folder / "results/benchmarks")  # chapter 02 quotes them
    shutil.copy(REPOSITORY / "results/face_model.json", folder / "results")  # chapter 01 does
    names = ("01_face_space", "02_pixels")
    commands = [
        [folder / f"notebooks/{name}.py", folder / f"out/{name}.ipynb", "--log", folder / f"logs/{name}.ipynb"]
        for name in names
    ]
    runner, model = [sys.executable, REPOSITORY / "book/execute_chapter.py"], ["--model", basel]
    running = [subprocess.Popen([*runner, *c, *model], stderr=subprocess.PIPE, text=True) for c in commands]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    return {name: nbformat.read(folder / f"out/{name}.ipynb", as_version=4) for name in names}, folder


def test_the_first_chapters_run_with_the_file_and_say_so(chapters, basel):
    notebooks, folder = chapters
    for name, notebook in notebooks.items():
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        shown = " ".join("".join(output.get("data", {}).get("text/markdown", "")) for output in outputs)
        assert f"Another face model.** This page was run with **{basel.stem}**" in shown
        pictures = [output for output in outputs if "image/png" in output.get("data", {})]
        assert len(pictures) >= 9
        numbers = json.loads((folder / f"results/quick/{name}.json").read_text())
        assert numbers["provenance"]["data"][0]["checksum"] == load(basel).checksum


def test_a_chapter_is_told_the_way_to_the_file_from_its_own_folder(chapters, basel):
    notebooks, folder = chapters
    (injected,) = [c for c in notebooks["01_face_space"].cells if "injected-parameters" in c.metadata.get("tags", [])]
    values: dict = {}
    exec(injected.source, values)
    assert not Path(values["model_name"]).is_absolute()
    assert (folder / "notebooks" / values["model_name"]).resolve() == basel.resolve()
