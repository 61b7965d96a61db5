"""What a person has that no component holds: pulled features, bumps along the normals, creases, moles, scars, patches of skin.

All of it is drawn on the mean face's vertices, so that it follows whatever the face is; lengths are in millimetres. Ours.
"""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float
from mmreg.data.stand_ins.canvas import Canvas, smoothstep
from mmreg.face.landmarks import NOSE_TIP, multi_pie_name

__all__ = ["bumps", "mark_skin", "pulled"]

PULLED = (
    *(multi_pie_name(n) for n in (3, 5, 7, 9, 11, 13, 15, 18, 20, 22, 23, 25, 27, 28, 30, 32, 36, 49, 52, 55, 58)),
    NOSE_TIP,
)
PULL_MM, PULL_RADIUS_MM, PULL_TAIL = 0.75, (12.0, 24.0), 5.0
BUMPS_MM, WAVELENGTHS_MM, WAVES = 0.75, (25.0, 70.0), 48


def pulled(
    mean: Float[np.ndarray, "vertex 3"], anchors: Float[np.ndarray, "anchor 3"], rng: np.random.Generator
) -> Float[np.ndarray, "vertex 3"]:
    """Displacements in mm: every feature is pulled some way of its own, on either side, so that no two sides agree."""
    total = np.zeros_like(mean)
    for anchor in anchors:
        pull = PULL_MM * np.clip(rng.standard_t(PULL_TAIL, 3), -5.0, 5.0)
        radius = rng.uniform(*PULL_RADIUS_MM)
        total += np.exp(-0.5 * ((mean - anchor) ** 2).sum(axis=1, keepdims=True) / radius**2) * pull
    return total


def bumps(
    positions: Float[np.ndarray, "vertex 3"],
    rng: np.random.Generator,
    wavelengths: tuple[float, float] = WAVELENGTHS_MM,
) -> Float[np.ndarray, " vertex"]:
    """A sum of plane waves in random directions, read at the vertices, with a deviation of 1."""
    directions = rng.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = directions * (2 * np.pi / rng.uniform(*wavelengths, (WAVES, 1)))
    phases = (positions @ waves.T + rng.uniform(0, 2 * np.pi, WAVES)).astype(np.float32)
    return np.sqrt(2 / WAVES) * np.cos(phases).sum(axis=1)


def mark_skin(
    c: Canvas, reflectance: Float[np.ndarray, "skin_vertex 3"], age: float, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "skin_vertex 3"], Float[np.ndarray, " skin_vertex"]]:
    """The skin with its marks, linear, and their height above it in mm.

    Everybody has moles and uneven skin; some have scars, birthmarks, spots, pale patches, sunburn, coloured lids; creases deepen
    with age.
    """
    height = np.zeros(len(reflectance))
    on_face = np.flatnonzero((c.face > 0.5) & (c.lips < 0.3) & (c.mouth_bag < 0.3) & (c.eyelids < 0.3))
    skin = reflectance * np.exp(0.035 * c.noise(rng, 40) + 0.02 * c.noise(rng, 20))[:, None]

    def dye(amount: np.ndarray, colour: tuple[float, float, float]) -> None:
        nonlocal skin
        skin = skin * (1.0 - amount[:, None] * (1.0 - np.asarray(colour)))

    def around(centre: np.ndarray, radius: float, ragged: float = 0.0) -> np.ndarray:
        distance = np.linalg.norm(c.skin - centre, axis=1)
        if ragged:
            distance = distance + ragged * radius * (0.6 * c.noise(rng, 20) + 0.4 * c.noise(rng, 10))
        return smoothstep(1.15 * radius, 0.75 * radius, distance)

    def somewhere() -> np.ndarray:
        return c.skin[rng.choice(on_face)]

    for _ in range(rng.poisson(2.5)):
        spot = around(somewhere(), rng.uniform(1.6, 3.6))
        dye(spot * rng.uniform(0.4, 0.9), (0.30, 0.20, 0.16))
        height += rng.uniform(0.0, 1.3) * spot
    if rng.random() < 0.15:  # a port-wine stain or a brown birthmark
        colour = (0.72, 0.34, 0.38) if rng.random() < 0.5 else (0.45, 0.34, 0.27)
        dye(around(somewhere(), rng.uniform(10, 30), ragged=0.35) * rng.uniform(0.35, 0.8), colour)
    if rng.random() < 0.07:  # vitiligo
        patches = c.noise(rng, 90) + 0.6 * c.noise(rng, 20) + 0.35 * c.noise(rng, 10)
        pale = smoothstep(0.75, 1.05, patches) * (1 - np.clip(c.lips, 0, 1))
        target = np.maximum(skin, np.array([0.62, 0.46, 0.38]))
        skin = skin + 0.8 * pale[:, None] * (target - skin)
    if rng.random() < 0.2:
        scar = _line(c, somewhere(), rng)
        dye(scar * rng.uniform(0.2, 0.6), (1.10, 0.78, 0.76))
        height += rng.uniform(-1.2, 0.9) * scar
    if rng.random() < 0.2:  # spots
        where = np.clip(around(somewhere(), 26.0) + around(somewhere(), 22.0), 0, 1)
        dye(0.6 * np.clip(c.noise(rng, 6) - 0.9, 0, 1) * where, (0.85, 0.35, 0.35))
    if rng.random() < 0.12:  # sunburn
        dye(rng.uniform(0.3, 0.7) * np.clip(c.nose + c.cheeks + 0.6 * c.forehead, 0, 1), (0.95, 0.62, 0.60))
    if rng.random() < 0.15:  # coloured lids
        dye(np.clip(1.4 * c.upper_lid, 0, 1) * rng.uniform(0.4, 0.9), tuple(rng.uniform(0.35, 1.0, 3)))
    ageing = float(np.clip((age - 30) / 45, 0, 1.2))
    creases = 0.9 * c.nasolabial + 0.7 * c.forehead_lines + 0.5 * c.crows_feet + 0.8 * c.frown
    height -= ageing * rng.uniform(0.2, 1.2) * creases
    return skin, height


def _line(c: Canvas, start: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, " skin_vertex"]:
    """A line across the skin from `start` in any direction seen from the front, about three millimetres wide."""
    angle = rng.uniform(0, 2 * np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    offset = c.skin[:, :2] - start[:2]
    length = rng.uniform(15, 50)
    t, across = offset @ along, offset @ np.array([-along[1], along[0]])
    bend = rng.normal(0, 0.006) * t * (length - t)
    ends = smoothstep(-3, 1, t) * smoothstep(length + 3, length - 1, t)
    return np.exp(-0.5 * ((across - bend) / 1.6) ** 2) * ends * (np.abs(c.skin[:, 2] - start[2]) < 45)
