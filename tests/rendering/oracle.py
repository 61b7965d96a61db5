"""The renderer in float64 numpy, slow and from the equations: ids by a scan, barycentrics, Phong; and finite differences."""

import numpy as np


def pixel_rays(image_size):
    """(X, Y, 1) of each pixel's centre."""
    height, width = image_size
    x = (np.arange(width) + 0.5) * 2 / width - 1
    y = 1 - (np.arange(height) + 0.5) * 2 / height
    return np.stack([*np.meshgrid(x, y), np.ones((height, width))], -1)


def triangle_ids(clip, triangles, image_size, margin=1e-5):
    """(ids, sure) of one image, and the pixels where rounding to float32 can't change them."""
    whole = pixel_rays(image_size)
    best, ids, sure = np.full(image_size, np.inf), np.full(image_size, -1), np.ones(image_size, bool)
    for t, corners in enumerate(triangles):
        c = clip[corners].astype(np.float64)
        if not np.isfinite(c).all():
            continue
        box = _box(c, image_size)
        ray = whole[box]
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
        nearest = best[box]
        with np.errstate(invalid="ignore"):
            alike = (triangles[ids[box]] == corners).all(-1)  # which round alike, so that the later is surely seen
            doubtful |= inside & ((np.abs(np.abs(z) - 1) < 1e-4) | ((np.abs(z - nearest) < 1e-4) & ~alike))
        sure[box] &= ~doubtful
        closer = inside & (z <= nearest)
        nearest[closer], ids[box][closer] = z[closer], t  # both are views
    return ids, sure


def _box(corners, image_size):
    """The rows and columns of a triangle, two pixels more on every side; all of them if it reaches behind the camera."""
    if not (corners[:, 3] > 0).all():
        return slice(None), slice(None)
    x, y = corners[:, 0] / corners[:, 3], corners[:, 1] / corners[:, 3]
    slices = []
    for place, size in ((1 - y, image_size[0]), (1 + x, image_size[1])):
        place = np.clip(place * size / 2, -9, size + 9)
        slices.append(slice(max(int(place.min()) - 2, 0), max(int(place.max()) + 3, 0)))
    return tuple(slices)


def barycentrics(clip, triangles, ids):
    """(pixel 3) of the pixels of one image that see a triangle, in `np.nonzero`'s order.

    Solved, not by edge functions: some Σ bᵢ (xᵢ, yᵢ, wᵢ) lies on the ray through the pixel.
    """
    seen = ids >= 0
    corners = clip[triangles[ids[seen]]].astype(np.float64)
    b = np.linalg.solve(np.swapaxes(corners[..., [0, 1, 3]], 1, 2), pixel_rays(ids.shape)[seen][..., None])[..., 0]
    return b / b.sum(-1, keepdims=True)


def interpolate(clip, attributes, triangles, ids):
    """(pixel n), as `barycentrics`."""
    corners = attributes[triangles[ids[ids >= 0]]].astype(np.float64)
    return np.einsum("pk,pkn->pn", barycentrics(clip, triangles, ids), corners)


def normalised(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def phong(normal, position, diffuse, light_position, intensity, ambient, eye, c, shininess):
    """Radiance of surface points (pixel 3) by the equation in `shading.phong`'s words."""
    radiance = diffuse * ambient
    for light, strength in zip(light_position, intensity, strict=True):
        towards, n = normalised(light - position), normalised(normal)
        cosine = (n * towards).sum(-1, keepdims=True)
        mirrored = 2 * cosine * n - towards
        gleam = (mirrored * normalised(eye - position)).sum(-1, keepdims=True)
        highlight = np.where((cosine > 0) & (gleam > 0), np.maximum(gleam, 1e-300) ** shininess, 0)
        radiance = radiance + strength * (diffuse * np.maximum(cosine, 0) + (c - c * diffuse) * highlight)
    return radiance


def radiance(scene, triangles, ids, shininess):
    """The picture (batch height width 3) of `scenes.lit_scene`'s dictionary, at triangle ids that are given."""
    picture = np.zeros((*ids.shape, 3))
    for i in range(len(ids)):
        s = {name: np.asarray(value[i], np.float64) for name, value in scene.items()}
        clip = (
            np.concatenate([s["positions_world"], np.ones((len(s["positions_world"]), 1))], -1) @ s["world_to_clip"].T
        )
        packed = np.concatenate([s["normals_world"], s["positions_world"], s["diffuse"]], -1)
        normal, position, diffuse = np.split(interpolate(clip, packed, triangles, ids[i]), 3, axis=-1)
        light, eye, c = (
            (s["light_position"], s["intensity"], s["ambient"]),
            s["camera_position"],
            s["specular_constant"],
        )
        picture[i][ids[i] >= 0] = phong(normal, position, diffuse, *light, eye, c, shininess)
    return picture


def numeric_gradient(function, x, step=1e-6):
    """∂function/∂x by central differences, one coordinate after another."""
    x = np.array(x, np.float64)
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            ends.append(function(moved))
        gradient[place] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def relative_error(gradient, exact):
    """‖gradient − exact‖ / ‖exact‖ over all coordinates; the length itself where the exact gradient is 0."""
    return np.linalg.norm(np.asarray(gradient, np.float64) - exact) / (np.linalg.norm(exact) or 1.0)


def directional_error(function, gradient, x, seed=0, step=1e-5, probes=12):
    """Largest error of a directional derivative, relative to the gradient's length: for arrays too large for `numeric_gradient`."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(probes):
        direction = rng.normal(size=x.shape)
        direction /= np.linalg.norm(direction)
        numeric = (function(x + step * direction) - function(x - step * direction)) / (2 * step)
        worst = max(worst, abs(numeric - (gradient * direction).sum()) / np.linalg.norm(gradient))
    return worst
