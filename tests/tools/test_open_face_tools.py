"""The scripts that make the open model: what can be checked without MakeHuman's data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the maintainer's tools are not installed: pip install -e '.[tools]'")
pytest.importorskip("threadpoolctl", reason="the maintainer's tools are not installed: pip install -e '.[tools]'")

from threadpoolctl import threadpool_limits

from mmreg.face import MorphableModel
from mmreg.face.identity_sampler import attribute_features, draw_attributes
from mmreg.face.open_face import Mirror, read_packed_model
from mmreg.geometry.registration import rigid_motions, without_rigid_motion
from tests.face.conftest import random_space, tiny_model  # noqa: F401
from tools.open_face.albedo import to_linear, to_srgb
from tools.open_face.expression import opposite
from tools.open_face.identities import fit_identity_sampler
from tools.open_face.measuring import difference
from tools.open_face.packing import STEPS, pack_model, renew_description
from tools.open_face.shape_space import coefficients_of, principal_components
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
    found = principal_components(targets, covariance if form == "matrix" else 1.7**2, 6, np.zeros(30))
    space, share = found.space, found.share
    scaled = space.basis * space.standard_deviations
    np.testing.assert_allclose(scaled @ scaled.T, targets.T @ covariance @ targets, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(6), atol=1e-5)
    assert share == pytest.approx(1)
    assert (np.diff(space.standard_deviations) < 0).all()


def mirrored_fields(count=20, pairs=40, middle=8):
    """Random displacements (field, 3N) of a mesh of `pairs` mirrored vertices and some on the midline; and its mirror."""
    mirror = np.concatenate([pairs + middle + np.arange(pairs), pairs + np.arange(middle), np.arange(pairs)])
    fields = np.random.default_rng(3).normal(size=(count, 3 * len(mirror)))
    return fields, mirror


def reflected(fields, mirror, flips=True):
    return (fields.reshape(len(fields), -1, 3)[:, mirror] * [-1 if flips else 1, 1, 1]).reshape(len(fields), -1)


@pytest.mark.parametrize("flips", [True, False])
def test_components_of_faces_and_their_mirror_images_are_those_of_both_together(flips):
    fields, mirror = mirrored_fields()
    both = np.concatenate([fields, reflected(fields, mirror, flips)])
    found = principal_components(fields, 1 / len(fields), 40, np.zeros(fields.shape[1]), mirror, flips)
    basis = found.space.basis.T
    assert (reflected(basis, mirror, flips) == found.parity[:, None] * basis).all()
    np.testing.assert_allclose(basis @ basis.T, np.eye(40), atol=1e-5)
    scaled = found.space.basis * found.space.standard_deviations
    np.testing.assert_allclose(scaled @ scaled.T, both.T @ both / len(both), atol=1e-4)
    assert found.share == pytest.approx(1)
    assert set(found.parity.tolist()) == {1, -1}


def test_another_number_of_threads_turns_no_component():
    fields, mirror = mirrored_fields(count=150, pairs=3000, middle=50)
    spaces = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            spaces.append(principal_components(fields, 1 / 150, 199, np.zeros(fields.shape[1]), mirror, True).space)
    measured = difference(*spaces)
    assert measured["components"] < 1e-5
    assert measured["components_with_what_lies_outside"] < 1e-5


def test_a_turned_component_is_measured_as_a_difference():
    space = random_space(np.zeros((20, 3)), 5, seed=0)
    turned = space.basis.copy()
    c, s = np.cos(0.01), np.sin(0.01)
    turned[:, :2] = turned[:, :2] @ np.float32([[c, -s], [s, c]])
    other = dataclasses.replace(space, basis=turned)
    ratio = space.standard_deviations[0] / space.standard_deviations[1]
    assert difference(space, other)["components"] == pytest.approx(0.01 * ratio, rel=0.02)
    moved = dataclasses.replace(space, mean=space.mean + 0.5 * space.standard_deviations[3] * space.basis[:, 3])
    assert difference(space, moved)["means"] == pytest.approx(0.5, rel=1e-3)


def test_coefficients_of_what_a_space_makes_are_those_it_was_made_of():
    space = random_space(np.zeros((20, 3)), 5, seed=0)
    c = np.random.default_rng(0).normal(size=(7, 5))
    np.testing.assert_allclose(
        coefficients_of(space, (c * space.standard_deviations) @ space.basis.T, block=3), c, atol=1e-5
    )


def test_movements_have_their_opposites():
    names = ("mouthSmileLeft", "mouthSmileRight", "jawOpen", "eye-left-slit", "eye-right-slit", "jawLeft")
    assert [opposite(name) for name in names] == [
        "mouthSmileRight", "mouthSmileLeft", "jawOpen", "eye-right-slit", "eye-left-slit", "jawRight",
    ]  # fmt: skip


def test_the_people_fitted_are_found_again():
    people = draw_attributes(4000, np.random.default_rng(0))
    truth = np.random.default_rng(1).normal(size=(15, 3))
    noise = np.random.default_rng(2).normal(size=(4000, 3))
    noise[:, 1] *= np.where(people.gender > 0.5, 0.9, 0.1)
    faces = attribute_features(people) @ truth + noise
    parity = np.array([1, 1, -1])
    sampler = fit_identity_sampler(people, faces, parity, people, faces[:, :2], parity[:2])
    np.testing.assert_allclose(sampler.regression[:, :2], truth[:, :2], atol=0.3)
    assert not sampler.regression[:, 2].any()  # antisymmetric: nobody leans to one side on average
    np.testing.assert_allclose(np.abs(sampler.shape_factors[:, 1, 1]), [0.1, 0.9], atol=0.05)
    assert not sampler.shape_factors[:, 2, :2].any()


def test_half_of_a_symmetric_model_is_stored_and_the_whole_read(tmp_path):
    fields, mirror = mirrored_fields(count=30)
    mean = np.zeros(fields.shape[1])

    def space(flips, scale):
        return principal_components(scale * fields, 1 / 30, 12, mean, mirror, flips)

    found = {"shape": space(True, 3), "albedo": space(False, 0.1), "expression": space(True, 1)}
    sheet = np.concatenate([np.arange(40).reshape(8, 5), 40 + np.arange(8)[:, None]], axis=1)  # up to the midline
    a, b, c, d = (part.reshape(-1) for part in (sheet[:-1, :-1], sheet[:-1, 1:], sheet[1:, 1:], sheet[1:, :-1]))
    left = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    triangles = np.concatenate([left, mirror[left][:, ::-1]]).astype(np.int32)
    model = MorphableModel(
        name="mirrored", triangles=triangles, landmarks={}, license="CC0-1.0", regions={"all": np.ones(88, bool)},
        expression_units={"one": np.ones(12, np.float32)}, **{name: one.space for name, one in found.items()},
    )  # fmt: skip
    parities = Mirror(mirror.astype(np.int32), *(one.parity for one in found.values()))
    pack_model(model, tmp_path / "half.npz", parities)
    pack_model(model, tmp_path / "whole.npz")
    half, whole = (read_packed_model(tmp_path / f"{name}.npz") for name in ("half", "whole"))
    for name in found:
        assert (getattr(half, name).basis == getattr(whole, name).basis).all()
    with np.load(tmp_path / "half.npz") as stored:
        assert stored["shape_residuals"].shape == (13, 3, 48)


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
