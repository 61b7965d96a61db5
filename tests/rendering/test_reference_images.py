"""The reference renderings that Google's tf_mesh_renderer publishes, and small ones of our own."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmreg.geometry.camera import perspective_camera
from mmreg.rendering import PointLights, interpolate, rasterize, render

ROOT = Path(__file__).parents[2]
GOLDENS = Path(os.environ.get("MMREG_MESH_RENDERER_GOLDENS", ROOT.parent / "shared" / "data" / "mesh_renderer_goldens"))
needs_goldens = pytest.mark.skipif(
    not (GOLDENS / "scenes.json").exists(),
    reason="tf_mesh_renderer's reference images aren't here; set MMREG_MESH_RENDERER_GOLDENS to their folder",
)


def share_of_differing_pixels(ours, reference, tolerance=0.01):
    """tf_mesh_renderer's own measure: at most 0.1 % of the pixels may differ by more than 0.01 in any channel."""
    return (np.abs(ours - reference).max(axis=-1) > tolerance).mean()


@needs_goldens
@pytest.mark.parametrize(
    "name", ["Simple_Triangle", "Perspective_Corrected_Triangle", "Simple_Tetrahedron", "Barycentrics_Cube"]
)
@pytest.mark.parametrize("path", ["native", "ops"])
def test_barycentric_images_are_those_of_tf_mesh_renderer(name, path):
    scenes = json.loads((GOLDENS / "scenes.json").read_text())
    scene = scenes["barycentric_scenes"][name]
    clip, triangles = np.array([scene["clip_vertices"]], np.float32), np.array(scene["triangles"], np.int32)
    fragments = rasterize(clip, triangles, (scenes["image_height"], scenes["image_width"]), path)
    ours = np.asarray(fragments.barycentrics)[0][::-1]  # its rasterizer's row 0 is the bottom
    assert reference(name).max() > 0.9
    assert share_of_differing_pixels(ours, reference(name)) < 0.001


def reference(name):
    return np.asarray(Image.open(GOLDENS / f"{name}.png"), np.float32)[..., :3] / 255.0


def cube_camera(scene, size):
    eye, target, up = (np.array([scene[key]], np.float32) for key in ("eye", "look_at", "up"))
    fov_y = np.deg2rad([scene["fov_y_degrees"]]).astype(np.float32)
    return perspective_camera(eye, target, fov_y, size, float(scene["near"]), float(scene["far"]), up)


@needs_goldens
@pytest.mark.parametrize("path", ["native", "ops"])
def test_the_unlit_cube_is_tf_mesh_renderers(path):
    scenes = json.loads((GOLDENS / "scenes.json").read_text())
    scene, size = scenes["unlit_scenes"]["Unlit_Cube_0"], (scenes["image_height"], scenes["image_width"])
    vertices, triangles = np.array([scene["vertices"]], np.float32), np.array(scene["triangles"], np.int32)
    fragments = rasterize(cube_camera(scene, size).project(vertices), triangles, size, path)
    ours = np.asarray(interpolate(0.5 * vertices + 0.5, fragments, triangles, path))[0][::-1]  # its row 0 is the bottom
    assert reference("Unlit_Cube_0").std() > 0.1
    assert share_of_differing_pixels(ours, reference("Unlit_Cube_0")) < 0.001


@needs_goldens
@pytest.mark.parametrize("path", ["native", "ops"])
def test_the_lit_cube_is_tf_mesh_renderers(path):
    scenes = json.loads((GOLDENS / "scenes.json").read_text())
    scene, size = scenes["lit_scenes"]["Gray_Cube_0"], (scenes["image_height"], scenes["image_width"])
    vertices, normals = (np.array([scene[key]], np.float32) for key in ("vertices", "normals"))
    position, intensity = (np.array([scene[key]], np.float32) for key in ("light_positions", "light_intensities"))
    lights = PointLights(position, intensity, np.zeros((1, 3), np.float32))
    rendering = render(
        vertices,
        normals,
        np.full_like(vertices, scene["diffuse"]),
        np.array(scene["triangles"], np.int32),
        cube_camera(scene, size),
        lights,
        size,
        specular_constant=0.0,
        path=path,
    )
    ours = np.clip(np.asarray(rendering.radiance)[0], 0.0, 1.0)  # lit images have row 0 at the top
    assert reference("Gray_Cube_0").std() > 0.1
    assert share_of_differing_pixels(ours, reference("Gray_Cube_0")) < 0.001


def test_our_own_small_golden_is_unchanged():
    triangles = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    clip = np.array(
        [[[-1.2, -0.9, 0.2, 1.5], [1.0, -0.8, 0.5, 1.0], [-0.7, 0.9, -0.2, 1.2], [1.6, 1.4, 0.9, 2.0]]], np.float32
    )
    colors = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]], np.float32)
    ours = np.asarray(interpolate(colors, rasterize(clip, triangles, (24, 32)), triangles))[0]
    golden = np.asarray(Image.open(Path(__file__).parent / "goldens" / "two_triangles.png"), np.float32) / 255.0
    assert golden.std() > 0.2
    assert share_of_differing_pixels(ours, golden) == 0.0
