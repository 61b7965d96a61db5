"""What must hold of every scene, whatever the renderer is made of."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmreg.geometry.camera import Pose
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import interpolate, rasterize
from tests.rendering.scenes import INPUTS, PATHS, lit_scene, random_mesh, render_scene, seen_in_perspective, sphere

SIZE = (21, 24)
POINTS = ("positions_world", "camera_position", "light_position")
each_path = st.sampled_from(["native", "native", "ops"])  # the second is ten times slower
angle = st.floats(-3, 3, width=32)
many = settings(max_examples=15, deadline=None)


@st.composite
def scenes(draw, **options):
    """(scene, triangles), a sheet lit by up to three lights."""
    options = {"lights": draw(st.integers(0, 3)), "batch": draw(st.integers(1, 2)), **options}
    return lit_scene(draw(st.integers(0, 2**32 - 1)), size=SIZE, rows=7, columns=8, **options)


def picture(scene, triangles, path="auto", size=SIZE, **options):
    """(radiance, ids) in numpy."""
    rendering = render_scene(scene, triangles, size, path=path, **options)
    return np.asarray(rendering.radiance), np.asarray(rendering.fragments.triangle_ids)


def same_picture(one, other, moved=0.02, atol=1e-4):
    """Equal but for the few pixels on an edge that rounding moves to a neighbour."""
    (radiance, ids), (other_radiance, other_ids) = one, other
    same = ids == other_ids
    assert same.mean() > 1 - moved
    assert (ids >= 0).mean() > 0.3
    np.testing.assert_allclose(radiance[same], other_radiance[same], atol=atol)


def with_clip(scene, matrix):
    """The scene with something done to clip space, or before the camera."""
    return {**scene, "world_to_clip": matrix(scene["world_to_clip"].astype(np.float64)).astype(np.float32)}


@many
@given(scenes(), angle, angle, angle, each_path)
def test_turning_the_whole_scene_leaves_the_image_unchanged(drawn, yaw, pitch, roll, path):
    scene, triangles = drawn
    turn = np.asarray(Pose(*np.float32([[yaw], [pitch], [roll]])).rotation(), np.float64)[0]
    back = np.eye(4)
    back[:3, :3] = turn.T
    turned = with_clip(scene, lambda m: m @ back)
    for name in (*POINTS, "normals_world"):
        turned[name] = (scene[name] @ turn.T).astype(np.float32)
    same_picture(picture(scene, triangles, path), picture(turned, triangles, path))


@many
@given(scenes(), st.floats(1e-3, 1e3), each_path)
def test_a_scene_of_other_lengths_has_the_same_image(drawn, scale, path):
    scene, triangles = drawn
    larger = with_clip(scene, lambda m: m @ np.diag([1 / scale, 1 / scale, 1 / scale, 1]))
    for name in POINTS:
        larger[name] = np.float32(scale) * scene[name]
    same_picture(picture(scene, triangles, path), picture(larger, triangles, path))


@many
@given(scenes(), st.sampled_from([0.0, 0.125, 3.0, 1000.0]), each_path)
def test_treble_the_light_treble_the_radiance(drawn, times, path):
    scene, triangles = drawn
    more = {**scene, **{name: np.float32(times) * scene[name] for name in ("intensity", "ambient")}}
    (one, ids), (other, other_ids) = picture(scene, triangles, path), picture(more, triangles, path)
    np.testing.assert_array_equal(ids, other_ids)
    np.testing.assert_allclose(other, times * one, rtol=1e-5, atol=1e-6 * times)


@many
@given(scenes(lights=2), each_path)
def test_two_lights_give_what_each_gives_added_up(drawn, path):
    scene, triangles = drawn
    alone = [
        {**scene, "light_position": scene["light_position"][:, i], "intensity": scene["intensity"][:, i]}
        for i in (slice(0, 1), slice(1, 2))
    ]
    alone[1] = {**alone[1], "ambient": 0 * scene["ambient"]}
    both, first, second = (picture(s, triangles, path)[0] for s in (scene, *alone))
    np.testing.assert_allclose(both, first + second, atol=1e-5)


@many
@given(scenes(), st.integers(0, 20), st.integers(0, 23), st.data())
def test_cropping_leaves_the_remaining_pixels_unchanged(drawn, top, left, data):
    scene, triangles = drawn
    bottom, right = data.draw(st.integers(top + 1, 21)), data.draw(st.integers(left + 1, 24))
    scale = np.diag([24 / (right - left), 21 / (bottom - top), 1, 1])
    scale[0, 3] = 24 / (right - left) * (1 - (left + right) / 24)
    scale[1, 3] = 21 / (bottom - top) * ((top + bottom) / 21 - 1)
    whole, whole_ids = (a[:, top:bottom, left:right] for a in picture(scene, triangles))
    part, ids = picture(with_clip(scene, lambda m: scale @ m), triangles, size=(bottom - top, right - left))
    same = ids == whole_ids
    assert (~same).sum() <= 0.02 * same.size + 1
    np.testing.assert_allclose(part[same], whole[same], atol=1e-4)


@many
@given(scenes(lights=2), st.floats(0.01, 5), st.floats(-9, 9), each_path)
def test_light_behind_the_surface_leaves_only_ambient(drawn, behind, aside, path):
    scene, triangles = drawn
    flat = {
        **scene,
        "positions_world": scene["positions_world"] * np.float32([1, 1, 0]),
        "normals_world": np.zeros_like(scene["normals_world"]) + np.float32([0, 0, 1]),
        "light_position": np.zeros_like(scene["light_position"]) + np.float32([aside, -aside, -behind]),
    }
    dark = {name: value[:, :0] if name in ("light_position", "intensity") else value for name, value in flat.items()}
    np.testing.assert_array_equal(picture(flat, triangles, path)[0], picture(dark, triangles, path)[0])


@many
@given(scenes(), st.randoms(use_true_random=False), each_path)
def test_the_vertices_order_changes_nothing_at_all(drawn, random, path):
    scene, triangles = drawn
    order = np.array(random.sample(range(56), 56))
    shuffled = {name: scene[name][:, order] if name in INPUTS[:3] else scene[name] for name in INPUTS}
    renumbered = np.argsort(order)[triangles]
    for one, other in zip(picture(scene, triangles, path), picture(shuffled, renumbered, path), strict=True):
        np.testing.assert_array_equal(one, other)


@many
@given(st.integers(0, 2**32 - 1), each_path, st.booleans())
def test_the_triangles_order_decides_between_equal_depths_alone(seed, path, awkward):
    rng = np.random.default_rng(seed)
    clip, triangles = random_mesh(seed, vertices=20, triangles=40, awkward=awkward)
    order = rng.permutation(len(triangles))
    one, other = (rasterize(clip, t, (16, 16), path) for t in (triangles, triangles[order]))
    np.testing.assert_array_equal(np.asarray(one.depth), np.asarray(other.depth))
    ids, others = np.asarray(one.triangle_ids), np.asarray(other.triangle_ids)
    mapped = np.where(others >= 0, order[others], -1)
    corners = [np.sort(triangles[i], -1) for i in (ids, mapped)]
    tied = (corners[0] == corners[1]).all(-1)  # or the same triangle, if it is there twice
    assert tied.mean() > 0.99  # the rest are edges through a pixel's centre


@many
@given(st.integers(0, 2**32 - 1), each_path)
def test_what_a_closed_mesh_shows_does_not_depend_on_its_triangles_order(seed, path):
    rng = np.random.default_rng(seed)
    points, triangles = sphere(2)
    clip, order = (
        seen_in_perspective(points @ np.linalg.qr(rng.normal(size=(3, 3)))[0]),
        rng.permutation(len(triangles)),
    )
    one, other = (np.asarray(rasterize(clip, t, SIZE, path).triangle_ids) for t in (triangles, triangles[order]))
    assert (one >= 0).mean() > 0.2
    assert (one == np.where(other >= 0, order[other], -1)).mean() > 0.995


@many
@given(st.integers(0, 2**32 - 1), each_path)
def test_triangles_that_run_the_other_way_interpolate_the_same(seed, path):
    clip, triangles = random_mesh(seed, vertices=20, triangles=30)
    attributes = np.random.default_rng(seed).normal(size=(2, 20, 2)).astype(np.float32)
    other_way = np.ascontiguousarray(triangles[:, ::-1])
    one, other = (rasterize(clip, t, (16, 16), path) for t in (triangles, other_way))
    ids, others = np.asarray(one.triangle_ids), np.asarray(other.triangle_ids)
    corners = [np.sort(triangles[i], -1) for i in (ids, others)]  # of those that appear twice either may be seen
    assert (corners[0] == corners[1]).all(-1).mean() > 0.99
    np.testing.assert_array_equal(ids >= 0, others >= 0)
    values = [np.asarray(interpolate(attributes, f, t, path)) for f, t in ((one, triangles), (other, other_way))]
    error = np.abs(values[0] - values[1]).max(-1)[ids == others]
    assert np.median(error) < 1e-6
    assert (error < 1e-3).mean() > 0.99  # slivers round more


@many
@given(scenes(batch=3), each_path)
def test_a_batch_is_its_images_one_by_one(drawn, path):
    scene, triangles = drawn
    together = picture(scene, triangles, path)
    for i in range(3):
        alone = picture({name: value[i : i + 1] for name, value in scene.items()}, triangles, path)
        for whole, image in zip(together, alone, strict=True):
            np.testing.assert_array_equal(whole[i], image[0])


@many
@given(scenes(batch=2), st.sets(st.sampled_from(INPUTS)), each_path)
def test_what_has_a_batch_of_one_is_shared_by_all_images(drawn, shared, path):
    assume(len(shared) < len(INPUTS))
    scene, triangles = drawn
    one = {name: value[:1] if name in shared else value for name, value in scene.items()}
    repeated = {name: np.repeat(value, 2, axis=0) if name in shared else value for name, value in one.items()}
    for a, b in zip(picture(one, triangles, path), picture(repeated, triangles, path), strict=True):
        np.testing.assert_array_equal(a, b)


@many
@given(scenes(), st.floats(0.01, 100), each_path)
def test_normals_of_any_length_shade_alike(drawn, length, path):
    scene, triangles = drawn
    longer = {**scene, "normals_world": np.float32(length) * scene["normals_world"]}
    np.testing.assert_allclose(picture(longer, triangles, path)[0], picture(scene, triangles, path)[0], atol=2e-5)


@many
@given(st.integers(0, 2**32 - 1), st.sampled_from(PATHS), st.floats(0.01, 100), angle)
def test_vertex_normals_turn_with_the_mesh_and_know_no_size(seed, path, scale, yaw):
    scene, triangles = lit_scene(seed, rows=7, columns=8)
    turn = np.asarray(Pose(*np.float32([[yaw], [0.3], [0.2]])).rotation())[0]
    positions = scene["positions_world"]
    moved = (np.float32(scale) * positions + np.float32([1, -2, 0.5])) @ turn.T
    expected = np.asarray(vertex_normals(positions, triangles, path)) @ turn.T
    np.testing.assert_allclose(np.asarray(vertex_normals(moved, triangles, path)), expected, atol=1e-3)


def test_a_pixel_without_a_surface_is_black_and_clear():
    scene, triangles = lit_scene(0, size=SIZE)
    for path in PATHS:
        rendering = render_scene(scene, triangles, SIZE, path=path)
        empty = np.asarray(rendering.fragments.triangle_ids) < 0
        assert 0.1 < empty.mean() < 0.9
        assert (np.asarray(rendering.radiance)[empty] == 0).all()
        np.testing.assert_array_equal(np.asarray(rendering.alpha)[..., 0], ~empty)
