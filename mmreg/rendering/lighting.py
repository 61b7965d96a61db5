"""Point lights, and a sampler of the light that photographs are taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Array, Float
from mmreg.rendering.color import blackbody_linear_rgb

# Correlated colour temperatures of common indoor and outdoor sources, in kelvin. Paper: the table isn't given; ours is
# the usual one of photographers' handbooks.
LIGHT_SOURCES_KELVIN = {
    "candle": 1900.0,
    "incandescent lamp": 2700.0,
    "halogen lamp": 3200.0,
    "warm fluorescent tube": 3000.0,
    "cool fluorescent tube": 4200.0,
    "morning sun": 4300.0,
    "noon sun": 5400.0,
    "electronic flash": 5600.0,
    "daylight": 6500.0,
    "overcast sky": 7000.0,
    "open shade": 8000.0,
}


class PointLights(NamedTuple):
    """Point lights and an ambient term, in linear light.

    `intensity` is what a white surface facing the light sends back; it doesn't fall off with distance, since lights stand
    metres away from a subject of decimetres. Paper: two lights (section 3.2); any number is taken here.
    """

    position_world: Float[Array, "batch light 3"]
    intensity: Float[Array, "batch light 3"]
    ambient: Float[Array, "batch 3"]


@dataclass(frozen=True)
class LightSettings:
    """The light that `sample_lights` draws. Paper: two lights of varying intensity, several metres away, colours of
    common sources, perturbed. The ranges are ours.
    """

    light_count: int = 2
    distance_mm: tuple[float, float] = (1500.0, 4000.0)
    azimuth_degrees: tuple[float, float] = (-75.0, 75.0)
    elevation_degrees: tuple[float, float] = (-15.0, 65.0)
    share: tuple[float, float] = (0.15, 1.0)  # of the direct light, before the shares are made to add up to 1
    ambient_share: tuple[float, float] = (0.25, 0.6)  # of the whole light
    temperature_jitter: float = 0.08  # standard deviation of the logarithm
    white_balance: float = 0.6  # how much of a source's tint the camera corrects; 1 makes every light white
    exposure_jitter: float = 0.22  # standard deviation of the logarithm
    exposure: float = 1.5  # direct light at share 1 and no ambient


def sample_lights(batch: int, seed: int, settings: LightSettings = LightSettings()) -> PointLights:
    """Draws `batch` light set-ups around a subject at the origin that faces +z (numpy, float32)."""
    rng = np.random.default_rng(seed)
    shape = (batch, settings.light_count)
    azimuth = np.deg2rad(rng.uniform(*settings.azimuth_degrees, shape))
    elevation = np.deg2rad(rng.uniform(*settings.elevation_degrees, shape))
    direction = np.stack(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)], axis=-1
    )
    position = direction * rng.uniform(*settings.distance_mm, shape)[..., None]

    tint = sample_tint(batch, rng, settings)  # one source lights a picture
    share = rng.uniform(*settings.share, shape)
    share /= share.sum(axis=1, keepdims=True)
    ambient_share = rng.uniform(*settings.ambient_share, batch)
    exposure = np.exp(rng.normal(0.0, settings.exposure_jitter, batch))
    direct = settings.exposure * (1.0 - ambient_share) * exposure
    intensity = (share * direct[:, None])[..., None] * tint[:, None]
    ambient = (ambient_share * exposure)[:, None] * tint
    return PointLights(*(a.astype(np.float32) for a in (position, intensity, ambient)))


def sample_tint(batch: int, rng: np.random.Generator, settings: LightSettings) -> Float[np.ndarray, "batch 3"]:
    """Colours of random common sources after the camera's partial white balance; each has a mean of 1."""
    kelvin = rng.choice(list(LIGHT_SOURCES_KELVIN.values()), batch)
    kelvin = kelvin * np.exp(rng.normal(0.0, settings.temperature_jitter, batch))
    tint = 1.0 + (1.0 - settings.white_balance) * (blackbody_linear_rgb(kelvin) - 1.0)
    return tint / tint.mean(axis=1, keepdims=True)


def studio_lights(batch: int) -> PointLights:
    """The book's own light: a white key from the upper left, a weaker fill from the right, the same for every face."""
    position = np.array([[-900.0, 1100.0, 1500.0], [1200.0, 500.0, 1400.0]], np.float32)
    intensity = np.array([[0.62] * 3, [0.30] * 3], np.float32)
    tiled = (np.repeat(a[None], batch, axis=0) for a in (position, intensity, np.full(3, 0.42, np.float32)))
    return PointLights(*tiled)
