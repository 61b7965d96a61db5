"""Which triangle each pixel sees: both paths alike to the last pixel, and as a slow float64 scan has it wherever that is sure."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.arrays import InputError
from mmreg.rendering import rasterize
from mmreg.rendering.kernels import triangle_ids as id_kernel
from mmreg.rendering.triangle_ids import default_pair_budget, pair_count, triangle_ids_ops
from tests.rendering import oracle
from tests.rendering.scenes import PATHS, random_mesh, seen_in_perspective, sphere

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (7, 40), (33, 20), (64, 64)]


def same_ids(clip, triangles, image_size):
    """The ids (batch height width) that both paths must agree on exactly, as on the depth."""
    native, ops = (rasterize(clip, triangles, image_size, path) for path in PATHS)
    np.testing.assert_array_equal(np.asarray(native.triangle_ids), np.asarray(ops.triangle_ids))
    np.testing.assert_allclose(np.asarray(native.depth), np.asarray(ops.depth), atol=1e-6)
    return np.asarray(native.triangle_ids)


def hold_to_float64(clip, triangles, image_size, least_sure=0.0):
    """`same_ids`, equal to the oracle's wherever rounding to float32 can't matter."""
    ids = same_ids(clip, triangles, image_size)
    for image in range(len(clip)):
        expected, sure = oracle.triangle_ids(clip[image], triangles, image_size)
        assert sure.mean() >= least_sure
        np.testing.assert_array_equal(ids[image][sure], expected[sure])
    return ids


@pytest.mark.parametrize("seed", range(6))
def test_ids_are_those_of_a_float64_scan(seed):
    clip, triangles = random_mesh(seed)
    ids = hold_to_float64(clip, triangles, (23, 31), least_sure=0.6)
    assert len(np.unique(ids)) > 5


@pytest.mark.parametrize("image_size", SIZES)
def test_images_of_any_shape_are_those_of_a_float64_scan(image_size):
    clip, triangles = random_mesh(3, vertices=60, triangles=90)
    hold_to_float64(clip, triangles, image_size)


# What may befall a vertex. The oracle, whose numbers are larger, follows float32 through the first ones alone.
MILD = {
    "behind the camera": lambda v, rng: v * np.float32([1, 1, 1, -1]),
    "in the camera's plane": lambda v, rng: v * np.float32([1, 1, 1, 0]),
    "at the camera's centre": lambda v, rng: 0 * v,
    "nearly in the camera's plane": lambda v, rng: v * np.float32([1, 1, 1, 1e-4]),
    "off the screen": lambda v, rng: v * np.float32([50, -50, 1, 1]),
    "before the near plane": lambda v, rng: v * np.float32([1, 1, 0, 1]) - np.float32([0, 0, 1.5 * v[3], 0]),
    "behind the far plane": lambda v, rng: v * np.float32([1, 1, 0, 1]) + np.float32([0, 0, 1.5 * v[3], 0]),
    "on a pixel's centre": lambda v, rng: np.float32([*(rng.integers(-2, 3, 2) / 4), 0.25, 1]),
    "on a pixel's centre, deeper": lambda v, rng: np.float32([*(rng.integers(-2, 3, 2) / 2), 1, 2]),
    "not a number": lambda v, rng: np.float32([*v[:3], np.nan]),
    "infinite": lambda v, rng: np.float32([np.inf, *v[1:]]),
}
WILD = {
    "farther than 32-bit integers count": lambda v, rng: np.float32([1e10, -1e10, v[2], 1]),
    "as far on the other side": lambda v, rng: np.float32([-3e9, 3e9, v[2], 1]),
    "as far as float32 goes": lambda v, rng: np.float32([*(rng.choice([-3e38, 3e38], 2)), v[2], v[3]]),
    "next to the camera's plane": lambda v, rng: v * np.float32([1, 1, 1, 1e-30]),
    "as near as float32 goes": lambda v, rng: np.float32([*v[:3], 2e-38]),
    "a long way behind the camera": lambda v, rng: v * np.float32([1, 1, 1, -1e30]),
}


@st.composite
def meshes(draw, accidents):
    """(clip, triangles) of one or two images with some mishaps to vertices and to triangles."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    clip, triangles = random_mesh(
        rng.integers(2**32), draw(st.integers(1, 2)), draw(st.integers(3, 12)), draw(st.integers(1, 15)), awkward=False
    )
    for accident in draw(st.lists(st.sampled_from(sorted(accidents)), max_size=6)):
        image, vertex = rng.integers(clip.shape[:2])
        with np.errstate(all="ignore"):
            clip[image, vertex] = accidents[accident](clip[image, vertex], rng)
    if draw(st.booleans()):  # equal depths, to the last bit
        clip[..., 2] = clip[..., 3] * np.float32(0.25)
    if draw(st.booleans()):  # every triangle again, from its other side
        triangles = np.concatenate([triangles, triangles[:, ::-1]])[rng.permutation(2 * len(triangles))]
    if draw(st.booleans()):  # slivers: two corners next to each other
        clip[:, 1::2] = clip[:, : clip.shape[1] // 2 * 2 : 2] * np.float32(1 + 1e-5)
    if draw(st.booleans()):  # degenerate
        triangles[rng.integers(len(triangles))] = triangles[0, 0]
    return clip, np.ascontiguousarray(triangles)


@settings(max_examples=100, deadline=None)
@given(meshes(MILD), st.sampled_from([(1, 1), (1, 8), (8, 1), (5, 7), (16, 16)]))
def test_whatever_befalls_a_mesh_both_paths_see_what_float64_sees(mesh, image_size):
    hold_to_float64(*mesh, image_size)


@settings(max_examples=100, deadline=None)
@given(meshes(MILD | WILD), st.sampled_from([(1, 1), (1, 8), (8, 1), (5, 7), (16, 16)]))
def test_at_the_ends_of_float32_both_paths_still_see_the_same(mesh, image_size):
    same_ids(*mesh, image_size)


def test_a_triangle_far_off_the_screen_is_not_seen_and_harms_nothing():
    clip = np.float32([[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1]])
    for far in (1e9, 1e10, 1e30, 3e38):
        for toward in ([1, -1], [-1, 1], [1, 1], [-1, -1], [1, 0], [0, -1]):
            away = np.float32([[*(far * np.float32(toward)), 0, 1]]) * np.float32(
                [[1, 1, 1, 1], [0.9, 1, 1, 1], [1, 0.9, 1, 1]]
            )
            ids = same_ids(np.concatenate([clip, away])[None], np.int32([[0, 1, 2], [3, 4, 5]]), (8, 8))
            assert (ids == 0).all()


@pytest.mark.parametrize("path", PATHS)
def test_a_triangle_across_the_cameras_plane_is_seen_on_its_near_side_alone(path):
    # the ground, one unit below the camera, from 3 behind it to 9 before it: the lower half of the picture
    near, far = 0.5, 10.0
    x, distance = np.float32([-99, 99, 0]), np.float32([-3, -3, 9])
    z = ((far + near) * distance - 2 * far * near) / (far - near)
    clip = np.stack([x, np.full(3, -1, np.float32), z.astype(np.float32), distance], -1)[None]
    ids = np.asarray(rasterize(clip, np.int32([[0, 1, 2]]), (32, 16), path).triangle_ids)[0]
    assert (ids[:16] == -1).all()
    assert (ids[19:, 4:12] == 0).all()


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_view_is_background(path):
    clip = np.full((1, 3, 4), 5.0, np.float32) * np.float32([1, 1, 0, 0.2])
    for triangles in (np.int32([[0, 1, 2]]), np.zeros((0, 3), np.int32)):
        fragments = rasterize(clip, triangles, (4, 5), path)
        assert (np.asarray(fragments.triangle_ids) == -1).all()
        assert (np.asarray(fragments.barycentrics) == 0).all()
        assert (np.asarray(fragments.depth) == 1).all()
        assert (np.asarray(fragments.coverage) == 0).all()


@pytest.mark.parametrize("path", PATHS)
def test_of_two_coincident_triangles_the_later_is_seen(path):
    clip = np.float32([[[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1]]])
    for faces in ([[0, 1, 2]] * 2, [[0, 1, 2], [0, 2, 1]], [[0, 2, 1], [0, 1, 2]], [[0, 2, 1]] * 2):
        ids = np.asarray(rasterize(clip, np.array(faces), (2, 2), path).triangle_ids)
        assert (ids == 1).all(), faces


@pytest.mark.parametrize("path", PATHS)
def test_a_pixel_on_a_shared_edge_belongs_to_the_later_triangle(path):
    # pixel centres at ±1/4 and ±3/4; the diagonal of the square runs through four of them, its sides through the others
    clip = np.float32([[[-0.75, -0.75, 0, 1], [0.75, -0.75, 0, 1], [0.75, 0.75, 0, 1], [-0.75, 0.75, 0, 1]]])
    for faces in ([[0, 1, 2], [0, 2, 3]], [[0, 2, 3], [0, 1, 2]], [[0, 2, 1], [0, 2, 3]], [[3, 2, 0], [2, 1, 0]]):
        ids = np.asarray(rasterize(clip, np.array(faces), (4, 4), path).triangle_ids)[0]
        assert (ids >= 0).all(), faces  # what lies on an edge is inside
        assert (np.diag(ids[::-1]) == 1).all(), faces
        assert (ids == 0).sum() == (ids == 1).sum() - 4 == 6, faces


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vertex_that_is_not_finite_covers_nothing_and_hides_nothing(path, bad):
    for place in range(4):
        clip = np.float32([[[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1], [0, 0, -0.5, 1]]])
        clip[0, 3, place] = bad
        ids = np.asarray(rasterize(clip, np.array([[0, 1, 2], [0, 1, 3], [3, 3, 3]]), (4, 4), path).triangle_ids)
        assert (ids == 0).sum() > 4
        assert (ids < 1).all()


def closed_meshes():
    """Name to (points, triangles): surfaces of which the side that is scanned first isn't always the nearer one."""
    points, faces = sphere(2)
    inward = faces[:, ::-1]
    n, rng = len(points), np.random.default_rng(0)
    nested = np.concatenate([points, 0.6 * points])
    beside = np.concatenate([0.8 * points - [0.3, 0, 0], 0.8 * points + [0.3, 0.1, 0.2]])
    far_and_near = np.concatenate([points * [1, 1, 0.1] - [0, 0, 1], 0.5 * points * [1, 1, 0.1] + [0, 0, 1]])
    return {
        "outward": (points, faces),
        "inward": (points, inward),
        "shuffled": (points, rng.permutation(faces)),
        "of mixed windings": (points, np.where(rng.random((len(faces), 1)) < 0.5, faces, inward)),
        "nested, the inner one inside out": (nested, np.concatenate([faces, inward + n])),
        "nested, the outer one inside out": (nested, np.concatenate([inward, faces + n])),
        "through each other": (beside, np.concatenate([faces, faces + n])),
        "through each other, one inside out": (beside, np.concatenate([faces, inward + n])),
        "a large one far away, a small one inside out near": (far_and_near, np.concatenate([faces, inward + n])),
        "every triangle from both sides": (points, rng.permutation(np.concatenate([faces, inward]))),
        "front and back in one plane": (points * [1, 1, 0], faces),
    }


@pytest.mark.parametrize("name", closed_meshes())
def test_the_order_in_which_sides_are_scanned_changes_nothing(name):
    points, triangles = closed_meshes()[name]
    triangles = np.ascontiguousarray(triangles, np.int32)
    clip = np.concatenate([seen_in_perspective(points @ turn) for turn in turns(4)])
    ids = hold_to_float64(clip, triangles, (40, 37))
    assert 0.05 < (ids >= 0).mean() < 0.95


def turns(count):
    rng = np.random.default_rng(1)
    return [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(count)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_spheres_through_each_other_are_seen_alike(seed, level_depths):
    rng = np.random.default_rng(seed)
    points, faces = sphere(1)
    parts = [(rng.uniform(0.3, 1) * points @ turn + rng.normal(0, 0.4, 3)) for turn in turns(3)]
    triangles = [(faces if rng.random() < 0.5 else faces[:, ::-1]) + i * len(points) for i in range(3)]
    clip = seen_in_perspective(np.concatenate(parts))
    if level_depths:  # many equal ones, between the sides too
        clip[..., 2] = np.round(clip[..., 2] / clip[..., 3] * 64) / 64 * clip[..., 3]
    same_ids(clip, rng.permutation(np.concatenate(triangles)).astype(np.int32), (24, 31))


@pytest.mark.parametrize("image_size", [(224, 224), (512, 300), (1024, 1024)])
def test_large_images_of_a_closed_mesh_are_those_of_a_float64_scan(image_size):
    points, triangles = sphere(3)
    ids = hold_to_float64(seen_in_perspective(points * 0.9), triangles, image_size, least_sure=0.9)
    assert len(np.unique(ids)) > 400


def test_both_paths_see_the_same_face(face_scene):
    scene, triangles = face_scene
    positions, to_clip = scene["positions_world"], scene["world_to_clip"]
    clip = positions @ np.swapaxes(to_clip[:, :, :3], 1, 2) + to_clip[:, None, :, 3]
    for image_size in ((150, 150), (224, 224)):
        assert len(np.unique(same_ids(clip, triangles, image_size))) > 5000


def test_a_closed_mesh_has_no_holes():
    points, triangles = sphere(3)
    ids = same_ids(seen_in_perspective(points), triangles, (101, 101))[0]
    y, x = np.mgrid[-1:1:101j, -1:1:101j] * 100 / 101 * np.tan(0.4)
    on_the_ball = np.hypot(x, y) < np.tan(np.arcsin(1 / 3)) * 0.98  # a unit ball three units away
    assert on_the_ball.mean() > 0.4
    assert (ids[on_the_ball] >= 0).all()


def test_the_pair_count_is_exactly_what_the_budget_must_be():
    clip, triangles = random_mesh(1)
    need = pair_count(clip, triangles, (16, 16))
    unbounded = rasterize(clip, triangles, (16, 16), "ops")
    for budget in (need, need + 1, 2 * need):
        enough = rasterize(clip, triangles, (16, 16), "ops", pair_budget=budget)
        for a, b in zip(enough, unbounded, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    for budget in (need - 1, need // 2, 1):
        short = rasterize(clip, triangles, (16, 16), "ops", pair_budget=budget)
        assert np.isnan(np.asarray(short.barycentrics)).all()


@pytest.mark.parametrize("image_size", [(96, 96), (150, 150), (224, 224)])
def test_the_default_budget_holds_a_face_and_a_ball(face_scene, image_size):
    scene, triangles = face_scene
    positions, to_clip = scene["positions_world"], scene["world_to_clip"]
    face = positions @ np.swapaxes(to_clip[:, :, :3], 1, 2) + to_clip[:, None, :, 3]
    points, ball = sphere(4)
    for clip, faces in ((face, triangles), (seen_in_perspective(points), ball)):
        assert pair_count(clip, faces, image_size) < default_pair_budget(1, len(faces), image_size)


@pytest.mark.parametrize("triangle_count", [2100, 2**12])
def test_more_pairs_than_can_be_numbered_are_refused_without_making_room_for_them(triangle_count):
    """Each triangle covers the picture of 2²⁰ pixels; of 2¹² of them the number starts anew at exactly 0."""
    clip = np.float32([[[-9, -9, 0, 1], [9, -9, 0, 1], [0, 9, 0, 1]]])
    triangles = np.tile(np.int32([[0, 1, 2]]), (triangle_count, 1))
    assert pair_count(clip, triangles, (1024, 1024)) == triangle_count * 2**20 > 2**31
    with pytest.raises(InputError, match="more than can be numbered"):
        triangle_ids_ops(clip, triangles, (1024, 1024))
    assert math.isnan(np.asarray(rasterize(clip, triangles, (1024, 1024), "ops", pair_budget=9).barycentrics).max())


@pytest.mark.parametrize("flip", [False, True])
def test_the_side_that_is_scanned_first_is_the_nearer_one_however_few_triangles_it_has(flip):
    """A dense sheet before a coarse one, and a coarse one before a dense one, which face opposite ways."""

    def sheet(cells, depth, turned):
        x, y = np.meshgrid(*2 * [np.linspace(-0.9, 0.9, cells + 1)])
        positions = np.stack([x.ravel(), y.ravel(), np.full(x.size, depth), np.ones(x.size)], axis=1)
        corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
        a, b, c, d = corner, corner + 1, corner + cells + 1, corner + cells + 2
        triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
        return positions, triangles[:, ::-1] if turned else triangles

    for dense_depth, coarse_depth in ((0.920, 0.925), (0.925, 0.920)):  # a head before a camera, a metre away
        (p, t), (q, u) = sheet(30, dense_depth, flip), sheet(4, coarse_depth, not flip)
        vertices = np.concatenate([p, q]).astype(np.float32)
        triangles = np.concatenate([t, u + len(p)]).astype(np.int32)
        dense_side = -1.0 if flip else 1.0
        expected = dense_side if dense_depth < coarse_depth else -dense_side
        assert id_kernel._near_side(vertices, triangles) == expected
