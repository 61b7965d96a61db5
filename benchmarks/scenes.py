"""What is rendered: the open face model, and bumpy ellipsoids of its size with fewer and with more triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmreg.arrays import Float, Int, atomic_path

TURN_DEGREES = 15.0  # the heads of a batch are turned by up to this much, each by another angle


def ellipsoid_rings(triangles: int) -> int:
    """Rings r of the ellipsoid nearest to a number of triangles, which has 4 r² of them."""
    return max(2, round((triangles / 4) ** 0.5))


def bumpy_ellipsoid(rings: int) -> tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, "triangle 3"]]:
    """A closed, head-like surface: two poles and `rings` rings of 2 · `rings` vertices, in millimetres.

    Triangles run counter-clockwise seen from outside, and vertices go round the rings from the crown to the neck, as near
    neighbours in the surface are in a face model.
    """
    columns = 2 * rings
    polar = np.pi * np.arange(1, rings + 1) / (rings + 1)  # from +y
    around = 2.0 * np.pi * np.arange(columns) / columns  # from +z towards +x
    polar, around = np.meshgrid(polar, around, indexing="ij")
    directions = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], axis=-1)
    directions = np.concatenate([[[0.0, 1.0, 0.0]], directions.reshape(-1, 3), [[0.0, -1.0, 0.0]]])
    x, y, z = directions.T
    bumps = 0.03 * np.sin(7.0 * x + 1.0) * np.sin(9.0 * y) + 0.02 * np.sin(17.0 * y + 13.0 * x) * z
    nose = 0.14 * np.exp(-((x / 0.16) ** 2) - ((y / 0.22) ** 2)) * (z > 0.0)
    positions = directions * (1.0 + bumps + nose)[:, None] * (82.0, 135.0, 105.0) + (0.0, 4.0, -72.0)

    column, following = np.arange(columns), np.roll(np.arange(columns), -1)
    ring = 1 + columns * np.arange(rings - 1)[:, None]
    a, b, c, d = ring + column, ring + following, ring + columns + column, ring + columns + following
    bands = np.stack([np.stack([a, c, b], axis=-1), np.stack([b, c, d], axis=-1)], axis=2).reshape(-1, 3)
    last = 1 + columns * (rings - 1)
    top = np.stack([np.zeros_like(column), 1 + column, 1 + following], axis=-1)
    bottom = np.stack([np.full_like(column, len(positions) - 1), last + following, last + column], axis=-1)
    return positions.astype(np.float32), np.concatenate([top, bands, bottom]).astype(np.int32)


def write_scene(path: Path, mesh: str | int) -> dict:
    """Writes one head, framed as an encoder sees it, for `read_scene`; says what it is.

    Args:
        mesh: "open" for the open model's mean face, or the wished number of an ellipsoid's triangles.
    """
    import mmreg.face
    from mmreg.color import srgb_to_linear
    from mmreg.encoders.dlib_resnet import IMAGE_SIZE, TEMPLATE
    from mmreg.geometry.camera import perspective_camera
    from mmreg.geometry.mesh import vertex_normals

    model = mmreg.face.load("open")
    if mesh == "open":
        positions, triangles = model.mean_positions().astype(np.float32), model.triangles
        diffuse = np.asarray(srgb_to_linear(np.clip(model.albedo.mean.reshape(-1, 3), 0.012, 1.0)))
        name, checksum = "open face model, mean face", model.checksum
    else:
        positions, triangles = bumpy_ellipsoid(ellipsoid_rings(int(mesh)))
        diffuse = (0.4 + 0.2 * np.sin(0.05 * positions)).astype(np.float32)
        name, checksum = "bumpy ellipsoid", ""
    vertices, weights = model.five_points
    points = (weights @ model.mean_positions()[vertices])[None]
    eye = np.array([[0.0, 0.0, 1200.0]], np.float32)
    camera = perspective_camera(eye, np.zeros_like(eye), np.full(1, 0.3, np.float32), IMAGE_SIZE)
    camera = camera.framing(points.astype(np.float32), TEMPLATE, IMAGE_SIZE)  # in every square picture the same
    arrays = {
        "positions": positions,
        "normals": np.asarray(vertex_normals(positions[None], triangles))[0],
        "diffuse": diffuse,
        "triangles": triangles,
        "world_to_clip": np.asarray(camera.world_to_clip)[0],
        "eye": eye[0],
    }
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)
    return {"name": name, "checksum": checksum, "triangles": len(triangles), "vertices": len(positions)}


def read_scene(path: Path, batch: int):
    """(inputs, triangles): the nine inputs of `render` that have a derivative, as tensors, and the shared triangles.

    The inputs are positions, normals, diffuse colours, the camera's matrix and position, the two lights' positions,
    intensities and ambient light, and the specular constant; every image has its own of each.
    """
    import tensorflow as tf

    from mmreg.rendering import sample_lights
    from mmreg.rendering.shading import SPECULAR_CONSTANT

    with np.load(path, allow_pickle=False) as scene:
        scene = dict(scene)
    yaw = np.deg2rad(TURN_DEGREES) * np.sin(2.4 * np.arange(batch))
    zero = np.zeros(batch)
    rows = [[np.cos(yaw), zero, np.sin(yaw)], [zero, zero + 1.0, zero], [-np.sin(yaw), zero, np.cos(yaw)]]
    rotation = np.array(rows).transpose(2, 1, 0).astype(np.float32)  # transposed, for row vectors
    lights = sample_lights(batch, seed=0)
    arrays = [
        scene["positions"] @ rotation,
        scene["normals"] @ rotation,
        *(np.repeat(scene[name][None], batch, axis=0) for name in ("diffuse", "world_to_clip", "eye")),
        *lights,
        np.full(batch, SPECULAR_CONSTANT, np.float32),
    ]
    return [tf.constant(a) for a in arrays], scene["triangles"]
