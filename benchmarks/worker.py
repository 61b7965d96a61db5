"""One process that measures, with a fixed number of threads: reads a request a line, answers a line, both JSON.

    python -m benchmarks.worker THREADS

The cores must be chosen before TensorFlow is imported, and peak memory can only be read once a process: hence processes.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import cache
from pathlib import Path


def limit_threads(threads: int) -> bool:
    """Holds this process to so many cores; whether the system can (elsewhere only the thread pools are limited)."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pinned = hasattr(os, "sched_setaffinity")
    if pinned:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.set_visible_devices([], "GPU")
    if not pinned:
        from concurrent.futures import ThreadPoolExecutor

        from mmreg.geometry import native

        native._pool = cache(lambda: ThreadPoolExecutor(threads))
    return pinned


def render_functions(scene: Path, size: int, batch: int, path: str):
    """(forward, forward and backward) without arguments; the second returns the gradients of all nine inputs."""
    import tensorflow as tf

    from benchmarks.scenes import read_scene
    from mmreg.geometry.camera import Camera
    from mmreg.rendering import PointLights, render

    inputs, triangles = read_scene(scene, batch)
    upstream = tf.random.stateless_normal((batch, size, size, 3), seed=(0, 1))

    def radiance(positions, normals, diffuse, to_clip, eye, light, intensity, ambient, specular):
        camera, lights = Camera(to_clip, eye), PointLights(light, intensity, ambient)
        return render(
            positions, normals, diffuse, triangles, camera, lights, (size, size), specular, path=path
        ).radiance

    @tf.function
    def forward(*inputs):
        return radiance(*inputs)

    @tf.function
    def forward_backward(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            picture = radiance(*inputs)
        return tape.gradient(picture, inputs, upstream)

    return lambda: forward(*inputs), lambda: forward_backward(*inputs)


def time_setting(request: dict) -> list[dict]:
    """The records of one setting, its paths taking turns."""
    from benchmarks.timing import take_turns

    size, batch = request["size"], request["batch"]
    functions = {}
    for path in request["paths"]:
        forward, forward_backward = render_functions(request["scene"], size, batch, path)
        functions |= {f"{path} forward": forward, f"{path} forward_backward": forward_backward}
    timings = take_turns(functions, request["seconds"], request["patience"])
    covered = float((forward().numpy().max(axis=-1) > 0.0).mean())
    return [
        {
            "path": path,
            "covered": covered,
            **{
                f"{clock}_{name}": getattr(timings[f"{path} {name}"], field) / batch
                for clock, field in (("ms", "wall_ms"), ("least_ms", "least_wall_ms"), ("cpu_ms", "cpu_ms"))
                for name in ("forward", "forward_backward")
            },
            "calls": timings[f"{path} forward_backward"].calls,
        }
        for path in request["paths"]
    ]


def time_ids(request: dict) -> dict:
    """The triangle ids alone, from clip coordinates that are given."""
    import tensorflow as tf

    from benchmarks.scenes import read_scene
    from benchmarks.timing import take_turns
    from mmreg.geometry.camera import Camera
    from mmreg.rendering import compiled

    batch = request["batch"]
    inputs, triangles = read_scene(request["scene"], batch)
    clip = Camera(inputs[3], inputs[4]).project(inputs[0])
    size = (request["size"], request["size"])
    function = tf.function(lambda clip: compiled.triangle_ids(clip, triangles, size))
    timing = take_turns({"ids": lambda: function(clip)}, request["seconds"], request["patience"])["ids"]
    return {"ms": timing.wall_ms / batch, "cpu_ms": timing.cpu_ms / batch}


def measure_memory(request: dict) -> dict:
    """The process's peak memory after forward and backward passes of each batch, smallest first, and the batches left out.

    A batch is left out once the smaller ones let expect more than `largest_bytes` or `call_seconds` of it.
    """
    import resource
    import time

    unit = 1 if sys.platform == "darwin" else 1024
    peaks: list[dict] = []
    for batch in request["batches"]:
        if len(peaks) > 1:
            (first, second), growth = peaks[-2:], batch / peaks[-1]["batch"]
            slope = (second["bytes"] - first["bytes"]) / (second["batch"] - first["batch"])
            expected = second["bytes"] + slope * (batch - second["batch"])
            if expected > request["largest_bytes"]:
                return {"peaks": peaks, "left_out": f"would need about {expected / 1e9:.1f} GB"}
            if second["seconds"] * growth > request["call_seconds"]:
                return {"peaks": peaks, "left_out": f"one call would take about {second['seconds'] * growth:.0f} s"}
        _, forward_backward = render_functions(request["scene"], request["size"], batch, request["path"])
        for _ in range(2):
            began = time.perf_counter()
            forward_backward()
            seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        peaks.append({"batch": batch, "bytes": peak, "seconds": seconds})
    return {"peaks": peaks, "left_out": ""}


def answer(request: dict):
    """Does what the request names."""
    from benchmarks.scenes import write_scene
    from benchmarks.timing import memory_bandwidth
    from benchmarks.training_step import time_training_step

    tasks = {
        "scene": lambda r: write_scene(Path(r["scene"]), r["mesh"]),
        "time": time_setting,
        "ids": time_ids,
        "memory": measure_memory,
        "bandwidth": lambda r: memory_bandwidth(r["threads"], r["seconds"]),
        "training_step": lambda r: time_training_step(r["batch"], r["views"], r["seconds"], r["patience"]),
    }
    return tasks[request["task"]](request)


def main() -> None:
    """Answers until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed goes to the error stream
    pinned = limit_threads(int(sys.argv[1]))
    for line in sys.stdin:
        try:
            reply = {"answer": answer(json.loads(line)), "pinned": pinned}
        except Exception:
            reply = {"error": traceback.format_exc()}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
