"""Attributes of the surface that each pixel sees, with tf_mesh_renderer's arguments."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError, Int
from mmreg.rendering import rasterizer
from mmreg.rendering.compat.camera_utils import transform_homogeneous
from mmreg.rendering.compat.checks import check_image_size, checked


def rasterize(
    world_space_vertices: Float[Array, "batch vertex 3"],
    attributes: Float[Array, "batch vertex n"],
    triangles: Int[Array, "triangle 3"],
    camera_matrices: Float[Array, "batch 4 4"],
    image_width: int,
    image_height: int,
    background_value: float | Float[Array, " n"],
    *,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Float[Array, "batch height width n"]:
    """Attributes of the surface seen at each pixel, `background_value` where there is none; row 0 is the bottom.

    Args:
        camera_matrices: from world to clip space.

    Raises:
        InputError: an argument of the wrong shape.
    """
    vertices = checked(world_space_vertices, "world_space_vertices", "batch_size, vertex_count, 3", (None, None, 3))
    matrices = checked(camera_matrices, "camera_matrices", "batch_size, 4, 4", (vertices.shape[0], 4, 4))
    clip = transform_homogeneous(matrices, vertices)
    return rasterize_clip_space(
        clip, attributes, triangles, image_width, image_height, background_value, path=path, pair_budget=pair_budget
    )


def rasterize_clip_space(
    clip_space_vertices: Float[Array, "batch vertex 4"],
    attributes: Float[Array, "batch vertex n"],
    triangles: Int[Array, "triangle 3"],
    image_width: int,
    image_height: int,
    background_value: float | Float[Array, " n"],
    *,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Float[Array, "batch height width n"]:
    """`rasterize` of vertices that are in clip space (x, y, z, w) already; row 0 is the bottom."""
    clip = checked(clip_space_vertices, "clip_space_vertices", "batch_size, vertex_count, 4", (None, None, 4))
    axes, sizes = "batch_size, vertex_count, attribute_count", (*clip.shape[:2], None)
    attributes = checked(attributes, "attributes", axes, sizes)
    check_image_size(image_width, image_height)
    background = ops.convert_to_tensor(background_value, "float32")
    if tuple(background.shape) not in ((), (1,), (attributes.shape[-1],)):
        raise InputError(
            f"background_value must be a number or have the shape [attribute_count] = [{attributes.shape[-1]}], "
            f"not {list(background.shape)}."
        )
    image, coverage = attribute_images(clip, attributes, triangles, (image_height, image_width), path, pair_budget)
    return ops.flip(ops.where(coverage > 0.0, image, background), axis=1)


def attribute_images(clip, attributes, triangles, image_size, path, pair_budget):
    """(attributes, coverage) with row 0 at the top; 0 where nothing is seen."""
    try:
        triangles = np.asarray(triangles)
    except Exception as error:  # each backend refuses in its own way to tell the values of a traced tensor
        raise InputError(
            "triangles must be an array of the shape [triangle_count, 3], known while a graph is traced; "
            f"pass a numpy array, not {type(triangles).__name__}."
        ) from error
    fragments = rasterizer.rasterize(clip, triangles, image_size, path, pair_budget)
    return rasterizer.interpolate(attributes, fragments, triangles, path), fragments.coverage
