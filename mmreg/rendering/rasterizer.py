"""From triangles in clip space to fragments, and from values at vertices to values at pixels.

Which triangle a pixel sees has no derivative; where in the triangle it falls, its barycentrics, has one. As in the paper
(section 3.1), the barycentrics are differentiated as functions of the vertices everywhere, also beyond the triangle's
edges where one of them is negative: the surface is taken to be locally planar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, Int
from mmreg.geometry import native
from mmreg.geometry.camera import pixel_centres
from mmreg.geometry.mesh import check_triangles
from mmreg.rendering import compiled
from mmreg.rendering.checks import check_fragments, check_image_size, check_rank
from mmreg.rendering.triangle_ids import triangle_ids_ops


class Fragments(NamedTuple):
    """What each pixel sees.

    `triangle_ids` is −1, `barycentrics` 0 and `depth` 1 where there is no surface. Depth is z/w in [−1, 1]; neither it nor
    the ids carry a derivative.
    """

    triangle_ids: Int[Array, "batch height width"]
    barycentrics: Float[Array, "batch height width 3"]
    depth: Float[Array, "batch height width"]

    @property
    def coverage(self) -> Float[Array, "batch height width 1"]:
        """1 where a surface is seen, else 0."""
        return ops.cast(self.triangle_ids >= 0, "float32")[..., None]


def rasterize(
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[Array, "triangle 3"],
    image_size: tuple[int, int],
    path: str = "auto",
    pair_budget: int | None = None,
) -> Fragments:
    """Finds the triangle and the barycentrics at each pixel's centre; row 0 is the top.

    Nothing is culled or clipped: both sides of a triangle are seen, also when it reaches behind the camera. Of equally
    deep triangles the later wins. A triangle with a corner that isn't finite is not seen.

    Args:
        clip_vertices: homogeneous clip coordinates (x, y, z, w), one mesh an image.
        triangles: numpy array of vertex indices, shared by the batch.
        image_size: (height, width).
        path: "native" (compiled; TensorFlow on the CPU), "ops" (`keras.ops`, any backend), or "auto".
        pair_budget: for the "ops" path under a compiler that needs static shapes (JAX's `jit`): the most pairs of a
            triangle and a pixel in its box, over the batch; `triangle_ids.pair_count` measures what a scene needs, and a rule of
            thumb stands in for None. Too small a budget turns every barycentric into NaN rather than lose a triangle.

    Raises:
        InputError: shapes or indices that fit no mesh.
    """
    check_rank(clip_vertices, "clip_vertices", ("batch", "vertex", 4))
    triangles = check_triangles(triangles, clip_vertices.shape[1])
    image_size = check_image_size(image_size)
    if native.wanted(path):
        ids, depth = compiled.triangle_ids(clip_vertices, triangles, image_size)
        return Fragments(ids, compiled.barycentrics(clip_vertices, triangles, ids), depth)
    ids, depth, complete = triangle_ids_ops(clip_vertices, triangles, image_size, pair_budget)
    barycentrics = barycentrics_at(clip_vertices, triangles, ids)
    return Fragments(ids, ops.where(complete, barycentrics, float("nan")), depth)


def barycentrics_at(
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[Array, "triangle 3"],
    triangle_ids: Int[Array, "batch height width"],
) -> Float[Array, "batch height width 3"]:
    """Perspective-correct barycentrics of every pixel centre in the triangle given for it.

    With a pixel at (X, Y) and corners at (xᵢ, yᵢ, wᵢ) in clip space, dᵢ = (xᵢ − X wᵢ, yᵢ − Y wᵢ), eᵢ = dⱼ × d_k and
    bᵢ = eᵢ / Σ e. This is differentiable in the vertices, and defined outside the triangle too (some bᵢ < 0).
    """
    _, height, width = triangle_ids.shape
    pixel_x, pixel_y = pixel_centres((height, width))
    covered = triangle_ids >= 0
    corners = gather_corners(clip_vertices, triangles, ops.maximum(triangle_ids, 0))  # b h w 3 4
    x = corners[..., 0] - pixel_x[None, None, :, None] * corners[..., 3]
    y = corners[..., 1] - pixel_y[None, :, None, None] * corners[..., 3]
    (x0, x1, x2), (y0, y1, y2) = ops.unstack(x, 3, axis=-1), ops.unstack(y, 3, axis=-1)
    e = ops.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], axis=-1)
    total = ops.sum(e, axis=-1, keepdims=True)
    valid = ops.logical_and(covered[..., None], total != 0.0)
    return ops.where(valid, e / ops.where(valid, total, 1.0), 0.0)


def interpolate(
    attributes: Float[Array, "batch vertex n"],
    fragments: Fragments,
    triangles: Int[Array, "triangle 3"],
    path: str = "auto",
) -> Float[Array, "batch height width n"]:
    """Values at pixels from values at vertices, a = Σᵢ bᵢ aᵢ; 0 where no surface is seen.

    Differentiable in the attributes and, through the barycentrics, in the vertices.

    Args:
        attributes: any number at each vertex: normals, colours, texture coordinates, features.
        triangles: as given to `rasterize`; or others of the same number that index the rows of `attributes`, as texture
            coordinates have where a surface was cut.

    Raises:
        InputError: shapes, indices or fragments that don't belong together.
    """
    check_rank(attributes, "attributes", ("batch", "vertex", "n"))
    triangles = check_triangles(triangles, attributes.shape[1])
    check_fragments(fragments, attributes, triangles)
    if native.wanted(path):
        return compiled.interpolate(attributes, fragments.barycentrics, triangles, fragments.triangle_ids)
    corners = gather_corners(attributes, triangles, ops.maximum(fragments.triangle_ids, 0))  # b h w 3 n
    return ops.sum(corners * (fragments.barycentrics * fragments.coverage)[..., None], axis=3)


def gather_corners(
    values: Float[Array, "batch vertex n"], triangles: Int[Array, "triangle 3"], ids: Int[Array, "batch height width"]
) -> Float[Array, "batch height width 3 n"]:
    """The three corner values of the triangle at each pixel."""
    batch, vertex_count, n = values.shape
    triangles = triangles if len(triangles) else np.zeros((1, 3), np.int32)  # a first row, where no pixel sees any
    indices = ops.take(ops.convert_to_tensor(triangles, "int32"), ids, axis=0)  # b h w 3
    image = ops.reshape(ops.arange(batch, dtype="int32") * vertex_count, (batch, 1, 1, 1))
    return ops.take(ops.reshape(values, (batch * vertex_count, n)), indices + image, axis=0)
