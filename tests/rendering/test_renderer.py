import numpy as np
import pytest
import tensorflow as tf
import trimesh

from mmreg.arrays import InputError
from mmreg.geometry.camera import Pose, perspective_camera, rotate
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import PointLights, render

SIZE = (40, 50)


@pytest.fixture(scope="module")
def ball():
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=100.0)
    positions = np.asarray(mesh.vertices, np.float32)[None] * np.array([1.2, 0.9, 1.0], np.float32)
    colors = np.random.default_rng(0).uniform(0.2, 0.8, positions.shape).astype(np.float32)
    return positions, colors, np.asarray(mesh.faces, np.int32)


def scene(rotation=None, light_scale=1.0):
    position, target = np.array([[50.0, 80.0, 700.0]], np.float32), np.zeros((1, 3), np.float32)
    up = np.array([[0.0, 1.0, 0.0]], np.float32)
    light = np.array([[[900.0, 700.0, 1200.0], [-800.0, 0.0, 900.0]]], np.float32)
    if rotation is not None:
        position, target, up = position @ rotation[0].T, target @ rotation[0].T, up @ rotation[0].T
        light = light @ rotation[0].T
    camera = perspective_camera(position, target, np.array([0.35], np.float32), SIZE, up=up)
    intensity = np.array([[[0.7, 0.6, 0.5], [0.2, 0.3, 0.4]]], np.float32) * light_scale
    return camera, PointLights(light, intensity, np.full((1, 3), 0.1, np.float32) * light_scale)


def picture(ball, camera, lights, positions=None, path="auto", **options):
    base, colors, triangles = ball
    positions = base if positions is None else positions
    normals = vertex_normals(positions, triangles, path)
    return render(positions, normals, colors, triangles, camera, lights, SIZE, path=path, **options)


def test_turning_the_whole_scene_leaves_the_image_unchanged(ball):
    turn = np.asarray(Pose(*np.array([[0.9], [0.5], [-0.7]], np.float32)).rotation())
    still = np.asarray(picture(ball, *scene()).radiance)
    turned = np.asarray(picture(ball, *scene(turn), np.asarray(rotate(turn, ball[0]))).radiance)
    assert np.abs(still - turned).max() < 0.02  # a pixel on an edge may see the neighbouring triangle
    assert np.abs(still - turned).mean() < 1e-4


def test_treble_the_light_treble_the_radiance(ball):
    one, three = (np.asarray(picture(ball, *scene(light_scale=k)).radiance) for k in (1.0, 3.0))
    np.testing.assert_allclose(three, 3 * one, rtol=1e-4, atol=1e-6)


def test_nothing_seen_has_no_radiance_and_shows_the_background(ball):
    rendering = picture(ball, *scene())
    empty = np.asarray(rendering.fragments.triangle_ids) < 0
    assert empty.any()
    assert (~empty).any()
    assert (np.asarray(rendering.radiance)[empty] == 0).all()
    assert (np.asarray(rendering.over(0.25))[empty] == 0.25).all()


def test_both_paths_render_the_same_with_the_same_gradients(ball):
    positions, colors, triangles = ball
    camera, lights = scene()
    weight = np.random.default_rng(1).normal(size=(1, *SIZE, 3)).astype(np.float32)
    images, gradients = [], []
    for path in ("native", "ops"):
        p, c, i = tf.constant(positions), tf.constant(colors), tf.constant(lights.intensity)
        with tf.GradientTape() as tape:
            tape.watch([p, c, i])
            normals = vertex_normals(p, triangles, path)
            out = render(p, normals, c, triangles, camera, lights._replace(intensity=i), SIZE, path=path).radiance
            value = tf.reduce_sum(weight * out)
        images.append(out.numpy())
        gradients.append([g.numpy() for g in tape.gradient(value, [p, c, i])])
    np.testing.assert_allclose(images[0], images[1], atol=1e-5)
    for a, b in zip(*gradients, strict=True):
        assert np.linalg.norm(a - b) < 1e-4 * np.linalg.norm(b)


def test_a_pose_is_recovered_by_gradient_descent(ball):
    camera, lights = scene()
    target = picture(ball, camera, lights, np.asarray(rotate(yaw(0.25), ball[0]))).radiance
    angle = tf.Variable([0.0])

    @tf.function
    def loss_and_gradient():
        with tf.GradientTape() as tape:
            out = picture(ball, camera, lights, rotate(yaw(angle), ball[0])).radiance
            value = tf.reduce_mean((out - target) ** 2)
        return value, tape.gradient(value, angle)

    first = float(loss_and_gradient()[0])
    for _ in range(60):
        _, gradient = loss_and_gradient()
        angle.assign_sub(0.02 * tf.sign(gradient) * min(1.0, float(tf.abs(gradient)[0]) / 2e-3))
    assert float(angle[0]) == pytest.approx(0.25, abs=0.02)
    assert float(loss_and_gradient()[0]) < 0.05 * first


def yaw(angle):
    angle = tf.reshape(tf.convert_to_tensor(angle, tf.float32), (1,))
    return Pose(angle, 0 * angle, 0 * angle).rotation()


def test_any_number_of_lights_shines_one_after_another(ball):
    camera, lights = scene()
    one = lights._replace(position_world=lights.position_world[:, :1], intensity=lights.intensity[:, :1])
    none = one._replace(position_world=one.position_world[:, :0], intensity=one.intensity[:, :0])
    none_, one_, two_ = (np.asarray(picture(ball, camera, light).radiance).sum() for light in (none, one, lights))
    assert 0 < none_ < one_ < two_


def test_positions_of_the_wrong_shape_are_refused_by_name(ball):
    positions, colors, triangles = ball
    camera, lights = scene()
    with pytest.raises(InputError, match="positions_world must have the shape"):
        render(positions[0], positions[0], colors[0], triangles, camera, lights, SIZE)
