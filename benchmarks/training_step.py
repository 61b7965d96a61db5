"""What a training step spends on pictures and what on looking at them: rendering beside the encoder, forward and backward."""

from __future__ import annotations

from unittest import mock


def time_training_step(batch: int, views: int, seconds: float, patience: float) -> dict:
    """Milliseconds a batch: rendering, from coefficients to the encoder's picture and back, its parts, and the encoder.

    `rest` is what the parts leave: turning heads, framing, colours into linear light and back, backgrounds, the lens.

    Args:
        batch: pictures, so many `views` of each face; faces are decoded, and get normals, once for all their views.
    """
    import tensorflow as tf

    import mmreg.face
    from benchmarks.timing import take_turns
    from mmreg.data import synthetic
    from mmreg.encoders import load_encoder
    from mmreg.face.coefficients import Coefficients
    from mmreg.geometry.camera import Camera
    from mmreg.geometry.mesh import vertex_normals
    from mmreg.rendering import PointLights, render
    from mmreg.studio import Studio

    studio = Studio(mmreg.face.load("open"), load_encoder())
    model, encoder = studio.visible, studio.encoder
    coefficients = [tf.constant(c) for c in Coefficients.sample(model, batch // views, 0)[:2]]
    scene = synthetic.sample_scenes(batch, 1)
    with mock.patch.object(synthetic, "render", wraps=render) as spy:  # what the studio hands to the renderer
        pictures = studio.photograph(Coefficients(*coefficients), scene)
    (*surface, triangles, camera, lights, size, specular), _ = spy.call_args
    arrays = [tf.convert_to_tensor(a) for a in (*surface, *camera, *lights, specular)]

    def shaded(positions, normals, diffuse, to_clip, eye, light, intensity, ambient, specular):
        scene = Camera(to_clip, eye), PointLights(light, intensity, ambient), size, specular
        return render(positions, normals, diffuse, triangles, *scene).radiance

    stages = {
        "rendering": (lambda *c: studio.photograph(Coefficients(*c), scene), coefficients),
        "decode": (lambda shape, albedo: (model.positions(shape), model.albedos(albedo)), coefficients),
        "normals": (lambda positions: vertex_normals(positions, triangles), [arrays[0][::views]]),
        "rasterize_shade": (shaded, arrays),
        "encoder": (lambda images: tuple(encoder(images)), [pictures]),
    }
    timings = take_turns({name: and_back(*stage) for name, stage in stages.items()}, seconds, patience)
    wall = {name: timing.wall_ms for name, timing in timings.items()}
    return {
        "batch": batch,
        "views": views,
        "triangles": len(triangles),
        "size": size[0],
        **{f"{name}_ms": ms for name, ms in wall.items()},
        "rest_ms": wall["rendering"] - wall["decode"] - wall["normals"] - wall["rasterize_shade"],
        **{f"{name}_cpu_ms": timing.cpu_ms for name, timing in timings.items()},
        "rendering_over_encoder": wall["rendering"] / wall["encoder"],
        "rasterize_shade_over_encoder": wall["rasterize_shade"] / wall["encoder"],
    }


def and_back(function, inputs):
    """`function` and the gradient of its inputs, compiled, without arguments."""
    import tensorflow as tf

    upstream = tf.nest.map_structure(
        lambda y: tf.random.stateless_normal(y.shape, seed=(0, 1)), tf.function(function)(*inputs)
    )

    @tf.function
    def both(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(*inputs)
        return tape.gradient(outputs, inputs, upstream)

    return lambda: both(*inputs)
