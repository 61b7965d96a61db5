"""A mean and principal components: the form of shape, albedo and expression (the paper's section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from keras import ops
from scipy.sparse import sparray

from mmreg.arrays import Array, Float, Int, outside_graphs

__all__ = ["LinearSpace", "solve_coefficients"]


@dataclass(frozen=True, eq=False)
class LinearSpace:
    """A mean and its principal components: x = x̄ + P (σ ∘ c) for standard normal c.

    x is (3N,), the vertices one after the other, three numbers each: x y z in millimetres, or R G B in sRGB. The columns
    of P are orthonormal on the mesh that the components were computed on; a crop's are shorter and no longer orthogonal.

    Attributes:
        mean: x̄, float32.
        basis: P, float32; stored component by component, so `basis.T` is contiguous.
        standard_deviations: σ, float32, the roots of the variances (the paper's diagonal W).
    """

    mean: Float[np.ndarray, " coordinate"]
    basis: Float[np.ndarray, "coordinate component"]
    standard_deviations: Float[np.ndarray, " component"]

    def __post_init__(self) -> None:
        if self.basis.shape != (len(self.mean), len(self.standard_deviations)):
            raise ValueError(
                f"basis must be (coordinates, components) = {(len(self.mean), len(self.standard_deviations))}, "
                f"got {self.basis.shape}"
            )

    @property
    def component_count(self) -> int:
        """K, the number of components."""
        return len(self.standard_deviations)

    def leading(self, share: float) -> int:
        """How many of the first components it takes to carry this share (0 to 1) of the variance."""
        carried = np.cumsum(self.standard_deviations.astype(np.float64) ** 2)
        return min(int(np.searchsorted(carried, share * carried[-1])) + 1, self.component_count)

    @cached_property
    def _tensors(self) -> tuple[Array, Array, Array]:
        """x̄, σ and Pᵀ as the backend's tensors, converted once."""
        with outside_graphs():
            return tuple(
                ops.convert_to_tensor(np.ascontiguousarray(a, np.float32))
                for a in (self.mean, self.standard_deviations, self.basis.T)
            )

    def __call__(self, coefficients: Float[Array, "batch component"]) -> Float[Array, "batch coordinate"]:
        """x̄ + P (σ ∘ c) for each row c; differentiable."""
        mean, standard_deviations, basis_transposed = self._tensors
        return mean + ops.matmul(coefficients * standard_deviations, basis_transposed)

    @property
    def mean_tensor(self) -> Float[Array, " coordinate"]:
        """x̄ as the backend's tensor."""
        return self._tensors[0]

    def take(self, vertices: Int[np.ndarray, " kept"]) -> LinearSpace:
        """The same space on the chosen vertices, in their order."""
        rows = (3 * vertices[:, None] + np.arange(3)).ravel()
        basis = np.ascontiguousarray(self.basis.T[:, rows]).T
        return LinearSpace(self.mean[rows], basis, self.standard_deviations)

    def mixed(self, weights: Float[np.ndarray, "point vertex"] | sparray) -> LinearSpace:
        """The space of weighted means of the vertices: three numbers for each row of weights, which may be a sparse array."""
        values = np.concatenate([self.mean[None], self.basis.T]).reshape(self.component_count + 1, -1, 3)
        flat = values.transpose(1, 0, 2).reshape(values.shape[1], -1)  # vertex, then component by component
        mixed = np.asarray(weights @ flat, np.float32).reshape(-1, *values.shape[::2]).transpose(1, 0, 2)
        mean, basis = mixed[0].ravel(), mixed[1:].reshape(self.component_count, -1)
        return LinearSpace(mean, basis.T, self.standard_deviations)


def solve_coefficients(
    values: Float[np.ndarray, "batch coordinate"], spaces: Iterable[LinearSpace]
) -> list[Float[np.ndarray, "batch component"]]:
    """The coefficients in all `spaces` together whose sum of fields is nearest to `values`, by least squares.

    Minimises ‖x − Σ x̄ₖ − Σ Pₖ (σₖ ∘ cₖ)‖² by the normal equations in float64, for the columns of P are orthogonal
    neither after a crop nor between two spaces.
    """
    spaces = list(spaces)
    components = np.concatenate([s.basis.T for s in spaces]).astype(np.float64)  # k 3n
    deviations = np.concatenate([s.standard_deviations for s in spaces])
    residual = np.asarray(values, np.float64) - sum(s.mean.astype(np.float64) for s in spaces)
    solution = np.linalg.solve(components @ components.T, components @ residual.T).T / deviations
    ends = np.cumsum([s.component_count for s in spaces])
    return [part.astype(np.float32) for part in np.split(solution, ends[:-1], axis=1)]
