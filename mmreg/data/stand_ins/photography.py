"""One photograph of one person: expression, pose, lens, light, things in the way, background, and a camera that isn't perfect.

Pictures show a head with its neck and shoulders before a background, wider than an encoder's chip, so that faces must be found first.
They are rendered by the renderer that training uses (`photograph_surface`), with other scenes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from mmreg.arrays import Float
from mmreg.data.stand_ins.backgrounds import BACKGROUNDS, background
from mmreg.data.stand_ins.people import Person
from mmreg.data.stand_ins.source import load_source
from mmreg.data.stand_ins.spoiling import Spoiling, spoil
from mmreg.data.stand_ins.surfaces import Surface, joined
from mmreg.data.stand_ins.wear import Look, bar, dressed, look_of
from mmreg.data.synthetic import Scene, photograph_surface
from mmreg.geometry.camera import Pose
from mmreg.rendering.color import blackbody_linear_rgb
from mmreg.rendering.lighting import PointLights

__all__ = ["EXPRESSIONS", "LIGHTS", "Lamp", "Shot", "draw_background", "draw_expression", "draw_lights", "take"]

LAMP_DISTANCE_MM = 2500.0
SUPERSAMPLING = 2  # along each side of a pixel


@dataclass(frozen=True)
class Lamp:
    """A point light: where it stands, seen from the subject, and its strength in linear red, green and blue."""

    azimuth_degrees: float  # 0 in front, 90 at the subject's left
    elevation_degrees: float
    colour: tuple[float, float, float]

    def dimmed(self, share: float) -> Lamp:
        """The same lamp with this share of its strength."""
        return replace(self, colour=tuple(share * c for c in self.colour))


UNSPOILT = Spoiling()
STUDIO = (Lamp(-31.0, 32.0, (0.62,) * 3), Lamp(40.0, 15.0, (0.30,) * 3))


@dataclass(frozen=True)
class Shot:
    """Everything in a photograph but the person.

    Attributes:
        yaw_degrees, pitch_degrees, roll_degrees: as `Pose`.
        distance_mm: from the camera to the model's origin; near ones widen the nose as a short lens does.
        pixels_per_mm: at the face.
        offset_pixels: right and down.
        lamps, ambient: the light; `ambient` in linear red, green, blue.
        expression: how far named movements of the open model are made.
        background: (kind, seed), or a grey in sRGB.
        things: names of `OCCLUDERS`.
        bar: (from, to) in mm above the model's origin, or None.
        shine: the specular constant.
        spoiling: what becomes of the picture.
        size: height, width.
        seed: of what the things look like.
    """

    yaw_degrees: float = 0.0
    pitch_degrees: float = 0.0
    roll_degrees: float = 0.0
    distance_mm: float = 1200.0
    pixels_per_mm: float = 0.74
    offset_pixels: tuple[float, float] = (0.0, 0.0)
    lamps: tuple[Lamp, ...] = STUDIO
    ambient: tuple[float, float, float] = (0.42, 0.42, 0.42)
    expression: Mapping[str, float] = field(default_factory=dict)
    background: tuple[str, int] | float = 0.75
    things: tuple[str, ...] = ()
    bar: tuple[float, float] | None = None
    shine: float = 0.12
    spoiling: Spoiling = UNSPOILT
    size: tuple[int, int] = (256, 256)
    seed: int = 0

    def changed(self, **fields) -> Shot:
        """The same shot with other values of some fields."""
        return replace(self, **fields)


def take(person: Person, shot: Shot, look: Look | None = None) -> Float[np.ndarray, "height width 3"]:
    """The photograph, sRGB in [0, 1], float32; the same person, shot and look give the same.

    Args:
        look: how they come to it; None is their usual look.
    """
    source = load_source()
    model = source.model
    positions = person.positions
    if shot.expression:
        units = sum(amount * model.expression_units[name] for name, amount in shot.expression.items())
        positions = positions + np.asarray(model.expression(units[None].astype(np.float32))).reshape(-1, 3)
    pose = Pose(
        *(np.deg2rad([a]).astype(np.float32) for a in (shot.yaw_degrees, shot.pitch_degrees, shot.roll_degrees))
    )
    rotation = np.asarray(pose.rotation(), np.float64)[0]
    body = np.asarray(Pose(*(0.45 * a for a in pose)).rotation(), np.float64)[0]
    head = Surface(positions, person.albedo, model.triangles)
    parts = dressed(head, look or look_of(person), shot.things, shot.seed, rotation.T @ body)
    if shot.bar is not None:
        rng = np.random.default_rng((shot.seed, 99))
        parts.append(bar(*shot.bar, rotation, rng.uniform(0.05, 0.9) + rng.uniform(-0.05, 0.05, 3)))
    everything = joined(parts)
    fine = tuple(SUPERSAMPLING * n for n in shot.size)
    picture = photograph_surface(
        everything.positions[None],
        everything.albedo[None],
        replace(model, triangles=everything.triangles),
        _scene(shot, pose, fine),
        _template(shot, fine),
        fine,
        lens_blur_pixels=0.0,
    )
    height, width = shot.size
    picture = np.asarray(picture).reshape(height, SUPERSAMPLING, width, SUPERSAMPLING, 3).mean(axis=(1, 3))
    return spoil(picture, shot.spoiling)


def _scene(shot: Shot, pose: Pose, fine: tuple[int, int]) -> Scene:
    azimuth = np.deg2rad([lamp.azimuth_degrees for lamp in shot.lamps])
    elevation = np.deg2rad([lamp.elevation_degrees for lamp in shot.lamps])
    direction = np.stack(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)], -1
    )
    lights = PointLights(
        (LAMP_DISTANCE_MM * direction)[None].astype(np.float32),
        np.array([[lamp.colour for lamp in shot.lamps]], np.float32),
        np.array([shot.ambient], np.float32),
    )
    if isinstance(shot.background, tuple):
        behind = background(shot.background[0], shot.size, shot.background[1])
        behind = np.asarray(np.stack([_enlarge(behind[..., k], fine) for k in range(3)], axis=-1), np.float32)
    else:
        behind = np.full((1, 1, 3), shot.background, np.float32)
    one = np.ones(1, np.float32)
    return Scene(
        pose,
        shot.distance_mm * one,
        one,
        SUPERSAMPLING * np.array([shot.offset_pixels], np.float32),
        lights,
        behind[None],
        shot.shine * one,
    )


def _enlarge(channel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(channel).resize(size[::-1], Image.Resampling.BILINEAR))


def _template(shot: Shot, fine: tuple[int, int]) -> Float[np.ndarray, "5 2"]:
    """Where the mean face's five points are in a frontal picture of this scale, the face a little above the middle."""
    model = load_source().model
    vertices, weights = model.five_points
    points = np.asarray(weights) @ model.mean_positions()[np.asarray(vertices)]
    scale = SUPERSAMPLING * shot.pixels_per_mm
    x = (fine[1] - 1) / 2 + scale * points[:, 0]
    y = 0.48 * (fine[0] - 1) - scale * points[:, 1]
    return np.stack([x, y], axis=1).astype(np.float32)


def _both(name: str, amount: float) -> dict[str, float]:
    return {f"{name}Left": amount, f"{name}Right": amount}


EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "smile": {**_both("mouthSmile", 0.9), **_both("cheekSquint", 0.6), **_both("eyeSquint", 0.3)},
    "laugh": {**_both("mouthSmile", 0.9), "jawOpen": 0.45, **_both("cheekSquint", 0.8), **_both("eyeSquint", 0.5)},
    "surprise": {"jawOpen": 0.55, "browInnerUp": 0.9, **_both("browOuterUp", 0.8), **_both("eyeWide", 0.8)},
    "anger": {
        **_both("browDown", 1.0),
        **_both("noseSneer", 0.6),
        **_both("mouthFrown", 0.6),
        **_both("mouthPress", 0.5),
    },
    "sadness": {"browInnerUp": 0.8, **_both("mouthFrown", 0.9), "mouthShrugLower": 0.5},
    "disgust": {**_both("noseSneer", 1.0), **_both("mouthUpperUp", 0.7), **_both("browDown", 0.5)},
    "kiss": {"mouthPucker": 0.9, **_both("eyeSquint", 0.2)},
    "smirk": {"mouthSmileLeft": 0.9, "mouthDimpleLeft": 0.5, "browOuterUpRight": 0.6},
    "blink": {**_both("eyeBlink", 0.95)},
    "shout": {"jawOpen": 0.85, **_both("mouthStretch", 0.6), **_both("browDown", 0.7)},
    "puff": {"cheekPuff": 1.0},
}


def draw_expression(rng: np.random.Generator, strength: float) -> dict[str, float]:
    """One of `EXPRESSIONS` to some degree up to `strength`, and a little of random movements."""
    name = str(rng.choice(list(EXPRESSIONS)))
    amount = strength * rng.uniform(0.4, 1.0)
    movements = {unit: amount * value for unit, value in EXPRESSIONS[name].items()}
    names = [unit for unit in load_source().model.expression_units if unit[0].islower() and "-" not in unit]
    for unit in rng.choice(names, 4, replace=False):
        movements[str(unit)] = movements.get(str(unit), 0.0) + 0.3 * strength * rng.random()
    return movements


def _tinted(kelvin: float, strength: float, kept: float = 0.75) -> tuple[float, float, float]:
    """A lamp of this colour temperature; `kept` is how much of its tint the camera leaves."""
    tint = 1.0 + kept * (np.asarray(blackbody_linear_rgb(np.array([kelvin])))[0] - 1.0)
    return tuple((strength * tint / tint.mean()).tolist())


def _studio(rng):
    return (
        Lamp(rng.uniform(-45, 45), rng.uniform(15, 45), _tinted(5500.0, 0.8)),
        Lamp(rng.uniform(-60, 60), 10.0, _tinted(5500.0, 0.3)),
    ), _tinted(5500.0, 0.35)


def _window(rng):
    side = rng.choice([-1, 1])
    return (Lamp(side * rng.uniform(50, 85), rng.uniform(5, 35), _tinted(7500.0, 1.1)),), _tinted(6500.0, 0.3)


def _sun(rng):
    return (Lamp(rng.uniform(-70, 70), rng.uniform(40, 75), _tinted(5200.0, 1.5)),), _tinted(9500.0, 0.3)


def _overcast(rng):
    return (Lamp(rng.uniform(-40, 40), rng.uniform(50, 80), _tinted(7500.0, 0.45)),), _tinted(7500.0, 0.62)


def _side(rng):
    side = rng.choice([-1, 1])
    return (Lamp(side * rng.uniform(80, 115), rng.uniform(-5, 30), _tinted(4500.0, 1.6)),), _tinted(4500.0, 0.10)


def _below(rng):
    return (Lamp(rng.uniform(-30, 30), rng.uniform(-60, -30), _tinted(2600.0, 1.0)),), _tinted(3000.0, 0.18)


def _evening(rng):
    return (Lamp(rng.uniform(-60, 60), rng.uniform(0, 40), _tinted(2400.0, 0.9, 0.65)),), _tinted(2800.0, 0.24, 0.65)


def _stage(rng):
    """Two saturated colours from either side."""
    colours = np.clip(rng.dirichlet([0.8] * 3, 2) * 2.6 + 0.15, 0.0, 2.0)
    first, second = (tuple(c.tolist()) for c in colours)
    return (
        Lamp(-rng.uniform(30, 80), rng.uniform(0, 40), first),
        Lamp(rng.uniform(30, 80), rng.uniform(0, 40), second),
    ), (0.12,) * 3


def _back(rng):
    """Against the light: a bright rim and a dark face."""
    return (
        Lamp(rng.choice([-1, 1]) * rng.uniform(130, 160), rng.uniform(10, 40), _tinted(5500.0, 2.0)),
        Lamp(0.0, 20.0, _tinted(6500.0, 0.15)),
    ), _tinted(6500.0, 0.22)


def _flash(rng):
    return (Lamp(rng.uniform(-4, 4), rng.uniform(2, 10), _tinted(5600.0, 1.25)),), _tinted(3200.0, 0.12)


LIGHTS = {
    "studio": _studio, "window": _window, "sun": _sun, "overcast": _overcast, "side": _side, "below": _below, "evening": _evening,
    "stage": _stage, "back": _back, "flash": _flash,
}  # fmt: skip


def draw_lights(rng: np.random.Generator, kinds: tuple[str, ...] = tuple(LIGHTS)) -> dict:
    """`lamps` and `ambient` of a `Shot`, of one of the kinds of `LIGHTS`."""
    lamps, ambient = LIGHTS[str(rng.choice(kinds))](rng)
    return {"lamps": lamps, "ambient": ambient}


def draw_background(rng: np.random.Generator, kinds: tuple[str, ...] = tuple(BACKGROUNDS)) -> tuple[str, int]:
    """One of the kinds of `BACKGROUNDS`, and a seed."""
    return str(rng.choice(kinds)), int(rng.integers(2**31))
