"""What is behind people: walls, rooms, streets and gardens out of focus, none of them a place. sRGB in [0, 1], from a seed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from mmreg.arrays import Float

__all__ = ["BACKGROUNDS", "background"]


def _colour(
    rng: np.random.Generator, darkest: float = 0.1, lightest: float = 0.85, saturation: float = 0.3
) -> np.ndarray:
    grey = rng.uniform(darkest, lightest)
    return np.clip(grey + saturation * rng.uniform(-0.5, 0.5, 3), 0, 1)


def _wall(size, rng):
    height, width = size
    down, across = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    return _colour(rng) + (rng.uniform(-0.25, 0.25) * down + rng.uniform(-0.25, 0.25) * across)


def _clouds(size, rng):
    field = np.zeros((*size, 1))
    for k, scale in enumerate((40, 16, 7)):
        noise = gaussian_filter(rng.normal(size=size), scale, mode="reflect")
        field[..., 0] += noise / noise.std() / 2**k
    share = 1 / (1 + np.exp(-1.4 * field))
    return _colour(rng) * share + _colour(rng) * (1 - share)


def _lights(size, rng):
    """Lamps far away at night, each a soft disc."""
    row, column = np.mgrid[: size[0], : size[1]]
    picture = np.broadcast_to(_colour(rng, 0.03, 0.25), (*size, 3)).copy()
    for _ in range(rng.integers(12, 36)):
        y, x, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0.015, 0.06) * size[0]
        glow = 1 / (1 + np.exp((np.hypot(row - y, column - x) - radius) / 1.2))
        picture += glow[..., None] * _colour(rng, 0.15, 0.7, 0.8)
    return picture


def _stripes(size, rng):
    """A curtain, shelves or blinds."""
    row, column = np.mgrid[: size[0], : size[1]]
    turn = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.05)
    period = rng.uniform(0.03, 0.16) * size[0]
    wave = np.sin(2 * np.pi * (np.cos(turn) * column + np.sin(turn) * row) / period + rng.uniform(0, 6))
    share = (0.5 + 0.5 * np.tanh(rng.uniform(0.6, 4) * wave))[..., None]
    return _colour(rng) * share + _colour(rng) * (1 - share)


def _blocks(size, rng):
    """Windows, pictures, furniture: rectangles out of focus."""
    picture = np.broadcast_to(_colour(rng), (*size, 3)).copy()
    for _ in range(rng.integers(6, 16)):
        y, x = rng.uniform(-0.2, 0.9) * size[0], rng.uniform(-0.2, 0.9) * size[1]
        h, w = rng.uniform(0.1, 0.6) * size[0], rng.uniform(0.08, 0.5) * size[1]
        picture[max(int(y), 0) : max(int(y + h), 0), max(int(x), 0) : max(int(x + w), 0)] = _colour(
            rng, 0.05, 0.95, 0.4
        )
    return gaussian_filter(picture, (*(2 * [rng.uniform(0.004, 0.025) * size[0]]), 0), mode="nearest")


def _outdoors(size, rng):
    """Sky above, leaves or earth below."""
    height = size[0]
    horizon = rng.uniform(0.25, 0.75) * height
    rows = np.arange(height)[:, None, None]
    sky = np.array([0.55, 0.7, 0.9]) * rng.uniform(0.7, 1.1) + 0.2 * rows / height
    near, far = (gaussian_filter(rng.normal(size=size), width, mode="reflect") for width in (rng.uniform(2.5, 5), 14.0))
    leaves = near / near.std() + far / far.std()
    green = np.array([0.25, 0.36, 0.17]) * rng.uniform(0.6, 1.6) if rng.random() < 0.7 else _colour(rng, 0.3, 0.6, 0.15)
    ground = green * np.clip(1 + 0.2 * leaves, 0.35, 1.9)[..., None]
    edge = horizon + 0.05 * height * gaussian_filter(rng.normal(size=size[1]), 12, mode="reflect") * 8
    share = 1 / (1 + np.exp((rows[..., 0] - edge[None]) / 4.0))[..., None]
    return sky * share + ground * (1 - share)


BACKGROUNDS = {
    "wall": _wall,
    "clouds": _clouds,
    "lights": _lights,
    "stripes": _stripes,
    "blocks": _blocks,
    "outdoors": _outdoors,
}


def background(kind: str, size: tuple[int, int], seed: int) -> Float[np.ndarray, "height width 3"]:
    """A background of a kind of `BACKGROUNDS`, of (height, width); the same seed gives the same."""
    return np.clip(BACKGROUNDS[kind](size, np.random.default_rng(seed)), 0.0, 1.0).astype(np.float32)
