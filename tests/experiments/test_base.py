"""mmreg evaluate: what it refuses in a sentence, and what it writes."""

import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from mmreg import experiments
from mmreg.arrays import InputError
from mmreg.cli import app
from mmreg.experiments import EXPERIMENTS, Result
from mmreg.experiments.base import named
from mmreg.results import Data, read_result


def stub(setting):
    return Result(
        "stub", {"size": setting.size, "value": np.float32(1.5)}, [Data("toy", 3, "", True)], {"map": np.ones(3)}
    )


@pytest.fixture
def with_stub(monkeypatch):
    monkeypatch.setitem(experiments.EXPERIMENTS, "stub", stub)


def test_a_result_is_written_with_what_it_was_made_from(with_stub, tmp_path, reconstructor):
    out = tmp_path / "experiments"
    found = CliRunner().invoke(app, ["evaluate", "stub", "--out", str(out), "--seed", "3"])
    assert found.exit_code == 0, found.output
    record = read_result(out / "stub.json")
    assert (record["value"], record["size"]) == (1.5, "quick")
    assert "map" not in record
    made = record["provenance"]
    assert made["seed"] == 3
    assert made["profile"] == {"name": "quick", "experiment": "stub"}
    data = {item["name"]: item for item in made["data"]}
    assert data["toy"]["stand_in"]
    assert data["regressor"]["checksum"] == reconstructor.loaded.checksum
    assert f"face model {reconstructor.model.name}" in data
    assert not [name for name in data if name.startswith("judge")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no experiment named 'nothing'"),
        (["stub", "--size", "huge"], "no size named 'huge'"),
        (["stub", "--judge", "nowhere.dat"], "nowhere.dat can't be read"),
        (["stub", "--judge", "dlib"], "it can't judge it"),
        (["stub", "--weights", "nowhere.npz"], "nowhere.npz"),
    ],
)
def test_what_can_t_be_done_is_refused_before_any_work(with_stub, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(app, ["evaluate", *arguments, "--out", str(tmp_path)], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_experiments_are_known_by_name():
    assert named(EXPERIMENTS, "geometry") is experiments.geometry.evaluate
    with pytest.raises(InputError, match=r"choose one of .*geometry"):
        named(EXPERIMENTS, "geometri")


def test_help_names_the_options_without_loading_the_library():
    code = "import sys, mmreg.cli; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert "--judge" in CliRunner().invoke(app, ["evaluate", "--help"]).output
