"""How light a photograph's skin is, read from its features by one weighted sum, and put into albedo coefficients. Ours.

The layers that predict coefficients have thousands of inputs and other things to attend to: how light the skin of one person comes out changes
from photograph to photograph more than the features make it. A sum with small weights, fitted to what photographs of alike
people have in common, tells people's skin in the same order and scatters by two thirds as much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float
from mmreg.color import srgb_to_linear, tone
from mmreg.face.linear_space import LinearSpace
from mmreg.face.population import Population

RIDGE = 0.1  # see `fit_tone_reading`; chosen on training people left out of the fit (`tools/skin_tone_bound.py`)
MOST_PHOTOGRAPHS = 65_536  # of which the weights are fitted


class ToneReading(NamedTuple):
    """Albedo coefficients moved along one direction, until their skin is as light as a weighted sum of features says.

    Lightness is the logarithm of the skin's luminance, to first order, in deviations of the photographed population.
    """

    weights: Float[np.ndarray, " feature"]  # of features in their domain's deviations
    offset: Float[np.ndarray, ""]
    along: Float[np.ndarray, " albedo"]  # along · albedo is the lightness of these coefficients
    move: Float[np.ndarray, " albedo"]  # adds 1 to it, by as few deviations as can be

    def read(self, features: Float[Array, "batch feature"]) -> Float[Array, " batch"]:
        """Lightness from features in their domain's deviations."""
        return ops.matmul(features, self.weights) + self.offset

    def applied(
        self, albedo: Float[Array, "batch albedo"], features: Float[Array, "batch feature"]
    ) -> Float[Array, "batch albedo"]:
        """These coefficients with the lightness that is read from the features."""
        return albedo + (self.read(features) - ops.matmul(albedo, self.along))[:, None] * self.move


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
    along, move = _lightness_direction(population, skin)
    offset = along @ population.albedo_mean - slopes @ mean
    return ToneReading(*(np.asarray(a, np.float32) for a in (slopes, offset, along, move)))


def _lightness_direction(population: Population, skin: LinearSpace) -> tuple[np.ndarray, np.ndarray]:
    """(along, move) of a `ToneReading`: the gradient of the skin's log luminance at the population's mean."""
    mean, deviation = np.asarray(population.albedo_mean), np.asarray(population.albedo_deviation)
    slopes = skin.basis * skin.standard_deviations
    color, step = skin.mean + slopes @ mean, 1e-3
    beside = np.concatenate([color + step * np.eye(3), color - step * np.eye(3)])
    logarithm = np.asarray(tone(srgb_to_linear(beside)))[:, 0]
    gradient = ((logarithm[:3] - logarithm[3:]) / (2.0 * step)) @ slopes * deviation
    unit = gradient / np.linalg.norm(gradient)
    return unit / deviation, unit * deviation
