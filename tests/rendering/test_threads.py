"""Renderings from several threads and processes at once are what each is alone."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from mmreg.geometry import native
from tests.rendering import oracle
from tests.rendering.scenes import INPUTS, lit_scene, render_scene

TIMES = 40
# of different batches, triangles, sizes and lights, so that one's scratch memory wouldn't do for the other
SCENES = [
    (*lit_scene(1, lights=2, batch=1, rows=30, columns=30), (60, 80)),
    (*lit_scene(2, lights=3, batch=4, rows=9, columns=20), (33, 21)),
    (*lit_scene(3, lights=0, batch=2, rows=4, columns=5), (7, 90)),
]


def picture_and_gradient(scene, triangles, size, path="auto"):
    inputs = {name: tf.convert_to_tensor(scene[name]) for name in INPUTS}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        rendering = render_scene(inputs, triangles, size, path=path)
        value = tf.reduce_sum(rendering.radiance**2)
    gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
    return [rendering.radiance, rendering.fragments.triangle_ids, *(gradients[name] for name in INPUTS)]


def traced(scene, triangles, size):
    function = tf.function(lambda inputs: picture_and_gradient(inputs, triangles, size), autograph=False)
    return lambda: function({name: tf.constant(value) for name, value in scene.items()})


@pytest.mark.parametrize("in_a_graph", [False, True])
def test_threads_that_render_at_once_get_what_each_gets_alone(in_a_graph):
    calls = [traced(*s) if in_a_graph else lambda s=s: picture_and_gradient(*s) for s in SCENES]
    alone = [[np.asarray(x) for x in call()] for call in calls]
    assert all((a[1] >= 0).any() for a in alone)

    def again_and_again(which):
        return [[np.asarray(x) for x in calls[which]()] for _ in range(TIMES)]

    with ThreadPoolExecutor(len(calls)) as pool:
        for expected, results in zip(alone, pool.map(again_and_again, range(len(calls))), strict=True):
            for result in results:
                for a, b in zip(result, expected, strict=True):
                    np.testing.assert_array_equal(a, b)


def arrays_of_one_scene():
    return [np.asarray(x) for x in picture_and_gradient(*SCENES[1])]


def test_a_process_that_another_starts_renders_the_same():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(arrays_of_one_scene).result(timeout=600)
    here = arrays_of_one_scene()
    np.testing.assert_array_equal(there[1], here[1])  # the triangles' ids
    for a, b in zip(there, here, strict=True):
        # one process may have compiled the kernels and the other read them from numba's cache: they then round otherwise
        assert oracle.relative_error(a, b) < 1e-6


def exit_after_kernels():
    done = []
    native.each_image(done.append, 3)
    os._exit(sum(done))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes aren't forked")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_kernels_run_in_a_forked_process_which_has_none_of_its_parents_threads():
    """TensorFlow's own threads are missing there too, so that most of its operations wait forever; ours don't."""
    native.each_image(lambda i: None, 3)  # the parent has threads
    process = multiprocessing.get_context("fork").Process(target=exit_after_kernels, daemon=True)
    process.start()
    process.join(timeout=120)
    code = process.exitcode
    process.kill()
    assert code == 0 + 1 + 2
