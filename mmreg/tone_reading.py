"""How light a photograph's skin is, read from its features by one weighted sum, and put into albedo coefficients. Ours.

The layers that predict coefficients have thousands of inputs and other things to attend to: how light the skin of one person comes out changes
from photograph to photograph more than the features make it. A sum with small weights, fitted to what photographs of alike
people have in common, tells people's skin in the same order and scatters less; the book's chapter on ablations has the numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops
from scipy.stats import norm

from mmreg.arrays import Array, Float
from mmreg.color import srgb_to_linear, tone
from mmreg.face.linear_space import LinearSpace
from mmreg.face.population import Population

RIDGE = 0.1  # see `fit_tone_reading`; chosen on training people left out of the fit (`tools/skin_tone_bound.py`)
KNOTS = np.linspace(-2.5, 0.0, 11)  # of the curve, in deviations of a normal distribution
MOST_PHOTOGRAPHS = 65_536  # of which the weights are fitted


class ToneReading(NamedTuple):
    """Albedo coefficients moved along one direction, until their skin is as light as a weighted sum of features says.

    Lightness is the logarithm of the skin's luminance, to first order, in deviations of the photographed population from its mean.
    """

    weights: Float[np.ndarray, " feature"]  # of features in their domain's deviations
    offset: Float[np.ndarray, ""]
    along: Float[np.ndarray, " albedo"]  # along · albedo - level is the lightness of these coefficients
    level: Float[np.ndarray, ""]
    move: Float[np.ndarray, " albedo"]  # adds 1 to it, by as few deviations as can be
    knots: Float[np.ndarray, " knot"] = np.zeros(1, np.float32)  # the curve of `read`: where it bends
    bends: Float[np.ndarray, " knot"] = np.ones(1, np.float32)  # by how much; the first is its slope to begin with
    start: Float[np.ndarray, ""] = np.zeros((), np.float32)  # its height at the first knot

    def sum(self, features: Float[Array, "batch feature"]) -> Float[Array, " batch"]:
        """The weighted sum of features in their domain's deviations."""
        return ops.matmul(features, self.weights) + self.offset

    def read(self, features: Float[Array, "batch feature"]) -> Float[Array, " batch"]:
        """Lightness from features in their domain's deviations: the sum, bent by a curve of straight pieces."""
        return self.bent(self.sum(features))

    def bent(self, lightness: Float[Array, " batch"]) -> Float[Array, " batch"]:
        """The curve's height."""
        beyond = lightness[:, None] - np.asarray(self.knots, np.float32)
        beyond = ops.concatenate([beyond[:, :1], ops.relu(beyond[:, 1:])], axis=1)
        return ops.matmul(beyond, np.asarray(self.bends, np.float32)) + np.float32(self.start)

    def with_fewer_blackest(
        self, features: Float[Array, "photo feature"], weights: Float[np.ndarray, " photo"] | None = None
    ) -> ToneReading:
        """The same with a curve, by which the darker half of what is read from these photographs is distributed normally, as the population is.

        A sum with the population's mean and deviation, which are kept, can have another shape: of the darkest people it is surest, and
        calls them darker than anybody in the population. Where pale people are it keeps its own shape.

        Args:
            weights: how much each photograph counts; None is all the same.
        """
        found = np.asarray(self.sum(features), np.float64)
        weights = np.ones(len(found)) if weights is None else np.asarray(weights, np.float64)
        order, weights = np.argsort(found), weights / weights.sum()
        reached = np.cumsum(weights[order]) - 0.5 * weights[order]
        heights = KNOTS[norm.cdf(KNOTS) >= reached[0]]  # a small crowd says nothing of what is rare
        knots = np.interp(norm.cdf(heights), reached, found[order])
        apart = np.append(np.diff(knots) > 1e-3, True)  # the median is always one of them
        heights, knots = heights[apart], knots[apart]
        slopes = np.append(np.diff(heights) / np.diff(knots), 1.0)  # the last from the median on
        curve = self._replace(knots=knots, bends=np.diff(slopes, prepend=0.0), start=heights[0])
        bent = np.asarray(curve.bent(found.astype(np.float32)), np.float64)
        mean = weights @ bent
        deviation = np.sqrt(weights @ (bent - mean) ** 2)
        parts = (knots, curve.bends / deviation, (curve.start - mean) / deviation)
        return self._replace(
            **{
                name: np.asarray(part, np.float32)
                for name, part in zip(("knots", "bends", "start"), parts, strict=True)
            }
        )

    def applied(
        self, albedo: Float[Array, "batch albedo"], features: Float[Array, "batch feature"]
    ) -> Float[Array, "batch albedo"]:
        """These coefficients with the lightness that is read from the features."""
        missing = self.read(features) + self.level - ops.matmul(albedo, self.along)
        return albedo + missing[:, None] * self.move


def fit_tone_reading(
    features: Float[np.ndarray, "photo feature"],
    lightness: Float[np.ndarray, " photo"],
    population: Population,
    skin: LinearSpace,
    weights: Float[np.ndarray, " photo"] | None = None,
    ridge: float = RIDGE,
) -> ToneReading:
    """Ridge regression of lightness on features, scaled so that over these photographs what is read has the population's mean and deviation.

    Args:
        features: in their domain's deviations.
        lightness: the logarithm of each photograph's skin's luminance, as far as possible without its light.
        population: whom the photographs show.
        skin: the mean colour (sRGB) of a face's skin, from albedo coefficients.
        weights: how much each photograph counts; None is all the same.
        ridge: how strongly weights are drawn to 0, where a feature's variance is 1.
    """
    weights = np.ones(len(features)) if weights is None else np.asarray(weights, np.float64)
    chosen = np.random.default_rng(0).permutation(len(features))[:MOST_PHOTOGRAPHS]
    share = (weights[chosen] / weights[chosen].sum()).astype(np.float32)
    x, y = features[chosen], np.asarray(lightness, np.float32)[chosen]
    mean = share @ x
    x = x - mean
    weighted = x * share[:, None]
    spread = np.asarray(weighted.T @ x, np.float64)
    slopes = np.linalg.solve(spread + ridge * np.eye(len(spread)), np.asarray(weighted.T @ (y - share @ y), np.float64))
    slopes /= np.sqrt(max(slopes @ spread @ slopes, 1e-24))
    gradient = lightness_gradient(population, skin)
    unit = gradient / np.linalg.norm(gradient)
    along, move = unit / population.albedo_deviation, unit * population.albedo_deviation
    level = along @ population.albedo_mean
    return ToneReading(*(np.asarray(a, np.float32) for a in (slopes, -slopes @ mean, along, level, move)))


def lightness_gradient(population: Population, skin: LinearSpace) -> Float[np.ndarray, " albedo"]:
    """The gradient of the skin's log luminance at a population's mean, by albedo coefficients in the population's deviations.

    Its length is the deviation of the log luminance over the population, to first order.
    """
    mean, deviation = np.asarray(population.albedo_mean), np.asarray(population.albedo_deviation)
    slopes = skin.basis * skin.standard_deviations
    color, step = skin.mean + slopes @ mean, 1e-3
    beside = np.concatenate([color + step * np.eye(3), color - step * np.eye(3)])
    logarithm = np.asarray(tone(srgb_to_linear(beside)))[:, 0]
    return ((logarithm[:3] - logarithm[3:]) / (2.0 * step)) @ slopes * deviation
