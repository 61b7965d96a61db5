from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.face import FaceModelError, load
from tools.basel_layout import write_basel_layout


@pytest.fixture
def saved(tiny_model, tmp_path):
    path = tmp_path / "tiny.h5"
    tiny_model.save(path)
    return path


@pytest.fixture
def basel(saved):
    """A file as Basel writes it: without what this project adds."""
    with h5py.File(saved, "r+") as file:
        del file["mmreg"], file["metadata"]
    return saved


def change(path, name, values):
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values


def assert_same(a, b):
    for field in ("shape", "albedo", "expression"):
        for part in ("mean", "basis", "standard_deviations"):
            before, after = (getattr(getattr(model, field), part) for model in (a, b))
            assert before.dtype == after.dtype
            assert (before == after).all(), (field, part)
    assert (a.triangles == b.triangles).all()
    assert a.checksum == b.checksum


def test_save_and_load_is_the_identity(tiny_model, saved):
    loaded = load(saved)
    assert_same(tiny_model, loaded)
    assert (loaded.name, loaded.license, loaded.landmarks) == (
        tiny_model.name,
        tiny_model.license,
        tiny_model.landmarks,
    )
    assert (loaded.regions["left"] == tiny_model.regions["left"]).all()
    assert (loaded.expression_units["frown"] == tiny_model.expression_units["frown"]).all()


def test_what_is_saved_has_the_basel_layout(tiny_model, saved):
    with h5py.File(saved) as file:
        assert file["shape/model/mean"].shape == (147,)
        assert file["color/model/pcaBasis"].shape == (147, 6)
        assert file["shape/representer/points"].shape == (3, 49)
        assert file["shape/representer/cells"].shape == (3, 72)
        np.testing.assert_allclose(
            file["shape/model/pcaVariance"][()], tiny_model.shape.standard_deviations**2, rtol=1e-6
        )
        records = json.loads(file["metadata/landmarks/json"][()])
    assert records[0]["id"] == "nose_tip"
    np.testing.assert_allclose(records[0]["coordinates"], tiny_model.mean_positions()[24], rtol=1e-6)


def test_a_file_without_our_additions_is_the_same_model(tiny_model, basel):
    loaded = load(basel)
    assert_same(tiny_model, loaded)
    assert loaded.landmarks == {}
    assert loaded.regions == {}
    assert loaded.name == "tiny"


def test_the_basis_is_scaled_by_the_root_of_the_variance(basel):
    change(basel, "shape/model/pcaVariance", np.full(8, 25.0))
    assert (load(basel).shape.standard_deviations == 5).all()


def test_cells_may_be_transposed_and_turned_inside_out(tiny_model, basel):
    for cells in (tiny_model.triangles, tiny_model.triangles[:, ::-1].T, tiny_model.triangles.T.astype(float)):
        change(basel, "shape/representer/cells", cells)
        triangles = load(basel).triangles
        assert triangles.dtype == np.int32
        corners = tiny_model.mean_positions()[triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (normals[:, 2] > 0).all()


@pytest.mark.parametrize(
    "store", [str, lambda s: np.bytes_(s.encode()), lambda s: np.frombuffer(s.encode(), np.uint8), np.array]
)
@pytest.mark.parametrize("form", ["records", "mapping", "mapping of records"])
def test_both_forms_of_landmarks_are_read(tiny_model, basel, form, store):
    tip = (tiny_model.mean_positions()[24] + 0.5).tolist()
    record = {
        "records": [{"id": "center.nose.tip", "coordinates": tip}],
        "mapping": {"center.nose.tip": tip},
        "mapping of records": {"center.nose.tip": {"coordinates": tip}},
    }[form]
    text = json.dumps(record)
    with h5py.File(basel, "r+") as file:
        file["metadata/landmarks/json"] = np.array(text, h5py.string_dtype()) if store is np.array else store(text)
    assert load(basel).landmarks == {"center.nose.tip": 24, "nose_tip": 24}


def test_landmarks_beside_the_file_join_those_inside(tiny_model, basel):
    beside = {f"multi_pie_{i:02d}": i % 49 for i in range(1, 69)} | {"nose_tip": 24}
    basel.with_suffix(".landmarks.json").write_text(json.dumps(beside))
    loaded = load(basel)
    assert loaded.multi_pie.tolist() == [i % 49 for i in range(1, 69)]
    assert loaded.five_points.weights.shape == (5, 15)


@pytest.mark.parametrize("text", ["[1]", "{", '{"nose_tip": 49}', '{"nose_tip": "x"}'])
def test_bad_landmarks_beside_the_file_are_refused(basel, text):
    basel.with_suffix(".landmarks.json").write_text(text)
    with pytest.raises(FaceModelError, match=r"tiny\.landmarks\.json must be JSON.*below 49"):
        load(basel)


@pytest.mark.parametrize("text", ["[1]", "{", '[{"id": "a"}]', '{"a": [1, 2]}', "3"])
def test_bad_landmarks_inside_the_file_are_refused(basel, text):
    with h5py.File(basel, "r+") as file:
        file["metadata/landmarks/json"] = text
    with pytest.raises(FaceModelError, match="metadata/landmarks/json must be JSON"):
        load(basel)


DATASETS = [f"{g}/model/{d}" for g in ("shape", "color", "expression") for d in ("mean", "pcaBasis", "pcaVariance")]


@pytest.mark.parametrize("name", [*DATASETS, "shape/representer/cells"])
def test_a_missing_dataset_is_named(basel, name):
    change(basel, name, None)
    with pytest.raises(FaceModelError, match=rf"tiny\.h5 lacks the dataset {name}"):
        load(basel)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("shape/model/mean", np.zeros((49, 3)), r"shape \(any\).*got float64 of shape \(49, 3\)"),
        ("shape/model/mean", np.zeros(146), "no multiple of 3"),
        ("color/model/mean", np.zeros(144), r"shape \(147\).*got float64 of shape \(144,\)"),
        ("shape/model/pcaBasis", np.zeros((8, 147)), r"shape \(147, 8\).*got float64 of shape \(8, 147\)"),
        ("shape/model/pcaBasis", np.full((147, 8), np.nan), "not finite"),
        ("shape/model/pcaVariance", -np.ones(8), "negative"),
        ("shape/model/mean", np.bytes_("abc"), "must be numbers"),
        ("shape/representer/cells", np.zeros((4, 72), int), r"shape \(3, triangles\).*got int64 of shape \(4, 72\)"),
        ("shape/representer/cells", np.full((3, 72), 49), "from 0 to 48"),
        ("shape/representer/cells", np.full((3, 72), 0.5), "from 0 to 48"),
        ("mmreg/regions/left", np.zeros(3, np.uint8), "group mmreg is damaged"),
        ("mmreg/landmarks", "[]", "group mmreg is damaged"),
    ],
)
def test_a_dataset_of_the_wrong_shape_or_content_is_named(saved, name, values, said):
    change(saved, name, values)
    with pytest.raises(FaceModelError, match=said) as caught:
        load(saved)
    assert str(saved) in str(caught.value)


def test_what_is_no_face_model_is_refused(tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("hello")
    empty = tmp_path / "empty.h5"
    empty.touch()
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["weights"] = np.zeros(3)
    for path, said in [
        (text, "not a whole HDF5 file"),
        (empty, "not a whole HDF5 file"),
        (other, "HDF5 but not a face model.*found weights"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.h5", "doesn't exist"),
    ]:
        with pytest.raises(FaceModelError, match=said) as caught:
            load(path)
        assert str(path) in str(caught.value)


def test_a_truncated_file_is_refused(saved):
    whole = saved.read_bytes()
    for share in (0.1, 0.5, 0.9):
        saved.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FaceModelError, match=r"tiny\.h5"):
            load(saved)


def test_a_folder_that_cannot_be_written_is_said_and_leaves_nothing(tiny_model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be written"):
        tiny_model.save(tmp_path / "file" / "model.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# The two cuts of the 2017 model, as a synthetic file has their layout


@pytest.fixture(scope="module", params=["bfm", "face12"])
def cut(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("basel") / f"model2017-1_{request.param}_nomouth.h5"
    write_basel_layout(path, request.param, mapping=request.param == "face12")
    return path


def test_both_cuts_are_read_with_their_names_and_licence(cut):
    model = load(cut)
    assert model.name == cut.stem
    assert "Basel Face Model 2017" in model.license
    assert 2_000 < model.vertex_count < 8_000
    assert model.regions == model.expression_units == {}
    for space in (model.shape, model.albedo, model.expression):
        np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(space.component_count), atol=1e-4)
    assert np.abs(model.expression.mean).max() > 0.1  # Basel's mean expression


def test_the_face_can_be_framed_and_basels_points_have_the_charts_names(cut):
    model = load(cut)
    points = model.five_points.weights @ model.mean_positions()[model.five_points.vertices]
    right_eye, left_eye, nose, right_mouth, left_mouth = points
    assert right_eye[0] < nose[0] < left_eye[0]  # the subject's left is +x
    assert right_mouth[0] < left_mouth[0]
    assert min(right_eye[1], left_eye[1]) > nose[1] > max(right_mouth[1], left_mouth[1])
    assert nose[2] == points[:, 2].max()
    for chart, basel in (("multi_pie_09", "center.chin.tip"), ("multi_pie_46", "left.eye.corner_outer")):
        assert model.landmarks[chart] == model.landmarks[basel]


def test_a_point_on_what_was_cut_away_is_no_landmark(cut):
    assert ("left.ear.helix.outer" in load(cut).landmarks) == ("bfm" in cut.stem)


@pytest.mark.parametrize("transposed", [False, True])
def test_points_are_taken_from_the_mesh_that_they_were_marked_on(tiny_model, basel, transposed):
    """The reference of a model may be another face than its mean."""
    reference = tiny_model.mean_positions() + np.array([40.0, 0.0, 3.0])
    change(basel, "shape/representer/points", reference if transposed else reference.T)
    for marked, expected in ((reference[10], 10), (tiny_model.mean_positions()[10], 10)):
        with h5py.File(basel, "r+") as file:
            file.pop("metadata", None)
            file["metadata/landmarks/json"] = json.dumps({"center.nose.tip": marked.tolist()})
        assert load(basel).landmarks["nose_tip"] == expected


def test_a_model_without_triangles_is_read(basel):
    change(basel, "shape/representer/cells", np.zeros((3, 0), int))
    assert load(basel).triangles.shape == (0, 3)
