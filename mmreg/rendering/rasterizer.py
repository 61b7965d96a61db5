"""From triangles in clip space to fragments, and from values at vertices to values at pixels.

Which triangle a pixel sees has no derivative; where in the triangle it falls, its barycentrics, has one. As in the paper
(section 3.1), the barycentrics are differentiated as functions of the vertices everywhere, also beyond the triangle's
edges where one of them is negative: the surface is taken to be locally planar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float, InputError, Int
from mmreg.geometry import native
from mmreg.geometry.camera import pixel_centres
from mmreg.rendering.kernels import interpolation as interpolation_kernels
from mmreg.rendering.kernels import triangle_ids as id_kernel
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
    deep triangles the later wins.

    Args:
        clip_vertices: homogeneous clip coordinates (x, y, z, w).
        triangles: numpy array of vertex indices, shared by the batch.
        image_size: (height, width).
        path: "native" (compiled; TensorFlow on the CPU), "ops" (`keras.ops`, any backend), or "auto".
        pair_budget: for the "ops" path under a compiler that needs static shapes (JAX's `jit`): the most pairs of a
            triangle and a pixel in its box, over the batch. Too small a budget turns every barycentric into NaN rather
            than lose a triangle.

    Raises:
        InputError: shapes or indices that fit no mesh.
    """
    triangles = check_mesh(clip_vertices, triangles, image_size, "clip_vertices", 4)
    if _use_native(path):
        ids, depth = _native_ids(clip_vertices, triangles, image_size)
        return Fragments(ids, _native_barycentrics(clip_vertices, triangles, ids), depth)
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
    """
    triangles = np.ascontiguousarray(triangles, np.int32)
    if _use_native(path):
        return _native_interpolate(attributes, fragments, triangles)
    corners = gather_corners(attributes, triangles, ops.maximum(fragments.triangle_ids, 0))  # b h w 3 n
    return ops.sum(corners * (fragments.barycentrics * fragments.coverage)[..., None], axis=3)


def gather_corners(
    values: Float[Array, "batch vertex n"], triangles: Int[Array, "triangle 3"], ids: Int[Array, "batch height width"]
) -> Float[Array, "batch height width 3 n"]:
    """The three corner values of the triangle at each pixel."""
    batch, vertex_count, n = values.shape
    indices = ops.take(ops.convert_to_tensor(triangles, "int32"), ids, axis=0)  # b h w 3
    image = ops.reshape(ops.arange(batch, dtype="int32") * vertex_count, (batch, 1, 1, 1))
    return ops.take(ops.reshape(values, (batch * vertex_count, n)), indices + image, axis=0)


def check_mesh(vertices, triangles, image_size, name: str, width: int) -> np.ndarray:
    """The triangles as contiguous int32, once vertices, triangles and picture are known to fit together.

    Raises:
        InputError: naming the argument, what was expected and what came.
    """
    shape = tuple(vertices.shape)
    if len(shape) != 3 or shape[-1] != width:
        raise InputError(f"{name} must have the shape (batch, vertex, {width}), not {shape}.")
    triangles = np.asarray(triangles)
    if triangles.ndim != 2 or triangles.shape[1] != 3 or not np.issubdtype(triangles.dtype, np.integer):
        raise InputError(
            f"triangles must be whole numbers of the shape (triangle, 3), not {triangles.dtype} {triangles.shape}."
        )
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= shape[1]):
        raise InputError(
            f"triangles must index the {shape[1]} vertices (0 to {shape[1] - 1}), "
            f"but reach from {triangles.min()} to {triangles.max()}."
        )
    if len(image_size) != 2 or min(image_size) < 1:
        raise InputError(f"image_size must be (height, width) of at least one pixel each, not {tuple(image_size)}.")
    return np.ascontiguousarray(triangles, np.int32)


def _use_native(path: str) -> bool:
    if path not in ("auto", "native", "ops"):
        raise InputError(f'path must be "auto", "native" or "ops", not {path!r}.')
    return path == "native" or (path == "auto" and native.available())


def _native_ids(clip_vertices, triangles, image_size):
    pixel_x, pixel_y = pixel_centres(image_size)

    def run(clip):
        ids = np.empty((len(clip), *image_size), np.int32)
        depth = np.empty((len(clip), *image_size), np.float32)
        clip = np.ascontiguousarray(clip)

        def one(i):
            screen = np.empty((clip.shape[1], 2), np.float32)
            id_kernel.triangle_ids(clip[i], triangles, pixel_x, pixel_y, ids[i], depth[i], screen)

        native.each_image(one, len(clip))
        return ids, depth

    shape = (clip_vertices.shape[0], *image_size)
    return native.constant(run, [clip_vertices], [(shape, "int32"), (shape, "float32")])


def _native_barycentrics(clip_vertices, triangles, ids):
    _, height, width = ids.shape
    pixel_x, pixel_y = pixel_centres((height, width))

    def forward(clip, ids):
        out = np.empty((*ids.shape, 3), np.float32)
        native.each_image(
            lambda i: interpolation_kernels.barycentrics(clip[i], triangles, ids[i], pixel_x, pixel_y, out[i]), len(out)
        )
        return out

    def backward(clip, ids, upstream):
        d_clip = np.zeros_like(clip)
        native.each_image(
            lambda i: interpolation_kernels.barycentrics_gradient(
                clip[i], triangles, ids[i], pixel_x, pixel_y, upstream[i], d_clip[i]
            ),
            len(clip),
        )
        return [d_clip]

    return native.differentiable(forward, backward, [clip_vertices], [ids], (*ids.shape, 3))


def _native_interpolate(attributes, fragments: Fragments, triangles):
    def forward(attributes, barycentrics, ids):
        out = np.empty((*ids.shape, attributes.shape[-1]), np.float32)
        native.each_image(
            lambda i: interpolation_kernels.interpolate(attributes[i], barycentrics[i], triangles, ids[i], out[i]),
            len(out),
        )
        return out

    def backward(attributes, barycentrics, ids, upstream):
        d_attributes, d_barycentrics = np.zeros_like(attributes), np.empty_like(barycentrics)
        native.each_image(
            lambda i: interpolation_kernels.interpolate_gradient(
                attributes[i], barycentrics[i], triangles, ids[i], upstream[i], d_attributes[i], d_barycentrics[i]
            ),
            len(attributes),
        )
        return [d_attributes, d_barycentrics]

    shape = (*fragments.triangle_ids.shape, attributes.shape[-1])
    inputs = [attributes, fragments.barycentrics]
    return native.differentiable(forward, backward, inputs, [fragments.triangle_ids], shape)
