"""The calls that users of tf_mesh_renderer make, held to its reference images and to its equations in float64."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmreg.arrays import InputError
from mmreg.rendering import compat
from mmreg.rendering import rasterize as rasterize_top_down
from mmreg.rendering.compat import camera_utils, rasterize_triangles
from tests.rendering import compat_oracle
from tests.rendering.oracle import directional_error
from tests.rendering.test_reference_images import GOLDENS, needs_goldens

WIDTH, HEIGHT = 640, 480
CUBE = np.float32([[-1, -1, 1], [-1, -1, -1], [-1, 1, -1], [-1, 1, 1], [1, -1, 1], [1, -1, -1], [1, 1, -1], [1, 1, 1]])
CUBE_NORMALS = CUBE / np.sqrt(np.float32(3))
CUBE_TRIANGLES = np.int32(
    [int(corner) for corner in "012 230 326 673 765 547 451 104 562 215 740 037".replace(" ", "")]
).reshape(-1, 3)
# radians: tf_mesh_renderer's tests do turn the cube by minus twenty of them
CUBE_ANGLES = np.float32([[-20.0, 0.0, 60.0], [45.0, 60.0, 0.0]])


def scenes():
    return json.loads((GOLDENS / "scenes.json").read_text())


def share_of_outliers(picture, name, threshold):
    """Of the pixels that differ from a reference image in any of its four channels, after clipping to [0, 1]."""
    reference = np.asarray(Image.open(GOLDENS / f"{name}.png").convert("RGBA"), np.float64) / 255.0
    picture = np.clip(np.asarray(picture, np.float64), 0.0, 1.0)
    assert reference.shape == picture.shape == (HEIGHT, WIDTH, 4)
    assert reference[..., :3].std() > 0.05
    return (np.abs(picture - reference) > threshold).any(axis=-1).mean()


@needs_goldens
@pytest.mark.parametrize(
    "name", ["Simple_Triangle", "Perspective_Corrected_Triangle", "Simple_Tetrahedron", "Barycentrics_Cube"]
)
def test_barycentrics_as_attributes_are_the_reference_images(name):
    scene = scenes()["barycentric_scenes"][name]
    clip, triangles = np.float32([scene["clip_vertices"]]), np.int32(scene["triangles"])
    # every triangle gets corners of its own, so that its corners' attributes can be red, green and blue
    corners = clip[:, triangles.reshape(-1)]
    own = np.arange(triangles.size, dtype=np.int32).reshape(-1, 3)
    colors = np.tile(np.eye(3, dtype=np.float32), (len(triangles), 1))[None]
    image = rasterize_triangles.rasterize_clip_space(corners, colors, own, WIDTH, HEIGHT, [0.0, 0.0, 0.0])[0]
    opaque = np.concatenate([np.asarray(image), np.ones((HEIGHT, WIDTH, 1))], axis=-1)
    assert share_of_outliers(opaque, name, 0.01) < 0.001


@needs_goldens
def test_the_unlit_cube_is_the_reference_image():
    eye, center, world_up = (
        tf.constant([[2.0, 3.0, 6.0]]),
        tf.constant([[0.0, 0.0, 0.0]]),
        tf.constant([[0.0, 1.0, 0.0]]),
    )
    look_at = camera_utils.look_at(eye, center, world_up)
    perspective = camera_utils.perspective(
        WIDTH / HEIGHT, tf.constant([40.0]), tf.constant([0.01]), tf.constant([10.0])
    )
    rgba = np.concatenate([0.5 * CUBE + 0.5, np.ones((8, 1), np.float32)], axis=1)
    rendered = rasterize_triangles.rasterize(
        tf.constant(CUBE)[None],
        tf.constant(rgba)[None],
        tf.constant(CUBE_TRIANGLES),
        tf.matmul(perspective, look_at),
        WIDTH,
        HEIGHT,
        [0.0, 0.0, 0.0, 0.0],
    )
    assert share_of_outliers(rendered[0], "Unlit_Cube_0", 0.01) < 0.001


def turned_cube(angles):
    rotation = camera_utils.euler_matrices(angles)[:, :3, :3]
    return tf.matmul(CUBE[None], rotation, transpose_b=True), tf.matmul(CUBE_NORMALS[None], rotation, transpose_b=True)


def gray_cube(angles, width=WIDTH, height=HEIGHT):
    """The scene of the Gray_Cube images: a white cube, lit from the eye."""
    vertices, normals = turned_cube(angles)
    batch = angles.shape[0]
    eye = tf.constant(batch * [[0.0, 0.0, 6.0]])
    center, world_up = tf.constant(batch * [[0.0, 0.0, 0.0]]), tf.constant(batch * [[0.0, 1.0, 0.0]])
    light_intensities = tf.ones([batch, 1, 3])
    return compat.mesh_renderer(
        vertices,
        tf.constant(CUBE_TRIANGLES),
        normals,
        tf.ones_like(vertices),
        eye,
        center,
        world_up,
        eye[:, None],
        light_intensities,
        width,
        height,
    )


@needs_goldens
def test_the_lit_cube_is_the_reference_image():
    images = gray_cube(CUBE_ANGLES)
    assert images.shape == (2, HEIGHT, WIDTH, 4)
    assert share_of_outliers(images[0], "Gray_Cube_0", 0.01) < 0.001
    assert share_of_outliers(images[1], "Gray_Cube_0", 0.01) > 0.05


@needs_goldens
def test_euler_angles_turn_the_cube_as_in_the_reference_scene():
    scene = scenes()["lit_scenes"]["Gray_Cube_0"]
    vertices, normals = turned_cube(CUBE_ANGLES[:1])
    np.testing.assert_allclose(vertices[0], scene["vertices"], atol=1e-6)
    np.testing.assert_allclose(normals[0], scene["normals"], atol=1e-6)


@needs_goldens
def test_the_cube_is_recovered_from_an_unturned_start_by_gradient_descent():
    """tf_mesh_renderer's own proof that its gradients are useful, with its optimiser, steps and tolerance."""
    angles, velocity = tf.Variable([[0.0, 0.0, 0.0]]), 0.0
    desired = gray_cube(CUBE_ANGLES[:1])
    assert share_of_outliers(gray_cube(angles.numpy())[0], "Gray_Cube_0", 0.04) > 0.05
    for _ in range(35):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(gray_cube(angles) - desired))
        (gradient,), _ = tf.clip_by_global_norm([tape.gradient(loss, angles)], 1.0)
        velocity = 0.1 * velocity + gradient
        angles.assign_sub(0.7 * velocity)
    assert share_of_outliers(gray_cube(angles)[0], "Gray_Cube_0", 0.04) < 0.01


def shiny_scene(size=(32, 24)):
    """The scene of the Colored_Cube images, every argument in its full shape (float64): two cubes, two lights each."""
    rotations = [
        compat_oracle.rotation_about(2, z) @ compat_oracle.rotation_about(1, y) @ compat_oracle.rotation_about(0, x)
        for x, y, z in CUBE_ANGLES.astype(np.float64)
    ]
    diffuse = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [0.5, 0.5, 0.5]]
    specular = [[0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0]]
    scene = {
        "vertices": [CUBE @ r.T for r in rotations],
        "triangles": CUBE_TRIANGLES,
        "normals": [CUBE.astype(np.float64) / np.sqrt(3) @ r.T for r in rotations],
        "diffuse_colors": [diffuse] * 2,
        "camera_position": [[0, 0, 6], [0, 0.2, 18]],
        "camera_lookat": [[0, 0, 0], [0.1, -0.1, 0.1]],
        "camera_up": [[0, 1, 0], [0.1, 1, 0.15]],
        "light_positions": [[[0, 0, 6], [1, 2, 6]], [[0, -2, 4], [1, 3, 4]]],
        "light_intensities": [[[1, 1, 1], [1, 1, 1]], [[2, 0, 1], [0, 2, 1]]],
        "image_width": size[0],
        "image_height": size[1],
        "specular_colors": [specular] * 2,
        "shininess_coefficients": np.full((2, 8), 6.0),
        "ambient_color": [[0, 0, 0], [0.1, 0.1, 0.2]],
        "fov_y": [40.0, 13.3],
        "near_clip": [0.1, 0.1],
        "far_clip": [25.0, 25.0],
    }
    names = ("triangles", "image_width", "image_height")
    return {name: value if name in names else np.asarray(value, np.float64) for name, value in scene.items()}


def float32(scene):
    return {n: v.astype(np.float32) if getattr(v, "dtype", None) == np.float64 else v for n, v in scene.items()}


def ids_of(scene):
    s = float32(scene)
    projection = tf.matmul(
        compat.perspective(s["image_width"] / s["image_height"], s["fov_y"], s["near_clip"], s["far_clip"]),
        compat.look_at(s["camera_position"], s["camera_lookat"], s["camera_up"]),
    )
    clip = compat.transform_homogeneous(projection, s["vertices"])
    return rasterize_top_down(clip, s["triangles"], (s["image_height"], s["image_width"])).triangle_ids.numpy()


def exact(scene, ids, **flags):
    arguments = {n: v for n, v in scene.items() if n not in ("image_width", "image_height")}
    return compat_oracle.mesh_renderer(ids, **arguments, **flags)


@pytest.mark.parametrize("flag", [False, True])
@pytest.mark.parametrize("path", ["native", "ops"])
def test_a_shiny_picture_is_that_of_its_equations_in_float64(path, flag):
    scene = shiny_scene((160, 120))
    scene["shininess_coefficients"][:] = np.linspace(0.5, 12, 8)
    picture = compat.mesh_renderer(**float32(scene), pixel_normalised_reflection=flag, path=path).numpy()
    ids = ids_of(scene)
    np.testing.assert_array_equal(picture[..., 3], ids >= 0)  # alpha is coverage
    assert (picture[ids < 0] == 0).all()
    assert 0.1 < (ids >= 0).mean() < 0.5
    assert picture.max() > 1.2  # not clipped
    np.testing.assert_allclose(picture[..., :3], exact(scene, ids, pixel_normalised_reflection=flag), atol=1e-4)


def test_the_flag_changes_the_highlights_alone():
    scene = shiny_scene((160, 120))
    s = float32(scene)
    phong, as_there = (compat.mesh_renderer(**s, pixel_normalised_reflection=f).numpy() for f in (False, True))
    matt = compat.mesh_renderer(**{**s, "specular_colors": None, "shininess_coefficients": None}).numpy()
    assert np.abs(phong - matt).max() > 0.5
    assert (phong >= matt - 1e-5).all()
    # over twenty thousand pixels the normalised reflection is so small that its sixth power leaves no highlight
    assert np.abs(as_there - matt).max() < 1e-6
    for f in (False, True):
        flagged = compat.mesh_renderer(
            **{**s, "specular_colors": None, "shininess_coefficients": None}, pixel_normalised_reflection=f
        )
        np.testing.assert_array_equal(flagged, matt)
    np.testing.assert_array_equal(compat.mesh_renderer(**s), phong)  # the right physics is the default


def test_pixel_normalisation_fades_highlights_as_the_picture_grows():
    def highlight(width, height, flag):
        scene = shiny_scene((width, height))
        scene["shininess_coefficients"][:] = 1.0
        shiny = compat.mesh_renderer(**float32(scene), pixel_normalised_reflection=flag).numpy()
        scene["specular_colors"][:] = 0.0
        return np.abs(shiny - compat.mesh_renderer(**float32(scene)).numpy()).max()

    assert highlight(160, 120, True) == pytest.approx(highlight(80, 60, True) / 2, rel=0.1)
    assert highlight(160, 120, False) == pytest.approx(highlight(80, 60, False), rel=0.1)


DIFFERENTIABLE = [
    "vertices",
    "normals",
    "diffuse_colors",
    "camera_position",
    "camera_lookat",
    "camera_up",
    "light_positions",
    "light_intensities",
    "specular_colors",
    "shininess_coefficients",
    "ambient_color",
    "fov_y",
]


@pytest.mark.parametrize("flag", [False, True])
def test_gradients_reach_every_input_and_are_those_of_float64_finite_differences(flag):
    scene = shiny_scene()
    scene["shininess_coefficients"][:] = np.linspace(1.5, 4, 8)
    ids = ids_of(scene)
    weight = np.random.default_rng(3).normal(size=(*ids.shape, 3))
    s = float32(scene)
    inputs = {name: tf.constant(s[name]) for name in DIFFERENTIABLE}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        picture = compat.mesh_renderer(**{**s, **inputs}, pixel_normalised_reflection=flag)
        value = tf.reduce_sum(weight.astype(np.float32) * picture[..., :3])
    for name, gradient in tape.gradient(value, inputs).items():

        def function(x, name=name):
            return (weight * exact({**scene, name: x}, ids, pixel_normalised_reflection=flag)).sum()

        assert np.linalg.norm(gradient) > 1e-3, name
        assert directional_error(function, gradient.numpy(), scene[name], step=1e-6, probes=6) < 1e-5, name
        assert directional_error(function, 1.001 * gradient.numpy(), scene[name], step=1e-6, probes=6) > 1e-5, name


@pytest.mark.parametrize("path", ["native", "ops"])
def test_broadcast_arguments_are_the_explicit_batch(path):
    scene = shiny_scene()
    for name in ("camera_position", "camera_lookat", "camera_up", "fov_y", "near_clip", "far_clip"):
        scene[name] = np.broadcast_to(scene[name][:1], scene[name].shape).copy()
    for name in ("light_positions", "light_intensities"):
        scene[name] = np.broadcast_to(scene[name][:1], scene[name].shape).copy()
    full = float32(scene)
    explicit = compat.mesh_renderer(**full, path=path).numpy()
    short = dict(full, fov_y=40.0, near_clip=np.float32(0.1), far_clip=tf.constant(25.0), shininess_coefficients=6.0)
    for name in ("camera_position", "camera_lookat", "camera_up"):
        short[name] = full[name][0]
    for name in ("light_positions", "light_intensities"):
        short[name] = full[name][:1]
    np.testing.assert_allclose(compat.mesh_renderer(**short, path=path), explicit, atol=1e-6)
    per_image = dict(full, shininess_coefficients=np.float32([6.0, 2.0]))
    per_vertex = dict(full, shininess_coefficients=np.repeat(np.float32([[6.0], [2.0]]), 8, axis=1))
    np.testing.assert_allclose(
        compat.mesh_renderer(**per_image, path=path), compat.mesh_renderer(**per_vertex, path=path), atol=1e-5
    )
    assert np.abs(compat.mesh_renderer(**per_image, path=path)[1] - explicit[1]).max() > 0.01
    np.testing.assert_allclose(compat.mesh_renderer(**per_image, path=path)[0], explicit[0], atol=1e-6)


def test_images_of_a_batch_are_those_rendered_alone():
    full = float32(shiny_scene())
    together = compat.mesh_renderer(**full).numpy()
    for b in range(2):
        alone = {
            n: v[b : b + 1] if n not in ("triangles", "image_width", "image_height") else v for n, v in full.items()
        }
        np.testing.assert_allclose(compat.mesh_renderer(**alone)[0], together[b], atol=1e-6)


def test_shininess_and_specular_colour_of_a_corner_change_only_the_triangles_that_touch_it():
    full = float32(shiny_scene((80, 60)))
    ids = ids_of(shiny_scene((80, 60)))
    before = compat.mesh_renderer(**full).numpy()
    corner = np.bincount(CUBE_TRIANGLES[ids[ids >= 0]].reshape(-1)).argmax()  # the one seen most
    touches = np.isin(ids, np.flatnonzero([corner in triangle for triangle in CUBE_TRIANGLES]))
    for name in ("specular_colors", "shininess_coefficients"):
        changed = full[name].copy()
        changed[:, corner] *= 0.1
        after = compat.mesh_renderer(**{**full, name: changed}).numpy()
        assert np.abs(after - before)[touches].max() > 0.01
        np.testing.assert_array_equal(after[~touches], before[~touches])


def test_the_rasterizer_starts_at_the_bottom_and_the_renderer_at_the_top():
    clip = np.float32([[[-1, -1, 0, 1], [1, -1, 0, 1], [1, -0.5, 0, 1], [-1, -0.5, 0, 1]]])
    triangles = np.int32([[0, 1, 2], [0, 2, 3]])
    image = compat.rasterize_clip_space(clip, np.ones((1, 4, 2), np.float32), triangles, 6, 8, [7.0, -3.0]).numpy()
    assert image.shape == (1, 8, 6, 2)
    assert (image[:, :2] == 1).all()
    assert (image[:, 2:] == [7.0, -3.0]).all()  # the background's value, one an attribute
    same = compat.rasterize(
        clip[..., :3], np.ones((1, 4, 2), np.float32), triangles, np.eye(4, dtype=np.float32)[None], 6, 8, [7.0, -3.0]
    )
    np.testing.assert_array_equal(same, image)
    ramp = np.broadcast_to(np.linspace(0, 1, 8, dtype=np.float32)[None, :, None, None], (1, 8, 6, 3))
    up = np.broadcast_to(np.float32([0, 0, 1]), (1, 8, 6, 3))
    shaded = compat.phong_shader(
        up, np.ones((1, 8, 6)), np.zeros((1, 8, 6, 3)), [[[0, 0, 9]]], [[[1, 1, 1]]], diffuse_colors=ramp
    )
    np.testing.assert_allclose(shaded[..., :3], ramp[:, ::-1], atol=1e-6)  # in from the bottom, out from the top


def test_the_shader_is_its_equation_and_hides_what_alpha_hides():
    rng = np.random.default_rng(4)
    shape = (2, 9, 7)
    normals = compat_oracle.normalised(rng.normal(size=(*shape, 3)))
    positions, eye = rng.normal(size=(*shape, 3)), rng.normal(size=(2, 3)) + np.array([0, 0, 5])
    diffuse, specular = rng.uniform(size=(2, *shape, 3))
    lights, intensities = rng.normal(size=(2, 3, 3)) * 3, rng.uniform(size=(2, 3, 3))
    ambient, alphas = rng.uniform(size=(2, 3)), rng.uniform(size=shape)
    given_shininess = {
        "a number": 3.0,
        "one an image": np.float32([[[2.0]], [[5.0]]]),
        "one a pixel": rng.uniform(0.5, 9, shape).astype(np.float32),
    }
    for shininess in given_shininess.values():
        for flag in (False, True):
            ours = compat.phong_shader(
                *(
                    x.astype(np.float32)
                    for x in (normals, alphas, positions, lights, intensities, diffuse, eye, specular)
                ),
                shininess,
                ambient.astype(np.float32),
                pixel_normalised_reflection=flag,
            ).numpy()[:, ::-1]
            exponent = np.broadcast_to(np.asarray(shininess, np.float64), shape)[..., None]
            for b in range(2):
                expected = compat_oracle.shade(
                    normals[b],
                    positions[b],
                    diffuse[b],
                    lights[b],
                    intensities[b],
                    ambient[b],
                    eye[b],
                    specular[b],
                    exponent[b],
                    flag,
                )
                np.testing.assert_allclose(ours[b, ..., :3], expected * (alphas[b] > 0.5)[..., None], atol=2e-5)
            np.testing.assert_allclose(ours[..., 3], alphas, atol=1e-7)


def test_light_behind_the_surface_makes_no_highlight():
    facing = np.broadcast_to(np.float32([0, 0, 1]), (1, 2, 2, 3))
    white = np.ones((1, 2, 2, 3), np.float32)
    arguments = (facing, np.ones((1, 2, 2)), np.zeros((1, 2, 2, 3)), [[[0.1, 0, -5]]], [[[1, 1, 1]]], white)
    shaded = compat.phong_shader(*arguments, [[0, 0, 5]], white, 1.0).numpy()
    assert (shaded[..., :3] == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 3.0), st.floats(0.1, 50.0))
def test_tone_mapping_scales_each_picture_to_one_whatever_its_exposure(seed, gamma, exposure):
    image = np.random.default_rng(seed).uniform(0, 5, (2, 4, 5, 3)).astype(np.float32)
    image[0, 0, 0] = 0.0
    mapped = compat.tone_mapper(image, gamma).numpy()
    np.testing.assert_allclose(mapped.max(axis=(1, 2, 3)), 1.0, atol=1e-6)
    assert mapped.min() >= 0
    assert (mapped[0, 0, 0] == 0).all()
    np.testing.assert_allclose(mapped, (image / image.max(axis=(1, 2, 3), keepdims=True)) ** gamma, atol=1e-5)
    exposed = image * np.float32([exposure, 1.0])[:, None, None, None]  # one picture's exposure is no other's business
    np.testing.assert_allclose(compat.tone_mapper(exposed, gamma), mapped, atol=1e-5)


def test_tone_mapping_leaves_black_black_and_clips_what_is_negative():
    assert (compat.tone_mapper(np.zeros((1, 2, 2, 3), np.float32), 0.7).numpy() == 0).all()
    image = tf.constant([[[[-1.0, 0.0, 4.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(image)
        mapped = compat.tone_mapper(image, 0.5)
    np.testing.assert_allclose(mapped[0, 0, 0], [0, 0, 1])
    assert np.isfinite(tape.gradient(mapped, image)).all()


def test_euler_matrices_turn_about_x_then_y_then_z():
    angles = np.random.default_rng(5).uniform(-4, 4, (6, 3))
    matrices = compat.euler_matrices(angles.astype(np.float32)).numpy()
    for matrix, (x, y, z) in zip(matrices, angles, strict=True):
        about = [compat_oracle.rotation_about(axis, angle) for axis, angle in enumerate((x, y, z))]
        expected = np.eye(4)
        expected[:3, :3] = about[2] @ about[1] @ about[0]
        np.testing.assert_allclose(matrix, expected, atol=1e-6)
    quarter = compat.euler_matrices([[0.0, 0.0, np.pi / 2]])[0, :3, :3]
    np.testing.assert_allclose(quarter @ [[1.0], [0.0], [0.0]], [[0], [1], [0]], atol=1e-6)  # x to y


def test_camera_matrices_put_the_target_in_the_middle_and_the_planes_at_one():
    eye, center = np.float32([[1, 2, 3], [0, -4, 1]]), np.float32([[0, 0, 0], [2, 2, 2]])
    view = compat.look_at(eye, center, np.float32([[0, 1, 0], [0, 0, 1]]))
    seen = compat.transform_homogeneous(view, np.stack([eye, center], axis=1)).numpy()
    np.testing.assert_allclose(seen[:, 0], [[0, 0, 0, 1]] * 2, atol=1e-5)
    distance = np.linalg.norm(center - eye, axis=-1)
    np.testing.assert_allclose(
        seen[:, 1], np.stack([0 * distance, 0 * distance, -distance, 0 * distance + 1], -1), atol=1e-5
    )
    projection = compat.perspective(2.0, np.float32([60, 90]), np.float32([1, 2]), 10.0)
    points = np.float32([[[0, 0, -1], [0, 0, -10], [2 * np.tan(np.pi / 6), np.tan(np.pi / 6), -1]]] * 2)
    points[1] = [[0, 0, -2], [0, 0, -10], [2, 1, -1]]
    clip = compat.transform_homogeneous(projection, points).numpy()
    np.testing.assert_allclose(clip[:, :2, 2] / clip[:, :2, 3], [[-1, 1]] * 2, atol=1e-6)
    np.testing.assert_allclose(clip[:, 2, :2] / clip[:, 2, 3:], np.ones((2, 2)), atol=1e-6)  # the picture's corner


def test_renderings_can_be_traced_into_a_graph():
    full = float32(shiny_scene())
    variable = {n: tf.constant(full.pop(n)) for n in DIFFERENTIABLE}

    @tf.function
    def traced(inputs):
        return compat.mesh_renderer(**full, **inputs)

    np.testing.assert_allclose(traced(variable), compat.mesh_renderer(**full, **variable), atol=1e-6)

    @tf.function
    def with_traced_triangles(triangles):
        return compat.mesh_renderer(**{**full, "triangles": triangles}, **variable)

    with pytest.raises(Exception, match="InputError: triangles must be an array"):  # in TensorFlow's wrapping
        with_traced_triangles(tf.constant(CUBE_TRIANGLES))


SIGNATURES = {
    "mesh_renderer": "vertices triangles normals diffuse_colors camera_position camera_lookat camera_up light_positions "
    "light_intensities image_width image_height specular_colors shininess_coefficients ambient_color fov_y near_clip "
    "far_clip",
    "rasterize": "world_space_vertices attributes triangles camera_matrices image_width image_height background_value",
    "rasterize_clip_space": "clip_space_vertices attributes triangles image_width image_height background_value",
    "phong_shader": "normals alphas pixel_positions light_positions light_intensities diffuse_colors camera_position "
    "specular_colors shininess_coefficients ambient_color",
    "tone_mapper": "image gamma",
    "perspective": "aspect_ratio fov_y near_clip far_clip",
    "look_at": "eye center world_up",
    "euler_matrices": "angles",
    "transform_homogeneous": "matrices vertices",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_have_tf_mesh_renderers_names_and_order(name):
    parameters = inspect.signature(getattr(compat, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == SIGNATURES[name].split()
    assert all(p.default is not p.empty for p in parameters if p.kind is p.KEYWORD_ONLY)  # ours are optional
    assert sorted(SIGNATURES) == sorted(compat.__all__)


def test_defaults_are_tf_mesh_renderers():
    defaults = {n: p.default for n, p in inspect.signature(compat.mesh_renderer).parameters.items()}
    assert (defaults["fov_y"], defaults["near_clip"], defaults["far_clip"]) == (40.0, 0.01, 10.0)
    for name in ("specular_colors", "shininess_coefficients", "ambient_color"):
        assert defaults[name] is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("vertices", np.zeros((8, 3)), r"vertices must have the shape \[batch_size, vertex_count, 3\].*not \[8, 3\]"),
        ("normals", np.zeros((2, 7, 3)), r"normals must .* = \[2, 8, 3\], not \[2, 7, 3\]"),
        ("diffuse_colors", np.zeros((2, 8, 4)), r"diffuse_colors must .*not \[2, 8, 4\]"),
        ("specular_colors", np.zeros((8, 3)), r"specular_colors must .*not \[8, 3\]"),
        ("shininess_coefficients", np.zeros((2, 8, 1)), r"shininess_coefficients must .*not \[2, 8, 1\]"),
        ("shininess_coefficients", None, "shininess_coefficients must be given with specular_colors"),
        ("specular_colors", None, "specular_colors must be given with shininess_coefficients"),
        ("camera_position", np.zeros((3, 3)), r"camera_position must .*not \[3, 3\]"),
        ("camera_lookat", np.zeros(4), r"camera_lookat must .*not \[4\]"),
        ("camera_up", np.zeros((1, 3)), r"camera_up must .*not \[1, 3\]"),
        ("camera_lookat", np.array([[0, 0, 6], [0, 0, 0]]), "eye and center must be apart"),
        ("camera_up", np.array([[0, 0, 1], [0, 1, 0]]), "world_up must not be 0 nor point along the gaze"),
        ("light_positions", np.zeros((2, 3)), r"light_positions must .*not \[2, 3\]"),
        ("light_intensities", np.zeros((2, 1, 3)), r"light_intensities must .*\[1 or 2, 2, 3\], not \[2, 1, 3\]"),
        ("ambient_color", np.zeros(3), r"ambient_color must .*not \[3\]"),
        ("fov_y", np.zeros(3), r"fov_y must be a number or have the shape \[batch_size\] = \[2\], not \[3\]"),
        ("near_clip", np.zeros((2, 1)), r"near_clip must .*not \[2, 1\]"),
        ("far_clip", np.zeros(1), r"far_clip must .*not \[1\]"),
        ("image_width", 0, "image_width must be a whole number of at least 1 pixel, not 0"),
        ("image_height", 2.5, "image_height must .*not 2.5"),
        ("triangles", np.int32([[0, 1, 8]]), "triangles must index the 8 vertices"),
        ("triangles", np.int32([0, 1, 2]), "triangles must"),
    ],
)
def test_arguments_of_the_wrong_shape_are_refused_by_name(name, value, message):
    with pytest.raises(InputError, match=message):
        compat.mesh_renderer(**{**float32(shiny_scene()), name: value})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compat.rasterize_clip_space(np.zeros((3, 4)), 0, 0, 4, 4, 0.0), "clip_space_vertices must"),
        (
            lambda: compat.rasterize_clip_space(np.zeros((1, 3, 4)), np.zeros((1, 2, 5)), 0, 4, 4, 0.0),
            "attributes must",
        ),
        (
            lambda: compat.rasterize_clip_space(np.zeros((1, 3, 4)), np.zeros((1, 3, 5)), [[0, 1, 2]], 4, 4, [0.0] * 4),
            r"background_value must .* = \[5\], not \[4\]",
        ),
        (lambda: compat.rasterize(np.zeros((3, 3)), 0, 0, 0, 4, 4, 0.0), "world_space_vertices must"),
        (lambda: compat.rasterize(np.zeros((1, 3, 3)), 0, 0, np.eye(4), 4, 4, 0.0), r"camera_matrices must .*\[4, 4\]"),
        (lambda: compat.transform_homogeneous(np.eye(4), np.zeros((1, 3, 3))), "matrices must"),
        (lambda: compat.transform_homogeneous(np.eye(4)[None], np.zeros((3, 3))), "vertices must"),
        (lambda: compat.euler_matrices([0.0, 1.0, 2.0]), "angles must"),
        (lambda: compat.look_at(np.zeros(3), np.zeros((1, 3)), np.ones((1, 3))), "eye must"),
        (lambda: compat.perspective(1.0, np.zeros(2), np.zeros(3), 1.0), "fov_y must"),
        (lambda: compat.tone_mapper(np.zeros((4, 4, 3)), 0.7), "image must"),
        (lambda: shader(alphas=np.zeros((1, 2, 2, 1))), "alphas must"),
        (lambda: shader(pixel_positions=np.zeros((1, 2, 3))), "pixel_positions must"),
        (lambda: shader(diffuse_colors=None), "diffuse_colors must be given"),
        (lambda: shader(specular_colors=np.zeros((1, 2, 2, 3))), "specular_colors must be None without a camera"),
        (
            lambda: shader(camera_position=np.zeros((1, 3)), specular_colors=np.zeros((1, 2, 2, 3))),
            "shininess_coefficients must be given",
        ),
        (
            lambda: shader(
                camera_position=np.zeros((1, 3)),
                specular_colors=np.zeros((1, 2, 2, 3)),
                shininess_coefficients=np.zeros((2, 2)),
            ),
            "shininess_coefficients must have the shape",
        ),
    ],
)
def test_every_function_refuses_wrong_shapes_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()


def shader(**changed):
    picture = np.zeros((1, 2, 2, 3))
    arguments = {
        "normals": picture,
        "alphas": picture[..., 0],
        "pixel_positions": picture,
        "light_positions": np.zeros((1, 1, 3)),
        "light_intensities": np.zeros((1, 1, 3)),
        "diffuse_colors": picture,
    }
    return compat.phong_shader(**{**arguments, **changed})


ON_JAX = """
import jax, numpy as np, sys
from mmreg.rendering import compat, sample_texture
scene = dict(np.load(sys.argv[1]))
scene["image_width"], scene["image_height"] = 32, 24
inputs = {n: scene.pop(n) for n in ("vertices", "light_positions", "shininess_coefficients")}
def loss(inputs, **options):
    return (compat.mesh_renderer(**scene, **inputs, **options) ** 2).sum()
picture = compat.mesh_renderer(**scene, **inputs)
gradients = jax.grad(loss)(inputs)
jitted = jax.jit(jax.grad(lambda inputs: loss(inputs, pair_budget=20_000)))(inputs)
for name, g in gradients.items():
    np.testing.assert_allclose(jitted[name], g, rtol=1e-3, atol=1e-3 * float(abs(g).max()))
texture, uv = np.random.default_rng(0).normal(size=(1, 5, 7, 3)), np.random.default_rng(1).uniform(-2, 2, (2, 4, 4, 2))
sampled = jax.jit(lambda t, uv: sample_texture(t, uv, "repeat"))(texture.astype("float32"), uv.astype("float32"))
np.savez(sys.argv[2], picture=picture, sampled=sampled, **gradients)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX isn't installed")
def test_jax_renders_and_differentiates_the_same(tmp_path):
    scene = float32(shiny_scene())
    np.savez(tmp_path / "scene.npz", **scene)
    environment = dict(os.environ, KERAS_BACKEND="jax")
    command = [sys.executable, "-c", ON_JAX, str(tmp_path / "scene.npz"), str(tmp_path / "out.npz")]
    subprocess.run(command, check=True, env=environment)
    on_jax = np.load(tmp_path / "out.npz")
    names = ("vertices", "light_positions", "shininess_coefficients")
    inputs = {name: tf.constant(scene[name]) for name in names}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        picture = compat.mesh_renderer(**{**scene, **inputs})
        value = tf.reduce_sum(picture**2)
    np.testing.assert_allclose(on_jax["picture"], picture, atol=1e-4)
    for name, gradient in tape.gradient(value, inputs).items():
        assert np.linalg.norm(on_jax[name] - gradient) < 1e-3 * np.linalg.norm(gradient)
