import numpy as np
import pytest
import trimesh

from mmreg.geometry.registration import carrying_weights, fit_similarity, lay_onto, thin_plate

TURN = trimesh.transformations.euler_matrix(0.3, -0.5, 0.2)[:3, :3]


@pytest.fixture(scope="module")
def ball():
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=80.0)
    return np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int32)


def bumpy(directions):
    """A head-sized surface that is no ball, by direction from its middle."""
    x, y, z = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    return 80.0 + 6.0 * x**2 - 4.0 * y + 5.0 * z * x


def test_a_similarity_is_found_again_and_undone():
    points = np.random.default_rng(0).normal(size=(20, 3)) * 50
    moved = 1.7 * points @ TURN.T + [3.0, -8.0, 40.0]
    found = fit_similarity(points, moved)
    assert found.scale == pytest.approx(1.7)
    np.testing.assert_allclose(found.rotation, TURN, atol=1e-12)
    np.testing.assert_allclose(found(points), moved, atol=1e-9)
    np.testing.assert_allclose(found.inverse()(moved), points, atol=1e-9)
    np.testing.assert_allclose(found.turned(points) - found.turned(0 * points), found(points) - found(0 * points))


def test_a_mirror_image_is_met_by_a_turn_and_not_by_a_mirror():
    points = np.random.default_rng(1).normal(size=(20, 3))
    assert np.linalg.det(fit_similarity(points, points * [-1, 1, 1]).rotation) == pytest.approx(1.0)


def test_without_scale_the_motion_is_rigid():
    points = np.random.default_rng(2).normal(size=(20, 3))
    found = fit_similarity(points, 2.0 * points @ TURN.T, scale=False)
    assert found.scale == 1.0
    np.testing.assert_allclose(found.rotation, TURN, atol=1e-12)


def test_a_thin_plate_takes_landmarks_to_their_targets_and_knows_affine_maps():
    rng = np.random.default_rng(3)
    source, points = rng.normal(size=(2, 30, 3)) * 40
    target = source + rng.normal(size=source.shape)
    np.testing.assert_allclose(thin_plate(source, target, source), target, atol=1e-8)
    affine = rng.normal(size=(3, 3))
    np.testing.assert_allclose(thin_plate(source, source @ affine + 5.0, points), points @ affine + 5.0, atol=1e-7)


def test_landmarks_that_coincide_count_once():
    source = np.random.default_rng(4).normal(size=(20, 3))
    twice = np.concatenate([source, source[:1]])
    np.testing.assert_allclose(thin_plate(twice, twice + 1.0, source), source + 1.0, atol=1e-8)


def test_a_surface_laid_onto_another_lies_on_it(ball):
    positions, triangles = ball
    target = positions / 80.0 * bumpy(positions)[:, None]
    laid = lay_onto(positions, triangles, target, triangles)
    before = np.abs(80.0 - bumpy(positions))
    after = np.abs(np.linalg.norm(laid, axis=1) - bumpy(laid))
    assert before.max() > 4.0
    assert after.max() < 0.25
    assert after.mean() < 0.05 * before.mean()


def test_a_surface_laid_onto_itself_stays(ball):
    positions, triangles = ball
    np.testing.assert_allclose(lay_onto(positions, triangles, positions, triangles), positions, atol=1e-6)


def test_what_is_free_follows_its_neighbours_past_the_target(ball):
    positions, triangles = ball
    free = positions[:, 2] > 60.0
    target = positions + np.array([0.0, 5.0, 0.0])
    dented = np.where(free[:, None], 0.8 * target, target)
    laid = lay_onto(positions, triangles, dented, triangles, free=free)
    assert (np.linalg.norm(laid[free], axis=1) > 75.0).all()  # the dent, at 64 mm, isn't followed


def test_an_inner_wall_is_not_matched_to_an_outer_one(ball):
    positions, triangles = ball
    inside_out = triangles[:, ::-1].copy()
    both = np.concatenate([positions, 0.93 * positions])
    laid = lay_onto(0.95 * positions, triangles, both, np.concatenate([triangles, inside_out + len(positions)]))
    assert np.linalg.norm(laid, axis=1).min() > 79.0  # the outer wall, though the inner one is nearer


def weights_between(fine, coarse):
    return carrying_weights(fine, fine / 80.0, coarse, coarse / 80.0)


def test_each_vertex_reads_weights_that_sum_to_one_of_a_few_neighbours(ball):
    fine = ball[0]
    weights = weights_between(fine, fine[::3])
    np.testing.assert_allclose(np.asarray(weights.sum(axis=1)).ravel(), 1.0, atol=1e-12)
    assert np.diff(weights.indptr).max() == 8


def test_a_field_that_is_linear_along_the_surface_comes_back(ball):
    fine, coarse = ball[0], np.asarray(trimesh.creation.icosphere(3, 80.0).vertices)
    matrix = np.random.default_rng(5).normal(size=(3, 3))
    carried = weights_between(fine, coarse) @ (coarse @ matrix)
    error = np.linalg.norm(carried - fine @ matrix, axis=1)
    assert error.max() < 0.01 * np.linalg.norm(fine @ matrix, axis=1).max()


def test_a_mesh_reads_itself_unchanged(ball):
    positions = ball[0]
    field = np.random.default_rng(6).normal(size=(len(positions), 3))
    np.testing.assert_allclose(weights_between(positions, positions) @ field, field, atol=2e-3)


def test_one_lip_never_reads_the_other():
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0), [0.0]), axis=-1).reshape(-1, 3)
    up = np.tile([0.0, 0.0, 1.0], (len(grid), 1))
    both, normals = np.concatenate([grid, grid - [0, 0, 0.1]]), np.concatenate([up, -up])
    side = np.repeat([1.0, -1.0], len(grid))
    np.testing.assert_allclose(
        carrying_weights(grid + np.array([0.3, 0.2, -0.08]), up, both, normals) @ side, 1.0, atol=1e-9
    )
