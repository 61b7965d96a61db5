import numpy as np
import pytest

from mmreg.face import Coefficients
from mmreg.geometry.camera import perspective_camera
from mmreg.geometry.mesh import vertex_normals
from mmreg.rendering.lighting import studio_lights
from tests.rendering.scenes import INPUTS


@pytest.fixture(scope="session")
def face_scene(open_model):
    """(scene, triangles) as `scenes.lit_scene`: a face of the open model, in millimetres, in the book's two lights."""
    who = Coefficients.sample(open_model, 1, seed=3)
    positions = np.asarray(open_model.positions(who.shape))
    eye, light = positions.mean(axis=1) + np.float32([[80, 60, 900]]), studio_lights(1)
    camera = perspective_camera(eye, positions.mean(axis=1), np.float32([0.3]), (150, 150))
    scene = (
        positions,
        vertex_normals(positions, open_model.triangles),
        open_model.albedos(who.albedo),
        camera.world_to_clip,
        eye,
        *light,
        [0.12],
    )
    return {n: np.asarray(v, np.float32) for n, v in zip(INPUTS, scene, strict=True)}, open_model.triangles
