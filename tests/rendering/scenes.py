"""Meshes in clip space with everything that a rasterizer trips over, and small lit scenes in the world."""

from functools import cache

import numpy as np
import trimesh

from mmreg.geometry.camera import Camera, perspective_camera
from mmreg.rendering import PointLights, render

PATHS = ("native", "ops")
# a scene is a dictionary of these arrays, which are all that `render` is differentiable in
INPUTS = (
    "positions_world",
    "normals_world",
    "diffuse",
    "world_to_clip",
    "camera_position",
    "light_position",
    "intensity",
    "ambient",
    "specular_constant",
)


def random_mesh(seed, batch=2, vertices=40, triangles=60, awkward=True):
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 3.0, (batch, vertices, 1))
    clip = np.concatenate(
        [rng.uniform(-1.2, 1.2, (batch, vertices, 2)) * w, rng.uniform(-1, 1, (batch, vertices, 1)) * w, w], -1
    )
    clip = clip.astype(np.float32)
    faces = rng.integers(0, vertices, (triangles, 3)).astype(np.int32)
    if awkward:
        clip[:, 0, 3] *= -1.0  # behind the camera
        clip[:, 1] = 0.0  # at its centre
        clip[:, 2, :2] *= 50.0  # far off the screen
        faces[0] = faces[1]  # a tie
        faces[2] = faces[2, 0]  # degenerate
    return clip, faces


@cache
def sphere(subdivisions):
    """(vertex 3), (triangle 3): radius 1, counter-clockwise seen from outside."""
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int32)


def seen_in_perspective(points, distance=3.0):
    """Clip coordinates of points around the origin, seen from +z."""
    camera = perspective_camera(
        np.float32([[0, 0, distance]]), np.zeros((1, 3), np.float32), np.float32([0.8]), (1, 1), 0.5, 10.0
    )
    return np.array(camera.project(np.float32(points)[None]))


def lit_scene(seed=0, lights=2, batch=2, size=(12, 13), rows=4, columns=5):
    """(scene, triangles): a bumpy sheet of well-shaped triangles at unit scale, lit from several sides, some from behind."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-0.9, 0.9, rows))
    flat = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    positions = flat + rng.uniform(-1, 1, (batch, len(flat), 3)) * [0.1, 0.1, 0.25]
    normals = rng.normal([0, 0, 1], 0.4, positions.shape) * rng.uniform(0.7, 1.4, (*positions.shape[:2], 1))
    i = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    triangles = np.concatenate([i + np.int32([0, 1, columns]), i + np.int32([1, columns + 1, columns])])
    triangles = triangles.astype(np.int32)
    eye = rng.normal([0.2, 0.3, 4.0], 0.2, (batch, 3)).astype(np.float32)
    camera = perspective_camera(eye, np.zeros((batch, 3), np.float32), np.full(batch, 0.55, np.float32), size, 1.0, 9.0)
    scene = {
        "positions_world": positions,
        "normals_world": normals,
        "diffuse": rng.uniform(0.2, 0.8, positions.shape),
        "world_to_clip": camera.world_to_clip,
        "camera_position": eye,
        "light_position": rng.normal([0, 0, 2.0], 2.0, (batch, lights, 3)),
        "intensity": rng.uniform(0.3, 1.0, (batch, lights, 3)),
        "ambient": rng.uniform(0.1, 0.3, (batch, 3)),
        "specular_constant": rng.uniform(0.3, 0.6, batch),
    }
    return {name: np.asarray(scene[name], np.float32) for name in INPUTS}, triangles


def render_scene(scene, triangles, size=(12, 13), **options):
    return render(
        scene["positions_world"],
        scene["normals_world"],
        scene["diffuse"],
        triangles,
        Camera(scene["world_to_clip"], scene["camera_position"]),
        PointLights(scene["light_position"], scene["intensity"], scene["ambient"]),
        size,
        scene["specular_constant"],
        **options,
    )
