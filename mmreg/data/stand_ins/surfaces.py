"""Surfaces that are photographed: a head, and whatever is put on or before it.

Things are more triangles after the head's own, so that one renderer shades and hides everything; the head keeps its vertices, and with
them the five points that frame it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, Int

__all__ = ["Surface", "box", "capsule", "disc", "joined", "sheet"]

SIZES = 16384  # vertices are filled up to a multiple of it


class Surface(NamedTuple):
    """A mesh in mm with colours in sRGB; triangles are counter-clockwise seen from outside."""

    positions: Float[np.ndarray, "vertex 3"]
    albedo: Float[np.ndarray, "vertex 3"]
    triangles: Int[np.ndarray, "triangle 3"]


def joined(surfaces: list[Surface]) -> Surface:
    """All of them as one; the first keeps its vertices' numbers.

    Vertices that no triangle uses fill it up to one of few sizes, since what is compiled is compiled anew for each.
    """
    starts = np.cumsum([0, *(len(s.positions) for s in surfaces[:-1])])
    count = sum(len(s.positions) for s in surfaces)
    unused = np.zeros((-count % SIZES, 3), np.float32)
    return Surface(
        np.concatenate([*(s.positions for s in surfaces), unused]).astype(np.float32),
        np.concatenate([*(s.albedo for s in surfaces), unused]).astype(np.float32),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=True)]).astype(np.int32),
    )


def sheet(points: Float[np.ndarray, "row column 3"], albedo: np.ndarray) -> Surface:
    """A grid of points as a surface, whose outside is where its rows run down and its columns to the right.

    Args:
        albedo: sRGB, one colour (3,) or one a point (row, column, 3).
    """
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    triangles = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return Surface(points.reshape(-1, 3), np.broadcast_to(albedo, (rows, columns, 3)).reshape(-1, 3), triangles)


def disc(
    centre: Float[np.ndarray, "3"], half: tuple[float, float], exponent: float, bulge: float, albedo: np.ndarray
) -> Surface:
    """A superellipse that faces +z, `bulge` mm higher in its middle than at its rim: a lens."""
    radius = np.linspace(0.0, 1.0, 7)[:, None]
    angle = np.linspace(0.0, 2 * np.pi, 49)[None]
    cos, sin = np.cos(angle), np.sin(angle)
    rim = (np.abs(cos) ** exponent + np.abs(sin) ** exponent) ** (-1 / exponent)
    points = np.stack(
        [half[0] * radius * rim * cos, half[1] * radius * rim * sin, bulge * (1 - radius**2) + 0 * angle], axis=-1
    )
    return sheet(centre + points, albedo)


def box(
    centre: Float[np.ndarray, "3"], half: Float[np.ndarray, "3"], albedo: np.ndarray, rotation: np.ndarray
) -> Surface:
    """A box with its own corners for every side, so that its edges stay sharp."""
    sides = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = (
                np.roll(np.eye(3), -1 - axis, axis=0)[:2] if sign > 0 else np.roll(np.eye(3), -1 - axis, axis=0)[1::-1]
            )
            out = sign * np.eye(3)[axis]
            corners = np.array([[out - u + v, out + u + v], [out - u - v, out + u - v]])
            sides.append(sheet(centre + (corners * half) @ np.transpose(rotation), albedo))
    return joined(sides)


def capsule(
    path: Float[np.ndarray, "point 3"], radii: Float[np.ndarray, " point"], albedo: np.ndarray, around: int = 14
) -> Surface:
    """A tube along a path with round ends: a finger, a strand, the rim of glasses."""
    path, radii = np.asarray(path, float), np.asarray(radii, float)
    first, last = path[1] - path[0], path[-1] - path[-2]
    reach = np.array([1.0, 0.92, 0.71, 0.38])  # of the round ends, with their widths
    width = np.sqrt(1.0 - reach**2)
    before = path[0] - np.outer(reach, first / np.linalg.norm(first) * radii[0])
    after = path[-1] + np.outer(reach[::-1], last / np.linalg.norm(last) * radii[-1])
    points = np.concatenate([before, path, after])
    sizes = np.concatenate([radii[0] * width, radii, radii[-1] * width[::-1]])
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, [0.0, 0.0, 1.0])
    side = np.where(np.linalg.norm(side, axis=1, keepdims=True) < 0.2, np.cross(tangent, [1.0, 0.0, 0.0]), side)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, tangent)
    angle = np.linspace(0, 2 * np.pi, around + 1)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    return sheet(points[:, None] + sizes[:, None, None] * ring, albedo)
