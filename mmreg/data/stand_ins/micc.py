"""In place of MICC Florence: scanned people with three videos each, that grow harder."""

from __future__ import annotations

from functools import partial

import numpy as np

from mmreg.data.records import Photo, Scan, ScannedPerson, ScanSet
from mmreg.data.stand_ins.people import draw_person, person_name
from mmreg.data.stand_ins.photography import LIGHTS, Shot, draw_background, draw_expression
from mmreg.data.stand_ins.scans import scan
from mmreg.data.stand_ins.sets import PersonLabels, checked, photo_of, stand_in_checksum
from mmreg.data.stand_ins.spoiling import Spoiling

__all__ = ["VIDEOS", "micc_like"]

VIDEOS = ("cooperative", "indoor", "outdoor")
SIZE = (288, 288)
INDOORS = ("wall", "clouds", "stripes", "blocks")


def micc_like(people: int = 10, frames: int = 10, seed: int = 0) -> ScanSet:
    """Stands in for MICC Florence: scans of people outside the model's span, and three videos of `frames` frames each.

    "cooperative": they turn slowly before a camera in good light. "indoor": a camera on the ceiling zooms in on them as they talk, in lamplight,
    with noise and shake. "outdoor": far away in sun or against it, moving, blurred and compressed, some in sunglasses, scarves or behind hair.

    Harder than the training's pictures: poses to 50 degrees with expressions, light that it never draws. The scan is the true surface, but
    in another triangulation (a cylinder's grid), another pose, and with noise of 0.25 mm; its landmarks are off by 0.6 mm each way.
    Easier than MICC: the surface is known everywhere, and nothing moves between a scan and a video.

    Labels of frames: video, yaw_degrees; of people and frames: gender, age, african, asian, european, skin_luminance.

    Raises:
        InputError: a count below 1.
    """
    checked(people=people, frames=frames, seed=seed)
    scanned = [
        ScannedPerson(
            person_name(seed, index),
            partial(_scan, seed, index),
            {video: _video(video, frames, seed, index) for video in VIDEOS},
            PersonLabels(seed, index),
        )
        for index in range(people)
    ]
    checksum = stand_in_checksum("micc_like", people=people, frames=frames, seed=seed)
    return ScanSet("MICC-like stand-in", True, scanned, checksum)


def _scan(seed: int, index: int) -> Scan:
    return scan(draw_person(seed, index), int(np.random.SeedSequence((seed, index)).generate_state(1)[0]))


def _video(video: str, frames: int, seed: int, index: int) -> list[Photo]:
    rng = np.random.default_rng((0x4D494343, seed, index, VIDEOS.index(video)))
    place = {"cooperative": _cooperative, "indoor": _indoor, "outdoor": _outdoor}[video](rng)
    phases, rates = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.8, 1.3, 4)
    turns, nods, rolls, moving = place["swing"]
    first, last = draw_expression(rng, place["expression"]), draw_expression(rng, place["expression"])
    photos = []
    for frame in range(frames):
        t = 2 * np.pi * frame / max(frames, 6)
        wave = np.sin(rates * t + phases) + 0.08 * rng.normal(size=4)
        share = 0.5 + 0.5 * np.sin(1.7 * t + phases[3])
        blend = {unit: share * first.get(unit, 0.0) + (1 - share) * last.get(unit, 0.0) for unit in first | last}
        shot = Shot(
            float(turns * wave[0]),
            float(place["from_above"] + nods * wave[1]),
            float(rolls * wave[2]),
            distance_mm=place["distance"],
            pixels_per_mm=place["scale"],
            offset_pixels=(float(moving * wave[3]), float(0.5 * moving * wave[1])),
            lamps=place["lamps"],
            ambient=place["ambient"],
            expression=blend,
            background=place["background"],
            things=place["things"],
            spoiling=place["spoiling"]._replace(
                seed=int(rng.integers(2**31)), shake_degrees=float(rng.uniform(0, 180))
            ),
            size=SIZE,
            seed=place["seed"],
        )
        name = f"{person_name(seed, index)}_{video}_{frame:03d}"
        photos.append(photo_of(name, seed, index, shot, {"video": video, "yaw_degrees": shot.yaw_degrees}))
    return photos


def _place(rng: np.random.Generator, lights: tuple[str, ...], **known) -> dict:
    lamps, ambient = LIGHTS[str(rng.choice(lights))](rng)
    always = {
        "lamps": lamps,
        "ambient": ambient,
        "background": draw_background(rng, INDOORS),
        "seed": int(rng.integers(2**31)),
        "things": (),
    }
    return always | known


def _cooperative(rng: np.random.Generator) -> dict:
    spoiling = Spoiling(blur_pixels=0.5, noise=0.008, jpeg_quality=88)
    return _place(
        rng, ("studio", "window", "overcast"), swing=(32.0, 7.0, 3.0, 5.0), from_above=0.0, expression=0.3,
        distance=float(rng.uniform(700, 1200)), scale=0.80, spoiling=spoiling,
    )  # fmt: skip


def _indoor(rng: np.random.Generator) -> dict:
    spoiling = Spoiling(blur_pixels=0.8, shake_pixels=2.0, resolution=0.55, noise=0.025, jpeg_quality=60)
    return _place(
        rng, ("evening", "overcast", "side", "window"), swing=(42.0, 9.0, 6.0, 12.0), from_above=12.0, expression=0.8,
        distance=float(rng.uniform(2500, 5000)), scale=0.62, spoiling=spoiling,
    )  # fmt: skip


def _outdoor(rng: np.random.Generator) -> dict:
    things = (str(rng.choice(["sunglasses", "scarf", "fringe"])),) if rng.random() < 0.35 else ()
    spoiling = Spoiling(blur_pixels=1.1, shake_pixels=3.5, resolution=0.42, noise=0.02, contrast=1.15, jpeg_quality=35)
    return _place(
        rng, ("sun", "sun", "back", "overcast"), swing=(48.0, 10.0, 7.0, 18.0), from_above=9.0, expression=0.9,
        distance=float(rng.uniform(4000, 9000)), scale=0.55, spoiling=spoiling, things=things,
        background=("outdoors", int(rng.integers(2**31))),
    )  # fmt: skip
