"""How people are made of MakeHuman's targets: who they are, and their local traits.

The open face model is made of people drawn so; stand-ins are drawn by the same hand, more widely and with heavier tails.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from mmreg.face.identity_sampler import Attributes

__all__ = ["MACRO", "Parameter", "Weights", "sample_weights"]

MACRO = "mpfb2/targets/macrodetails/"  # the targets of gender, age, ancestry, muscle and weight
# Standard deviations, in whole targets, before the common factor: larger ones give caricatures.
SPREAD = 0.55
WHERE_A_RECOGNISER_LOOKS = ("nose", "mouth", "eyes", "eyebrows", "cheek", "chin")  # these vary more
MORE = 1.35
SIGMA_BY_FOLDER = {
    "head": 0.28, "nose": 0.33, "mouth": 0.30, "eyes": 0.30, "cheek": 0.35, "chin": 0.33, "ears": 0.35,
    "forehead": 0.3, "eyebrows": 0.3, "neck": 0.25, "asym": 0.18,
}  # fmt: skip
SIGMA_BY_PREFIX = {
    "head-angle": 0.1, "head-age": 0.15, "head-scale-depth": 0.2, "head-scale-horiz": 0.25, "head-scale-vert": 0.25,
    "head-back-scale-depth": 0.2, "mouth-trans": 0.2, "nose-trans": 0.2, "mouth-dimples": 0.2, "eye-push": 0.2,
    "forehead-nubian": 0.2, "chin-cleft": 0.3, "chin-prognathism": 0.22, "eye-corner": 0.3, "nose-compression": 0.2,
    "mouth-laugh-lines": 0.3, "neck-double": 0.25, "mouth-scale-depth": 0.2, "eyebrows-trans": 0.25, "head-fat": 0.3,
    "ear-wing": 0.35, "ear-trans": 0.15, "ear-shape": 0.25, "chin-jaw-drop": 0.15,
}  # fmt: skip
MEAN_BY_PREFIX = {"ear-wing": -0.35, "ear-lobe": -0.3}  # MakeHuman's own ears stand off, and their lobes are square
SIDES = ("l-", "r-")


class Parameter(NamedTuple):
    """A local trait: one target, or two opposite ones."""

    name: str
    folder: str
    plus: str
    minus: str | None

    @property
    def without_side(self) -> str:
        """The name that the left and the right side share."""
        return re.sub("^[lr]-", "", self.name)

    @property
    def sigma(self) -> float:
        """Standard deviation in whole targets."""
        spread = SPREAD * (MORE if self.folder in WHERE_A_RECOGNISER_LOOKS else 1)
        for prefix, sigma in SIGMA_BY_PREFIX.items():
            if self.without_side.startswith(prefix):
                return sigma * spread
        return SIGMA_BY_FOLDER[self.folder] * spread

    @property
    def mean(self) -> float:
        """Mean in whole targets."""
        return next((m for prefix, m in MEAN_BY_PREFIX.items() if self.without_side.startswith(prefix)), 0.0)


class Weights(NamedTuple):
    """Weights of targets, one row a person."""

    values: np.ndarray  # (person, target)
    targets: list[str]


def sample_weights(
    parameters: list[Parameter],
    people: Attributes,
    generator: np.random.Generator,
    spread: float = 1.0,
    tail: float | None = None,
    one_sided: float = 0.25,
) -> Weights:
    """How people are made of targets: by their gender, age and ancestry; muscle, weight and the local traits are drawn.

    Args:
        spread: of the local traits, beside their own deviations.
        tail: degrees of freedom of Student's t, from which local traits are drawn; few give rare strong traits. None is the normal
            distribution.
        one_sided: what left and right draw on their own, beside what they share.
    """

    def draw() -> np.ndarray:
        return generator.normal(size=count) if tail is None else generator.standard_t(tail, size=count)

    count = len(people.gender)
    columns: dict[str, np.ndarray] = {}

    def add(target: str, weight: np.ndarray) -> None:
        columns[target] = columns.get(target, 0) + weight.astype(np.float32)

    _add_macro_weights(add, people, generator)
    shared: dict[str, np.ndarray] = {}
    for parameter in parameters:
        key = parameter.without_side
        if parameter.name.startswith(SIDES) and key not in shared:
            shared[key] = draw()
        z = draw()
        if key in shared:  # in the model's people, left and right agree but for a quarter
            z = 0.97 * shared[key] + one_sided * z
        z = np.clip(parameter.mean + spread * parameter.sigma * z, -1, 1)
        if parameter.minus:
            add(parameter.plus, np.maximum(z, 0))
            add(parameter.minus, np.maximum(-z, 0))
        else:
            add(parameter.plus, np.abs(z))
    return Weights(np.stack(list(columns.values()), axis=1), list(columns))


def _add_macro_weights(add, people: Attributes, generator: np.random.Generator) -> None:
    count, male = len(people.gender), people.gender.astype(np.float64)
    # MakeHuman's scale: 0.1875 at 11 years, 0.5 at 25, 1 at 90; a third of what makes a child stays out of the young
    years = people.age.astype(np.float64)
    age = np.where(years < 25, 0.5 - (25 - years) / 14 * 0.3125 * 0.6, 0.5 + (years - 25) / 65 * 0.5)
    ancestry = dict(zip(("african", "asian", "caucasian"), people.ancestry.astype(np.float64).T, strict=True))
    muscle = _three_stages(np.clip(generator.normal(0.5, 0.17, count), 0, 1), "muscle")
    weight = _three_stages(np.clip(generator.normal(0.5, 0.22, count), 0, 1), "weight")
    ages = {"child": np.clip((0.5 - age) / 0.3125, 0, 1), "old": np.clip((age - 0.5) / 0.5, 0, 1)}
    ages["young"] = 1 - ages["child"] - ages["old"]
    for age_name, of_age in ages.items():
        for gender, of_gender in (("male", male), ("female", 1 - male)):
            of_both = of_age * of_gender
            for ancestry_name, share in ancestry.items():
                add(f"{MACRO}{ancestry_name}-{gender}-{age_name}", share * of_both)
            for muscle_name, of_muscle in muscle.items():
                for weight_name, of_weight in weight.items():
                    name = f"{MACRO}universal-{gender}-{age_name}-{muscle_name}-{weight_name}"
                    add(name, of_both * of_muscle * of_weight)


def _three_stages(x: np.ndarray, what: str) -> dict[str, np.ndarray]:
    """Weights of least, average and most, for x in [0, 1]; they sum to 1."""
    least, most = np.clip(1 - 2 * x, 0, 1), np.clip(2 * x - 1, 0, 1)
    return {f"min{what}": least, f"average{what}": 1 - least - most, f"max{what}": most}
