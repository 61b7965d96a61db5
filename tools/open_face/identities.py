"""What the people that the model was made of have in common, for `mmreg.face.identity_sampler`."""

from __future__ import annotations

import numpy as np

from mmreg.face.identity_sampler import Attributes, IdentitySampler, attribute_features

RIDGE = 1e-4  # added to variances of about one, so that a covariance of few people has a Cholesky factor


def fit_identity_sampler(
    shape_people: Attributes,
    shape: np.ndarray,
    shape_parity: np.ndarray,
    albedo_people: Attributes,
    albedo: np.ndarray,
    albedo_parity: np.ndarray,
) -> IdentitySampler:
    """Regression and covariances of what it leaves, from people's coefficients.

    Mirror images count as people too, so what is antisymmetric has no mean and nothing in common with what is symmetric.

    Args:
        shape: (person, component) coefficients of people with the attributes before it.
    """
    shape_regression, shape_factors = _fit(shape_people, shape, shape_parity)
    albedo_regression, albedo_factors = _fit(albedo_people, albedo, albedo_parity)
    regression = np.concatenate([shape_regression, albedo_regression], axis=1)
    return IdentitySampler(regression.astype(np.float32), shape_factors, albedo_factors)


def _fit(people: Attributes, coefficients: np.ndarray, parity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = attribute_features(people)
    regression = np.linalg.lstsq(features, coefficients, rcond=None)[0] * (parity > 0)
    residual = coefficients - features @ regression
    factors = []
    for chosen in (people.gender <= 0.5, people.gender > 0.5):
        covariance = residual[chosen].T @ residual[chosen] / chosen.sum()
        covariance *= parity[:, None] == parity
        factors.append(np.linalg.cholesky(covariance + RIDGE * np.eye(len(covariance))))
    return regression, np.stack(factors).astype(np.float32)
