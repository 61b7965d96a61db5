"""Deferred shading: rasterize once, interpolate what the light needs, shade each pixel that sees something."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError, Int
from mmreg.geometry import native
from mmreg.geometry.camera import Camera
from mmreg.geometry.mesh import check_triangles
from mmreg.rendering import compiled
from mmreg.rendering.checks import check_finite, check_image_size, check_shininess, check_supersampling, same_batch
from mmreg.rendering.lighting import PointLights
from mmreg.rendering.rasterizer import Fragments, interpolate, rasterize
from mmreg.rendering.shading import SHININESS, SPECULAR_CONSTANT, phong


class Rendering(NamedTuple):
    """A picture before its background.

    `radiance` is in linear light, not clipped, 0 where no surface is seen; `alpha` is the share of each pixel in which one is: 0 or
    1 without supersampling. `fragments` are those of the samples: of the pixels, without supersampling.
    """

    radiance: Float[Array, "batch height width 3"]
    alpha: Float[Array, "batch height width 1"]
    fragments: Fragments

    def over(self, background: Float[Array, "..."]) -> Float[Array, "batch height width 3"]:
        """The picture before a background: a number, a colour (3,), a picture (height, width, 3), or one for each image.

        Raises:
            InputError: the background fits neither the picture nor a part of its axes.
        """
        background = ops.convert_to_tensor(background, "float32")
        shape = tuple(self.radiance.shape)
        try:
            fits = None in shape or np.broadcast_shapes(tuple(background.shape), shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise InputError(
                f"background must broadcast to the picture's shape {shape}, not {tuple(background.shape)}."
            )
        return self.radiance + (1.0 - self.alpha) * background


def render(
    positions_world: Float[Array, "batch vertex 3"],
    normals_world: Float[Array, "batch vertex 3"],
    diffuse: Float[Array, "batch vertex 3"],
    triangles: Int[Array, "triangle 3"],
    camera: Camera,
    lights: PointLights,
    image_size: tuple[int, int],
    specular_constant: float | Float[Array, " batch"] | Float[Array, "batch 1 1 1"] = SPECULAR_CONSTANT,
    shininess: float = SHININESS,
    supersampling: int = 1,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Rendering:
    """Renders meshes that share their triangles, one image each (section 3.1 of the paper).

    Differentiable in everything but the triangle ids and the shininess: positions, normals, diffuse colour, camera, lights,
    specular constant. Nothing is said by the gradient about surfaces that appear or vanish at silhouettes. Whatever has a
    batch of 1 is shared by all images.

    Args:
        positions_world: millimetres.
        normals_world: at the vertices, outward.
        diffuse: linear albedo at the vertices.
        triangles: numpy array of vertex indices.
        image_size: (height, width).
        specular_constant: c of K_s = c − c K_d, one number for all or one an image; 0 makes the surface matt.
        supersampling: k, to smooth edges by the mean of k × k samples a pixel, in linear light; the work grows by k².
        path, pair_budget: see `rasterize`. "native" interpolates and shades covered pixels in one compiled pass.

    Raises:
        InputError: shapes, batches or indices that don't fit together, or positions that aren't finite. In a compiled graph, where
            no value can be looked at beforehand, the pictures of such positions are NaN.
    """
    triangles = check_triangles(triangles, positions_world.shape[1] if len(positions_world.shape) == 3 else None)
    height, width = check_image_size(image_size)
    supersampling = check_supersampling(supersampling, (height, width))
    shininess = check_shininess(shininess)
    specular_constant = ops.convert_to_tensor(specular_constant, "float32")
    if tuple(specular_constant.shape[1:]) not in ((), (1, 1, 1)):
        raise InputError(
            f"specular_constant must be a number or have the shape (batch,), not {tuple(specular_constant.shape)}."
        )
    scene = same_batch(
        {
            "positions_world": (positions_world, ("batch", "vertex", 3)),
            "normals_world": (normals_world, ("batch", "vertex", 3)),
            "diffuse": (diffuse, ("batch", "vertex", 3)),
            "camera.world_to_clip": (camera.world_to_clip, ("batch", 4, 4)),
            "camera.position_world": (camera.position_world, ("batch", 3)),
            "lights.position_world": (lights.position_world, ("batch", "light", 3)),
            "lights.intensity": (lights.intensity, ("batch", "light", 3)),
            "lights.ambient": (lights.ambient, ("batch", 3)),
            "specular_constant": (ops.reshape(specular_constant, (-1, 1)), ("batch", 1)),
        }
    )
    check_finite(scene["positions_world"], "positions_world")
    positions, normals, colors, to_clip, eye, light_position, intensity, ambient, constant = scene.values()

    clip = Camera(to_clip, eye).project(positions)
    samples = height * supersampling, width * supersampling
    if native.wanted(path):
        everything = [positions, normals, colors, to_clip, light_position, intensity, ambient, eye, constant]
        radiance, ids, depth = compiled.render(everything, clip, triangles, samples, shininess)
        fragments = Fragments(ids, compiled.barycentrics(clip, triangles, ids), depth)
    else:
        fragments = rasterize(clip, triangles, samples, path, pair_budget)
        at_pixels = interpolate(ops.concatenate([normals, positions, colors], axis=-1), fragments, triangles, path)
        normal, position, color = at_pixels[..., :3], at_pixels[..., 3:6], at_pixels[..., 6:]
        point_lights = PointLights(light_position, intensity, ambient)
        radiance = phong(normal, position, color, point_lights, eye, constant[:, None, None], shininess)
        finite = ops.all(ops.isfinite(positions), axis=(1, 2))
        radiance = ops.where(finite[:, None, None, None], radiance * fragments.coverage, float("nan"))
    return Rendering(
        _mean_of_samples(radiance, supersampling), _mean_of_samples(fragments.coverage, supersampling), fragments
    )


def _mean_of_samples(samples: Float[Array, "batch rows columns n"], k: int) -> Float[Array, "batch height width n"]:
    if k == 1:
        return samples
    _, rows, columns, n = samples.shape
    return ops.mean(ops.reshape(samples, (-1, rows // k, k, columns // k, k, n)), axis=(2, 4))
