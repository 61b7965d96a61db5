"""Under pytest every shape annotation of the library is checked at run time."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

from jaxtyping import install_import_hook

# these refuse wrong shapes in words of their own, which the tests want to read
DOORS = ("checks", "mesh", "rasterizer", "renderer", "texture")
PACKAGE = Path(__file__).parents[1] / "mmreg"
# leaf modules only, since a package's name would also catch its kernels, which numba must see as they are
CHECKED = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem not in ("__init__", "cli", *DOORS) and not {"kernels", "compat"} & set(path.with_suffix("").parts)
]
install_import_hook(CHECKED, "beartype.beartype")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(scope="session")
def open_model():
    from mmreg.face import load

    return load("open")


@pytest.fixture(scope="session")
def face_scene(open_model):
    """(scene, triangles) as `tests.rendering.scenes.lit_scene`: a face of the open model, in millimetres, in the book's two lights."""
    from mmreg.face import Coefficients
    from mmreg.geometry.camera import perspective_camera
    from mmreg.geometry.mesh import vertex_normals
    from mmreg.rendering.lighting import studio_lights
    from tests.rendering.scenes import INPUTS

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


@pytest.fixture(scope="session")
def encoder():
    from mmreg.encoders import load_encoder

    return load_encoder()


@pytest.fixture(scope="session")
def rng():
    return np.random.default_rng(0)
