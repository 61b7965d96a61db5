"""Phong's reflection model."""

from __future__ import annotations

from keras import ops

from mmreg.arrays import Array, Float, dot, unit
from mmreg.rendering.lighting import PointLights

SPECULAR_CONSTANT = 0.12  # Paper: K_s = c − c K_d with c in [0, 1]; the value isn't known, this one is ours
SHININESS = 12.0  # Paper: not stated; ours, a broad highlight as on skin


def phong(
    normal: Float[Array, "batch height width 3"],
    position_world: Float[Array, "batch height width 3"],
    diffuse: Float[Array, "batch height width 3"],
    lights: PointLights,
    camera_position_world: Float[Array, "batch 3"],
    specular_constant: float | Float[Array, ""] | Float[Array, "batch 1 1 1"] = SPECULAR_CONSTANT,
    shininess: float = SHININESS,
) -> Float[Array, "batch height width 3"]:
    """Radiance towards the camera, in linear light.

    I = K_d I_a + Σ_l I_l (K_d max(n·l, 0) + K_s max(r·v, 0)^shininess), K_s = c − c K_d,
    with r = 2 (n·l) n − l the mirrored light; the highlight is left out where the light is behind the surface (n·l ≤ 0).
    Source: Phong 1975; the specular colour is the paper's.

    Args:
        normal: of any length; it is normalised here, since interpolation shortens it.
        diffuse: K_d, linear albedo in [0, 1].
        specular_constant: c; 0 makes the surface matt.
    """
    n = unit(normal)
    v = unit(camera_position_world[:, None, None] - position_world)
    specular = specular_constant - specular_constant * diffuse  # K_s
    ambient, intensity = ops.convert_to_tensor(lights.ambient), ops.convert_to_tensor(lights.intensity)
    light_position = ops.convert_to_tensor(lights.position_world)
    radiance = diffuse * ambient[:, None, None]
    for index in range(light_position.shape[1]):
        l = unit(light_position[:, index, None, None] - position_world)  # noqa: E741  the equation's letter
        n_l = dot(n, l)
        r_v = dot(2.0 * n_l * n - l, v)
        # a power's derivative at 0 is infinite for exponents below 1, so the base is kept off 0 where it isn't used
        lit = ops.logical_and(n_l > 0.0, r_v > 0.0)
        highlight = ops.where(lit, ops.where(lit, r_v, 1.0) ** shininess, 0.0)
        radiance += intensity[:, index, None, None] * (diffuse * ops.maximum(n_l, 0.0) + specular * highlight)
    return radiance
