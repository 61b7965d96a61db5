"""Where the five points fall in networks for which nobody says: as in dlib's pictures, at another size. Ours."""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float
from mmreg.encoders.dlib_resnet import IMAGE_SIZE, TEMPLATE, alignment_template

__all__ = ["scaled_templates"]


def scaled_templates(
    image_size: tuple[int, int],
) -> tuple[Float[np.ndarray, "5 2"], Float[np.ndarray, "5 2"]]:
    """(template, alignment template) of `Encoder` for pictures of this size (height, width), which must be square."""
    if image_size[0] != image_size[1]:
        raise ValueError(f"The pictures must be square, not {image_size}.")
    scale = image_size[0] / IMAGE_SIZE[0]
    both = (np.asarray(TEMPLATE), np.asarray(alignment_template()))
    return tuple(((points + 0.5) * scale - 0.5).astype(np.float32) for points in both)
