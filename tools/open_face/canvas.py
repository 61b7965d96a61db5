"""The canvas of `mmreg.data.stand_ins` for a head that is being built."""

from __future__ import annotations

import numpy as np

from mmreg.data.stand_ins.canvas import Canvas, HeadParts
from tools.open_face.topology import Head
from tools.open_face.visibility import ambient_occlusion, vertex_normals


def head_parts(mean: np.ndarray, head: Head) -> HeadParts:
    """What paint asks of the mean head (vertex, 3) in mm."""
    n = head.skin_count
    sky = ambient_occlusion(mean, head.triangles)
    sky = (sky + sky[head.mirror]) / 2
    return HeadParts(
        mean[:n],
        vertex_normals(mean, head.triangles)[:n],
        mean[n:].reshape(2, head.eye_count, 3),
        head.eye_directions,
        {name: mask[:n] for name, mask in head.masks.items()},
        sky[:n],
        sky[n:].reshape(2, head.eye_count),
    )


def canvas_of(mean: np.ndarray, head: Head) -> Canvas:
    """Where things are on the mean head (vertex, 3) in mm."""
    return Canvas(head_parts(mean, head))
