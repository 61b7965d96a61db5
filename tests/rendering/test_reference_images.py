"""The reference renderings that Google's tf_mesh_renderer publishes, and small ones of our own."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmreg.rendering import interpolate, rasterize

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
    reference = np.asarray(Image.open(GOLDENS / f"{name}.png"), np.float32)[..., :3] / 255.0
    assert reference.max() > 0.9
    assert share_of_differing_pixels(ours, reference) < 0.001


def test_our_own_small_golden_is_unchanged():
    triangles = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    clip = np.array(
        [[[-1.2, -0.9, 0.2, 1.5], [1.0, -0.8, 0.5, 1.0], [-0.7, 0.9, -0.2, 1.2], [1.6, 1.4, 0.9, 2.0]]], np.float32
    )
    colors = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]], np.float32)
    ours = np.asarray(interpolate(colors, rasterize(clip, triangles, (24, 32)), triangles))[0]
    reference = np.asarray(Image.open(Path(__file__).parent / "goldens" / "two_triangles.png"), np.float32) / 255.0
    assert reference.std() > 0.2
    assert share_of_differing_pixels(ours, reference) == 0.0
