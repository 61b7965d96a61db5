"""People instead of coefficients: shape and albedo drawn together from the same gender, age and ancestry.

The paper draws every coefficient alone, N(0, 1): then a man's jaw may carry a girl's skin. In life they go together, since
both follow from who a person is. The sampler draws who: attributes a = (gender, age, ancestry); then

    c = B φ(a) + L_g z,   z ~ N(0, 1)

with φ the attributes and their products, B a least-squares regression over the people that the model was made of, and L_g L_gᵀ
the covariance of what the regression leaves, one for women and one for men (beards vary in one of them only). Given the
attributes, shape and albedo are independent, as they are in the generator. The numbers lie in the model's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.face.coefficients import Coefficients

__all__ = ["AGES", "ANCESTRIES", "Attributes", "IdentitySampler", "attribute_features", "draw_attributes"]

ANCESTRIES = ("african", "asian", "european")
GENDERS = {"female": 0.0, "male": 1.0}
AGES = (18.0, 80.0)  # years


class Attributes(NamedTuple):
    """Who people are, as far as the open model knows."""

    gender: Float[np.ndarray, " person"]  # 0 female, 1 male
    age: Float[np.ndarray, " person"]  # years
    ancestry: Float[np.ndarray, "person 3"]  # shares of African, Asian, European; they sum to 1


def draw_attributes(
    batch: int,
    generator: np.random.Generator,
    gender: float | int | str | None = None,
    age: float | int | None = None,
    ancestry: str | Mapping[str, float | int] | None = None,
) -> Attributes:
    """Attributes of the population that the open model is made of, with those that are given held fixed (float32).

    Ours: gender Beta(0.35, 0.35), age 18 to 80 with a mean of 41 years, ancestry Dirichlet(0.5).

    Args:
        gender: 0 female to 1 male, or one of the two words.
        age: years, 18 to 80.
        ancestry: "african", "asian" or "european", or shares by these names; shares are divided by their sum.

    Raises:
        InputError: an attribute that isn't in its range, or a name that isn't known.
    """
    drawn = Attributes(
        generator.beta(0.35, 0.35, batch),
        AGES[0] + (AGES[1] - AGES[0]) * generator.beta(1.2, 2.0, batch),
        generator.dirichlet([0.5] * 3, batch),
    )
    if gender is not None:
        drawn = drawn._replace(gender=np.full(batch, _number("gender", GENDERS.get(str(gender), gender), 0.0, 1.0)))
    if age is not None:
        drawn = drawn._replace(age=np.full(batch, _number("age", age, *AGES)))
    if ancestry is not None:
        drawn = drawn._replace(ancestry=np.tile(_shares(ancestry), (batch, 1)))
    return Attributes(*(values.astype(np.float32) for values in drawn))


def _number(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, int | float | np.number) and least <= value <= most:
        return float(value)
    words = " or a word, female or male," if name == "gender" else " in years"
    raise InputError(f"{name} must be a number{words} from {least:g} to {most:g}; got {value!r}.")


def _shares(ancestry: str | Mapping[str, float | int]) -> np.ndarray:
    given = {ancestry: 1.0} if isinstance(ancestry, str) else dict(ancestry)
    shares = np.array([given.pop(name, 0.0) for name in ANCESTRIES], np.float64)
    if given or not np.isfinite(shares).all() or (shares < 0).any() or not shares.sum():
        raise InputError(
            f"ancestry must be one of {', '.join(ANCESTRIES)}, or shares by these names, none below 0; got {ancestry!r}."
        )
    return shares / shares.sum()


def attribute_features(attributes: Attributes) -> Float[np.ndarray, "person feature"]:
    """φ: a constant, the attributes about their middles, their squares and products; 15 numbers, float64.

    The European share is what the other two leave, so it enters through the constant.
    """
    gender, age = 2.0 * attributes.gender.astype(np.float64) - 1.0, (attributes.age.astype(np.float64) - 41.0) / 15.0
    african, asian = attributes.ancestry.astype(np.float64).T[:2] - 1.0 / 3.0
    first = np.stack([gender, age, african, asian], axis=1)
    row, column = np.triu_indices(4)
    return np.concatenate([np.ones((len(first), 1)), first, first[:, row] * first[:, column]], axis=1)


@dataclass(frozen=True, eq=False)
class IdentitySampler:
    """Draws people of the open model; `IdentitySampler.load()` reads the numbers that ship with it.

    Attributes:
        regression: B transposed: coefficients, shape then albedo, by features.
        shape_factors: L of the shape for women and for men, lower triangular.
        albedo_factors: the same for albedo.
    """

    regression: Float[np.ndarray, "feature coefficient"]
    shape_factors: Float[np.ndarray, "2 shape_component shape_component"]
    albedo_factors: Float[np.ndarray, "2 albedo_component albedo_component"]

    @classmethod
    def load(cls) -> IdentitySampler:
        """The sampler of the embedded open model."""
        from mmreg.face.open_face import load_identity_sampler  # the file's reader builds samplers

        return load_identity_sampler()

    def sample(
        self,
        batch: int,
        seed: int,
        *,
        gender: float | int | str | None = None,
        age: float | int | None = None,
        ancestry: str | Mapping[str, float | int] | None = None,
    ) -> Coefficients:
        """`batch` people without expression, numpy float32; what is None is left to chance.

        Over the whole population each coefficient has mean 0 and variance 1, as with `Coefficients.sample`, but they are
        correlated. Arguments as of `draw_attributes`.
        """
        generator = np.random.default_rng(seed)
        return self.sample_people(draw_attributes(batch, generator, gender, age, ancestry), generator)

    def mean(self, attributes: Attributes) -> Coefficients:
        """The average person of each row of attributes: B φ(a), float32."""
        middle = (attribute_features(attributes) @ self.regression).astype(np.float32)
        count = self.shape_factors.shape[1]
        return Coefficients(middle[:, :count], middle[:, count:])

    def sample_people(self, attributes: Attributes, generator: np.random.Generator) -> Coefficients:
        """One person with each row of attributes, numpy float32."""
        middle = self.mean(attributes)
        is_male = (attributes.gender > 0.5).astype(int)

        def spread(factors: np.ndarray) -> np.ndarray:
            z = generator.standard_normal((len(is_male), factors.shape[1])).astype(np.float32)
            both = np.einsum("gij,bj->gbi", factors, z)
            return both[is_male, np.arange(len(is_male))]

        return Coefficients(middle.shape + spread(self.shape_factors), middle.albedo + spread(self.albedo_factors))
