"""Whom photographs show: the prior of the batch distribution loss, where the photographed aren't the face model's population.

A face model's coefficients are standard normal over the people that it was made of. The people of a collection of photographs are others: those of
the press are mostly men, past forty, and of European descent. Asked to be standard normal, their predictions are moved until they
are, and the average politician becomes a young woman with brown skin. What is known of a collection without looking at any one photograph of it, its shares of
gender, age and ancestry, says where its people lie among the model's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Array, Float, InputError
from mmreg.face.coefficients import Coefficients
from mmreg.face.identity_sampler import Attributes, IdentitySampler
from mmreg.face.morphable_model import MorphableModel
from mmreg.face.open_face import load_open_face

__all__ = ["POPULATIONS", "Population", "get_population"]

DRAWS = 20_000


class Population(NamedTuple):
    """Mean and standard deviation of every coefficient over some people; the model's own have 0 and 1."""

    shape_mean: Float[np.ndarray, " s"]
    shape_deviation: Float[np.ndarray, " s"]
    albedo_mean: Float[np.ndarray, " t"]
    albedo_deviation: Float[np.ndarray, " t"]

    @classmethod
    def standard(cls, shape_count: int, albedo_count: int) -> Population:
        """The people that a face model was made of: the paper's prior (section 3.3.3)."""
        counts = (shape_count, shape_count, albedo_count, albedo_count)
        return cls(*(np.full(count, k % 2, np.float32) for k, count in enumerate(counts)))

    @classmethod
    def of_model(cls, model: MorphableModel) -> Population:
        """The model's own."""
        return cls.standard(model.shape.component_count, model.albedo.component_count)

    @classmethod
    def of_faces(cls, faces: Coefficients) -> Population:
        """Of given people."""
        moments = (f(x, axis=0, dtype=np.float64) for x in (faces.shape, faces.albedo) for f in (np.mean, np.std))
        return cls(*(np.asarray(m, np.float32) for m in moments))

    def standardised(self, shape: Float[Array, "batch s"], albedo: Float[Array, "batch t"]):
        """(shape, albedo) in deviations from this population's mean: standard normal for these people."""
        return (shape - self.shape_mean) / self.shape_deviation, (albedo - self.albedo_mean) / self.albedo_deviation

    def sample(self, model: MorphableModel, batch: int, seed: int) -> Coefficients:
        """Faces with this mean and deviation, every coefficient drawn alone, as `Coefficients.sample` does for the model's own."""
        drawn = Coefficients.sample(model, batch, seed)
        return Coefficients(
            self.shape_mean + self.shape_deviation * drawn.shape,
            self.albedo_mean + self.albedo_deviation * drawn.albedo,
        )


def _press(count: int, generator: np.random.Generator) -> Attributes:
    """The people of Labeled Faces in the Wild, photographs of the press from 2002 to 2004.

    Shares by Han and Jain (2014): 77.5 % men; 83.5 % White, 8.5 % Black, 8.0 % other; 1.6 % under 21 years, 31.6 % to 40,
    45.6 % to 60, 21.2 % older. How their words become the model's attributes is ours: nine tenths of a person's ancestry are European,
    African, or for "other" Asian; ages are even within a range.
    """
    gender = np.where(
        generator.random(count) < 0.775, generator.uniform(0.85, 1.0, count), generator.uniform(0.0, 0.15, count)
    )
    kind = generator.choice(3, count, p=[0.085, 0.080, 0.835])  # as ANCESTRIES: African, Asian, European
    ancestry = np.full((count, 3), 0.05)
    ancestry[np.arange(count), kind] = 0.9
    ranges = np.array([(18.0, 21.0), (21.0, 41.0), (41.0, 61.0), (61.0, 80.0)])
    age = generator.uniform(*ranges[generator.choice(4, count, p=[0.016, 0.316, 0.456, 0.212])].T)
    return Attributes(*(values.astype(np.float32) for values in (gender, age, ancestry)))


_COLLECTIONS: dict[str, Callable[[int, np.random.Generator], Attributes]] = {"press": _press}
POPULATIONS = ("model", *_COLLECTIONS)


def get_population(name: str, model: MorphableModel) -> Population:
    """The population called `name`: "model", the face model's own, or "press", whom photographs of the press show.

    Only the open model says who its faces are; with any other the answer is its own population.

    Raises:
        InputError: there is none of that name.
    """
    if name not in POPULATIONS:
        raise InputError(f"There is no population {name!r}; choose one of {', '.join(POPULATIONS)}.")
    if name == "model" or model.checksum != load_open_face().checksum:
        return Population.of_model(model)
    return _drawn(name)


@cache
def _drawn(name: str) -> Population:
    generator = np.random.default_rng(0)
    return Population.of_faces(IdentitySampler.load().sample_people(_COLLECTIONS[name](DRAWS, generator), generator))
