"""What is no mesh, scene or picture is refused by name, and nothing that a caller passes brings the process down."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmreg.arrays import InputError
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import Fragments, interpolate, rasterize
from tests.rendering.scenes import INPUTS, PATHS, lit_scene, render_scene

SIZE = (12, 13)
CLIP = np.float32([[[-3, -1, 0, 1], [3, -1, 0, 1], [0, 3, 0, 1]]])
TRIANGLE = np.array([[0, 1, 2]])
SCENE, TRIANGLES = lit_scene()  # two images of twenty vertices and two lights
# how `render`'s messages call the arrays of a scene
NAMES = {
    "world_to_clip": "camera.world_to_clip",
    "camera_position": "camera.position_world",
    "light_position": "lights.position_world",
    "intensity": "lights.intensity",
    "ambient": "lights.ambient",
}


def refused(message, function, *arguments, **options):
    with pytest.raises(InputError, match=re.escape(message)):
        function(*arguments, **options)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("triangles", "message"),
    [
        ([[0, 1, 3]], "triangles must index the 3 vertices (0 to 2), but reach from 0 to 3"),
        ([[0, -1, 2]], "triangles must index the 3 vertices (0 to 2), but reach from -1 to 2"),
        ([[0, 1, 2**31 + 1]], "but reach from 0 to 2147483649"),
        ([[0.0, 1, 2]], "triangles must be whole numbers of the shape (triangle, 3), not float64 (1, 3)"),
        ([[True, False, True]], "not bool (1, 3)"),
        ([[0, 1]], "not int64 (1, 2)"),
        ([0, 1, 2], "not int64 (3,)"),
        ([[[0, 1, 2]]], "not int64 (1, 1, 3)"),
    ],
)
def test_what_are_no_triangles_of_the_mesh_is_refused(triangles, message, path):
    triangles = np.array(triangles)
    fragments = rasterize(CLIP, TRIANGLE, (4, 4))
    flat = {name: value[:, :3] if value.shape[1:] == (20, 3) else value for name, value in SCENE.items()}
    refused(message, rasterize, CLIP, triangles, (4, 4), path)
    refused(message, interpolate, CLIP, fragments, triangles, path)
    refused(message, vertex_normals, CLIP[..., :3], triangles, path)
    refused(message, render_scene, flat, triangles, path=path)


@pytest.mark.parametrize("path", PATHS)
def test_triangles_that_are_unknown_when_a_graph_is_traced_are_refused(path):
    for function in (
        lambda t: rasterize(CLIP, t, (4, 4), path).triangle_ids,
        lambda t: interpolate(CLIP, rasterize(CLIP, TRIANGLE, (4, 4)), t, path),
        lambda t: vertex_normals(CLIP[..., :3], t, path),
        lambda t: render_scene(SCENE, t, path=path).radiance,
    ):
        traced = tf.function(function, autograph=False)
        refused("triangles must be an array that is known when a graph is traced", traced, tf.constant(TRIANGLES))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 3), (1, 3, 5), (1, 1, 3, 4), (4,), ()])
def test_what_has_not_the_axes_of_clip_coordinates_is_refused(shape, path):
    message = f"clip_vertices must have the shape (batch, vertex, 4), not {shape}."
    refused(message, rasterize, np.zeros(shape, np.float32), TRIANGLE, (4, 4), path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 4), (1, 3, 2), (1, 1, 3, 3), ()])
def test_what_has_not_the_axes_of_positions_has_no_normals(shape, path):
    message = f"positions must have the shape (batch, vertex, 3), not {shape}."
    refused(message, vertex_normals, np.zeros(shape, np.float32), TRIANGLE, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "size",
    [
        (0, 4),
        (4, 0),
        (-1, 4),
        (4.5, 4),
        (4,),
        (4, 4, 3),
        4,
        None,
        "44",
        (2**15, 4),
        (4, 10**9),
        (np.nan, 4),
        (4, np.inf),
    ],
)
def test_what_is_no_image_size_is_refused(size, path):
    message = f"image_size must be (height, width), whole numbers from 1 to 32767 pixels, not {size!r}."
    refused(message, rasterize, CLIP, TRIANGLE, size, path)
    refused(message, render_scene, SCENE, TRIANGLES, size, path=path)


def test_the_longest_images_are_rendered():
    for size in ((1, 2**15 - 1), (2**15 - 1, 1)):
        assert (np.asarray(rasterize(CLIP, TRIANGLE, size).triangle_ids) == 0).mean() > 0.4
    assert np.asarray(render_scene(SCENE, TRIANGLES, (np.int64(12), 13.0)).radiance).shape == (2, *SIZE, 3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", INPUTS[:-1])
def test_each_input_of_a_scene_must_have_its_own_axes(name, path):
    called, value = NAMES.get(name, name), SCENE[name]
    for wrong in (value[0], value[..., :2], value[..., None], np.concatenate([value, value], -1)):
        refused(f"{called} must have the shape (batch, ", render_scene, {**SCENE, name: wrong}, TRIANGLES, path=path)
        refused(f", not {wrong.shape}.", render_scene, {**SCENE, name: wrong}, TRIANGLES, path=path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", INPUTS)
def test_each_input_of_a_scene_must_have_the_batch_of_the_others_or_of_1(name, path):
    wrong = {**SCENE, name: np.concatenate([SCENE[name]] * 2)[:3]}
    if name == INPUTS[0]:  # the others are then the ones that differ from the first
        refused(
            "normals_world must have the batch length 3 or 1, as positions_world has, not 2",
            render_scene,
            wrong,
            TRIANGLES,
        )
    else:
        message = f"{NAMES.get(name, name)} must have the batch length 2 or 1, as positions_world has, not 3"
        refused(message, render_scene, wrong, TRIANGLES, path=path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "axis", "other"), [("normals_world", "vertex", "positions_world"), ("diffuse", "vertex", "positions_world"),
                                ("intensity", "light", "lights.position_world")]
)  # fmt: skip
def test_vertices_and_lights_must_be_as_many_in_all_their_inputs(name, axis, other, path):
    for wrong in (SCENE[name][:, :1], SCENE[name][:, :0], np.concatenate([SCENE[name]] * 2, axis=1)):
        message = f"{NAMES.get(name, name)} must have the {axis} length {SCENE[name].shape[1]}, as {other} has"
        refused(message, render_scene, {**SCENE, name: wrong}, TRIANGLES, path=path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_not_finite_are_refused_with_their_place(bad, path):
    positions = SCENE["positions_world"].copy()
    positions[1, 7, 2] = positions[1, 9, 0] = bad
    message = "positions_world must be finite, but 2 of its numbers aren't; the first is at (1, 7, 2)"
    refused(message, render_scene, {**SCENE, "positions_world": positions}, TRIANGLES, path=path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_in_a_graph_positions_that_are_not_finite_turn_their_own_picture_into_nan(bad, path):
    traced = tf.function(
        lambda p: render_scene({**SCENE, "positions_world": p}, TRIANGLES, path=path).radiance, autograph=False
    )
    positions = SCENE["positions_world"].copy()
    positions[1, 7, 2] = bad
    whole, broken = (traced(tf.constant(p)).numpy() for p in (SCENE["positions_world"], positions))
    np.testing.assert_array_equal(broken[0], whole[0])
    assert np.isnan(broken[1]).all()


@pytest.mark.parametrize("path", PATHS)
def test_finite_positions_whose_sum_is_not_are_rendered(path):
    far = np.full((2, 4, 3), 2e38, np.float32)
    more = {
        name: np.concatenate([SCENE[name], 0 * far + SCENE[name][:, :1]], 1) for name in ("normals_world", "diffuse")
    }
    scene = {**SCENE, **more, "positions_world": np.concatenate([SCENE["positions_world"], far], 1)}
    picture = render_scene(scene, TRIANGLES, path=path).radiance
    np.testing.assert_allclose(picture, render_scene(SCENE, TRIANGLES, path=path).radiance, atol=1e-6)


@pytest.mark.parametrize("path", ["gpu", "", "Native"])
def test_an_unknown_path_is_refused(path):
    message = f'path must be "auto", "native" or "ops", not {path!r}'
    fragments = rasterize(CLIP, TRIANGLE, (4, 4))
    refused(message, rasterize, CLIP, TRIANGLE, (4, 4), path)
    refused(message, interpolate, CLIP, fragments, TRIANGLE, path)
    refused(message, vertex_normals, CLIP[..., :3], TRIANGLE, path)
    refused(message, render_scene, SCENE, TRIANGLES, path=path)


def test_the_compiled_path_is_refused_on_another_backend(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    message = 'path "native" needs the TensorFlow backend, but Keras uses jax; use "auto" or "ops".'
    refused(message, rasterize, CLIP, TRIANGLE, (4, 4), "native")
    refused(message, vertex_normals, CLIP[..., :3], TRIANGLE, "native")
    refused(message, render_scene, SCENE, TRIANGLES, path="native")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("k", [0, -1, 1.5, np.nan, np.inf, None, "2", 3000, 10**12])
def test_what_is_no_number_of_samples_is_refused(k, path):
    message = f"supersampling must be a whole number of at least 1 that leaves the larger side of 13 pixels at most 32767 samples, not {k!r}"
    refused(message, render_scene, SCENE, TRIANGLES, supersampling=k, path=path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shininess", [-1, -0.5, np.nan, np.inf, None, "hard"])
def test_what_is_no_shininess_is_refused(shininess, path):
    message = f"shininess must be a finite number of at least 0, known beforehand, not {shininess!r}"
    refused(message, render_scene, SCENE, TRIANGLES, shininess=shininess, path=path)


def test_a_shininess_that_integers_do_not_hold_leaves_no_highlight_but_where_it_is_exact():
    for path in PATHS:
        mirror = np.asarray(render_scene(SCENE, TRIANGLES, shininess=1e20, path=path).radiance)
        matt = np.asarray(render_scene({**SCENE, "specular_constant": np.float32(0)}, TRIANGLES, path=path).radiance)
        np.testing.assert_allclose(mirror, matt, atol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_a_specular_constant_is_one_number_or_one_an_image(path):
    one = np.asarray(render_scene({**SCENE, "specular_constant": 0.4}, TRIANGLES, path=path).radiance)
    for same in (
        np.full(1, 0.4),
        np.full(2, 0.4),
        np.full((2, 1, 1, 1), 0.4),
        np.full((1, 1, 1, 1), 0.4),
        np.float64(0.4),
    ):
        picture = render_scene({**SCENE, "specular_constant": same}, TRIANGLES, path=path).radiance
        np.testing.assert_array_equal(np.asarray(picture), one)
    for shape in ((2, 1), (2, 3), (2, 12, 13, 1), (1, 1, 1)):
        message = f"specular_constant must be a number or have the shape (batch,), not {shape}."
        refused(message, render_scene, {**SCENE, "specular_constant": np.zeros(shape)}, TRIANGLES, path=path)


def test_a_background_that_does_not_fit_is_refused():
    rendering = render_scene(SCENE, TRIANGLES)
    for shape in ((2,), (13, 12, 3), (12, 13), (3, 12, 13, 3), (2, 1, 12, 13, 3), (12, 13, 4)):
        message = f"background must broadcast to the picture's shape (2, 12, 13, 3), not {shape}."
        refused(message, rendering.over, np.zeros(shape, np.float32))


@pytest.mark.parametrize("path", PATHS)
def test_fragments_of_something_else_are_refused(path):
    clip, two = np.concatenate([CLIP, CLIP]), np.array([[0, 1, 2], [0, 1, 2]])
    fragments = rasterize(clip, two, (4, 4), path)
    message = "triangles must be as many as those that were rasterized, but there are 1, and fragments hold the id 1."
    refused(message, interpolate, clip, fragments, TRIANGLE, path)
    refused("attributes must have fragments' batch of 2, not 1.", interpolate, CLIP, fragments, two, path)
    refused(
        "attributes must have the shape (batch, vertex, n), not (3, 4).", interpolate, CLIP[0], fragments, two, path
    )
    for barycentrics in (fragments.barycentrics[:, :2], fragments.barycentrics[..., :2], fragments.barycentrics[0]):
        message = f"fragments must have barycentrics of the shape (2, 4, 4, 3), as their triangle_ids, not {tuple(barycentrics.shape)}"
        refused(message, interpolate, clip, fragments._replace(barycentrics=barycentrics), two, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("wrong_id", [1, 2 * 10**8, 2**31 - 1])
def test_in_a_graph_ids_of_triangles_that_are_not_there_are_an_error_and_not_a_crash(wrong_id, path):
    def function(ids, attributes):
        with tf.GradientTape() as tape:
            tape.watch(attributes)
            fragments = Fragments(ids, tf.ones((1, 4, 4, 3)), tf.zeros((1, 4, 4)))
            out = tf.reduce_sum(interpolate(attributes, fragments, TRIANGLE, path))
        return out, tf.convert_to_tensor(tape.gradient(out, attributes))

    traced = tf.function(function, autograph=False)
    ids, attributes = np.zeros((1, 4, 4), np.int32), tf.constant(CLIP)
    assert np.isfinite(traced(ids, attributes)[0])
    ids[0, 3, 3] = wrong_id
    with pytest.raises(tf.errors.InvalidArgumentError):
        traced(ids, attributes)


@pytest.mark.parametrize("function", ["rasterize", "interpolate", "render", "vertex_normals"])
def test_a_graph_for_any_number_of_vertices_checks_the_triangles_when_it_runs(function):
    fragments = rasterize(CLIP, TRIANGLE, (4, 4))
    triangles = np.array([[0, 1, 2], [0, 1, 2**30]])
    fixed = {name: SCENE[name][:1] for name in INPUTS[3:]}

    def render(p):
        return render_scene({"positions_world": p, "normals_world": p, "diffuse": p, **fixed}, triangles).radiance

    call = {
        "rasterize": lambda p: rasterize(tf.concat([p, tf.ones_like(p[..., :1])], -1), triangles, (4, 4)).triangle_ids,
        "interpolate": lambda p: interpolate(p, fragments, triangles),
        "render": render,
        "vertex_normals": lambda p: vertex_normals(p, triangles),
    }[function]
    traced = tf.function(call, autograph=False, input_signature=[tf.TensorSpec((1, None, 3))])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"triangles must index the 3 vertices \(0 to 2\)"):
        traced(CLIP[..., :3])


def test_in_a_graph_vertices_must_be_as_many_in_all_inputs_when_it_runs():
    fixed = {name: SCENE[name][:1] for name in INPUTS[3:]}
    any_number = tf.TensorSpec((1, None, 3))

    @tf.function(autograph=False, input_signature=[any_number] * 3)
    def traced(p, n, d):
        return render_scene({"positions_world": p, "normals_world": n, "diffuse": d, **fixed}, TRIANGLES).radiance

    p, n, d = (SCENE[name][:1] for name in INPUTS[:3])
    np.testing.assert_array_equal(traced(p, n, d)[0], render_scene(SCENE, TRIANGLES).radiance[0])
    for few in ((p, n[:, :3], d), (p, n, d[:, :3])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="triangles must index the 3 vertices"):
            traced(*few)


def test_in_a_graph_more_pairs_than_can_be_numbered_give_nan_without_room_for_them():
    triangles = np.tile(np.int32(TRIANGLE), (2**12 - 1, 1))  # of 2²⁰ pixels each: their number comes out as −2²⁰

    @tf.function(autograph=False)
    def traced(clip):
        return rasterize(clip, triangles, (1024, 1024), "ops").barycentrics

    assert np.isnan(traced(tf.constant(3 * CLIP * np.float32([1, 1, 1, 1 / 3])))).all()


@pytest.mark.parametrize("path", PATHS)
def test_a_mesh_or_a_batch_of_nothing_is_an_empty_picture(path):
    none = np.zeros((0, 3), np.int32)
    assert (np.asarray(render_scene(SCENE, none, path=path).radiance) == 0).all()
    assert (np.asarray(vertex_normals(SCENE["positions_world"], none, path)) == 0).all()


def test_in_a_graph_fragments_of_different_sizes_are_an_error_and_not_a_crash():
    any_size = [tf.TensorSpec((1, None, None), tf.int32), tf.TensorSpec((1, None, None, 3))]

    @tf.function(autograph=False, input_signature=any_size)
    def traced(ids, barycentrics):
        return interpolate(CLIP, Fragments(ids, barycentrics, tf.cast(ids, "float32")), TRIANGLE)

    assert traced(tf.zeros((1, 2, 2), tf.int32), tf.ones((1, 2, 2, 3))).shape == (1, 2, 2, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"barycentrics of the shape \(1, 900, 900, 3\)"):
        traced(tf.zeros((1, 900, 900), tf.int32), tf.ones((1, 2, 2, 3)))
