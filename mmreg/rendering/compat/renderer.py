"""From a mesh, a camera and lights to a picture, with tf_mesh_renderer's arguments."""

from __future__ import annotations

from keras import ops

from mmreg.arrays import Array, Float, InputError, Int, unit
from mmreg.rendering.compat.camera_utils import look_at, perspective, transform_homogeneous
from mmreg.rendering.compat.checks import (
    ambient_per_image,
    check_image_size,
    checked,
    lights_per_image,
    number_per_image,
    shininess_of,
    vector_per_image,
)
from mmreg.rendering.compat.rasterize_triangles import attribute_images
from mmreg.rendering.compat.shader import shade


def mesh_renderer(
    vertices: Float[Array, "batch vertex 3"],
    triangles: Int[Array, "triangle 3"],
    normals: Float[Array, "batch vertex 3"],
    diffuse_colors: Float[Array, "batch vertex 3"],
    camera_position: Float[Array, "batch 3"] | Float[Array, "3"],
    camera_lookat: Float[Array, "batch 3"] | Float[Array, "3"],
    camera_up: Float[Array, "batch 3"] | Float[Array, "3"],
    light_positions: Float[Array, "batch light 3"],
    light_intensities: Float[Array, "batch light 3"],
    image_width: int,
    image_height: int,
    specular_colors: Float[Array, "batch vertex 3"] | None = None,
    shininess_coefficients: float | Float[Array, " batch"] | Float[Array, "batch vertex"] | None = None,
    ambient_color: Float[Array, "batch 3"] | None = None,
    fov_y: float | Float[Array, " batch"] = 40.0,
    near_clip: float | Float[Array, " batch"] = 0.01,
    far_clip: float | Float[Array, " batch"] = 10.0,
    *,
    pixel_normalised_reflection: bool = False,
    path: str = "auto",
    pair_budget: int | None = None,
) -> Float[Array, "batch height width 4"]:
    """Renders meshes with Phong shading: RGB in linear light, not clipped, and alpha 1 where a surface is seen, else 0.

    Row 0 is the top. Pixels without a surface are 0.

    Args:
        normals: at the vertices, in world space, of length 1; they are normalised again at the pixels.
        camera_lookat: a point in the middle of the view.
        light_positions, light_intensities: one set for each image, or a single one, [1, light, 3], for all.
        specular_colors: makes the surface shiny; needs `shininess_coefficients`.
        shininess_coefficients: one for all, one an image, or one a vertex.
        fov_y: the vertical field of view in degrees.
        near_clip, far_clip: distances in the scene's unit; nothing nearer or farther is seen.
        pixel_normalised_reflection: True for highlights as tf_mesh_renderer draws them (see `phong_shader`); False for
            Phong's.
        path, pair_budget: see `mmreg.rendering.rasterize`; only JAX's `jit` needs one.

    Raises:
        InputError: an argument of the wrong shape, a camera without a direction, a shininess without a specular colour or
            the reverse.
    """
    vertices = checked(vertices, "vertices", "batch_size, vertex_count, 3", (None, None, 3))
    batch, count = vertices.shape[:2]
    per_vertex = ("batch_size, vertex_count, 3", (batch, count, 3))
    normals = checked(normals, "normals", *per_vertex)
    diffuse_colors = checked(diffuse_colors, "diffuse_colors", *per_vertex)
    position = vector_per_image(camera_position, "camera_position", batch)
    target = vector_per_image(camera_lookat, "camera_lookat", batch)
    up = vector_per_image(camera_up, "camera_up", batch)
    planes = ((fov_y, "fov_y"), (near_clip, "near_clip"), (far_clip, "far_clip"))
    fov_y, near_clip, far_clip = (number_per_image(value, name, batch) for value, name in planes)
    check_image_size(image_width, image_height)

    attributes = [normals, vertices, diffuse_colors]
    if (specular_colors is None) != (shininess_coefficients is None):
        given, missing = "specular_colors", "shininess_coefficients"
        if specular_colors is None:
            given, missing = missing, given
        raise InputError(f"{missing} must be given with {given}: a highlight needs both, but {missing} is None.")
    if specular_colors is not None:
        attributes.append(checked(specular_colors, "specular_colors", *per_vertex))
        shininess_coefficients = shininess_of(shininess_coefficients, batch, count)
        if len(shininess_coefficients.shape) == 2:
            attributes.append(shininess_coefficients[..., None])

    aspect = image_width / image_height
    world_to_clip = ops.matmul(perspective(aspect, fov_y, near_clip, far_clip), look_at(position, target, up))
    seen, coverage = attribute_images(
        transform_homogeneous(world_to_clip, vertices),
        ops.concatenate(attributes, axis=-1),
        triangles,
        (image_height, image_width),
        path,
        pair_budget,
    )
    # tf_mesh_renderer shades the background too, with -1 for every attribute, and discards it; it counts where the
    # reflection is normalised over the pixels, and a unit shininess keeps its power finite
    seen = ops.where(coverage > 0.0, seen, -1.0)
    specular, shininess, eye = None, None, None
    if specular_colors is not None:
        specular, eye = seen[..., 9:12], position
        shininess = ops.reshape(shininess_coefficients, (-1, 1, 1, 1))
        if seen.shape[-1] == 13:
            shininess = ops.where(coverage > 0.0, seen[..., 12:], 1.0)
    lights = lights_per_image(light_positions, light_intensities, batch)
    ambient = ambient_per_image(ambient_color, batch)
    normal, place, diffuse = unit(seen[..., :3]), seen[..., 3:6], seen[..., 6:9]
    return shade(
        normal, coverage, place, *lights, diffuse, eye, specular, shininess, ambient, bool(pixel_normalised_reflection)
    )
