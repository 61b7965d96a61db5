"""A drop-in for Google's tf_mesh_renderer, the renderer that came with the paper, on the rasterizer of this package.

Moving over is a change of imports:

    from mmreg.rendering import compat as mesh_renderer
    from mmreg.rendering.compat import camera_utils, rasterize_triangles

**The same.** Names, order and defaults of the arguments, shapes that are broadcast, OpenGL's clip space, unculled and
unclipped triangles, values that aren't clipped to [0, 1] except by `tone_mapper`. `rasterize` and `rasterize_clip_space`
return pictures whose row 0 is the *bottom*, `phong_shader` takes such pictures, and what it returns has row 0 at the top,
as has `mesh_renderer`'s. The tests hold its reference images without highlights (barycentrics, unlit and lit cube) within
its own tolerance. Gradients reach the same inputs: all but the triangles. Numbers are those of tf_mesh_renderer, not of this package: degrees, no unit of length, and near and
far planes (0.01 and 10) that cut off a face in millimetres.

**Different.**

- No custom op, hence nothing to compile, and any platform. TensorFlow on the CPU takes compiled kernels; elsewhere, and on
  JAX, the same maths runs in `keras.ops`. Arguments may be arrays, lists or numbers wherever tensors were asked for.
- Shapes must be known when a `tf.function` is traced, and triangles be an array, not a traced tensor.
- Highlights. tf_mesh_renderer divides the product of reflected light and view by its length over all *pixels* of the
  picture, so that a highlight fades as the picture grows; that is a defect, and by default the product is used as Phong
  wrote it. Set `pixel_normalised_reflection=True`, in `mesh_renderer` or `phong_shader`, to have its pictures of shiny
  things; the tests hold that to its formula in float64. Without `specular_colors` both are equal.
- Alpha is coverage itself, and a picture that is black all over stays black in `tone_mapper` instead of turning to NaN.
- Wrong shapes raise an `InputError`, a `ValueError` that names the argument, what was expected and what came.

Source of the conventions: https://github.com/google/tf_mesh_renderer (Genova et al. 2018); none of its code is used.
"""

from mmreg.rendering.compat.camera_utils import euler_matrices, look_at, perspective, transform_homogeneous
from mmreg.rendering.compat.rasterize_triangles import rasterize, rasterize_clip_space
from mmreg.rendering.compat.renderer import mesh_renderer
from mmreg.rendering.compat.shader import phong_shader, tone_mapper

__all__ = [
    "euler_matrices",
    "look_at",
    "mesh_renderer",
    "perspective",
    "phong_shader",
    "rasterize",
    "rasterize_clip_space",
    "tone_mapper",
    "transform_homogeneous",
]
