"""The numbers that a face is made of: shape, albedo and expression coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mmreg.arrays import Array, Float, InputError

if TYPE_CHECKING:
    from mmreg.face.morphable_model import MorphableModel

__all__ = ["Coefficients"]


class Coefficients(NamedTuple):
    """Coefficients of a batch of faces, every one standard normal over the model's population (the paper's section 3.1).

    `expression` None is the neutral face.

    Paper: names them s, t and e; here `shape`, `albedo` and `expression`.
    """

    shape: Float[Array, "batch shape_component"]
    albedo: Float[Array, "batch albedo_component"]
    expression: Float[Array, "batch expression_component"] | None = None

    @classmethod
    def neutral(cls, model: MorphableModel, batch: int = 1) -> Coefficients:
        """The mean face without expression, `batch` times: all zeros, numpy float32."""
        return cls(
            np.zeros((batch, model.shape.component_count), np.float32),
            np.zeros((batch, model.albedo.component_count), np.float32),
        )

    @classmethod
    def sample(cls, model: MorphableModel, batch: int, seed: int, expression: bool = False) -> Coefficients:
        """`batch` faces drawn from the model's population: independent standard normal numbers, numpy float32.

        Shape and albedo of a seed are the same whether `expression` is asked for or not.

        Paper: expression is zero when predicting (section 3.1); it is drawn only on demand.
        """
        generator = np.random.default_rng(seed)

        def draw(count: int) -> np.ndarray:
            return generator.standard_normal((batch, count)).astype(np.float32)

        shape, albedo = draw(model.shape.component_count), draw(model.albedo.component_count)
        return cls(shape, albedo, draw(model.expression.component_count) if expression else None)

    def to_dict(self) -> dict[str, list[list[float]] | None]:
        """Plain lists for JSON; `from_dict` gives the same float32 numbers back."""
        return {name: None if value is None else np.asarray(value).tolist() for name, value in self._asdict().items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Coefficients:
        """The inverse of `to_dict`.

        Raises:
            InputError: a part is missing or isn't a table of numbers with one row per face.
        """
        parts = {}
        for name in ("shape", "albedo", "expression"):
            value = record.get(name)
            if value is None and name == "expression":
                parts[name] = None
                continue
            try:
                parts[name] = np.array(value, np.float32)
            except (TypeError, ValueError):
                parts[name] = np.zeros(0, np.float32)
            if parts[name].ndim != 2:
                raise InputError(f"Coefficients: `{name}` must be a list of faces, each a list of numbers.")
        if len({len(value) for value in parts.values() if value is not None}) > 1:
            raise InputError(
                "Coefficients: `shape`, `albedo` and `expression` must have as many rows as there are faces."
            )
        return cls(**parts)
