"""The geometry experiment on people whose scans are the model's own faces."""

import json

import numpy as np
import pytest

from mmreg.data.records import ScannedPerson, ScanSet
from mmreg.evaluation.protocols import PROTOCOLS
from mmreg.experiments import geometry
from mmreg.experiments.geometry import FEATURES, MEAN_FACE, MESHES, NEAREST
from mmreg.results import _plain
from tests.experiments.people import VIDEOS

CHEAP = [PROTOCOLS[name] for name in ("paper", "paper, one scale")]


@pytest.fixture(scope="module")
def result(reconstructor, scans, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return geometry.run(reconstructor, scans, protocols=CHEAP, cache=cache, progress=False)


def test_the_nearest_face_is_nearest_and_every_video_has_its_row(result, scans):
    table = result.numbers["errors_mm"]["paper"]
    assert set(table) == {FEATURES, MESHES, MEAN_FACE, NEAREST}
    assert set(table[FEATURES]) == set(VIDEOS)
    assert set(table[NEAREST]) == {"any"}
    assert table[NEAREST]["any"]["mean"] < 0.2 < table[MEAN_FACE]["any"]["mean"]
    assert table[FEATURES]["indoor"]["people"] == len(scans.people)
    for method in (FEATURES, MEAN_FACE):
        assert np.mean(list(result.numbers["people"][method].values())) == pytest.approx(
            np.mean([row["mean"] for row in table[method].values()])
        )


def test_one_scale_for_all_is_never_nearer_than_a_scale_each(result):
    own, shared = (result.numbers["errors_mm"][name] for name in ("paper", "paper, one scale"))
    for method, rows in own.items():
        for video, row in rows.items():
            assert shared[method][video]["mean"] > row["mean"] - 0.01


def test_the_numbers_can_be_written_and_the_maps_are_on_the_model(result, reconstructor):
    json.dumps(_plain(result.numbers), allow_nan=False)
    found = result.arrays[f"error_map {FEATURES}"]
    assert found.shape == (reconstructor.model.vertex_count,)
    assert np.isfinite(found[reconstructor.model.landmarks["nose_tip"]])


def test_features_are_averaged_before_the_face_is_and_meshes_after(reconstructor, scans):
    encoded = geometry.encode_set(geometry.frames_of(scans), [reconstructor.encoder], progress=False)
    assert scans.read_as == "rendering"
    seen = geometry._Faces(reconstructor, None, encoded, scans.read_as)
    faces = {(f.method, f.video): f.shape for f in seen.of_videos("p0")}
    rows = [k for k, p in enumerate(encoded.photos) if p.person == "p0" and p.labels["video"] == "indoor"]
    features = encoded.stores[0].features[rows]
    mean = reconstructor.regress(features.mean(axis=0, keepdims=True), "rendering").shape[0]
    np.testing.assert_allclose(faces[FEATURES, "indoor"], mean, atol=1e-5)
    singly = np.array([reconstructor.regress(f[None], "rendering").shape[0] for f in features])
    np.testing.assert_allclose(faces[MESHES, "indoor"], singly.mean(axis=0), atol=1e-5)
    assert np.abs(faces[MESHES, "indoor"] - faces[FEATURES, "indoor"]).max() > 1e-3


def test_somebody_without_a_face_in_a_video_is_left_out_of_it_alone(reconstructor, scans, monkeypatch):
    monkeypatch.setattr(geometry, "nearest_face", lambda model, scan: np.zeros(model.shape.component_count, np.float32))
    one, other = scans.people[:2]
    half = ScannedPerson(other.name, other.read_scan, {"indoor": other.videos["indoor"]}, other.labels)
    few = ScanSet("two", True, [one, half], "1" * 64)
    table = geometry.run(reconstructor, few, protocols=CHEAP[:1], progress=False).numbers["errors_mm"]["paper"]
    assert {video: row["people"] for video, row in table[FEATURES].items()} == {"indoor": 2, "outdoor": 1}


def test_shapes_for_figures_are_in_the_order_of_the_people(result, reconstructor):
    people = list(result.numbers["people"][FEATURES])
    shapes = result.arrays[f"shapes {FEATURES}"]
    assert people == ["p0", "p1"]
    assert shapes.shape == (2, reconstructor.model.shape.component_count)
    assert np.abs(shapes[0] - shapes[1]).max() > 0.1


def test_a_stopped_run_measures_nobody_again_and_finds_the_same(reconstructor, scans, tmp_path, monkeypatch):
    """Stopped at either pass, it goes on behind what it has; the numbers are those of a run that nothing stopped."""
    nearest = np.zeros(reconstructor.model.shape.component_count, np.float32)
    monkeypatch.setattr(geometry, "nearest_face", lambda model, scan: nearest)
    monkeypatch.setattr(geometry, "_cores", lambda: 1)
    done: list[tuple[str, str]] = []

    def counted(name, stop_at):
        original = {"_measured": measured, "_measured_again": measured_again}[name]

        def work(person, *rest):
            if (name, person.name) == stop_at:
                raise KeyboardInterrupt
            done.append((name, person.name))
            return original(person, *rest)

        monkeypatch.setattr(geometry, name, work)

    measured, measured_again = geometry._measured, geometry._measured_again
    whole = geometry.run(reconstructor, scans, protocols=CHEAP, cache=None, progress=False)
    for stop_at in (("_measured", "p1"), ("_measured_again", "p1"), None):
        for name in ("_measured", "_measured_again"):
            counted(name, stop_at)
        if stop_at:
            with pytest.raises(KeyboardInterrupt):
                geometry.run(reconstructor, scans, protocols=CHEAP, cache=tmp_path, progress=False)
    resumed = geometry.run(reconstructor, scans, protocols=CHEAP, cache=tmp_path, progress=False)
    assert sorted(done) == [(name, who) for name in ("_measured", "_measured_again") for who in ("p0", "p1")]
    assert resumed.numbers == whole.numbers
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array)
    next(tmp_path.rglob("measured-*/*.npz")).write_bytes(b"damaged")
    assert geometry.run(reconstructor, scans, protocols=CHEAP, cache=tmp_path, progress=False).numbers == whole.numbers
