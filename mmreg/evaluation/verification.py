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


def recall(
    probes: Float[np.ndarray, "probe e"],
    gallery: Float[np.ndarray, "photo e"],
    probe_identities: np.ndarray,
    gallery_identities: np.ndarray,
    ranks: tuple[int, ...] = (1, 5),
    excluded: np.ndarray | None = None,
) -> dict[int, float]:
    """The share of probes whose person is among the nearest 1, 5, … photographs by cosine (the paper's table 2).

    Args:
        probes, gallery: embeddings; centre them first.
        excluded: for each probe the index of a photograph to leave out (its own), or None.
    """
    probes = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    hits = dict.fromkeys(ranks, 0)
    for start in range(0, len(probes), 512):
        block = slice(start, start + 512)
        similarity = probes[block] @ gallery.T
        if excluded is not None:
            similarity[np.arange(len(similarity)), excluded[block]] = -np.inf
        nearest = np.argpartition(-similarity, max(ranks), axis=1)[:, : max(ranks)]
        order = np.take_along_axis(similarity, nearest, axis=1).argsort(axis=1)[:, ::-1]
        people = gallery_identities[np.take_along_axis(nearest, order, axis=1)]
        right = people == probe_identities[block][:, None]
        for rank in ranks:
            hits[rank] += int(right[:, :rank].any(axis=1).sum())
    return {rank: count / len(probes) for rank, count in hits.items()}
