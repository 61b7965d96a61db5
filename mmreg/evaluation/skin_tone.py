"""Whether predicted albedo tells pale people from dark ones: by person, since the light of one photograph says little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from mmreg.arrays import Bool, Float, InputError
from mmreg.color import luminance, srgb_to_linear
from mmreg.face.morphable_model import MorphableModel

__all__ = ["SkinToneAgreement", "albedo_luminance", "lightness", "luminance", "skin_tone_agreement"]

FEWEST_PHOTOS = 4


class SkinToneAgreement(NamedTuple):
    """What `skin_tone_agreement` found."""

    rho: float  # Spearman's correlation over people of the means over their photographs
    within_over_between: (
        float  # deviation of predictions of one person, root mean square, over the deviation of people's means
    )
    people: int


def lightness(luminance: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """CIE 1976 L* of relative luminance, 0 black to 100 white: equal steps look alike."""
    y = np.asarray(luminance, np.float64)
    return np.where(y > (6 / 29) ** 3, 116.0 * np.cbrt(y) - 16.0, (29 / 3) ** 3 * y)


def albedo_luminance(
    model: MorphableModel, albedo: Float[np.ndarray, "face t"], vertices: Bool[np.ndarray, " vertex"] | None = None
) -> Float[np.ndarray, " face"]:
    """Mean luminance of predicted albedo over the vertices of the face proper, or over those of a mask."""
    region = model.albedo.take(np.flatnonzero(model.face_region if vertices is None else vertices))
    found = []
    for start in range(0, len(albedo), 64):
        colors = np.asarray(region(np.asarray(albedo[start : start + 64], np.float32))).reshape(
            -1, len(region.mean) // 3, 3
        )
        found.append(luminance(np.asarray(srgb_to_linear(np.clip(colors, 0.0, 1.0)))).mean(axis=1))
    return np.concatenate(found)


def skin_tone_agreement(
    photo_luminance: Float[np.ndarray, " photo"],
    predicted_luminance: Float[np.ndarray, " photo"],
    people: np.ndarray,
    fewest_photos: int = FEWEST_PHOTOS,
) -> SkinToneAgreement:
    """Over people with several photographs: the order of their mean luminances, and how predictions of one person scatter.

    Args:
        photo_luminance: of the skin in each photograph, light and skin together.
        predicted_luminance: of the albedo predicted from each photograph.
        people: who is on each.

    Raises:
        InputError: fewer than three people have so many photographs.
    """
    names, index, counts = np.unique(people, return_inverse=True, return_counts=True)
    chosen = np.flatnonzero(counts >= fewest_photos)
    if len(chosen) < 3:
        raise InputError(
            f"Only {len(chosen)} of {len(names)} people have {fewest_photos} or more photographs; three are needed."
        )
    photos = [np.flatnonzero(index == k) for k in chosen]
    seen = np.array([photo_luminance[p].mean() for p in photos])
    predicted = np.array([predicted_luminance[p].mean() for p in photos])
    within = np.sqrt(np.mean([predicted_luminance[p].var(ddof=1) for p in photos]))
    return SkinToneAgreement(
        float(spearmanr(seen, predicted).statistic), float(within / predicted.std(ddof=1)), len(chosen)
    )
