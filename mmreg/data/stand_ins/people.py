"""People who don't exist and whom the open model can't quite express, drawn one by one from a seed.

They come from the generator that the open model was made of, before any components (`source.npz`), with local traits spread more
widely, in heavier tails, and left and right less alike; on top of that come pulled features, bumps, creases and marks of their own
(`marks.py`), stronger make-up and fuller beards. `results/stand_ins.json` records how far outside the model's span they lie,
beside the people of the model's own distribution.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.color import luminance
from mmreg.data.stand_ins.marks import BUMPS_MM, PULLED, bumps, mark_skin, pulled
from mmreg.data.stand_ins.paint import MakeUp, paint, to_linear, to_srgb
from mmreg.data.stand_ins.source import Source, load_source
from mmreg.data.stand_ins.traits import sample_weights
from mmreg.face.identity_sampler import ANCESTRIES, Attributes, draw_attributes
from mmreg.geometry.mesh import vertex_normals

__all__ = ["People", "Person", "draw_people", "draw_person", "person_name"]

SPREAD, TAIL, ONE_SIDED = (
    1.2,
    6.0,
    0.4,
)  # of local traits; the open model's people have 1, the normal distribution and 0.25
MAKE_UP = MakeUp(lipstick=0.85, beard=(0.25, 0.3), fullest_beard=0.9, pattern=1.15)
_PEOPLE = 0x50454F50  # keeps the seeds of people from meeting those of pictures


class Person(NamedTuple):
    """Somebody, on the open model's mesh.

    Attributes:
        positions: mm, without expression.
        albedo: sRGB in [0, 1].
        gender: 0 female, 1 male.
        age: years.
        ancestry: shares of African, Asian, European.
        skin_luminance: the mean relative luminance of the face's albedo, in linear light.
    """

    name: str
    positions: Float[np.ndarray, "vertex 3"]
    albedo: Float[np.ndarray, "vertex 3"]
    gender: float
    age: float
    ancestry: Float[np.ndarray, "3"]
    skin_luminance: float

    def labels(self) -> dict[str, str | float]:
        """Who they are, as labels of a photograph: gender, age, african, asian, european, skin_luminance."""
        shares = dict(zip(ANCESTRIES, self.ancestry.tolist(), strict=True))
        return {"gender": self.gender, "age": self.age, **shares, "skin_luminance": self.skin_luminance}


class People(NamedTuple):
    """Several at once; the fields are as a `Person`'s, and `attributes` as the identity sampler's."""

    names: tuple[str, ...]
    positions: Float[np.ndarray, "person vertex 3"]
    albedos: Float[np.ndarray, "person vertex 3"]
    gender: Float[np.ndarray, " person"]
    age: Float[np.ndarray, " person"]
    ancestry: Float[np.ndarray, "person 3"]
    skin_luminance: Float[np.ndarray, " person"]

    @property
    def attributes(self) -> Attributes:
        """Gender, age and ancestry."""
        return Attributes(self.gender, self.age, self.ancestry)


def draw_people(count: int, seed: int) -> People:
    """The first `count` people of a seed, each a `draw_person`; 0.7 MB a person.

    Raises:
        InputError: fewer than one is asked for.
    """
    if count < 1:
        raise InputError(f"Stand-ins need at least one person; got {count}.")
    people = [draw_person(seed, index) for index in range(count)]
    return People(
        tuple(person.name for person in people),
        np.stack([person.positions for person in people]),
        np.stack([person.albedo for person in people]),
        *(np.array([getattr(p, field) for p in people], np.float32) for field in ("gender", "age", "ancestry")),
        np.array([person.skin_luminance for person in people], np.float32),
    )


def person_name(seed: int, index: int) -> str:
    """What the person at an index of a seed is called."""
    return f"stand_in_{seed}_{index:04d}"


@lru_cache(maxsize=16)
def draw_person(seed: int, index: int) -> Person:
    """The person at an index of a seed: the same whoever else is drawn. The last few are kept."""
    source = load_source()
    rng = np.random.default_rng((_PEOPLE, seed, index))
    attributes = draw_attributes(1, rng)
    weights = sample_weights(source.parameters, attributes, rng, SPREAD, TAIL, ONE_SIDED)
    if weights.targets != source.targets:
        raise InputError("source.npz is of another generator; make it anew with tools/stand_in_source.py.")
    positions = source.positions(weights.values[0])
    painted = to_linear(paint(source.canvas, attributes, 0, rng, MAKE_UP))
    skin_count = len(source.skin)
    marked, height = mark_skin(source.canvas, painted[:skin_count], float(attributes.age[0]), rng)
    linear = source.on_mesh(np.concatenate([marked, painted[skin_count:]])).clip(0.0, 1.0).astype(np.float32)
    positions = _of_their_own(source, positions, height, rng)
    face = source.model.face_region & ~source.model.region("left_eye") & ~source.model.region("right_eye")
    return Person(
        person_name(seed, index),
        positions,
        to_srgb(linear).astype(np.float32),
        float(attributes.gender[0]),
        float(attributes.age[0]),
        attributes.ancestry[0],
        float(np.mean(luminance(linear[face]))),
    )


def _of_their_own(
    source: Source, positions: Float[np.ndarray, "vertex 3"], height: Float[np.ndarray, " skin_vertex"], rng
) -> Float[np.ndarray, "vertex 3"]:
    """The face with pulled features, and with bumps, creases and marks along its normals; the eyeballs keep their surface."""
    model = source.model
    mean = model.mean_positions()
    moved = positions + pulled(mean, mean[model.landmark_indices(PULLED)], rng)
    along = np.zeros(len(mean))
    along[source.skin] = height
    to_eye = np.min([np.linalg.norm(mean - mean[eye].mean(axis=0), axis=1) for eye in source.eyes], axis=0)
    strength = BUMPS_MM * np.exp(rng.normal(0.0, 0.3))
    along += strength * bumps(mean, rng) * (1.0 - np.exp(-((to_eye / 18.0) ** 4)))
    normals = np.asarray(vertex_normals(moved[None].astype(np.float32), model.triangles))[0]
    return (moved + along[:, None] * normals).astype(np.float32)
