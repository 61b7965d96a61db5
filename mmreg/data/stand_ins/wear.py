"""What people wear, and what comes between them and a camera: hair, clothes, glasses, masks, scarves, hands, bars.

What lies close to the head (hair, fringe, mask) moves and recolours the head's own vertices in a picture, not in the person; the rest is
meshes of its own. Lengths in mm, in the head's own axes.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from mmreg.arrays import Float
from mmreg.data.stand_ins.canvas import smoothstep
from mmreg.data.stand_ins.paint import GREY_HAIR, HAIR, behind_hairline, to_linear, to_srgb
from mmreg.data.stand_ins.people import Person
from mmreg.data.stand_ins.source import Source, load_source
from mmreg.data.stand_ins.surfaces import Surface, box, capsule, disc, sheet
from mmreg.geometry.mesh import vertex_normals

__all__ = ["OCCLUDERS", "Look", "bar", "dressed", "look_of"]

_LOOKS = 0x4C4F4F4B  # keeps the seeds of looks from meeting others


class Look(NamedTuple):
    """How a person comes to every photograph.

    Attributes:
        hair: "shaved", "cropped", "short", "full", "afro" or "long".
        hair_colour: linear.
        receding, temples: mm, of the hairline.
        clothes: sRGB.
        glasses: whether they wear any.
        seed: of the strands.
    """

    hair: str
    hair_colour: Float[np.ndarray, "3"]
    receding: float
    temples: float
    clothes: Float[np.ndarray, "3"]
    glasses: bool
    seed: int


THICKNESS_MM = {"shaved": 0.0, "cropped": 3.0, "short": 8.0, "full": 19.0, "afro": 42.0, "long": 12.0}
_STYLES = tuple(THICKNESS_MM)
_CHANCES = {"female": (0.02, 0.05, 0.18, 0.25, 0.0, 0.5), "male": (0.14, 0.26, 0.42, 0.12, 0.0, 0.06)}


def look_of(person: Person) -> Look:
    """The look that goes with a person's name, gender, age and ancestry."""
    seed = zlib.crc32(person.name.encode())
    rng = np.random.default_rng((_LOOKS, seed))
    style = str(rng.choice(_STYLES, p=_CHANCES["male" if person.gender > 0.5 else "female"]))
    if person.ancestry[0] > 0.5 and style == "full":
        style = "afro"
    fair = person.ancestry[2] > 0.5 and person.skin_luminance > 0.25
    colour = to_linear(HAIR[rng.choice(7, p=(0.1, 0.2, 0.2, 0.18, 0.14, 0.1, 0.08)) if fair else rng.choice(3)])
    greyness = float(np.clip((person.age - 38.0) / 35.0 + rng.normal(0, 0.2), 0, 1))
    colour = (1 - greyness) * colour + greyness * to_linear(GREY_HAIR) * 1.2
    male_ageing = person.gender * np.clip((person.age - 25) / 45, 0, 1)
    clothes = np.clip(rng.uniform(0.08, 0.75) + rng.uniform(-0.17, 0.17, 3), 0.03, 0.95)
    return Look(
        style,
        colour,
        float(rng.normal(0, 4) + 25 * male_ageing * rng.random()),
        float(rng.normal(0, 3) + 8 * male_ageing * rng.random()),
        clothes,
        bool(rng.random() < 0.15),
        seed,
    )


def dressed(head: Surface, look: Look, things: tuple[str, ...], seed: int, body_rotation: np.ndarray) -> list[Surface]:
    """The head with its hair, its clothes, and the `things` of `OCCLUDERS`; the head comes first.

    Args:
        head: of the open model's mesh, with expression.
        body_rotation: of the shoulders in the head's axes: a turning head leaves them behind.
    """
    source = load_source()
    parts = [_with_hair(source, head, look)]
    if look.hair == "long":
        parts.append(_long_hair(head, look))
    parts.append(_shoulders(head, look, body_rotation))
    if look.glasses and not {"sunglasses", "glasses"} & set(things):
        things = (*things, "glasses")
    for number, name in enumerate(things):
        rng = np.random.default_rng((seed, number))
        parts[0], more = OCCLUDERS[name](source, parts[0], head, look, rng)
        parts += more
    return parts


def _set(surface: Surface, source: Source, amount, offset, colour) -> Surface:
    """The surface with its skin moved out by `offset` mm along the normals and recoloured (linear) by `amount`."""
    normals = np.asarray(vertex_normals(surface.positions[None].astype(np.float32), source.model.triangles))[0]
    positions, albedo = surface.positions.copy(), surface.albedo.copy()
    positions[source.skin] += (offset[:, None] * normals[source.skin]).astype(np.float32)
    covered = amount > 0.003
    skin, share = source.skin[covered], amount[covered, None]
    linear = to_linear(albedo[skin])
    albedo[skin] = to_srgb(linear + share * (np.broadcast_to(colour, (len(amount), 3))[covered] - linear))
    return surface._replace(positions=positions, albedo=albedo)


def _strands(source: Source, rng: np.random.Generator) -> Float[np.ndarray, " skin_vertex"]:
    """(vertex,) how light each place of the hair is, about 1: locks that run down the head."""
    c = source.canvas
    around = np.arctan2(c.skin[:, 0], c.skin[:, 2] + 70.0) * 70.0
    locks = np.sin(around / 2.2 + 2.5 * c.noise(rng, 40)) + 0.6 * c.noise(rng, 20) + 0.5 * c.noise(rng, 10)
    return np.clip(1.0 + 0.28 * locks, 0.35, 1.9)


def _with_hair(source: Source, head: Surface, look: Look) -> Surface:
    if look.hair == "shaved":
        return head
    opacity, offset, colour = _cap_of_hair(look.hair, look.receding, look.temples, look.seed)
    return _set(head, source, opacity, offset, look.hair_colour * colour[:, None])


@lru_cache(maxsize=16)
def _cap_of_hair(style: str, receding: float, temples: float, seed: int):
    """(vertex,) of the skin: how opaque the hair is, how far out it reaches in mm, and how light it is."""
    source = load_source()
    c, rng = source.canvas, np.random.default_rng((seed, 1))
    inside = behind_hairline(c, receding, temples) + 2.0 * c.noise(rng, 20) + 1.5 * c.noise(rng, 10)
    above_nape = smoothstep(c.eye[1] - 78, c.eye[1] - 55, c.y)
    amount = smoothstep(-2.0, 7.0, inside) * (1 - np.clip(2.5 * c.ears, 0, 1)) * above_nape
    crown = 0.75 + 0.35 * smoothstep(c.eye[1] + 30, c.eye[1] + 100, c.y)
    ragged = 1 + 0.12 * c.noise(rng, 20) + 0.1 * c.noise(rng, 40)
    offset = amount * smoothstep(-2.0, 22.0, inside) * THICKNESS_MM[style] * crown * ragged
    return amount * (0.75 if style == "cropped" else 1.0), offset, _strands(source, rng)


def _long_hair(head: Surface, look: Look) -> Surface:
    """Falls from beside the face and behind it to below the shoulders."""
    rng = np.random.default_rng((look.seed, 2))
    angle = np.linspace(np.deg2rad(-120), np.deg2rad(120), 97)  # 0 is the back of the head
    down = np.linspace(0.0, 1.0, 24)[:, None]
    forward = smoothstep(
        np.deg2rad(70), np.deg2rad(120), np.abs(angle)
    )  # what falls beside the face is shorter and lies closer
    length = rng.uniform(190, 270) * (1.0 - 0.25 * forward)
    width = np.abs(head.positions[:, 0]).max() + 2.0
    waves = sum(rng.normal() * np.sin(k * angle + rng.uniform(0, 6)) for k in (9, 14, 23))
    swell = 1.0 + 0.10 * np.sin(np.pi * down) + 0.025 * waves * (0.3 + down) + (0.10 - 0.16 * forward) * down
    x = width * swell * np.sin(angle) * (1.0 - 0.10 * forward * (1 - down))
    z = -78.0 - 88.0 * swell * np.cos(angle)
    y = 66.0 - length * down - 26.0 * np.abs(np.sin(angle)) * (1 - down)
    shade = np.clip(1.0 + 0.25 * np.sin(31 * angle + 2 * waves) + 0.2 * rng.normal(size=(24, 97)), 0.4, 1.8)
    albedo = to_srgb(np.clip(look.hair_colour * shade[..., None], 0, 1))
    return sheet(np.stack([x, y, z], axis=-1), albedo)


def _shoulders(head: Surface, look: Look, rotation) -> Surface:
    """A neck's end, a collar and shoulders in one cloth."""
    rng = np.random.default_rng((look.seed, 3))
    neck = head.positions[(head.positions[:, 1] < -88) & (head.positions[:, 2] < -35)]
    wide = max(float(np.abs(neck[:, 0]).max()), 40.0) if len(neck) else 55.0
    rows = np.array(
        [
            (-96, wide + 2, 50),
            (-104, wide + 9, 58),
            (-118, wide + 20, 66),
            (-130, 105, 74),
            (-150, 160, 84),
            (-180, 196, 94),
            (-230, 212, 100),
            (-420, 215, 105),
        ]
    )
    down = np.linspace(0, 7, 71)
    heights = np.interp(down, np.arange(8), rows[:, 0])
    half_x, half_z = (np.interp(down, np.arange(8), rows[:, k])[:, None] for k in (1, 2))
    angle = np.linspace(0, 2 * np.pi, 145)
    points = np.stack([half_x * np.cos(angle), heights[:, None] + 0 * angle, -82.0 - half_z * np.sin(angle)], axis=-1)
    pattern = str(rng.choice(["plain", "stripes", "knit"]))
    cloth = np.broadcast_to(look.clothes, points.shape).copy()
    if pattern == "stripes":
        cloth *= 1.0 - 0.4 * (np.sin(heights[:, None, None] / 3.2) > 0.2)
    elif pattern == "knit":
        cloth *= 1.0 + 0.12 * rng.normal(size=(*points.shape[:2], 1))
    pivot = np.array([0.0, -100.0, -80.0])
    return sheet(pivot + (points - pivot) @ np.transpose(rotation), np.clip(cloth, 0, 1))


def _eye_centres(source: Source, positions) -> Float[np.ndarray, "2 3"]:
    return np.stack([positions[eye].mean(axis=0) for eye in source.eyes])


def _front(positions: np.ndarray, centre: np.ndarray, half: tuple, least_x: float = 0.0) -> float:
    """The largest z in a window about a place."""
    offset = np.abs(positions[:, :2] - centre[:2])
    inside = (offset[:, 0] < half[0]) & (offset[:, 1] < half[1]) & (np.abs(positions[:, 0]) > least_x)
    return float(positions[inside, 2].max()) if inside.any() else float(centre[2])


def _rims(source, head, rng, frame_colour, half, exponent, radius):
    """Frames with their bridge and temples, and the places of the lenses."""
    p = head.positions
    eyes = _eye_centres(source, p) + np.array([0.0, -2.0, 0.0])
    z = max(_front(p, eye, (20, 16), least_x=14.0) for eye in eyes) + 3.0
    centres = eyes.copy()
    centres[:, 2] = z
    angle = np.linspace(0, 2 * np.pi, 33)
    cos, sin = np.cos(angle), np.sin(angle)
    rim = (np.abs(cos) ** exponent + np.abs(sin) ** exponent) ** (-1 / exponent)
    parts = []
    for centre in centres:
        ring = centre + np.stack([half[0] * rim * cos, half[1] * rim * sin, 0 * angle], axis=-1)
        parts.append(capsule(ring, np.full(33, radius), frame_colour, around=8))
        side = np.sign(centre[0])
        hinge = centre + np.array([side * half[0], 0.4 * half[1], -1.0])
        ear = np.array([side * (np.abs(p[:, 0]).max() - 4.0), centre[1] + 2.0, -88.0])
        middle = np.array([side * max(abs(hinge[0]) + 3, abs(ear[0]) - 1), hinge[1], z - 25.0])
        parts.append(capsule(np.stack([hinge, middle, ear]), np.full(3, radius), frame_colour, around=8))
    nose = _front(p, np.array([0.0, eyes[0, 1] + 6, 0.0]), (5, 5)) + 2.0
    inner = [c - np.array([np.sign(c[0]) * half[0] * 0.95, -0.35 * half[1], 0.0]) for c in centres]
    top = (inner[0] + inner[1]) / 2 + np.array([0.0, 2.0, max(nose - z, 0.0)])
    parts.append(capsule(np.stack([inner[0], top, inner[1]]), np.full(3, radius), frame_colour, around=8))
    return parts, centres


def _frame(rng):
    half = (rng.uniform(22, 27), rng.uniform(16, 22))
    colour = np.clip(rng.choice([0.05, 0.25, 0.55]) + rng.uniform(-0.04, 0.1, 3), 0.02, 1)
    return colour, half, rng.uniform(2.0, 4.0), rng.uniform(1.2, 2.4)


def _glasses(source, surface, head, look, rng):
    return surface, _rims(source, head, rng, *_frame(rng))[0]


def _sunglasses(source, surface, head, look, rng):
    colour, half, exponent, radius = _frame(rng)
    half = (half[0] + 3, half[1] + 3)
    parts, centres = _rims(source, head, rng, colour, half, exponent, radius)
    lens = np.clip(0.05 + rng.uniform(0, 0.08, 3), 0, 1)
    return surface, parts + [disc(centre, half, exponent, 2.0, lens) for centre in centres]


def _mask(source, surface, head, look, rng):
    """A cloth over nose and mouth with straps to the ears: a grid about a vertical axis that clears whatever is below it."""
    c, p, rows, columns, axis_z = source.canvas, head.positions, 27, 47, -62.0
    highest, lowest, widest = c.eye[1] - 21.0, c.chin_y - 3.0, np.deg2rad(66.0)
    angle, radius = np.arctan2(p[:, 0], p[:, 2] - axis_z), np.hypot(p[:, 0], p[:, 2] - axis_z)
    row = np.round((highest - p[:, 1]) / (highest - lowest) * (rows - 1)).astype(int)
    column = np.round((angle / widest + 1) / 2 * (columns - 1)).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    reach = np.zeros((rows, columns))
    np.maximum.at(reach, (row[inside], column[inside]), radius[inside])
    known = gaussian_filter((reach > 0).astype(float), 1.2)
    reach = np.where(reach > 0, reach, gaussian_filter(reach, 1.2) / np.maximum(known, 1e-3))
    for _ in range(4):  # cloth spans hollows
        reach = np.maximum(gaussian_filter(reach, 1.6, mode="nearest"), reach)
    reach = gaussian_filter(reach, 0.8, mode="nearest") + 4.5
    theta = np.linspace(-widest, widest, columns)[None]
    down = np.linspace(0.0, 1.0, rows)[:, None]
    x, z = reach * np.sin(theta), axis_z + reach * np.cos(theta)
    y = highest - 16.0 * (theta / widest) ** 2 + (lowest - highest + 34.0 * (theta / widest) ** 2) * down
    base = np.clip(rng.choice([0.92, 0.75, 0.3]) + rng.uniform(-0.1, 0.1, 3), 0.03, 0.97)
    pleats = 1.0 - 0.22 * np.clip(np.cos(2 * np.pi * 6 * down), 0, 1) ** 3
    points = np.stack([x, y, z], axis=-1)
    things = [sheet(points, base * np.broadcast_to(pleats[..., None], points.shape))]
    for k in (0, columns - 1):
        ear = np.array([np.sign(x[0, k]) * (np.abs(p[:, 0]).max() - 5.0), c.eye[1] - 28.0, -80.0])
        for corner in (points[1, k], points[-2, k]):
            middle = (corner + ear) / 2 + np.array([np.sign(ear[0]) * 7.0, 0.0, 0.0])
            things.append(capsule(np.stack([corner, middle, ear]), np.full(3, 1.2), np.clip(base, 0.1, 0.9), around=6))
    return surface, things


def _scarf(source, surface, head, look, rng):
    """Wool wound about neck, chin and mouth."""
    p = head.positions
    top = source.canvas.mouth[1] + rng.uniform(-22, 14)
    angle, around = np.linspace(0, 2 * np.pi, 81), np.linspace(-0.5, 1.35, 19)[:, None] * np.pi
    front = _front(p, np.array([0.0, top - 10, 0.0]), (40, 25)) + 9.0
    middle_z = -58.0
    y = (top - 28) + 28 * np.sin(around + np.pi * 0.15) - 30.0 * (around < 0) + 3 * np.sin(3 * angle + 1)
    radius_x, radius_z = 76 + 9 * np.cos(around), (front - middle_z) + 7 * np.cos(around)
    fold = 1.0 + 0.03 * np.sin(5 * angle + 4 * around) + 0.015 * rng.normal(size=(19, 81))
    points = np.stack([radius_x * fold * np.cos(angle), y, middle_z - radius_z * fold * np.sin(angle)], axis=-1)
    base = np.clip(rng.uniform(0.1, 0.8) + rng.uniform(-0.3, 0.3, 3), 0.04, 0.95)
    knit = 1.0 + 0.10 * rng.normal(size=(19, 81, 1)) + 0.15 * np.sin(4 * around + 0 * angle)[..., None]
    return surface, [sheet(points, np.clip(base * knit, 0, 1))]


def _fringe(source, surface, head, look, rng):
    """Hair over the forehead, now and then over an eye."""
    c = source.canvas
    lowest = c.eye[1] + rng.uniform(2, 20)
    slope, cutoff = (
        rng.normal(0, 0.18),
        4.0 * np.sin(c.skin[:, 0] / 3.1 + rng.uniform(0, 6)) + 2.0 * np.sin(c.skin[:, 0] / 1.7),
    )
    edge = lowest + slope * c.skin[:, 0] + 0.006 * c.x**2 + cutoff
    amount = smoothstep(edge - 2, edge + 3, c.y) * (c.z > c.eye[2] - 62) * (1 - np.clip(2 * c.ears, 0, 1))
    flop = amount * (7.0 + 5.0 * smoothstep(c.eye[1] + 10, c.eye[1] + 60, c.y))
    strands = np.clip(1.0 + 0.35 * np.sin(c.skin[:, 0] / 1.6 + slope * c.y / 2) + 0.25 * c.noise(rng, 10), 0.3, 1.9)
    return _set(surface, source, amount, flop, look.hair_colour * strands[:, None]), []


def _hand(source, surface, head, look, rng):
    """Somebody's own hand before cheek, mouth, chin or eye."""
    p, c = head.positions, source.canvas
    target = np.array([
        (0.0, c.mouth[1], 0.0), (32.0, c.mouth[1] + 4, 0.0), (-32.0, c.mouth[1] + 4, 0.0), (0.0, c.chin_y + 8, 0.0), (28.0, c.eye[1] - 4, 0.0),
    ][rng.integers(5)])  # fmt: skip
    target = target + np.array([*rng.normal(0, 5, 2), 0.0])
    skin = to_srgb(np.median(to_linear(surface.albedo[source.model.face_region]), axis=0)) * rng.uniform(0.9, 1.02)
    turn = rng.normal(0, 0.45) + np.sign(target[0] or rng.normal()) * rng.uniform(0.1, 0.7)
    cos, sin = np.cos(turn), np.sin(turn)

    def placed(points):
        """From the hand's plane, fingers up, its middle at 0, to before the face."""
        u, v, w = np.asarray(points, float).T
        x, y = target[0] + cos * u - sin * v, target[1] + sin * u + cos * v
        behind = 0.004 * ((x - target[0]) ** 2 + 0.5 * (y - target[1]) ** 2)
        return np.stack([x, y, front + w - np.minimum(behind, 26.0)], axis=1)

    front = _front(p, target, (34, 30)) + 10.0
    parts = []
    for k, (u, length) in enumerate(((-27, 62), (-9, 74), (9, 70), (26, 54))):
        spread = 0.10 * (k - 1.5) + rng.normal(0, 0.02)
        t = np.linspace(0, 1, 9)
        joints = 1.0 + 0.08 * np.cos(2 * np.pi * (t * 3))
        line = np.stack([u + spread * length * t, 18 + length * t, 3 - 9 * t**2], axis=1)
        parts.append(capsule(placed(line), (8.6 - 2.4 * t) * joints, skin * (1 + 0.03 * rng.normal()), around=12))
    side = rng.choice([-1.0, 1.0])
    thumb = np.stack([side * np.array([30, 46, 56, 60]), np.array([-34, -14, 8, 26]), np.array([0, 2, 2, 0])], axis=1)
    parts.append(capsule(placed(thumb), np.array([12, 11, 9.5, 8]), skin, around=12))
    for u in (-25, -9, 9, 24):
        palm = np.stack([np.full(6, u) * np.linspace(0.8, 1, 6), np.linspace(-60, 22, 6), np.zeros(6)], axis=1)
        parts.append(capsule(placed(palm), np.linspace(13, 12, 6), skin, around=12))
    wrist = np.stack([np.zeros(4), np.linspace(-190, -60, 4), np.linspace(8, -2, 4)], axis=1)
    parts.append(capsule(placed(wrist), np.linspace(34, 27, 4), look.clothes, around=18))
    return surface, parts


def bar(
    from_mm: float, to_mm: float, head_rotation: Float[np.ndarray, "3 3"], albedo: np.ndarray, sideways: bool = False
) -> Surface:
    """A flat bar before the face that doesn't turn with it: from one height to another, in mm above the model's origin.

    Args:
        head_rotation: of the head before the camera.
        sideways: from one x to another instead.
    """
    half = np.array([(to_mm - from_mm) / 2, 260.0, 4.0]) if sideways else np.array([260.0, (to_mm - from_mm) / 2, 4.0])
    middle = (from_mm + to_mm) / 2
    centre = np.array([middle, 0.0, 95.0]) if sideways else np.array([0.0, middle, 95.0])
    return box(head_rotation.T @ centre, half, albedo, head_rotation.T)


OCCLUDERS = {
    "glasses": _glasses,
    "sunglasses": _sunglasses,
    "mask": _mask,
    "scarf": _scarf,
    "fringe": _fringe,
    "hand": _hand,
}
