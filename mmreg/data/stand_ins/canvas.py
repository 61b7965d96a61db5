"""Where on the head things are: soft masks on the mean face for the painter of `paint.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["Canvas", "HeadParts", "smoothstep"]

Numbers = float | int | np.ndarray
NOISE_WAVELENGTHS_MM = (90, 40, 20, 10, 6)


def smoothstep(a: Numbers, b: Numbers, t: Numbers) -> Numbers:
    """0 before a, 1 after b, 3u² − 2u³ between; a may be the greater one."""
    u = np.clip((t - a) / (b - a), 0, 1)
    return u * u * (3 - 2 * u)


class HeadParts(NamedTuple):
    """What the mean head is made of, as far as paint asks. Skin vertices and those of an eyeball are numbered apart.

    Attributes:
        skin, skin_normals: (vertex, 3) mm; unit vectors.
        eyes: (2, eye vertex, 3) mm, the subject's left eyeball and the right one, vertex for vertex the other's mirror image.
        eye_directions: (eye vertex, 3) unit vectors from the middle of the left eyeball; +z is the axis of sight.
        masks: (vertex,) in [0, 1] by name: "face", "ears", "eyelids", "mouth_bag", "lips".
        skin_sky, eye_sky: (vertex,) and (2, eye vertex) the share of the sky that a vertex sees.
    """

    skin: np.ndarray
    skin_normals: np.ndarray
    eyes: np.ndarray
    eye_directions: np.ndarray
    masks: Mapping[str, np.ndarray]
    skin_sky: np.ndarray
    eye_sky: np.ndarray


class Canvas:
    """The mean head's skin in mm, and soft masks on it in [0, 1]; eyes look to +z, everything is mirrored in |x|."""

    def __init__(self, head: HeadParts) -> None:
        self.skin, self.normals, self.eye_directions = head.skin, head.skin_normals, head.eye_directions
        self.x, self.y, self.z = np.abs(self.skin[:, 0]), self.skin[:, 1], self.skin[:, 2]
        self.face, self.ears, self.eyelids, self.mouth_bag = (
            head.masks[name] for name in ("face", "ears", "eyelids", "mouth_bag")
        )
        self.lips = head.masks["lips"] * (self.z > 0) * (self.x < 40)
        self.eye = np.abs(head.eyes[0].mean(axis=0))
        self.eye[1:] = head.eyes[0, :, 1:].mean(axis=0)
        self.nose_tip = self.skin[np.argmax(np.where(self.mouth_bag < 0.3, self.z, -np.inf))]
        self._measure_mouth()
        self.noise_waves = {w: self._noise_waves(w) for w in NOISE_WAVELENGTHS_MM}
        self._place_skin_regions(head)
        self._place_wrinkles()
        self._place_beard()
        self._place_hollows(head)

    def blob(self, centre: Sequence[Numbers] | np.ndarray, size: Sequence[Numbers]) -> np.ndarray:
        """exp(−½ |(p − c) / size|²) on both sides of the face."""
        offset = np.stack([self.x - abs(centre[0]), self.y - centre[1], self.z - centre[2]], axis=1) / np.array(size)
        return np.exp(-0.5 * (offset**2).sum(axis=1))

    def noise(self, generator: np.random.Generator, wavelength: int) -> np.ndarray:
        """(vertex,) smooth Gaussian noise of unit variance: a sum of plane waves of about this wavelength in mm."""
        waves = self.noise_waves[wavelength]
        amplitudes = generator.normal(size=waves.shape[1]).astype(np.float32)
        return waves @ amplitudes / np.sqrt(len(amplitudes) / 2)

    def _noise_waves(self, wavelength: int, count: int = 30) -> np.ndarray:
        generator = np.random.default_rng(wavelength * 100)
        k = generator.normal(size=(count, 3))
        k *= (
            2 * np.pi / wavelength * generator.uniform(0.8, 1.25, (count, 1)) / np.linalg.norm(k, axis=1, keepdims=True)
        )
        return np.concatenate([np.cos(self.skin @ k.T), np.sin(self.skin @ k.T)], axis=1).astype(np.float32)

    def _measure_mouth(self) -> None:
        on_lips = (self.lips > 0.5) & (self.mouth_bag < 0.2) & (self.z > 0)
        self.mouth = self.skin[on_lips].mean(axis=0)
        self.mouth_half_width = self.x[on_lips].max()
        self.mouth_top, self.mouth_bottom = self.y[on_lips].max(), self.y[on_lips].min()
        below = (self.x < 6) & (self.z > self.mouth[2] - 30) & (self.mouth_bag < 0.3)
        below &= (self.y < self.mouth_bottom - 8) & (self.normals[:, 1] > -0.85)
        self.chin_y = self.y[below].min()

    def _place_skin_regions(self, head: HeadParts) -> None:
        ex, ey, ez = self.eye
        nose, mouth = self.nose_tip, self.mouth
        self.cheeks = self.blob((ex + 9, ey - 27, ez - 2), (16, 13, 30))
        self.nose = self.blob(nose, (11, 10, 16))
        self.nose_wings = self.blob((14, nose[1] - 2, nose[2] - 14), (7, 7, 10))
        self.under_eye = self.blob((ex - 3, ey - 15, ez + 6), (13, 4.5, 25))
        self.inner_eye = self.blob((ex - 12, ey - 12, ez), (8, 5, 25))
        self.upper_lid = self.blob((ex, ey + 9, ez + 8), (15, 5, 20))
        self.socket = self.blob((ex - 2, ey + 6, ez + 8), (17, 11, 25))
        self.forehead = smoothstep(ey + 30, ey + 55, self.y) * self.face
        self.round_mouth = self.blob((0, mouth[1], mouth[2]), (self.mouth_half_width, 16, 25)) * (1 - self.lips)
        self.chin = self.blob((0, self.mouth_bottom - 16, mouth[2] - 3), (14, 12, 25))
        self.middle = self.blob((0, (nose[1] + ey) / 2 + 20, ez + 12), (12, 30, 30))
        to_eyeball = cKDTree(head.eyes.reshape(-1, 3)).query(self.skin)[0]
        self.lash_line = np.exp(-0.5 * (to_eyeball / 1.1) ** 2) * (self.z > ez)

    def _place_wrinkles(self) -> None:
        ex, ey, ez = self.eye
        x, y, z = self.x, self.y, self.z
        self.nasolabial = np.zeros(len(x))
        for t in np.linspace(0, 1, 24):  # from the wing of the nose to beside the mouth
            px = 17 + (self.mouth_half_width + 6 - 17) * t**0.9
            py = self.nose_tip[1] + 1 + (self.mouth[1] - 8 - self.nose_tip[1]) * t
            here = np.exp(-0.5 * ((x - px) ** 2 + (y - py) ** 2) / 2.6**2) * (1 - 0.5 * t) * (z > ez - 25)
            self.nasolabial = np.maximum(self.nasolabial, here)
        fan = 0.5 + 0.5 * np.cos(2 * np.pi * (y - ey - (x - ex - 20) * 0.5 * np.sign(y - ey)) / 5.5)
        outer_corner = smoothstep(ex + 17, ex + 22, x) * smoothstep(ex + 40, ex + 28, x) * (z < ez + 10) * (z > ez - 45)
        self.crows_feet = outer_corner * np.exp(-0.5 * ((y - ey - 1) / 11) ** 2) * fan
        band = smoothstep(ey + 30, ey + 38, y) * smoothstep(ey + 72, ey + 62, y) * np.exp(-((x / 38) ** 4))
        self.forehead_lines = band * np.clip(np.cos(2 * np.pi * (y - 0.004 * x**2) / 10.5), 0, 1) ** 2
        between_brows = np.exp(-0.5 * ((x - 6 + 0.1 * (y - ey - 20)) / 1.6) ** 2)
        self.frown = between_brows * smoothstep(ey + 10, ey + 16, y) * smoothstep(ey + 34, ey + 26, y) * self.face

    def _place_beard(self) -> None:
        _, ey, ez = self.eye
        x, y, z = self.x, self.y, self.z
        half, bottom = self.mouth_half_width, self.mouth_bottom
        jaw = smoothstep(bottom + 45, bottom + 10, y - 0.55 * np.maximum(x - half - 8, 0))
        jaw *= smoothstep(half - 8, half + 20, x) * smoothstep(ey - 18, ey - 30, y - 0.35 * np.maximum(x - 50, 0))
        self.moustache = smoothstep(self.nose_tip[1] - 3, self.nose_tip[1] - 12, y) * smoothstep(half + 16, half - 6, x)
        beard = np.maximum(jaw, self.moustache * smoothstep(bottom - 60, bottom - 20, y))
        beard = np.maximum(beard, smoothstep(bottom - 4, bottom - 10, y))
        beard *= (1 - self.lips) * smoothstep(self.chin_y - 45, self.chin_y - 10, y) * smoothstep(ez - 95, ez - 80, z)
        beard *= (1 - np.clip(self.ears * 1.5, 0, 1)) * (self.mouth_bag < 0.2)
        self.beard = beard * (1 - 0.75 * self.blob((half * 0.55, bottom - 6, self.mouth[2]), (6, 4, 20)))

    def _place_hollows(self, head: HeadParts) -> None:
        """How much light reaches nostrils, ears and the slit of the mouth, and each vertex of the eyeballs."""
        half, mouth_y = self.mouth_half_width, self.mouth[1]
        corners = np.exp(-0.5 * (((self.x - half - 0.5) / 3) ** 2 + ((self.y - mouth_y) / 3) ** 2))
        corners *= (self.z > self.eye[2] - 20) * (self.z < self.mouth[2] + 20)
        sky = head.skin_sky
        self.hollows = (1 - 0.75 * smoothstep(0.42, 0.10, sky)) * (1 - 0.45 * corners)
        self.hollows *= 1 - 0.14 * smoothstep(0.85, 0.40, sky) * self.face
        self.eye_light = 0.30 + 0.70 * np.clip(head.eye_sky / 0.62, 0, 1) ** 0.9
        self.eye_light *= 1 - 0.38 * smoothstep(0.02, 0.40, self.eye_directions[:, 1])  # the upper lid's shadow
