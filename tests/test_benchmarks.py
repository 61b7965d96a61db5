"""The benchmarks measure what they say: which records there are, and that what follows from them does. How fast isn't asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import rendering, summary
from benchmarks.scenes import bumpy_ellipsoid, ellipsoid_rings
from mmreg.results import read_result

ROOT = Path(__file__).parents[1]
SECTIONS = {"meshes", "runs", "ids", "ratios", "floor", "growth", "threads", "training_step", "claims", "left_out"}
RUN = {*summary.SETTING, *summary.CLOCKS, "path", "mb_per_image"}
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
COMMITTED = ROOT / "results" / "benchmarks" / "rendering.json"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """(result, what was printed) of a quick run, started by the file's path from another folder."""
    out = tmp_path_factory.mktemp("benchmarks") / "quick.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "rendering.py"), "--quick", "--out", str(out)]
    run = subprocess.run(command, cwd=out.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert os.listdir(out.parent) == ["quick.json"]  # the journal is gone
    return read_result(out), run.stdout


def check_result(result, plan):
    """The promised records are there, once each, and the ratios, floors and claims are those of the records."""
    assert set(result) == SECTIONS | {"provenance"}
    provenance = result["provenance"]
    assert {"data", "profile", "seed", "versions", "commit", "machine", "seconds"} <= set(provenance)
    assert provenance["profile"]["name"] == plan.name
    meshes = [m["triangles"] for m in result["meshes"]]
    threads = provenance["profile"]["threads"]
    settings = {(t, s, b, n) for t in meshes for s in plan.sizes for b in plan.batches for n in threads}
    found = {path: [r for r in result["runs"] if r["path"] == path] for path in ("native", "ops")}
    assert sorted(tuple(r[k] for k in summary.SETTING) for r in found["native"]) == sorted(settings)
    left_out = [tuple(r[k] for k in summary.SETTING) for r in result["left_out"] if r["why"]]
    assert sorted([*(tuple(r[k] for k in summary.SETTING) for r in found["ops"]), *left_out]) == sorted(settings)
    for run in result["runs"]:
        assert set(run) >= RUN
        assert all(run[clock] > 0.0 for clock in summary.CLOCKS)
        assert 0.6 < run["covered"] < 0.9  # a head fills the picture's middle
    assert {(r["triangles"], r["size"], r["threads"]) for r in result["ids"]} == {(t, s, n) for t, s, _, n in settings}

    for name, computed in (
        ("ratios", summary.ratios(result["runs"])),
        ("threads", summary.threads(result["runs"])),
        ("claims", summary.claims(result)),
    ):
        assert len(result[name]) == len(computed)
        for written, again in zip(result[name], computed, strict=True):
            words = {k for k, v in again.items() if isinstance(v, str)}
            assert {k: written[k] for k in words} == {k: again[k] for k in words}
            numbers = again.keys() - words
            assert {k: written[k] for k in numbers} == pytest.approx({k: again[k] for k in numbers}, rel=1e-4)
    for record in result["floor"]["records"]:
        (run,) = summary.select(found["native"], **{k: record[k] for k in summary.SETTING})
        assert record["time_over_floor_forward"] == pytest.approx(run["ms_forward"] / record["ms_forward"], rel=1e-4)
    for step in result["training_step"]:
        parts = step["decode_ms"] + step["normals_ms"] + step["rasterize_shade_ms"] + step["rest_ms"]
        assert parts == pytest.approx(step["rendering_ms"], rel=1e-4)
        assert step["rendering_over_encoder"] == pytest.approx(step["rendering_ms"] / step["encoder_ms"], rel=1e-4)


def test_a_quick_run_has_every_section_and_prints_every_setting(quick):
    result, printed = quick
    check_result(result, rendering.QUICK)
    for run in result["runs"]:
        assert f"{run['triangles']:>9,} {run['size']:>5} {run['batch']:>5} {run['threads']:>7} |" in printed
    assert any(run["mb_per_image"] is not None for run in result["runs"])


@pytest.mark.skipif(not COMMITTED.exists(), reason="the full run isn't committed")
def test_the_committed_run_is_a_full_one():
    result = read_result(COMMITTED)
    check_result(result, rendering.FULL)
    assert {g["with"] for g in result["growth"]} == {"triangles", "pixels", "images in a batch"}
    assert result["claims"]


def test_quick_numbers_never_take_the_results_place():
    command = [sys.executable, "-m", "benchmarks.rendering", "--quick"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 2
    assert "--out" in run.stderr


@pytest.mark.parametrize("wanted", [16, 13_000])
def test_the_ellipsoid_is_closed_and_its_triangles_face_outwards(wanted):
    positions, triangles = bumpy_ellipsoid(ellipsoid_rings(wanted))
    assert len(triangles) == pytest.approx(wanted, rel=0.01)
    directed = {(int(t[k]), int(t[(k + 1) % 3])) for t in triangles for k in range(3)}
    assert len(directed) == 3 * len(triangles)
    assert all((b, a) in directed for a, b in directed)  # every edge is run along once each way
    corners = positions[triangles].astype(np.float64)
    volume = np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0
    assert volume > 0.0


def records(**times):
    """Runs of four settings whose time per image is given by a function of the setting."""
    return [
        {"triangles": t, "size": s, "batch": b, "threads": 1, "path": "native", "ms_forward_backward": time(t, s, b)}
        for name, time in times.items()
        for t, s, b in [(1000, 64, 2), (1000, 128, 2), (4000, 64, 2), (1000, 64, 8)]
    ]


def test_growth_recovers_the_exponents_of_known_laws():
    runs = records(native=lambda t, s, b: t**0.5 * s**2.0 / b)
    found = {g["with"]: g for g in summary.growth(runs, {"triangles": 1000, "size": 64, "batch": 2, "threads": 1})}
    assert found["triangles"]["exponent"] == pytest.approx(0.5)
    assert found["pixels"]["exponent"] == pytest.approx(1.0)
    assert found["images in a batch"]["exponent"] == pytest.approx(0.0, abs=1e-9)  # of a whole batch's time
    assert found["pixels"]["ratio"] == pytest.approx(4.0)
    assert "4.0 times as long" in found["pixels"]["words"]


def test_the_floor_counts_each_array_once_a_way():
    forward, both = summary.bytes_moved(vertices=10, triangles=5, size=4)
    assert forward == 36 * 10 + 12 * 5 + 12 * 16
    assert both == forward + 4 * 16 + (36 * 10 + 12 * 5 + 4 * 16 + 12 * 16) + 36 * 10


class Answering:
    """A worker that says how often it was asked."""

    threads = 1

    def __init__(self):
        self.asked = 0

    def ask(self, request):
        self.asked += 1
        return [self.asked]


def test_a_resumed_run_asks_nothing_twice_and_refuses_another_plan(tmp_path):
    path, head, worker = tmp_path / "run.partial.json", {"plan": {"sizes": (1, 2)}}, Answering()
    first = rendering.Journal(path, head, resume=False)
    assert first.ask(worker, {"size": 1}, scene="here") == [1]
    again = rendering.Journal(path, head, resume=True)
    assert again.ask(worker, {"size": 1}, scene="elsewhere") == [1]
    assert again.ask(worker, {"size": 2}, scene="elsewhere") == [2]
    assert again.seconds >= json.loads(path.read_text())["seconds"] > 0.0
    with pytest.raises(ValueError, match="without --resume"):
        rendering.Journal(path, {"plan": {"sizes": (1,)}}, resume=True)
    assert rendering.Journal(path, head, resume=False).answers == {}


def test_memory_is_told_between_neighbouring_batches_and_not_where_it_wasnt_measured():
    memory = {"peaks": [{"batch": b, "bytes": m} for b, m in ((1, 10e6), (8, 45e6), (32, 69e6))]}
    assert [rendering._mb_per_image(b, memory) for b in (1, 8, 32, 64)] == [5.0, 5.0, 1.0, None]
    assert rendering._mb_per_image(8, None) is None


def test_a_worker_that_fails_says_why():
    with rendering.Worker(1) as worker, pytest.raises(rendering.WorkerError, match="KeyError"):
        worker.ask({"task": "nothing known"})


def test_the_committed_training_step_adds_up():
    step = read_result(ROOT / "results" / "benchmarks" / "training.json")
    parts = ("data", "render", "encode", "regress")
    assert sum(step["shares"][part] for part in parts) == pytest.approx(1.0, abs=1e-4)
    assert sum(step[f"ms_{part}"] for part in parts) == pytest.approx(step["ms_step"], rel=1e-4)
    assert min(step["shares"].values()) > 0.0
    photos = step["provenance"]["profile"]["photos_per_step"]
    assert step["photos_per_second"] == pytest.approx(1000.0 * photos / step["ms_step"], rel=1e-4)
