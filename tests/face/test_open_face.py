"""The embedded model is what its record says, and is a face."""

from __future__ import annotations

import json
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from mmreg.face import MULTI_PIE, Coefficients, FaceModelError, load
from mmreg.face.landmarks import multi_pie_name
from mmreg.face.open_face import (
    OPEN_FACE_FILE,
    PredictionPlan,
    left_vertices,
    load_mirror,
    predict,
    read_packed_model,
    undo_prediction,
)
from mmreg.geometry.mesh import vertex_normals

RECORD = Path(__file__).parents[2] / "results" / "open_face.json"


@pytest.fixture(scope="module")
def record():
    return json.loads(RECORD.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def mean(open_model):
    return open_model.mean_positions()


def test_the_file_is_small_enough_to_ship(record):
    assert OPEN_FACE_FILE.stat().st_size <= 12e6
    assert record["bytes"] == OPEN_FACE_FILE.stat().st_size


def test_nothing_in_the_file_is_a_pickle():
    with zipfile.ZipFile(OPEN_FACE_FILE) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                assert version == (1, 0)
                assert not np.lib.format.read_array_header_1_0(member)[2].hasobject


def test_the_model_is_to_the_last_bit_the_one_that_was_built(open_model, record):
    assert open_model.checksum == record["checksum"]


def test_sizes_are_as_recorded(open_model, record):
    assert (
        (open_model.vertex_count, len(open_model.triangles))
        == (record["vertices"], record["triangles"])
        == (29841, 59586)
    )
    components = {name: getattr(open_model, name).component_count for name in ("shape", "albedo", "expression")}
    assert components == record["components"] == {"shape": 199, "albedo": 199, "expression": 85}


def test_quantisation_stays_below_the_errors_allowed(open_model, record):
    errors = record["rms_error"]
    assert errors["shape"] < 0.05
    assert errors["albedo"] < 0.005
    # each number is rounded to a multiple of the step, so K components of unit coefficients err by √(K / 12) steps at most
    for name, dimensions in (("shape", 3), ("albedo", 1), ("expression", 3)):
        step, count = record["quantisation_step"][name], getattr(open_model, name).component_count
        assert 0.2 < errors[name] / (step * np.sqrt(dimensions * (count + 1) / 12)) < 1.02


def test_loading_twice_gives_the_one_model():
    assert load("open") is load("open")


@pytest.mark.parametrize("name", ["shape", "albedo", "expression"])
def test_components_have_unit_length_and_fall_in_importance(open_model, name):
    space = getattr(open_model, name)
    np.testing.assert_allclose(np.linalg.norm(space.basis, axis=0), 1, atol=1e-6)
    assert (np.diff(space.standard_deviations) < 0.02 * space.standard_deviations[:-1]).all()
    overlap = space.basis[:, :30].T @ space.basis[:, :30] - np.eye(30)
    assert np.abs(overlap).max() < 0.02  # orthogonal up to the quantisation


def test_the_mesh_is_its_own_mirror_image(open_model, mean):
    across = load_mirror().vertices
    assert (across[across] == np.arange(open_model.vertex_count)).all()
    assert (mean[across] == mean * np.float32([-1, 1, 1])).all()

    def cycles(triangles):  # each triangle from its smallest corner on, in its direction
        turned = [np.roll(t, -int(np.argmin(t))) for t in triangles]
        return {tuple(t.tolist()) for t in turned}

    assert cycles(open_model.triangles) == cycles(across[open_model.triangles][:, ::-1])
    assert (mean[across == np.arange(len(across)), 0] == 0).all()


@pytest.mark.parametrize("name", ["shape", "albedo", "expression"])
def test_every_component_is_symmetric_or_antisymmetric_to_the_last_bit(open_model, name):
    mirror = load_mirror()
    parity = getattr(mirror, name)
    flip = np.float32([1 if name == "albedo" else -1, 1, 1])
    components = getattr(open_model, name).basis.T.reshape(len(parity), -1, 3)
    assert set(parity.tolist()) == {1, -1}
    for component, sign in zip(components, parity, strict=True):
        assert (component[mirror.vertices] == sign * flip * component).all()
    mean = getattr(open_model, name).mean.reshape(-1, 3)
    assert (mean[mirror.vertices] == mean * flip).all()


def test_a_mirrored_face_has_the_coefficients_of_the_other_signs(open_model):
    mirror = load_mirror()
    sample = Coefficients.sample(open_model, 1, seed=8, expression=True)
    face = open_model.positions(sample.shape, sample.expression).numpy()[0]
    mirrored = open_model.positions(sample.shape * mirror.shape, sample.expression * mirror.expression).numpy()[0]
    np.testing.assert_allclose(mirrored[mirror.vertices] * [-1, 1, 1], face, atol=1e-3)
    colours = open_model.albedos(sample.albedo).numpy()[0]
    mirrored = open_model.albedos(sample.albedo * mirror.albedo).numpy()[0]
    np.testing.assert_allclose(mirrored[mirror.vertices], colours, atol=1e-5)


def test_landmarks_regions_and_movements_are_mirrored_too(open_model):
    across = load_mirror().vertices
    pairs = [(i, 18 - i) for i in range(1, 9)] + [(37, 46), (38, 45), (40, 43), (49, 55), (61, 65), (32, 36), (18, 27)]
    for right, left in pairs:
        a, b = open_model.landmark_indices([multi_pie_name(right), multi_pie_name(left)])
        assert across[a] == b
    for middle in ("multi_pie_09", "multi_pie_31", "multi_pie_34", "multi_pie_52", "multi_pie_67", "nose_tip"):
        assert across[open_model.landmarks[middle]] == open_model.landmarks[middle]
    for name, mask in open_model.regions.items():
        other = {"left_eye": "right_eye", "right_eye": "left_eye"}.get(name, name)
        assert (mask[across] == open_model.region(other)).all()
    units, parity = open_model.expression_units, load_mirror().expression
    np.testing.assert_allclose(units["mouthSmileLeft"] * parity, units["mouthSmileRight"], atol=1e-4)
    np.testing.assert_allclose(units["jawOpen"] * parity, units["jawOpen"], atol=1e-4)


def test_half_of_the_vertices_is_stored():
    across = load_mirror().vertices
    left = left_vertices(across)
    assert len(left) < 0.52 * len(across)
    assert set(left) | set(across[left]) == set(range(len(across)))


def test_the_record_says_that_the_model_is_quick_to_load_and_to_decode(record):
    assert record["loading"]["seconds"] < 2
    assert record["decoding_milliseconds_a_face"] < 25
    assert record["provenance"]["peak_memory_bytes"] < 4e9


def test_two_generations_with_other_numbers_of_threads_agree(record):
    for name in ("shape", "albedo", "expression"):
        found = record["reproducibility"][name]
        assert found["components"] < 1e-3
        assert found["means"] < 1e-3


def test_the_head_is_closed_but_for_the_backs_of_the_eyeballs(open_model):
    t = open_model.triangles
    edges = np.sort(np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    eyes = open_model.region("left_eye") | open_model.region("right_eye")
    assert set(uses.tolist()) == {1, 2}
    assert eyes[edges[uses == 1]].all()


def test_eyeballs_have_the_size_of_life(open_model, mean):
    for name in ("left_eye", "right_eye"):
        eye = mean[open_model.region(name)].astype(np.float64)
        found = np.linalg.lstsq(np.c_[2 * eye, np.ones(len(eye))], (eye**2).sum(axis=1), rcond=None)[0]
        assert 11.5 < np.sqrt(found[3] + found[:3] @ found[:3]) < 13.5


def test_the_neutral_expression_is_no_expression(open_model):
    assert not open_model.expression.mean.any()


def test_a_sample_projected_is_itself(open_model):
    sample = Coefficients.sample(open_model, 2, seed=1)
    found = open_model.project(open_model.positions(sample.shape), open_model.albedos(sample.albedo))
    np.testing.assert_allclose(found.shape, sample.shape, atol=2e-3)
    np.testing.assert_allclose(found.albedo, sample.albedo, atol=2e-3)


def test_the_mean_has_the_size_of_a_head_in_millimetres_and_looks_to_z(open_model, mean):
    eyes = [mean[open_model.region(name)].mean(axis=0) for name in ("left_eye", "right_eye")]
    assert 58 < np.linalg.norm(eyes[0] - eyes[1]) < 68
    assert eyes[0][0] > 0 > eyes[1][0]
    assert 130 < np.ptp(mean[:, 0]) < 200
    nose = mean[open_model.landmarks["nose_tip"]]
    assert nose[2] == mean[:, 2].max()
    assert eyes[0][1] > nose[1] > mean[open_model.landmarks["multi_pie_09"]][1]


def test_normals_of_the_mean_point_outwards(open_model, mean):
    normals = ops.convert_to_numpy(vertex_normals(mean[None], open_model.triangles))[0]
    inside = mean.mean(axis=0)
    outer = open_model.face_region & (mean[:, 2] > inside[2])
    outwards = ((mean - inside) * normals).sum(axis=1) > 0
    assert outwards[outer].mean() > 0.95
    assert normals[open_model.landmarks["nose_tip"], 2] > 0.9
    for name in ("left_eye", "right_eye"):
        eye = open_model.region(name)
        directions = mean[eye] - mean[eye].mean(axis=0)
        assert ((directions * normals[eye]).sum(axis=1) > -2).all()
        assert normals[eye][np.argmax(mean[eye, 2]), 2] > 0.9


def test_no_triangle_is_degenerate_and_every_vertex_is_used(open_model, mean):
    corners = mean[open_model.triangles]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert areas.min() > 1e-3
    assert set(np.unique(open_model.triangles)) == set(range(open_model.vertex_count))


def test_landmarks_are_where_the_chart_has_them(open_model, mean):
    points = mean[open_model.multi_pie]
    x, y, z = points.T
    assert len(set(open_model.multi_pie)) == 68
    right, left = np.r_[0:8, 17:22, 31:33, 36:42, 48:51], np.r_[9:17, 22:27, 34:36, 42:48, 52:55]
    assert (x[right] < 0).all()
    assert (x[left] > 0).all()
    np.testing.assert_allclose(x[[8, 27, 28, 29, 30, 33, 51, 57, 62, 66]], 0, atol=2.5)
    pairs = (
        [(i, 16 - i) for i in range(8)]
        + [(17 + i, 26 - i) for i in range(5)]
        + [(36, 45), (39, 42), (48, 54), (31, 35)]
    )
    for a, b in pairs:  # the mean face is nearly symmetric
        np.testing.assert_allclose(points[a] * [-1, 1, 1], points[b], atol=4)
    assert (np.diff(y[:9]) < 0).all()  # down the jaw to the chin
    assert (np.diff(z[3:9]) > 0).all()  # and forward along the mandible
    assert (np.diff(y[27:31]) < 0).all()
    assert y[30] > y[33] > y[51] > y[62] > y[66] > y[57] > y[8]
    assert y[[37, 38, 43, 44]].min() > y[[40, 41, 46, 47]].max()
    assert y[17:27].min() > y[36:48].max()


def test_five_points_lie_in_eyes_nose_and_mouth_corners(open_model, mean):
    five = open_model.five_points
    points = five.weights @ mean[five.vertices]
    for point, eye in zip(points, ("right_eye", "left_eye"), strict=False):
        centre = mean[open_model.region(eye)].mean(axis=0)
        assert np.linalg.norm((point - centre)[:2]) < 4
    assert (points[2] == mean[open_model.landmarks["nose_tip"]]).all()
    np.testing.assert_allclose(points[3] * [-1, 1, 1], points[4], atol=2)
    assert 40 < points[4][0] - points[3][0] < 60


def test_regions_are_on_the_right_parts(open_model, mean):
    middle = {name: mean[mask].mean(axis=0) for name, mask in open_model.regions.items()}
    assert middle["left_eye"][0] > 25
    assert middle["right_eye"][0] < -25
    assert middle["lips"][1] < mean[open_model.landmarks["nose_tip"]][1] < middle["eyelids"][1]
    assert np.abs(mean[open_model.region("ears")][:, 0]).min() > 50
    visible = open_model.region("visible")
    assert not (visible & open_model.region("mouth_bag") & ~open_model.region("lips")).any()
    assert visible[open_model.multi_pie].all()
    assert (open_model.face_region & ~visible).sum() == 0
    assert 12_000 < open_model.face_region.sum() < 22_000


def test_the_visible_crop_keeps_all_landmarks(open_model):
    cropped = open_model.crop(open_model.region("visible"))
    assert set(cropped.landmarks) == {*MULTI_PIE, "nose_tip"}
    assert (cropped.mean_positions()[cropped.multi_pie] == open_model.mean_positions()[open_model.multi_pie]).all()


def test_a_part_of_the_model_survives_the_basel_layout(open_model, tmp_path):
    part = open_model.crop(open_model.region("lips"))
    part.save(tmp_path / "lips.h5")
    again = load(tmp_path / "lips.h5")
    assert again.checksum == part.checksum
    shape = Coefficients.sample(open_model, 1, seed=0).shape
    assert (ops.convert_to_numpy(again.positions(shape)) == ops.convert_to_numpy(part.positions(shape))).all()


def test_the_mean_albedo_is_skin_and_few_samples_leave_the_colours_there_are(open_model):
    skin = open_model.albedo.mean.reshape(-1, 3)[open_model.face_region].mean(axis=0)
    assert 0.75 > skin[0] > skin[1] > skin[2] > 0.25
    albedos = ops.convert_to_numpy(open_model.albedos(Coefficients.sample(open_model, 40, seed=3).albedo))
    assert ((albedos < 0) | (albedos > 1)).mean() < 0.01


def test_jaw_open_opens_the_mouth_and_blinking_closes_the_eye(open_model):
    def moved(name):
        return open_model.positions(np.zeros((1, 199), np.float32), open_model.expression_units[name][None])[0].numpy()

    def gap(positions, upper, lower):
        a, b = open_model.landmark_indices([upper, lower])
        return positions[a, 1] - positions[b, 1]

    mean = open_model.mean_positions()
    assert gap(moved("jawOpen"), "multi_pie_63", "multi_pie_67") > gap(mean, "multi_pie_63", "multi_pie_67") + 20
    assert gap(moved("eyeBlinkLeft"), "multi_pie_44", "multi_pie_48") < 0.5 * gap(mean, "multi_pie_44", "multi_pie_48")
    assert len(open_model.expression_units) == 85


def test_a_damaged_file_says_what_to_do(tmp_path):
    whole = OPEN_FACE_FILE.read_bytes()
    overwritten = whole[:4_000_000] + bytes(1000) + whole[4_001_000:]
    for name, content in (
        ("half", whole[: len(whole) // 2]),
        ("overwritten", overwritten),
        ("empty", b""),
        ("text", b"hello"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FaceModelError, match=rf"{name} is not a packed face model.*install the package again"):
            read_packed_model(path)
    with pytest.raises(FaceModelError, match="not a packed face model"):
        read_packed_model(tmp_path / "missing.npz")


def test_undoing_the_prediction_is_exact_also_where_differences_leave_16_bits():
    generator = np.random.default_rng(0)
    plan = PredictionPlan(generator.permutation(40), np.array([10, 12, 18]), generator.integers(0, 10, (4, 30)))
    numbers = generator.integers(-32768, 32768, (5, 3, 40)).astype(np.int16)
    residuals = numbers[..., plan.order]
    for row in residuals:
        row[:, 10:] -= predict(row.copy(), plan.predictors)
    assert (undo_prediction(residuals, plan) == numbers).all()


def test_loading_asks_no_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    assert read_packed_model(OPEN_FACE_FILE).vertex_count == 29841
