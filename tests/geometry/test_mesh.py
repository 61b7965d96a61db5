import numpy as np
import pytest
import tensorflow as tf
import trimesh

from mmreg.geometry.mesh import point_to_plane, vertex_normals

PATHS = ("native", "ops")


@pytest.fixture(scope="module")
def sphere():
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=100.0)
    return np.asarray(mesh.vertices, np.float32)[None], np.asarray(mesh.faces, np.int32)


@pytest.mark.parametrize("path", PATHS)
def test_normals_of_a_sphere_point_away_from_its_centre(sphere, path):
    positions, triangles = sphere
    cosine = (np.asarray(vertex_normals(positions, triangles, path)) * positions / 100.0).sum(-1)
    assert cosine.min() > np.cos(np.deg2rad(1.5))  # the sphere is a polyhedron


@pytest.mark.parametrize("path", PATHS)
def test_reversed_triangles_reverse_the_normals(sphere, path):
    positions, triangles = sphere
    forward = np.asarray(vertex_normals(positions, triangles, path))
    backward = np.asarray(vertex_normals(positions, np.ascontiguousarray(triangles[:, ::-1]), path))
    np.testing.assert_allclose(forward, -backward, atol=1e-6)


def test_both_paths_agree_on_normals_and_on_their_gradient(sphere):
    positions, triangles = sphere
    rng = np.random.default_rng(0)
    positions = np.concatenate([positions, positions]) + rng.normal(0, 3, (2, *positions.shape[1:])).astype(np.float32)
    direction = rng.normal(size=positions.shape).astype(np.float32)
    values, gradients = [], []
    for path in PATHS:
        p = tf.constant(positions)
        with tf.GradientTape() as tape:
            tape.watch(p)
            normals = vertex_normals(p, triangles, path)
            value = tf.reduce_sum(normals * direction)
        values.append(normals.numpy())
        gradients.append(tape.gradient(value, p).numpy())
    np.testing.assert_allclose(values[0], values[1], atol=1e-5)
    assert np.linalg.norm(gradients[0] - gradients[1]) < 1e-4 * np.linalg.norm(gradients[1])
    assert np.linalg.norm(gradients[1]) > 0


def test_a_vertex_without_triangles_has_no_normal_and_no_nan():
    positions = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]]], np.float32)
    normals = np.asarray(vertex_normals(positions, np.array([[0, 1, 2]], np.int32)))
    np.testing.assert_allclose(normals[0], [[0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0]], atol=1e-6)


def test_distance_to_a_plane_ignores_moves_within_it():
    normal = np.array([[0.0, 0.6, 0.8]])
    within = np.array([[3.0, 0.8, -0.6]])
    assert np.asarray(point_to_plane(within * 7 + 2.5 * normal, np.zeros((1, 3)), normal))[0] == pytest.approx(2.5)
