"""The renderer's compiled path: its kernels as operations on TensorFlow tensors, each with its derivative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmreg.arrays import Array, Float, InputError, Int
from mmreg.geometry import native
from mmreg.geometry.camera import pixel_centres
from mmreg.geometry.mesh import check_triangles
from mmreg.rendering.checks import check_ids
from mmreg.rendering.kernels import interpolation as interpolation_kernels
from mmreg.rendering.kernels import shading as shading_kernels
from mmreg.rendering.kernels import triangle_ids as id_kernel


@native.as_written
def triangle_ids(
    clip_vertices: Float[Array, "batch vertex 4"], triangles: Int[np.ndarray, "triangle 3"], image_size: tuple[int, int]
) -> tuple[Int[Array, "batch height width"], Float[Array, "batch height width"]]:
    """(ids, depth), see `Fragments`."""
    pixel_x, pixel_y = pixel_centres(image_size)

    def run(clip):
        if clip_vertices.shape[1] is None:  # only now is the number of vertices known
            check_triangles(triangles, clip.shape[1])
        ids = native.empty((len(clip), *image_size), np.int32)
        depth = native.empty((len(clip), *image_size), np.float32)
        native.each_image(lambda i: _triangle_ids(clip[i], triangles, pixel_x, pixel_y, ids[i], depth[i]), len(clip))
        return ids, depth

    shape = (clip_vertices.shape[0], *image_size)
    ids, depth = native.constant(run, [clip_vertices], [(shape, "int32"), (shape, "float32")])
    return ids, depth


def _triangle_ids(clip, triangles, pixel_x, pixel_y, ids, depth) -> None:
    """The id pass of one image in the calling thread's scratch memory."""
    vertices = native.scratch("vertices", clip.shape, np.float32)
    waiting = native.scratch("waiting", triangles.shape, np.int32)
    farthest = native.scratch("farthest", depth.shape, np.float32)
    id_kernel.triangle_ids(clip, triangles, pixel_x, pixel_y, ids, depth, vertices, waiting, farthest)


@native.as_written
def barycentrics(
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[np.ndarray, "triangle 3"],
    ids: Int[Array, "batch height width"],
) -> Float[Array, "batch height width 3"]:
    """As `rasterizer.barycentrics_at`."""
    pixel_x, pixel_y = pixel_centres(tuple(ids.shape[1:]))

    def forward(clip, ids):
        out = native.empty((*ids.shape, 3), np.float32)
        native.each_image(
            lambda i: interpolation_kernels.barycentrics(clip[i], triangles, ids[i], pixel_x, pixel_y, out[i]), len(out)
        )
        return [out]

    def backward(clip, ids, upstream):
        d_clip = native.zeros(clip.shape)
        native.each_image(
            lambda i: interpolation_kernels.barycentrics_gradient(
                clip[i], triangles, ids[i], pixel_x, pixel_y, upstream[i], d_clip[i]
            ),
            len(clip),
        )
        return [d_clip]

    return native.differentiable(forward, backward, [clip_vertices], [ids], (*ids.shape, 3))


@native.as_written
def interpolate(
    attributes: Float[Array, "batch vertex n"],
    barycentrics: Float[Array, "batch height width 3"],
    triangles: Int[np.ndarray, "triangle 3"],
    ids: Int[Array, "batch height width"],
) -> Float[Array, "batch height width n"]:
    """As `rasterizer.interpolate`.

    Raises:
        InputError: ids of triangles that aren't there; tf.errors.InvalidArgumentError with its words where a graph runs.
    """
    vertex_count = attributes.shape[1]

    def check(
        attributes, barycentrics, ids
    ):  # in a graph they are only known now, and it may ask for the derivative alone
        check_ids(ids, triangles)
        if barycentrics.shape != (*ids.shape, 3):
            raise InputError(
                f"fragments must have barycentrics of the shape {(*ids.shape, 3)}, not {barycentrics.shape}."
            )
        if vertex_count is None:
            check_triangles(triangles, attributes.shape[1])

    def forward(attributes, barycentrics, ids):
        check(attributes, barycentrics, ids)
        out = native.empty((*ids.shape, attributes.shape[-1]), np.float32)
        native.each_image(
            lambda i: interpolation_kernels.interpolate(attributes[i], barycentrics[i], triangles, ids[i], out[i]),
            len(out),
        )
        return [out]

    def backward(attributes, barycentrics, ids, upstream):
        check(attributes, barycentrics, ids)
        d_attributes, d_barycentrics = native.zeros(attributes.shape), native.empty(barycentrics.shape)
        native.each_image(
            lambda i: interpolation_kernels.interpolate_gradient(
                attributes[i], barycentrics[i], triangles, ids[i], upstream[i], d_attributes[i], d_barycentrics[i]
            ),
            len(attributes),
        )
        return [d_attributes, d_barycentrics]

    return native.differentiable(
        forward, backward, [attributes, barycentrics], [ids], (*ids.shape, attributes.shape[-1])
    )


@native.as_written
def render(
    scene: Sequence[Array],
    clip_vertices: Float[Array, "batch vertex 4"],
    triangles: Int[np.ndarray, "triangle 3"],
    image_size: tuple[int, int],
    shininess: float,
) -> tuple[Float[Array, "batch height width 3"], Int[Array, "batch height width"], Float[Array, "batch height width"]]:
    """(radiance, ids, depth): an image is rasterized, interpolated and shaded in one go, while its mesh is at hand.

    A mesh with a position that isn't finite has a radiance of NaN.

    Args:
        scene: positions, normals and diffuse colours of the vertices (batch vertex 3), the camera's world-to-clip matrix (batch 4 4);
            positions and intensities of the lights (batch light 3), ambient light and camera position (batch 3), and the
            specular constant (batch 1). The radiance is differentiable in each.
        clip_vertices: the positions' clip coordinates.
    """
    pixels = pixel_centres(image_size)
    power = np.float32(shininess), int(shininess) if shininess.is_integer() and shininess < 2**31 else -1

    def forward(*arrays):
        positions, clip = arrays[0], arrays[-1]
        if None in (
            scene[0].shape[1],
            scene[1].shape[1],
            scene[2].shape[1],
        ):  # only now are the numbers of vertices known
            check_triangles(triangles, min(a.shape[1] for a in arrays[:3]))
        shape = (len(clip), *image_size)
        radiance, ids, depth = native.empty((*shape, 3)), native.empty(shape, np.int32), native.empty(shape)

        def one(i):
            _triangle_ids(clip[i], triangles, *pixels, ids[i], depth[i])
            shading_kernels.shade(*(a[i] for a in arrays), triangles, ids[i], *pixels, *power, radiance[i])
            if not np.isfinite(positions[i]).all():
                radiance[i] = np.nan

        native.each_image(one, len(ids))
        return radiance, ids, depth

    def backward(*arrays):
        *arrays, ids, _, upstream = arrays
        # lights and cameras are summed over all pixels, in doubles
        sums = [native.empty(a.shape, np.float32 if k < 3 else np.float64) for k, a in enumerate(arrays[:-1])]

        def one(i):
            own = [s[i] for s in sums]
            for s in own:
                s.fill(0.0)  # here, so that it is still in the processor's cache when the kernel adds to it
            shading_kernels.shade_gradient(
                *(a[i] for a in arrays), triangles, ids[i], *pixels, *power, upstream[i], *own
            )

        native.each_image(one, len(ids))
        return [s.astype(np.float32, copy=False) for s in sums]

    shape = (clip_vertices.shape[0], *image_size)
    by_products = [(shape, "int32"), (shape, "float32")]
    radiance, ids, depth = native.differentiable(forward, backward, scene, [clip_vertices], (*shape, 3), by_products)
    return radiance, ids, depth
