"""Photographs as if made by hand: paint, pencil, a printed poster, a newspaper's dots. sRGB in [0, 1] to the same. Ours."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, sobel, uniform_filter

from mmreg.arrays import Float

__all__ = ["STYLES", "halftone", "painting", "pencil", "poster"]

Picture = Float[np.ndarray, "height width 3"]


def _grey(picture: np.ndarray) -> np.ndarray:
    return picture @ np.array([0.299, 0.587, 0.114])


def _blur(picture: np.ndarray, deviation: float) -> np.ndarray:
    deviations = (deviation, deviation, 0.0) if picture.ndim == 3 else deviation
    return gaussian_filter(picture, deviations, mode="nearest")


def _kuwahara(picture: np.ndarray, radius: int) -> np.ndarray:
    """Each pixel the mean of that of eight windows around it which varies least: edges stay, what lies between becomes patches."""
    size, margin = radius + 1, radius + 1
    picture = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    grey = _grey(picture)
    mean = uniform_filter(picture, (size, size, 1), mode="nearest")
    variance = uniform_filter(grey**2, size, mode="nearest") - uniform_filter(grey, size, mode="nearest") ** 2
    reach = radius / 2
    best, chosen = np.full(grey.shape, np.inf), picture.copy()
    for angle in np.arange(8) * np.pi / 4:
        dy, dx = round(reach * np.sin(angle)), round(reach * np.cos(angle))
        moved_variance = np.roll(variance, (dy, dx), (0, 1))
        better = moved_variance < best
        best = np.where(better, moved_variance, best)
        chosen = np.where(better[..., None], np.roll(mean, (dy, dx), (0, 1)), chosen)
    return chosen[margin:-margin, margin:-margin]


def painting(picture: Picture, rng: np.random.Generator) -> Picture:
    """Oil on canvas: patches of strong colour, strokes along the edges, the weave of the cloth, a painter's own palette."""
    height, width = picture.shape[:2]
    wobble = [_blur(rng.normal(size=(height, width)), 6.0) for _ in range(2)]
    rows, columns = np.mgrid[:height, :width].astype(float)
    place = [rows + 0.9 * wobble[0] / wobble[0].std(), columns + 0.9 * wobble[1] / wobble[1].std()]
    picture = np.stack([map_coordinates(picture[..., k], place, order=1, mode="nearest") for k in range(3)], axis=-1)
    patches = _kuwahara(_kuwahara(picture, 4), 3)
    grey = _grey(patches)[..., None]
    warm = np.array([1.04, 0.99, 0.90]) if rng.random() < 0.7 else np.array([0.93, 1.0, 1.07])
    patches = np.clip(grey + rng.uniform(1.25, 1.7) * (patches - grey), 0, 1) * warm
    patches = np.round(patches * 14) / 14 * 0.6 + patches * 0.4
    flow = _blur(np.stack([sobel(grey[..., 0], 0), sobel(grey[..., 0], 1)], axis=-1), 4.0)
    angle = np.arctan2(flow[..., 0], flow[..., 1]) + np.pi / 2 + 0.4 * wobble[0] / wobble[0].std()
    bristle = rng.normal(size=(height, width))
    for _ in range(2):  # bristles: noise smeared along the strokes
        total = np.zeros_like(bristle)
        for step in range(-6, 7):
            total += map_coordinates(
                bristle, [rows + step * np.sin(angle), columns + step * np.cos(angle)], order=1, mode="mirror"
            )
        bristle = total / total.std()
    weave = np.sin(2 * np.pi * rows / 3.1) * np.sin(2 * np.pi * columns / 3.1)
    light = 1.0 + 0.055 * bristle + 0.012 * weave
    return np.clip(patches * light[..., None], 0, 1)


def pencil(picture: Picture, rng: np.random.Generator) -> Picture:
    """Graphite on grained paper: outlines, and hatching that crosses where it is dark; no colour."""
    height, width = picture.shape[:2]
    grey = _blur(_grey(picture), 1.0)
    face = grey[height // 4 : -height // 4, width // 3 : -width // 3]
    low, high = np.quantile(face, (0.05, 0.95))
    tone = np.clip((grey - low) / max(high - low, 0.05), 0, 1)
    rows, columns = np.mgrid[:height, :width].astype(float)
    paper, tremble = (_blur(rng.normal(size=(height, width)), grain) for grain in (0.6, 5.0))
    paper, tremble = paper / paper.std(), tremble / tremble.std()
    shade = np.zeros_like(grey)
    base = rng.uniform(0.6, 0.95)
    for turn, lightest in ((base, 0.85), (base + 1.15, 0.5), (base - 0.5, 0.25)):
        across = np.cos(turn) * columns + np.sin(turn) * rows + 0.7 * tremble
        stroke = np.clip(0.5 + 0.9 * np.sin(2 * np.pi * across / 4.2), 0, 1)
        shade += 0.42 * np.clip((lightest - tone) / 0.5, 0, 1) * stroke
    lines = np.clip((_blur(grey, 3.5) - grey) / np.maximum(_blur(grey, 3.5), 0.05) * 4.0 - 0.12, 0, 1)
    graphite = np.clip((0.85 * shade + 0.9 * lines) * (1.0 + 0.3 * paper), 0, 0.88)
    return np.clip((0.965 - 0.012 * paper - graphite)[..., None] * np.array([1.0, 0.99, 0.955]), 0, 1)


def poster(picture: Picture, rng: np.random.Generator) -> Picture:
    """A screen print: four flat inks by brightness, and dark outlines."""
    inks = np.array([
        [(0.10, 0.12, 0.25), (0.80, 0.17, 0.20), (0.46, 0.66, 0.70), (0.98, 0.89, 0.68)],
        [(0.09, 0.10, 0.14), (0.16, 0.42, 0.47), (0.92, 0.55, 0.24), (0.97, 0.91, 0.78)],
        [(0.20, 0.07, 0.25), (0.62, 0.18, 0.43), (0.95, 0.52, 0.45), (1.00, 0.90, 0.62)],
        [(0.07, 0.16, 0.16), (0.24, 0.45, 0.28), (0.72, 0.72, 0.30), (0.98, 0.94, 0.80)],
    ])[rng.integers(4)]  # fmt: skip
    fine = _blur(_grey(picture), 0.9)
    grey = 0.5 * _grey(_kuwahara(_blur(picture, 2.0), 6)) + 0.5 * fine
    height, width = grey.shape
    face = grey[height // 4 : -height // 4, width // 3 : -width // 3]
    printed = inks[np.digitize(_blur(grey, 0.8), np.quantile(face, (0.07, 0.30, 0.62)))]
    around = _blur(fine, 4.0)
    outline = np.clip(9.0 * (around - fine) / np.maximum(around, 0.08) - 0.9, 0, 1)[..., None]
    return np.clip(_blur(printed * (1 - outline) + inks[0] * outline, 0.6), 0, 1)


def halftone(picture: Picture, rng: np.random.Generator) -> Picture:
    """A newspaper: dots of cyan, magenta, yellow and black ink, each grid turned its own way."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(float)
    cmy = 1 - np.clip(1.1 * (picture - 0.5) + 0.5, 0, 1)
    black = 0.7 * cmy.min(axis=-1)
    amounts = [*np.moveaxis((cmy - black[..., None]) / np.maximum(1 - black[..., None], 1e-3), -1, 0), black]
    inks = np.array([(0.05, 0.62, 0.85), (0.88, 0.10, 0.50), (0.98, 0.86, 0.10), (0.08, 0.08, 0.09)])
    page = np.broadcast_to([0.96, 0.94, 0.88], picture.shape).copy()
    period = rng.uniform(3.4, 4.6)
    for amount, ink, degrees in zip(amounts, inks, (15, 75, 0, 45), strict=True):
        turn = np.deg2rad(degrees + rng.normal(0, 1))
        u = (np.cos(turn) * columns + np.sin(turn) * rows) / period
        v = (np.cos(turn) * rows - np.sin(turn) * columns) / period
        screen = 0.5 - 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
        dot = np.clip(0.5 + 3.2 * (np.clip(amount, 0, 1) - screen), 0, 1)[..., None]
        page = page * (1 - dot * (1 - ink))
    return np.clip(_blur(page, 0.35), 0, 1)


STYLES = {"painting": painting, "pencil": pencil, "poster": poster, "halftone": halftone}
