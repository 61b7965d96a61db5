"""Phong shading of pictures of attributes, and tone mapping, with tf_mesh_renderer's arguments."""

from __future__ import annotations

from keras import ops

from mmreg.arrays import Array, Float, InputError, dot, unit
from mmreg.geometry import native
from mmreg.rendering.compat.checks import ambient_per_image, checked, lights_per_image


def phong_shader(
    normals: Float[Array, "batch height width 3"],
    alphas: Float[Array, "batch height width"],
    pixel_positions: Float[Array, "batch height width 3"],
    light_positions: Float[Array, "batch light 3"],
    light_intensities: Float[Array, "batch light 3"],
    diffuse_colors: Float[Array, "batch height width 3"] | None = None,
    camera_position: Float[Array, "batch 3"] | None = None,
    specular_colors: Float[Array, "batch height width 3"] | None = None,
    shininess_coefficients: float | Float[Array, "#batch #height #width"] | None = None,
    ambient_color: Float[Array, "batch 3"] | None = None,
    *,
    pixel_normalised_reflection: bool = False,
) -> Float[Array, "batch height width 4"]:
    """Lights pictures of normals, positions and colours; turns them over: row 0 is the bottom in, the top out.

    I = K_d I_a + Σ_l I_l (K_d max(n·l, 0) + K_s max(r·v, 0)^shininess) where alpha is above ½, else 0; the last channel is
    alpha. Here n·l is clipped to [0, 1], as is r·v, and r = 2 (n·l) n − l; there is no highlight where n·l is 0.

    Args:
        normals: of length 1; they are not normalised here.
        diffuse_colors: K_d; not optional, though tf_mesh_renderer's signature has a default.
        camera_position: asks for highlights; without it `specular_colors` and `shininess_coefficients` must be None.
        specular_colors: K_s; none are 0.
        shininess_coefficients: a number, or one a pixel; axes along which they are constant may have length 1.
        pixel_normalised_reflection: True divides r·v by its root of summed squares over all pixels of the picture, one
            light at a time, as tf_mesh_renderer does. That is no physics: a highlight then depends on how large the
            picture is and on what else it shows. It is here for pictures that must equal tf_mesh_renderer's.

    Raises:
        InputError: an argument of the wrong shape, or missing.
    """
    normals = checked(normals, "normals", "batch_size, image_height, image_width, 3", (None, None, None, 3))
    batch, height, width, _ = normals.shape
    per_pixel = ("batch_size, image_height, image_width, 3", (batch, height, width, 3))
    alphas = checked(alphas, "alphas", "batch_size, image_height, image_width", (batch, height, width))[..., None]
    position = checked(pixel_positions, "pixel_positions", *per_pixel)
    if diffuse_colors is None:
        raise InputError("diffuse_colors must be given, one RGB colour a pixel, but it is None.")
    diffuse = checked(diffuse_colors, "diffuse_colors", *per_pixel)
    specular = eye = shininess = None
    shiny = {"specular_colors": specular_colors, "shininess_coefficients": shininess_coefficients}
    if camera_position is None:
        for name, value in shiny.items():
            if value is not None:
                raise InputError(f"{name} must be None without a camera_position: a highlight depends on the view.")
    elif specular_colors is not None:
        if shininess_coefficients is None:
            raise InputError("shininess_coefficients must be given with specular_colors, but it is None.")
        eye = checked(camera_position, "camera_position", "batch_size, 3", (batch, 3))
        specular = checked(specular_colors, "specular_colors", *per_pixel)
        shininess = ops.convert_to_tensor(shininess_coefficients, "float32")
        if len(shininess.shape):
            sizes = ((1, batch), (1, height), (1, width))
            axes = "batch_size or 1, image_height or 1, image_width or 1"
            shininess = checked(shininess, "shininess_coefficients", axes, sizes)[..., None]
    lights = lights_per_image(light_positions, light_intensities, batch)
    ambient = ambient_per_image(ambient_color, batch)
    lit = shade(
        normals,
        alphas,
        position,
        *lights,
        diffuse,
        eye,
        specular,
        shininess,
        ambient,
        bool(pixel_normalised_reflection),
    )
    return ops.flip(lit, axis=1)


def tone_mapper(image: Float[Array, "batch height width n"], gamma: float) -> Float[Array, "batch height width n"]:
    """image^gamma, scaled so that the largest value of each picture, over all its channels, is 1; clipped to [0, 1].

    A picture of nothing but 0 stays 0, and negative values become 0.
    """
    image = checked(image, "image", "batch_size, image_height, image_width, channel_count", (None,) * 4)
    # a power's derivative at 0 is infinite for exponents below 1, so the base is kept off 0 where it isn't used
    lit = image > 0.0
    corrected = ops.where(lit, ops.power(ops.where(lit, image, 1.0), gamma), 0.0)
    largest = ops.max(corrected, axis=(1, 2, 3), keepdims=True)
    return ops.clip(corrected / ops.where(largest > 0.0, largest, 1.0), 0.0, 1.0)


def _phong(n, alpha, position, light_position, intensity, diffuse, eye, specular, shininess, ambient, pixel_normalised):
    """`phong_shader`'s equation, whichever way up the pictures are."""
    rgb = ambient[:, None, None] * diffuse
    v = None if eye is None else unit(eye[:, None, None] - position)
    for index in range(light_position.shape[1]):
        l = unit(light_position[:, index, None, None] - position)  # noqa: E741  the equation's letter
        n_l = ops.clip(dot(n, l), 0.0, 1.0)
        reflected = diffuse * n_l
        if v is not None:
            r_v = dot(unit(2.0 * n_l * n - l), v)
            if pixel_normalised:
                r_v = r_v * ops.rsqrt(ops.maximum(ops.sum(r_v * r_v, axis=(1, 2), keepdims=True), 1e-12))
            lit = ops.logical_and(n_l > 0.0, r_v > 0.0)
            r_v = ops.minimum(ops.where(lit, r_v, 1.0), 1.0)
            reflected = reflected + specular * ops.where(lit, ops.power(r_v, shininess), 0.0)
        rgb = rgb + intensity[:, index, None, None] * reflected
    return ops.concatenate([ops.where(alpha > 0.5, rgb, 0.0), alpha], axis=-1)


shade = native.fused(_phong)
