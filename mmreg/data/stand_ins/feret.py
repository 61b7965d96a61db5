"""In place of colour FERET's controlled sessions: one subject, one thing changed at a time, from nothing to far too much."""

from __future__ import annotations

from typing import NamedTuple

from mmreg.data.records import PhotoSet
from mmreg.data.stand_ins.people import person_name
from mmreg.data.stand_ins.photography import EXPRESSIONS, Lamp, Shot
from mmreg.data.stand_ins.sets import checked, photo_of, stand_in_checksum
from mmreg.data.stand_ins.spoiling import Spoiling
from mmreg.data.stand_ins.wear import OCCLUDERS

__all__ = ["FACTORS", "Factor", "feret_like"]

CHIN_MM, BROW_MM = -84.0, 54.0  # above the model's origin, of the mean face


class Factor(NamedTuple):
    """One thing that changes: the unit of its levels, and the levels; the one that changes nothing is `unchanged`."""

    unit: str
    levels: tuple[float, ...]
    unchanged: float
    kinds: tuple[str, ...] = ("",)


FACTORS = {
    "pose": Factor("degrees of yaw", (-75.0, -60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0, 75.0), 0.0),
    "light": Factor(
        "degrees of azimuth of a hard lamp", (-120.0, -90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0, 120.0), 0.0
    ),
    "expression": Factor(
        "share of the whole movement", (0.0, 0.25, 0.5, 0.75, 1.0, 1.25), 0.0, ("smile", "surprise", "anger", "shout")
    ),
    "occlusion": Factor(
        "share of the face's height, from the chin up", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), 0.0, ("bar",)
    ),
    "worn": Factor("1 with it", (1.0,), 0.0, tuple(OCCLUDERS)),
    "blur": Factor("pixels, standard deviation", (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0), 0.0),
    "resolution": Factor("pixels of the picture's side", (256.0, 128.0, 96.0, 64.0, 48.0, 32.0, 24.0), 256.0),
    "compression": Factor("JPEG quality", (95.0, 60.0, 40.0, 25.0, 15.0, 8.0, 4.0), 95.0),
}


def feret_like(subject_count: int = 1, seed: int = 0) -> PhotoSet:
    """Stands in for FERET's stress tests: subjects outside the model's span in one studio, where one factor changes at a time.

    Harder than the training's pictures at every factor's far end: profile views, a lamp from behind, movements beyond the whole, most
    of the face behind a bar, 24 pixels. All else stays: pictures of a subject differ in nothing but the factor.

    Labels: factor (see `FACTORS`), level (in the factor's unit), kind (which expression or thing; "" elsewhere), and the person's own as
    in `lfw_like`. The paper's factors are pose, light, expression, occlusion and blur; resolution, compression and "worn" (sunglasses,
    a mask, a hand ...) are ours.

    Raises:
        InputError: a count below 1.
    """
    checked(subject_count=subject_count, seed=seed)
    photos = []
    for index in range(subject_count):
        for name, factor in FACTORS.items():
            for kind in factor.kinds:
                for number, level in enumerate(factor.levels):
                    photo = f"{person_name(seed, index)}_{'_'.join(filter(None, (name, kind)))}_{number:02d}"
                    labels = {"factor": name, "level": level, "kind": kind}
                    photos.append(photo_of(photo, seed, index, _shot(name, level, kind), labels))
    return PhotoSet(
        "FERET-like stand-in", True, photos, stand_in_checksum("feret_like", people=subject_count, seed=seed)
    )


def _shot(factor: str, level: float, kind: str) -> Shot:
    studio = Shot(background=0.62, seed=7)
    match factor:
        case "pose":
            changed = {"yaw_degrees": level}
        case "light":
            changed = {"lamps": (Lamp(level, 15.0, (1.1,) * 3),), "ambient": (0.16,) * 3}
        case "expression":
            changed = {"expression": {unit: level * amount for unit, amount in EXPRESSIONS[kind].items()}}
        case "occlusion":
            top = CHIN_MM + level * (BROW_MM - CHIN_MM)
            changed = {"bar": (-400.0, top)} if level else {}
        case "worn":
            changed = {"things": (kind,)}
        case "blur":
            changed = {"spoiling": Spoiling(blur_pixels=level)}
        case "resolution":
            changed = {"spoiling": Spoiling(resolution=level / studio.size[0])}
        case _:
            changed = {"spoiling": Spoiling(jpeg_quality=round(level))}
    return studio.changed(**changed)
