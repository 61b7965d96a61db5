"""Random meshes in clip space, with everything that a rasterizer trips over, and a slow float64 oracle."""

import numpy as np


def random_mesh(seed, batch=2, vertices=40, triangles=60, awkward=True):
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 3.0, (batch, vertices, 1))
    clip = np.concatenate(
        [rng.uniform(-1.2, 1.2, (batch, vertices, 2)) * w, rng.uniform(-1, 1, (batch, vertices, 1)) * w, w], -1
    )
    clip = clip.astype(np.float32)
    faces = rng.integers(0, vertices, (triangles, 3)).astype(np.int32)
    if awkward:
        clip[:, 0, 3] *= -1.0  # behind the camera
        clip[:, 1] = 0.0  # at its centre
        clip[:, 2, :2] *= 50.0  # far off the screen
        faces[0] = faces[1]  # a tie
        faces[2] = faces[2, 0]  # degenerate
    return clip, faces


def oracle_ids(clip, triangles, image_size, margin=1e-5):
    """(ids, sure): float64 ids of one image, and the pixels where rounding can't change them."""
    height, width = image_size
    x = (np.arange(width) + 0.5) * 2 / width - 1
    y = 1 - (np.arange(height) + 0.5) * 2 / height
    ray = np.stack([*np.meshgrid(x, y), np.ones((height, width))], -1)
    best, ids, sure = np.full((height, width), np.inf), np.full((height, width), -1), np.ones((height, width), bool)
    for t, corners in enumerate(triangles):
        c = clip[corners].astype(np.float64)
        m = c[:, [0, 1, 3]].T
        adjugate = np.stack([np.cross(m[:, 1], m[:, 2]), np.cross(m[:, 2], m[:, 0]), np.cross(m[:, 0], m[:, 1])])
        determinant = m[:, 0] @ adjugate[0]
        if determinant < 0:
            adjugate = -adjugate
        e = ray @ adjugate.T
        scale = np.abs(ray) @ np.abs(adjugate).T + 1e-30
        total = e.sum(-1)
        with np.errstate(all="ignore"):
            b = e / total[..., None]
            z = (b @ c[:, 2]) / (b @ c[:, 3])
        inside = (e >= 0).all(-1) & (total > 0) & (z >= -1) & (z <= 1)
        doubtful = (np.abs(e) < margin * scale).any(-1) & (e > -margin * scale).all(-1) & np.isfinite(z)
        doubtful |= inside & ((np.abs(np.abs(z) - 1) < 1e-4) | ((np.abs(z - best) < 1e-4) & (z != best)))
        sure &= ~doubtful
        closer = inside & (z <= best)
        best[closer], ids[closer] = z[closer], t
    return ids, sure
