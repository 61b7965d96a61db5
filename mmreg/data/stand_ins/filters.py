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
    size = radius + 1
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
    return chosen


def painting(picture: Picture, rng: np.random.Generator) -> Picture:
    """Oil on canvas: patches of strong colour, strokes along the edges, the weave of the cloth, a painter's own palette."""
    height, width = picture.shape[:2]
    wobble = [_blur(rng.normal(size=(height, width)), 6.0) for _ in range(2)]
    rows, columns = np.mgrid[:height, :width].astype(float)
    place = [rows + 1.6 * wobble[0] / wobble[0].std(), columns + 1.6 * wobble[1] / wobble[1].std()]
    picture = np.stack([map_coordinates(picture[..., k], place, order=1, mode="nearest") for k in range(3)], axis=-1)
    patches = _kuwahara(_kuwahara(picture, 6), 4)
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
    """Graphite on grained paper: outlines, hatching that crosses where it is dark, no colour."""
    height, width = picture.shape[:2]
    grey = _blur(_grey(picture), 0.8)
    local = 0.6 * grey + 0.4 * np.clip(0.5 + 2.0 * (grey - _blur(grey, 24.0)), 0, 1)
    dodge = np.clip(grey / np.maximum(_blur(grey, 5.0), 0.02), 0, 1.0) ** 3
    rows, columns = np.mgrid[:height, :width].astype(float)
    paper = _blur(rng.normal(size=(height, width)), 0.7)
    paper = paper / paper.std()
    shade = np.zeros_like(grey)
    base = rng.uniform(0.6, 0.95)
    for turn, darkest in ((base, 0.62), (base + 0.9, 0.42), (base - 0.55, 0.24)):
        bend = 3.0 * np.sin(columns / 61.0) + 1.5 * paper
        stroke = 0.5 + 0.5 * np.sin(2 * np.pi * (np.cos(turn) * columns + np.sin(turn) * rows + bend) / 3.6)
        depth = np.clip((darkest - local) / 0.28, 0, 1)
        shade = shade + 0.45 * depth * (0.35 + 0.65 * stroke)
    drawing = 0.97 * dodge - shade * (1.0 + 0.25 * paper) - 0.02 * paper
    tone = np.array([1.0, 0.99, 0.955])
    return np.clip(np.clip(drawing, 0.10, 0.98)[..., None] * tone, 0, 1)


def poster(picture: Picture, rng: np.random.Generator) -> Picture:
    """A screen print: four flat inks by brightness, and dark outlines."""
    inks = np.array([
        [(0.10, 0.12, 0.25), (0.80, 0.17, 0.20), (0.46, 0.66, 0.70), (0.98, 0.89, 0.68)],
        [(0.09, 0.10, 0.14), (0.16, 0.42, 0.47), (0.92, 0.55, 0.24), (0.97, 0.91, 0.78)],
        [(0.20, 0.07, 0.25), (0.62, 0.18, 0.43), (0.95, 0.52, 0.45), (1.00, 0.90, 0.62)],
        [(0.07, 0.16, 0.16), (0.24, 0.45, 0.28), (0.72, 0.72, 0.30), (0.98, 0.94, 0.80)],
    ])[rng.integers(4)]  # fmt: skip
    grey = _grey(_kuwahara(_blur(picture, 1.0), 6))
    middle = grey[grey.shape[0] // 5 : -grey.shape[0] // 5, grey.shape[1] // 4 : -grey.shape[1] // 4]
    edges = np.quantile(middle, (0.22, 0.48, 0.74))
    printed = inks[np.digitize(grey, edges)]
    smooth = _blur(_grey(picture), 1.2)
    outline = np.clip(8.0 * np.hypot(sobel(smooth, 0), sobel(smooth, 1)) - 2.6, 0, 1)[..., None]
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
