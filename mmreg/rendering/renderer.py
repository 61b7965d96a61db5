"""Deferred shading: rasterize once, interpolate what the light needs, shade each pixel."""

from __future__ import annotations

from typing import NamedTuple

from keras import ops

from mmreg.arrays import Array, Float, Int
from mmreg.geometry import native
from mmreg.geometry.camera import Camera
from mmreg.rendering.lighting import PointLights
from mmreg.rendering.rasterizer import Fragments, check_mesh, interpolate, rasterize
from mmreg.rendering.shading import SHININESS, SPECULAR_CONSTANT, phong


class Rendering(NamedTuple):
    """`radiance` in linear light, not clipped, 0 where no surface is seen."""

    radiance: Float[Array, "batch height width 3"]
    fragments: Fragments

    def over(self, background: Float[Array, "..."]) -> Float[Array, "batch height width 3"]:
        """The radiance where a surface is seen, else the background (a number, or anything that broadcasts)."""
        return ops.where(self.fragments.triangle_ids[..., None] >= 0, self.radiance, background)


def render(
    positions_world: Float[Array, "batch vertex 3"],
    normals_world: Float[Array, "batch vertex 3"],
    diffuse: Float[Array, "batch vertex 3"],
    triangles: Int[Array, "triangle 3"],
    camera: Camera,
    lights: PointLights,
    image_size: tuple[int, int],
    specular_constant: float | Float[Array, "batch 1 1 1"] = SPECULAR_CONSTANT,
    shininess: float = SHININESS,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Rendering:
    """Renders meshes that share their triangles, one image each (section 3.1 of the paper).

    Differentiable in everything but the triangle ids: positions, normals, diffuse colour, camera, lights. Nothing is said
    by the gradient about surfaces that appear or vanish at silhouettes.

    Args:
        positions_world: millimetres.
        normals_world: at the vertices, outward.
        diffuse: linear albedo at the vertices.
        image_size: (height, width).
        path, pair_budget: see `rasterize`.

    Raises:
        InputError: shapes or indices that fit no mesh.
    """
    check_mesh(positions_world, triangles, image_size, "positions_world", 3)
    fragments = rasterize(camera.project(positions_world), triangles, image_size, path, pair_budget)
    attributes = ops.concatenate([normals_world, positions_world, diffuse], axis=-1)
    at_pixels = interpolate(attributes, fragments, triangles, path)
    normal, position, color = at_pixels[..., :3], at_pixels[..., 3:6], at_pixels[..., 6:]
    lights = PointLights(*(ops.convert_to_tensor(light) for light in lights))
    specular_constant = ops.convert_to_tensor(specular_constant, "float32")
    radiance = _shade(normal, position, color, lights, camera.position_world, specular_constant, float(shininess))
    return Rendering(radiance * fragments.coverage, fragments)


_shade = native.fused(phong)
