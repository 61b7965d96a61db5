"""Compiled kernels inside graphs."""

import keras
import numpy as np
import pytest

from mmreg.geometry import native
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering import compiled, texture

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="AutoGraph is TensorFlow's")


def test_autograph_rewrites_nothing_that_runs_in_the_pool(monkeypatch):
    import tensorflow as tf

    files = set()

    def each_image(kernel, batch, run=native.each_image):
        files.add(kernel.__code__.co_filename)
        run(kernel, batch)

    monkeypatch.setattr(native, "each_image", each_image)
    triangles = np.array([[0, 1, 2]], np.int32)
    corners = tf.constant(np.random.default_rng(0).uniform(-1.0, 1.0, (2, 3, 3)).astype(np.float32))

    @tf.function
    def everything(corners):
        with tf.GradientTape() as tape:
            tape.watch(corners)
            normals = vertex_normals(corners, triangles, "native")
            clip = tf.concat([corners, tf.ones((2, 3, 1))], axis=-1)
            matrix = tf.repeat(tf.eye(4)[None], 2, axis=0)
            rest = [tf.ones((2, 1, 3)), tf.ones((2, 1, 3)), tf.ones((2, 3)), tf.ones((2, 3)), tf.ones((2, 1))]
            picture, ids, _ = compiled.render([corners, normals, corners, matrix, *rest], clip, triangles, (4, 4), 1.0)
            weights = compiled.barycentrics(clip, triangles, ids)
            again, _ = compiled.triangle_ids(clip, triangles, (4, 4))
            uv = compiled.interpolate(corners, weights, triangles, again)[..., :2]
            total = tf.reduce_sum(picture) + tf.reduce_sum(texture.sample_texture(tf.ones((2, 3, 3, 1)), uv))
        return tape.gradient(total, corners)

    everything(corners)
    assert files
    assert not [file for file in files if "autograph_generated" in file]
