"""Paints people's skin, hair and eyes on the mean head.

Skin is mixed in log reflectance, where pigments add: a base colour by melanin (the six types of Fitzpatrick), haemoglobin
(blood: cheeks, nose, ears, lips) and local melanin (freckles, under the eyes, wrinkles). The open face model's albedo is made of
people painted so; stand-ins are painted by the same hand with other settings, and with marks that no component holds.

A linear Gaussian model mirrors whatever is skewed: strong lipstick on one face in ten gives green lips on another. So lipstick
and beards are held back where a model is made (`MODEL_MAKE_UP`), and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmreg.data.stand_ins.canvas import Canvas, smoothstep
from mmreg.face.identity_sampler import Attributes

EYE_RADIUS = 13.0  # mm; MakeHuman's own eyeballs of 16 mm are a third too large (life: 12)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light."""
    srgb = np.asarray(srgb)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB in [0, 1]."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _bytes(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array(colours) / 255


FITZPATRICK = _bytes((238, 206, 183), (226, 186, 158), (209, 164, 133), (176, 129, 98), (131, 91, 67), (90, 62, 48))
LOG_SKIN = np.log(to_linear(FITZPATRICK))  # log reflectance of skin type I to VI
BLOOD = np.array([0.10, 0.62, 0.48])  # log reflectance that a unit of haemoglobin takes from red, green, blue
MELANIN = 1.6 * 1.15 * np.array([0.48, 0.59, 0.65])  # the same for melanin
HAIR = _bytes(
    (22, 18, 16), (38, 26, 20), (66, 44, 30), (100, 70, 46), (140, 104, 66), (176, 140, 92), (120, 56, 28), (150, 145, 140)
)  # fmt: skip
GREY_HAIR, GREY_BROWS = np.array([0.40, 0.39, 0.385]), np.array([0.42, 0.41, 0.40])
IRIS = _bytes((58, 34, 20), (84, 54, 30), (110, 84, 48), (96, 104, 74), (92, 116, 134), (120, 138, 150))
LIPSTICK = _bytes((168, 40, 52), (190, 84, 90), (150, 60, 70), (196, 100, 104), (120, 30, 44))
MOUTH_INSIDE = np.array([0.16, 0.035, 0.035])  # linear


@dataclass(frozen=True)
class MakeUp:
    """How far people are made up and bearded, and how strong their skin's own pattern is."""

    lipstick: float = 0.36  # the most of it
    beard: tuple[float, float] = (0.2, 0.13)  # mean and deviation of its growth
    fullest_beard: float = 0.55
    pattern: float = 1.0  # of redness, freckles, rings under the eyes and wrinkles


MODEL_MAKE_UP = MakeUp()


class Person(NamedTuple):
    """What decides a person's colours."""

    ancestry: np.ndarray  # shares of African, Asian, European
    gender: float  # 0 female, 1 male
    ageing: float  # 0 at 25 years, 1 at 75
    melanin: float  # 0 to 5, skin type I to VI
    skin: np.ndarray  # (3,) log reflectance

    @property
    def male(self) -> float:
        """How far brows, hairline and beard are a man's, 0 to 1."""
        return float(smoothstep(0.35, 0.65, np.array(self.gender)))

    @property
    def paleness(self) -> float:
        """1 for the palest skin, 0 for the darkest."""
        return 1 - self.melanin / 5

    def may_be_light(self, darkest: float) -> bool:
        """Whether hair or eyes may be light: European, with skin lighter than this melanin."""
        return bool(self.ancestry[2] > 0.5 and self.melanin < darkest)


class Hair(NamedTuple):
    """Colours of a person's hair, linear."""

    scalp: np.ndarray
    face: np.ndarray  # brows and beard; greys later
    greyness: float


def person_of(attributes: Attributes, index: int, rng: np.random.Generator) -> Person:
    """The person with the attributes at an index; the skin's colour is drawn."""
    ancestry, gender = attributes.ancestry[index].astype(np.float64), float(attributes.gender[index])
    ageing = float(np.clip((attributes.age[index] - 25) / 50, 0, 1))
    melanin = np.clip(ancestry @ np.array([3.9, 2.0, 1.1]) + rng.normal(0, 0.6), 0.1, 4.6)
    lower = min(int(melanin), 4)
    skin = LOG_SKIN[lower] + (LOG_SKIN[lower + 1] - LOG_SKIN[lower]) * (melanin - lower)
    skin = skin + rng.normal(0, 0.035, 3) * np.array([0.5, 0.8, 1.3]) + rng.normal(0, 0.05)
    return Person(ancestry, gender, ageing, float(melanin), skin)


def sample_hair(person: Person, rng: np.random.Generator) -> Hair:
    """Black or brown, light colours only where skin is light; grey with age."""
    if person.may_be_light(1.3):
        chances = np.array([0.10, 0.20, 0.22, 0.18, 0.14, 0.09, 0.07, 0])
    elif person.may_be_light(2.0):
        chances = np.array([0.45, 0.25, 0.12, 0.05, 0.04, 0.03, 0.03, 0])
    else:
        chances = np.array([0.72, 0.24, 0.04, 0, 0, 0, 0, 0])
    colour = HAIR[rng.choice(len(HAIR), p=chances / chances.sum())] * rng.uniform(0.85, 1.15)
    colour = to_linear(np.clip(colour, 0, 1))
    greyness = float(np.clip(rng.normal(1.4 * person.ageing - 0.45, 0.2), 0, 1))
    scalp = colour * (1 - greyness) + to_linear(GREY_HAIR) * greyness
    return Hair(scalp, colour * (1 - 0.5 * greyness) + to_linear(GREY_BROWS) * 0.5 * greyness, greyness)


def paint(
    canvas: Canvas, attributes: Attributes, index: int, rng: np.random.Generator, make_up: MakeUp = MODEL_MAKE_UP
) -> np.ndarray:
    """(vertex, 3) the albedo of the person with the attributes at an index, sRGB in [0, 1], float32.

    The skin's vertices come first, then those of the left and of the right eyeball.
    """
    person = person_of(attributes, index, rng)
    reflectance, on_lips = _skin_and_lips(canvas, person, rng, make_up)
    hair = sample_hair(person, rng)
    reflectance = _brows(canvas, person, hair, reflectance, rng)
    reflectance = _scalp(canvas, person, hair, reflectance, rng)
    if person.male > 0:
        reflectance = _beard(canvas, person, hair, reflectance, rng, make_up)
    reflectance = _lids(canvas, person, reflectance, rng)
    reflectance = mix(reflectance, MOUTH_INSIDE, np.clip(canvas.mouth_bag, 0, 1) * np.clip(1 - on_lips, 0, 1))
    reflectance = reflectance * canvas.hollows[:, None] ** 1.2
    eyeball = _eyeball(canvas, person, rng)
    eyes = [eyeball * light[:, None] for light in canvas.eye_light]
    return to_srgb(np.clip(np.concatenate([reflectance, *eyes]), 0, 1)).clip(0, 1).astype(np.float32)


def mix(under: np.ndarray, over: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(vertex, 3) `over` laid on `under`, linear."""
    return under + (over - under) * opacity[:, None]


def _skin_and_lips(
    c: Canvas, person: Person, rng: np.random.Generator, make_up: MakeUp
) -> tuple[np.ndarray, np.ndarray]:
    """(vertex, 3) linear reflectance, and how much of each vertex is lip."""
    blood, melanin = (make_up.pattern * pigment for pigment in _pigments(c, person, rng))
    log_skin = person.skin - blood[:, None] * BLOOD * (0.45 + 0.55 * person.paleness) - melanin[:, None] * MELANIN
    pale = person.paleness
    log_lips = person.skin + np.log([0.86, 0.60, 0.66]) * (0.55 + 0.45 * pale) * rng.uniform(0.5, 1.45)
    log_lips = log_lips + np.array([0, 0, 0.02]) * person.melanin + rng.normal(0, 0.09)
    colour = np.log(to_linear(LIPSTICK[rng.integers(len(LIPSTICK))]))
    strength = rng.uniform(0.0, make_up.lipstick) * (1 - person.male)
    log_lips = log_lips * (1 - strength) + strength * colour + rng.normal(0, 0.04, 3)
    on_lips = np.clip(c.lips, 0, 1) * rng.uniform(0.75, 1.0)
    return np.exp(mix(log_skin, log_lips - 0.05 * blood[:, None] * BLOOD, on_lips)), on_lips


def _pigments(c: Canvas, person: Person, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(vertex,) haemoglobin and melanin besides the person's base colour."""
    pale, dark, age = person.paleness, person.melanin / 5, person.ageing

    def noise(*terms: tuple[float | int, int]) -> np.ndarray:
        return sum(amplitude * c.noise(rng, wavelength) for amplitude, wavelength in terms)

    melanin = noise((0.05, 90), (0.028, 40), (0.016, 20), (0.010, 10), (0.005, 6))
    blood = 0.03 + noise((0.055, 40), (0.045, 20), (0.025, 10), (0.012, 6))
    cheeks, nose, chin, eyes = np.abs(rng.normal(0, 0.6, 4)) * (0.4 + 0.6 * pale)
    blood += 0.75 * cheeks * c.cheeks + (0.15 + 0.55 * nose) * c.nose + (0.2 + 0.4 * nose) * c.nose_wings
    blood += 0.35 * chin * c.chin + 0.15 * (c.ears > 0.4) + 0.25 * c.eyelids * c.face
    blood += 0.3 * c.inner_eye * (0.3 + eyes) - 0.12 * c.forehead * rng.random()

    tired = np.clip(rng.normal(0.5 + 0.4 * age, 0.35), 0, 1.6)
    melanin += 0.20 * tired * c.under_eye * (0.6 + 0.4 * dark) + 0.12 * tired * c.inner_eye
    melanin += 0.16 * (0.3 + dark) * c.upper_lid * rng.uniform(0.0, 1.6) + 0.12 * rng.normal() * c.socket
    melanin += 0.10 * dark * c.round_mouth * rng.random() + 0.12 * dark * c.forehead * rng.normal(0, 0.6)
    melanin -= 0.06 * c.middle * rng.random() + 0.08 * dark * c.cheeks

    freckles = max(0, rng.normal(-0.15, 0.5)) * pale * (person.melanin < 2.2)
    where = (c.cheeks + c.nose + 0.4 * c.forehead).clip(0, 1) * c.face
    if freckles > 0:
        melanin += 0.45 * freckles * np.clip(noise((1, 6)) - 0.6, 0, 2) * where
    melanin += 0.15 * age * pale * rng.random() * np.clip(noise((1, 10)) - 1.0, 0, 2)
    if rng.random() < 0.25:
        blood += 0.35 * np.clip(noise((1, 6)) - 1.1, 0, 2) * c.face * rng.random()
    wrinkles = 0.11 * c.nasolabial + 0.10 * c.crows_feet + 0.10 * c.forehead_lines + 0.07 * c.frown
    return blood, melanin + age * rng.uniform(0.5, 1.3) * wrinkles + rng.uniform(0.02, 0.10) * c.nasolabial


def _brows(c: Canvas, person: Person, hair: Hair, reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An arch from above the inner to above the outer corner of the eye, with a peak; thicker and lower in men.

    A linear model can't move an edge, it fades one brow out and another in. So brows keep near one place here, and it is
    the shape that moves them; they differ in thickness, arch, colour and density.
    """
    male, eye_y = person.male, c.eye[1]
    inner_x, outer_x = rng.normal(11.5, 1.7), rng.normal(51, 1.5)
    inner_y = eye_y + rng.normal(17 - 1.2 * male, 1.1)
    peak_y = eye_y + rng.normal(22 - 2.4 * male, 1.25)
    outer_y = eye_y + rng.normal(16.5, 1.1)
    peak = rng.uniform(0.58, 0.72)
    thickness = np.clip(rng.normal(3.9 + 1.3 * male, 0.85), 2.3, 7.5)

    u = np.clip((c.x - inner_x) / (outer_x - inner_x), -0.3, 1.3)
    rising = inner_y + (peak_y - inner_y) * np.sin(np.clip(u / peak, 0, 1) * np.pi / 2)
    falling = peak_y + (outer_y - peak_y) * np.clip((u - peak) / (1 - peak), 0, 1.3) ** 1.4
    profile = np.interp(u, [-0.3, 0, 0.15, 0.6, 1, 1.3], [0.8, 0.9, 1.0, 0.8, 0.3, 0.1])
    across = (c.y - np.where(u < peak, rising, falling)) / (thickness * profile)
    opacity = np.exp(-(np.abs(across) ** 2.2)) * smoothstep(-0.10, 0.06, u) * smoothstep(1.12, 0.92, u)
    opacity *= c.z > c.eye[2] - 30
    opacity *= np.clip(rng.normal(0.80 + 0.06 * male, 0.12), 0.4, 1.0) * (1 - 0.2 * hair.greyness)
    opacity *= np.clip(1 + 0.05 * c.noise(rng, 6), 0.8, 1.2)
    colour = np.minimum(hair.face, 0.42 * np.exp(person.skin))  # fair brows are seen by their shadow
    return mix(reflectance, 0.9 * colour + 0.04 * np.exp(person.skin), opacity)


# Where the shorn hair begins, seen from the side: mm behind the eyes by mm above them.
HAIRLINE_Y = (-48, -34, -22, 0, 22, 40, 52, 64, 78, 100)
HAIRLINE_Z = (-104, -94, -76, -66, -57, -50, -42, -26, 6, 40)


def behind_hairline(c: Canvas, receding: float | int, temples: float | int) -> np.ndarray:
    """(vertex,) mm behind the line where hair begins, negative on the face.

    Args:
        receding, temples: mm by which the line lies higher on the forehead, and farther back beside it.
    """
    _, ey, ez = c.eye
    up = c.y - ey
    top = smoothstep(25, 75, up)
    line = np.interp(up - receding * top + 0.0012 * c.x**2 * top, HAIRLINE_Y, HAIRLINE_Z) - temples * (1 - top)
    return line - (c.z - ez)


def _scalp(c: Canvas, person: Person, hair: Hair, reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shorn hair behind a line that goes from the forehead by the temples to the ears and the nape; higher in old men."""
    _, ey, ez = c.eye
    receding = rng.normal(0, 4) + person.male * (4 + 22 * person.ageing * rng.random())
    temples = rng.normal(0, 4) + person.male * 5 * rng.random()
    up = c.y - ey
    top = smoothstep(25, 75, up)
    inside = behind_hairline(c, receding, temples) + 2.0 * c.noise(rng, 10) + 3.0 * c.noise(rng, 20)
    inside = inside * (0.55 + 0.25 * (1 - top))  # the line is not met at right angles
    opacity = 0.55 * smoothstep(-7, 14, inside) + 0.45 * smoothstep(4, 34, inside)
    nape = smoothstep(ez - 96, ez - 108, c.z) * smoothstep(ey - 88, ey - 62, c.y)
    opacity = np.maximum(opacity * smoothstep(-62, -40, up), nape) * (1 - np.clip(c.ears * 2, 0, 1))
    density = np.clip(rng.normal(0.72 - 0.08 * person.male * person.ageing, 0.09), 0.45, 0.92)
    colour = np.minimum(0.8 * hair.scalp + 0.06 * np.exp(person.skin), 0.45 * np.exp(person.skin))
    return mix(reflectance, colour, opacity * density)


def _beard(
    c: Canvas, person: Person, hair: Hair, reflectance: np.ndarray, rng: np.random.Generator, make_up: MakeUp
) -> np.ndarray:
    """Shaven with a shadow, stubble or a short beard, more or less of it on the cheeks, the chin and above the lips."""
    growth = np.clip(rng.normal(*make_up.beard), 0.02, make_up.fullest_beard)
    moustache = c.moustache * smoothstep(c.mouth_top - 2, c.mouth_top + 2, c.y)
    goatee = smoothstep(c.mouth_bottom - 3, c.mouth_bottom - 9, c.y) * smoothstep(28, 14, c.x)
    places = 0.9 + rng.normal(0, 0.2) * moustache + rng.normal(0, 0.2) * goatee
    opacity = (
        c.beard * np.clip(places, 0.2, 1.5) * np.clip(1 + 0.15 * c.noise(rng, 6) + 0.12 * c.noise(rng, 20), 0.5, 1.4)
    )
    shaven = smoothstep(0.35, 0.1, growth)
    colour = hair.face * (1 - 0.4 * hair.greyness) + 0.4 * hair.greyness * hair.scalp
    shadow = 0.5 * colour + 0.5 * np.exp(person.skin) * np.array([0.34, 0.38, 0.43])
    colour = np.minimum(colour * (1 - shaven) + shadow * shaven, 0.6 * np.exp(person.skin))
    return mix(reflectance, colour, np.clip(opacity * growth * person.male, 0, 0.9))


def _lids(c: Canvas, person: Person, reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Eye shadow, mostly none, and lashes."""
    opacity = c.upper_lid * rng.uniform(0.0, 0.35) * (1 - person.male)
    shadow = np.exp(person.skin) * rng.uniform(0.3, 0.6)
    reflectance = mix(reflectance, shadow * np.array([1, rng.uniform(0.8, 1), rng.uniform(0.8, 1.1)]), opacity)
    upper = np.where(c.y > c.eye[1] - 3, 1, 0.6)
    lashes = c.lash_line * upper * (0.75 - 0.25 * person.male) * rng.uniform(0.5, 1.3)
    return mix(reflectance, np.array([0.012, 0.009, 0.008]), np.clip(lashes, 0, 0.95))


IRIS_DEGREES = float(np.rad2deg(np.arcsin(5.85 / EYE_RADIUS)))  # an iris is 11.7 mm wide


def _eyeball(c: Canvas, person: Person, rng: np.random.Generator) -> np.ndarray:
    """(eyeball vertex, 3) linear reflectance of one eye: white, iris with streaks, pupil."""
    directions = c.eye_directions
    degrees = np.rad2deg(np.arccos(np.clip(directions[:, 2], -1, 1)))
    chances = [0.30, 0.25, 0.15, 0.10, 0.12, 0.08] if person.may_be_light(1.6) else [0.78, 0.20, 0.02, 0, 0, 0]
    kind = rng.choice(len(IRIS), p=chances)
    outer = to_linear(np.clip(IRIS[kind] * rng.uniform(0.7, 1.3), 0, 1))
    inner = to_linear(np.clip(IRIS[max(kind - 1, 0)] * 1.1, 0, 1))
    tint = np.array([1, 1 - 0.004 * person.melanin, 1 - 0.01 * person.melanin - 0.04 * person.ageing])
    white = to_linear(np.array([0.80, 0.755, 0.725]) * rng.uniform(0.93, 1.04) * tint)
    iris_edge, pupil_edge = IRIS_DEGREES + rng.normal(0, 0.5), rng.uniform(8.0, 11.5)

    veins = smoothstep(32, 75, degrees)[:, None] * np.array([0.12, 0.34, 0.34])
    share = smoothstep(pupil_edge, iris_edge * 0.75, degrees)[:, None]
    dark_rim = 1 - 0.65 * smoothstep(iris_edge - 6, iris_edge, degrees)[:, None]
    iris = (inner * (1 - share) + outer * share) * (1 + 0.22 * _streaks(directions)[:, None]) * dark_rim
    colour = mix(white * (1 - veins), np.clip(iris, 0, 1), smoothstep(iris_edge + 1.6, iris_edge - 1.6, degrees))
    return mix(colour, np.full(3, 0.004), smoothstep(pupil_edge + 1.8, pupil_edge - 1.5, degrees))


def _streaks(directions: np.ndarray, count: int = 48) -> np.ndarray:
    """Radial streaks, the same in every iris."""
    heights = np.random.default_rng(1).normal(size=count)
    turn = np.arctan2(directions[:, 1], directions[:, 0]) % (2 * np.pi) / (2 * np.pi) * count
    return np.interp(turn, np.arange(count + 1), np.append(heights, heights[0]))
