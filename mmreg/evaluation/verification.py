"""Same person or not: how well similarities tell, and how well coefficients are recovered."""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float, InputError


def area_under_curve(same: Float[np.ndarray, " n"], different: Float[np.ndarray, " m"]) -> float:
    """The chance that a random same-person pair is more similar than a random different-person pair; ties count half.

    This is the area under the ROC curve (Mann and Whitney's U over n m); 0.5 is guessing, 1 never errs.

    Raises:
        InputError: one of the lists is empty.
    """
    same, different = np.asarray(same, np.float64), np.asarray(different, np.float64)
    if not len(same) or not len(different):
        raise InputError(
            f"The area under the curve needs pairs of both kinds, but has {len(same)} and {len(different)}."
        )
    ordered = np.sort(different)
    below = np.searchsorted(ordered, same, side="left")
    not_above = np.searchsorted(ordered, same, side="right")
    return float((below + not_above).sum() / (2.0 * len(same) * len(different)))


def correlations(
    predicted: Float[np.ndarray, "face component"], true: Float[np.ndarray, "face component"]
) -> Float[np.ndarray, " component"]:
    """Pearson's correlation over faces, one number a component; 0 where either doesn't vary."""
    p, t = predicted - predicted.mean(axis=0), true - true.mean(axis=0)
    scale = np.sqrt((p**2).sum(axis=0) * (t**2).sum(axis=0))
    return np.where(scale > 0.0, (p * t).sum(axis=0) / np.where(scale > 0.0, scale, 1.0), 0.0)
