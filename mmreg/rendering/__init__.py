"""A differentiable renderer for triangle meshes: rasterize, interpolate, shade. It does not know what a face is."""

from mmreg.color import linear_to_srgb, srgb_to_linear
from mmreg.rendering.development import develop, gaussian_blur
from mmreg.rendering.lighting import PointLights, sample_lights
from mmreg.rendering.rasterizer import Fragments, interpolate, rasterize
from mmreg.rendering.renderer import Rendering, render
from mmreg.rendering.shading import phong
from mmreg.rendering.texture import sample_texture

__all__ = [
    "Fragments",
    "PointLights",
    "Rendering",
    "develop",
    "gaussian_blur",
    "interpolate",
    "linear_to_srgb",
    "phong",
    "rasterize",
    "render",
    "sample_lights",
    "sample_texture",
    "srgb_to_linear",
]
