"""The compiled kernels in double precision against finite differences: their formulas, apart from float32's rounding."""

import numpy as np
import pytest

from mmreg.geometry import kernels as mesh_kernels
from mmreg.geometry.camera import pixel_centres
from mmreg.rendering.kernels import interpolation, shading
from tests.rendering import oracle
from tests.rendering.scenes import INPUTS, lit_scene, render_scene

SIZE = (12, 13)
X, Y = (
    centres.astype(np.float64) for centres in pixel_centres(SIZE)
)  # rounded to float32: the oracle's differ by 1e-8
ORDER = (*INPUTS[:4], "light_position", "intensity", "ambient", "camera_position", "specular_constant")  # the kernels'


def one_image(lights):
    """(float64 scene of one image, triangles, ids, weight)."""
    scene, triangles = lit_scene(10 + lights, lights, batch=1)
    ids = np.asarray(render_scene(scene, triangles, SIZE).fragments.triangle_ids)[0]
    weight = np.random.default_rng(lights).normal(size=(*SIZE, 3))
    assert (ids >= 0).mean() > 0.4
    image = {name: value[0].astype(np.float64) for name, value in scene.items()}
    image["specular_constant"] = image["specular_constant"][None]
    return image, triangles, ids, weight


def project(scene):
    return scene["positions_world"] @ scene["world_to_clip"][:, :3].T + scene["world_to_clip"][:, 3]


def fixed(triangles, ids, shininess):
    return triangles, ids, X, Y, float(shininess), int(shininess) if float(shininess).is_integer() else -1


def shade(scene, triangles, ids, shininess):
    out = np.empty((*SIZE, 3))
    shading.shade(*(scene[name] for name in ORDER), project(scene), *fixed(triangles, ids, shininess), out)
    return out


@pytest.mark.parametrize("shininess", [0, 1, 12, 2.5, 0.5])
@pytest.mark.parametrize("lights", [0, 1, 3])
def test_shading_and_its_gradient_are_those_of_the_equations(lights, shininess):
    scene, triangles, ids, weight = one_image(lights)
    as_batch = {name: value[None] for name, value in scene.items()}
    expected = oracle.radiance(as_batch, triangles, ids[None], shininess)[0]
    np.testing.assert_allclose(shade(scene, triangles, ids, shininess), expected, atol=1e-6)

    own = {name: np.zeros_like(scene[name]) for name in ORDER}
    arguments = [scene[name] for name in ORDER]
    shading.shade_gradient(
        *arguments, project(scene), *fixed(triangles, ids, shininess), weight, *(own[name] for name in ORDER)
    )
    for name in ORDER:

        def value(x, name=name):
            return (weight * shade({**scene, name: x}, triangles, ids, shininess)).sum()

        numeric = oracle.numeric_gradient(value, scene[name])
        assert oracle.relative_error(own[name], numeric) < 1e-7, name
        assert oracle.relative_error((1 + 1e-6) * own[name], numeric) > 1e-7 or not numeric.any(), name


def test_barycentrics_and_their_gradient_are_those_of_the_equations():
    scene, triangles, ids, weight = one_image(0)

    def barycentrics(clip):
        out = np.empty((*SIZE, 3))
        interpolation.barycentrics(clip, triangles, ids, X, Y, out)
        return out

    clip = project(scene)
    np.testing.assert_allclose(barycentrics(clip)[ids >= 0], oracle.barycentrics(clip, triangles, ids), atol=1e-6)
    own = np.zeros_like(clip)
    interpolation.barycentrics_gradient(clip, triangles, ids, X, Y, weight, own)
    numeric = oracle.numeric_gradient(lambda c: (weight * barycentrics(c)).sum(), clip)
    assert oracle.relative_error(own, numeric) < 1e-7


@pytest.mark.parametrize("n", [1, 3, 7])
def test_interpolation_and_its_gradient_are_those_of_the_equations(n):
    scene, triangles, ids, _ = one_image(0)
    rng = np.random.default_rng(n)
    clip, attributes, weight = project(scene), rng.normal(size=(20, n)), rng.normal(size=(*SIZE, n))
    weights = np.zeros((*SIZE, 3))
    weights[ids >= 0] = oracle.barycentrics(clip, triangles, ids)

    def interpolate(attributes, weights):
        out = np.empty((*SIZE, n))
        interpolation.interpolate(attributes, weights, triangles, ids, out)
        return out

    np.testing.assert_allclose(
        interpolate(attributes, weights)[ids >= 0], oracle.interpolate(clip, attributes, triangles, ids), atol=1e-12
    )
    d_attributes, d_weights = np.zeros_like(attributes), np.full_like(weights, np.nan)
    interpolation.interpolate_gradient(attributes, weights, triangles, ids, weight, d_attributes, d_weights)
    of_attributes = oracle.numeric_gradient(lambda a: (weight * interpolate(a, weights)).sum(), attributes)
    of_weights = oracle.numeric_gradient(lambda b: (weight * interpolate(attributes, b)).sum(), weights)
    assert oracle.relative_error(d_attributes, of_attributes) < 1e-7
    assert oracle.relative_error(d_weights, of_weights) < 1e-7


def test_area_vectors_and_their_gradient_are_those_of_the_equations():
    scene, triangles, *_ = one_image(0)
    positions = scene["positions_world"]
    weight = np.random.default_rng(0).normal(size=positions.shape)

    def area_vectors(p):
        out = np.zeros_like(p)
        mesh_kernels.sum_area_vectors(p, triangles, out)
        return out

    a, b, c = (positions[triangles[:, k]] for k in range(3))
    expected = np.zeros_like(positions)
    for k in range(3):
        np.add.at(expected, triangles[:, k], np.cross(b - a, c - a))
    np.testing.assert_allclose(area_vectors(positions), expected, atol=1e-12)
    own = np.zeros_like(positions)
    mesh_kernels.sum_area_vectors_gradient(positions, triangles, weight, own)
    numeric = oracle.numeric_gradient(lambda p: (weight * area_vectors(p)).sum(), positions)
    assert oracle.relative_error(own, numeric) < 1e-7
