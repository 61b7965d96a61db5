"""In place of Labeled Faces in the Wild: several photographs of each of many people, taken anyhow."""

from __future__ import annotations

import numpy as np

from mmreg.data.records import PhotoSet
from mmreg.data.stand_ins.people import person_name
from mmreg.data.stand_ins.photography import LIGHTS, Shot, draw_background, draw_expression
from mmreg.data.stand_ins.sets import checked, photo_of, stand_in_checksum
from mmreg.data.stand_ins.spoiling import Spoiling
from mmreg.data.stand_ins.wear import OCCLUDERS

__all__ = ["lfw_like", "snapshot"]

SIZE = (250, 250)  # as LFW's
_LIGHT_CHANCES = {
    "studio": 3,
    "window": 3,
    "sun": 3,
    "overcast": 2,
    "flash": 3,
    "evening": 2,
    "side": 1,
    "below": 0.5,
    "stage": 1,
    "back": 1,
}
COVERED = 0.2  # of the photographs something is in the way


def lfw_like(people: int = 40, seed: int = 0) -> PhotoSet:
    """Stands in for LFW: `people` outside the model's span, each in two to eight snapshots of 250 x 250 pixels.

    Harder than what the regressor is trained on: poses to about 50 degrees, expressions of all kinds, hair, glasses and clothes, one picture
    in five partly covered, ten kinds of light and several colours of it, lenses from a phone's to a telephoto, blur, noise and JPEG.
    Easier than LFW: skins and shapes are a generator's, and a person never ages between two pictures.

    Labels: yaw_degrees, light, things (names, or ""), and the person's gender, age, african, asian, european, skin_luminance.

    Raises:
        InputError: a count below 1.
    """
    checked(people=people, seed=seed)
    photos = []
    for index in range(people):
        rng = np.random.default_rng((0x4C4657, seed, index))
        for number in range(1, 3 + min(int(rng.geometric(0.4)), 6)):
            shot, labels = snapshot(rng)
            photos.append(photo_of(f"{person_name(seed, index)}_{number:04d}", seed, index, shot, labels))
    return PhotoSet("LFW-like stand-in", True, photos, stand_in_checksum("lfw_like", people=people, seed=seed))


def snapshot(rng: np.random.Generator) -> tuple[Shot, dict[str, str | float]]:
    """A photograph taken anyhow, and its labels."""
    chances = np.array(list(_LIGHT_CHANCES.values()))
    light = str(rng.choice(list(_LIGHT_CHANCES), p=chances / chances.sum()))
    lamps, ambient = LIGHTS[light](rng)
    exposure = float(np.exp(rng.normal(0.0, 0.18)))
    things = (str(rng.choice(list(OCCLUDERS))),) if rng.random() < COVERED else ()
    yaw, pitch, roll = (float(a) for a in np.clip(rng.normal(0, (20.0, 9.0, 7.0)), -52.0, 52.0))
    spoiling = Spoiling(
        blur_pixels=float(rng.exponential(0.5)),
        shake_pixels=float(rng.uniform(2, 6)) if rng.random() < 0.12 else 0.0,
        shake_degrees=float(rng.uniform(0, 180)),
        noise=float(rng.exponential(0.012)),
        resolution=float(rng.uniform(0.45, 1.0)) if rng.random() < 0.25 else 1.0,
        cast=tuple((1 + rng.normal(0, 0.04, 3)).tolist()),
        contrast=float(np.exp(rng.normal(0.03, 0.10))),
        jpeg_quality=int(rng.integers(45, 96)),
        seed=int(rng.integers(2**31)),
    )
    shot = Shot(
        yaw,
        pitch,
        roll,
        distance_mm=float(np.exp(rng.uniform(np.log(420), np.log(2600)))),
        pixels_per_mm=0.70 * float(np.exp(rng.normal(0, 0.08))),
        offset_pixels=tuple(rng.normal(0, 5, 2).tolist()),
        lamps=tuple(lamp.dimmed(exposure) for lamp in lamps),
        ambient=tuple(exposure * a for a in ambient),
        expression=draw_expression(rng, 0.9),
        background=draw_background(rng),
        things=things,
        shine=float(rng.uniform(0.03, 0.2)),
        spoiling=spoiling,
        size=SIZE,
        seed=int(rng.integers(2**31)),
    )
    return shot, {"yaw_degrees": yaw, "light": light, "things": " ".join(things)}
