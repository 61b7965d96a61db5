"""The scripts that make the open model: what can be checked without MakeHuman's data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the maintainer's tools are not installed: pip install -e '.[tools]'")
pytest.importorskip("threadpoolctl", reason="the maintainer's tools are not installed: pip install -e '.[tools]'")

from mmreg.face.open_face import read_packed_model
from tests.face.conftest import tiny_model  # noqa: F401
from tools.open_face.albedo import to_linear, to_srgb
from tools.open_face.packing import STEPS, pack_model, renew_description
from tools.open_face.shape_space import principal_components, rigid_motions, without_rigid_motion
from tools.open_face.subdivision import catmull_clark, cut, split_edges
from tools.open_face.visibility import ambient_occlusion, vertex_normals


def cube():
    corners = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    return corners, quads


def ball():
    corners, quads = cube()
    for _ in range(3):
        step, quads = catmull_clark(quads, len(corners))
        corners = step @ corners
    return corners, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def area(corners, triangles):
    p = corners[triangles]
    return np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).sum() / 2


def test_subdivision_moves_with_the_mesh():
    corners, quads = cube()
    step, _ = catmull_clark(quads, len(corners))
    np.testing.assert_allclose(step.sum(axis=1), 1)
    assert step.shape == (8 + 12 + 6, 8)
    np.testing.assert_allclose((step @ corners)[:8], corners * 5 / 9)  # (F + 2E + 0 v) / 3 with F = v/3 and E = 2v/3


def test_subdividing_a_flat_sheet_leaves_it_in_place():
    v, u = np.mgrid[0:4, 0:4]
    sheet = np.stack([u, v, 0 * u], axis=2).reshape(-1, 3).astype(float)
    corner = (np.arange(3)[:, None] * 4 + np.arange(3)).reshape(-1, 1)
    step, quads = catmull_clark(np.concatenate([corner, corner + 1, corner + 5, corner + 4], axis=1), 16)
    finer = step @ sheet
    assert len(quads) == 4 * 9
    np.testing.assert_allclose(finer[[5, 6, 9, 10]], sheet[[5, 6, 9, 10]])
    np.testing.assert_allclose(finer[:, 2], 0)


def test_cutting_keeps_the_positive_side_and_its_area():
    corners, triangles = ball()
    step, kept = cut(corners[:, 0] - 0.123, triangles, smallest=1e-9)
    other_step, other = cut(0.123 - corners[:, 0], triangles, smallest=1e-9)
    half = step @ corners
    assert half[:, 0].min() > 0.123 - 1e-6
    np.testing.assert_allclose(
        area(half, kept) + area(other_step @ corners, other), area(corners, triangles), rtol=1e-6
    )


def test_splitting_edges_changes_no_area_and_leaves_no_long_edge_unsplit():
    corners, triangles = ball()
    length = np.linalg.norm(corners[triangles] - corners[np.roll(triangles, -1, axis=1)], axis=2)
    longest = np.median(length)
    step, finer = split_edges(triangles, len(corners), lambda a, b: np.linalg.norm(corners[a] - corners[b]) > longest)
    split = step @ corners
    np.testing.assert_allclose(area(split, finer), area(corners, triangles))
    assert (split[: len(corners)] == corners).all()
    np.testing.assert_allclose(
        vertex_normals(split, finer)[: len(corners)], vertex_normals(corners, triangles), atol=0.15
    )  # no triangle is turned over
    edges = np.sort(np.concatenate([finer[:, [0, 1]], finer[:, [1, 2]], finer[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()  # closed: no cracks


def test_normals_of_a_ball_are_its_directions_and_nothing_shades_it():
    corners, triangles = ball()
    if (corners[triangles[0]].mean(axis=0) * vertex_normals(corners, triangles)[triangles[0, 0]]).sum() < 0:
        triangles = triangles[:, ::-1]
    normals = vertex_normals(corners, triangles)
    assert (normals * corners).sum(axis=1).min() > 0.9 * np.linalg.norm(corners, axis=1).min()
    sky = ambient_occlusion(60 * corners, triangles, directions=24)
    assert sky.min() > 0.9


def test_rigid_motion_is_taken_out_and_only_that():
    generator = np.random.default_rng(0)
    positions, weight = generator.normal(size=(30, 3)), generator.random(30)
    motions = rigid_motions(positions, weight)
    bulge = np.einsum("v,vk->vk", generator.normal(size=30), positions).reshape(1, -1)
    left = without_rigid_motion(np.concatenate([motions, bulge]), positions, weight)
    np.testing.assert_allclose(left[:6], 0, atol=1e-10)
    np.testing.assert_allclose(without_rigid_motion(left, positions, weight), left, atol=1e-10)
    np.testing.assert_allclose(motions @ (left[6] * np.repeat(weight, 3)), 0, atol=1e-10)


@pytest.mark.parametrize("form", ["matrix", "number"])
def test_components_have_the_covariance_of_the_mixture(form):
    generator = np.random.default_rng(1)
    targets = generator.normal(size=(6, 30))
    root = generator.normal(size=(6, 6)) if form == "matrix" else np.eye(6) * 1.7
    covariance = root @ root.T
    space, share = principal_components(targets, covariance if form == "matrix" else 1.7**2, 6, np.zeros(30))
    scaled = space.basis * space.standard_deviations
    np.testing.assert_allclose(scaled @ scaled.T, targets.T @ covariance @ targets, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(6), atol=1e-5)
    assert share == pytest.approx(1)
    assert (np.diff(space.standard_deviations) < 0).all()


def test_srgb_and_linear_light_are_inverse():
    colours = np.linspace(0, 1, 101)
    np.testing.assert_allclose(to_srgb(to_linear(colours)), colours, atol=2e-4)


def test_a_packed_model_is_within_half_a_step_and_the_file_repeats(tiny_model, tmp_path):  # noqa: F811
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        pack_model(tiny_model, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    packed = read_packed_model(paths[0])
    for name, step in STEPS.items():
        exact, coarse = getattr(tiny_model, name), getattr(packed, name)
        difference = exact.basis * exact.standard_deviations - coarse.basis * coarse.standard_deviations
        assert 0 < np.abs(difference).max() < 0.502 * step
        assert np.abs(exact.mean - coarse.mean).max() < 0.51 * step
    assert (packed.triangles == tiny_model.triangles).all()
    assert packed.landmarks == tiny_model.landmarks
    assert (packed.regions["left"] == tiny_model.regions["left"]).all()


def test_renewing_the_description_keeps_the_checksum(tiny_model, tmp_path):  # noqa: F811
    path = tmp_path / "model.npz"
    pack_model(tiny_model, path)
    before = read_packed_model(path)
    flipped = dataclasses.replace(  # the same model with a component's sign turned, and other landmarks
        tiny_model,
        expression=dataclasses.replace(tiny_model.expression, basis=-tiny_model.expression.basis),
        expression_units={"frown": -tiny_model.expression_units["frown"]},
        landmarks={"nose_tip": 7},
    )
    renew_description(flipped, path)
    after = read_packed_model(path)
    assert after.checksum == before.checksum
    assert after.landmarks == {"nose_tip": 7}
    np.testing.assert_allclose(after.expression_units["frown"], before.expression_units["frown"], atol=1e-2)


def test_a_description_of_another_mesh_is_refused(tiny_model, tmp_path):  # noqa: F811
    path = tmp_path / "model.npz"
    pack_model(tiny_model, path)
    other = dataclasses.replace(tiny_model, triangles=tiny_model.triangles[1:])
    with pytest.raises(ValueError, match="another mesh"):
        renew_description(other, path)
