"""tf_mesh_renderer's picture in float64 numpy, from its equations, at triangle ids that are given."""

import numpy as np


def normalised(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def rotation_about(axis, angle):
    """Rodrigues' formula."""
    k = np.cross(np.eye(3), np.eye(3)[axis])  # k v = axis × v
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def project(points, eye, target, up, fov_y, near, far, aspect):
    forward = normalised(target - eye)
    right = normalised(np.cross(forward, up))
    above = np.cross(right, forward)
    x, y, distance = ((points - eye) @ axis for axis in (right, above, forward))
    slope = np.tan(np.deg2rad(fov_y) / 2)
    z = ((far + near) * distance - 2 * far * near) / (far - near)
    return np.stack([x / (slope * aspect), y / slope, z, distance], -1)


def attributes_at_pixels(clip, attributes, triangles, ids):
    """−1 where nothing is seen; row 0 is the top."""
    height, width = ids.shape
    rows, columns = np.nonzero(ids >= 0)
    corners = triangles[ids[rows, columns]]
    ray = np.stack([(columns + 0.5) * 2 / width - 1, 1 - (rows + 0.5) * 2 / height, np.ones(len(rows))], -1)
    weights = np.linalg.solve(np.swapaxes(clip[corners][..., [0, 1, 3]], 1, 2), ray[..., None])
    weights /= weights.sum(axis=1, keepdims=True)
    out = np.full((height, width, attributes.shape[-1]), -1.0)
    out[rows, columns] = (weights * attributes[corners]).sum(axis=1)
    return out


def shade(normal, position, diffuse, lights, intensities, ambient, eye, specular, shininess, pixel_normalised):
    rgb = diffuse * ambient
    for light, intensity in zip(lights, intensities, strict=True):
        towards = normalised(light - position)
        facing = np.clip((normal * towards).sum(-1, keepdims=True), 0, 1)
        mirrored = normalised(2 * facing * normal - towards)
        gleam = (mirrored * normalised(eye - position)).sum(-1, keepdims=True)
        if pixel_normalised:
            gleam = gleam / np.sqrt((gleam**2).sum())
        gleam = np.where(facing > 0, np.clip(gleam, 0, 1), 0)
        highlight = np.where(gleam > 0, np.where(gleam > 0, gleam, 1) ** shininess, 0)
        rgb = rgb + intensity * (diffuse * facing + specular * highlight)
    return rgb


def mesh_renderer(
    ids,
    vertices,
    triangles,
    normals,
    diffuse_colors,
    camera_position,
    camera_lookat,
    camera_up,
    light_positions,
    light_intensities,
    specular_colors,
    shininess_coefficients,
    ambient_color,
    fov_y,
    near_clip,
    far_clip,
    pixel_normalised_reflection=False,
):
    """RGB, (batch, height, width, 3); every argument has its full shape, shininess one number a vertex."""
    pictures = []
    for b in range(len(ids)):
        aspect = ids.shape[2] / ids.shape[1]
        clip = project(
            vertices[b], camera_position[b], camera_lookat[b], camera_up[b], fov_y[b], near_clip[b], far_clip[b], aspect
        )
        packed = [normals[b], vertices[b], diffuse_colors[b], specular_colors[b], shininess_coefficients[b][:, None]]
        at_pixels = attributes_at_pixels(clip, np.concatenate(packed, axis=-1), triangles, ids[b])
        rgb = shade(
            normalised(at_pixels[..., :3]),
            at_pixels[..., 3:6],
            at_pixels[..., 6:9],
            light_positions[b],
            light_intensities[b],
            ambient_color[b],
            camera_position[b],
            at_pixels[..., 9:12],
            at_pixels[..., 12:],
            pixel_normalised_reflection,
        )
        pictures.append(np.where(ids[b][..., None] >= 0, rgb, 0.0))
    return np.stack(pictures)
