"""In place of BAM, the Behance artistic media: portraits in paint, pencil and print, and the photographs they were made from."""

from __future__ import annotations

from functools import partial

import numpy as np

from mmreg.data.records import PhotoSet
from mmreg.data.stand_ins.filters import STYLES
from mmreg.data.stand_ins.people import person_name
from mmreg.data.stand_ins.photography import LIGHTS, Shot, draw_background, draw_expression
from mmreg.data.stand_ins.sets import checked, photo_of, stand_in_checksum

__all__ = ["art_like"]

SIZE = (288, 288)


def art_like(people: int = 6, seed: int = 0) -> PhotoSet:
    """Stands in for BAM's portraits: each person's photograph (style "photograph"), and the same as painting, pencil, poster, halftone.

    Harder than the training's pictures: none of them has skin's colours or its shading, some have no colour at all. Easier than art: the
    proportions are the person's own, for no filter exaggerates as artists do.

    Labels: style, and the person's own as in `lfw_like`.

    Raises:
        InputError: a count below 1.
    """
    checked(people=people, seed=seed)
    photos = []
    for index in range(people):
        rng = np.random.default_rng((0x415254, seed, index))
        lamps, ambient = LIGHTS[str(rng.choice(["studio", "window", "overcast"]))](rng)
        yaw, pitch, roll = rng.normal(0, (13, 5, 4)).tolist()
        shot = Shot(
            yaw,
            pitch,
            roll,
            lamps=lamps,
            ambient=ambient,
            pixels_per_mm=0.86,
            expression=draw_expression(rng, 0.5),
            background=draw_background(rng),
            size=SIZE,
            seed=int(rng.integers(2**31)),
        )
        for style in ("photograph", *STYLES):
            drawn = partial(_drawn, style, int(rng.integers(2**31))) if style in STYLES else None
            photos.append(photo_of(f"{person_name(seed, index)}_{style}", seed, index, shot, {"style": style}, drawn))
    return PhotoSet("BAM-like stand-in", True, photos, stand_in_checksum("art_like", people=people, seed=seed))


def _drawn(style: str, seed: int, picture: np.ndarray) -> np.ndarray:
    return STYLES[style](picture, np.random.default_rng(seed))
