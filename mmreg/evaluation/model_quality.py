"""How good a statistical shape model is: compactness, generalisation, specificity (Davies 2002; Styner et al. 2003).

They apply to shape and to albedo alike. Distances between two faces are root mean squares over the vertices of the distance of
their points: millimetres, or distances in sRGB (black and white are √3 apart).
"""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float, InputError
from mmreg.face.linear_space import LinearSpace

__all__ = ["compactness", "generalisation", "specificity"]


def compactness(space: LinearSpace) -> Float[np.ndarray, " component"]:
    """C(k): the share of the model's variance that its first k components hold, k = 1 … K.

    The steeper its rise, the fewer numbers say the same.
    """
    variances = space.standard_deviations.astype(np.float64) ** 2
    return np.cumsum(variances) / variances.sum()


def generalisation(space: LinearSpace, held_out: Float[np.ndarray, "face coordinate"]) -> Float[np.ndarray, " count"]:
    """G(k): the distance of faces the model wasn't made of from their reconstructions by the first k components, k = 0 … K.

    The mean over faces; each is projected by least squares, so it falls as k rises, and G(0) is the distance from the mean.

    Args:
        held_out: faces as the space has them, the vertices one after the other.

    Raises:
        InputError: no faces, or faces of another mesh.
    """
    deviations = _deviations(space, held_out)
    captured = np.cumsum((deviations @ _orthonormal(space)) ** 2, axis=1)  # f k
    left = (deviations**2).sum(axis=1, keepdims=True) - np.concatenate(
        [np.zeros_like(captured[:, :1]), captured], axis=1
    )
    return np.sqrt(np.maximum(left, 0.0) * 3.0 / deviations.shape[1]).mean(axis=0)


def specificity(
    space: LinearSpace,
    samples: Float[np.ndarray, "sample component"],
    training: Float[np.ndarray, "face coordinate"],
    counts: tuple[int, ...],
) -> Float[np.ndarray, " count"]:
    """S(k): the distance of random faces, of the first k components only, from the nearest face that the model was made of.

    The mean over samples. A model that makes up what nobody looks like has a large one. It also rises with the number of
    components, and falls with the number of training faces: compare like with like.

    Args:
        samples: coefficients.
        training: faces as the space has them.

    Raises:
        InputError: no faces, or faces of another mesh.
    """
    deviations = _deviations(space, training)
    directions = _orthonormal(space)
    known = deviations @ directions  # training faces in the space, and what of them lies outside it
    outside = np.maximum((deviations**2).sum(axis=1) - (known**2).sum(axis=1), 0.0)
    scaled = space.basis.T.astype(np.float64) * space.standard_deviations[:, None]
    drawn_full = scaled @ directions  # component direction
    found = []
    for count in counts:
        drawn = samples[:, :count].astype(np.float64) @ drawn_full[:count]
        squared = (drawn**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2.0 * drawn @ known.T + outside
        found.append(np.sqrt(np.maximum(squared.min(axis=1), 0.0) * 3.0 / deviations.shape[1]).mean())
    return np.array(found)


def _deviations(space: LinearSpace, faces: np.ndarray) -> np.ndarray:
    if faces.ndim != 2 or not len(faces) or faces.shape[1] != len(space.mean):
        raise InputError(
            f"Faces must be (face, coordinate) with {len(space.mean)} coordinates, as the space has; got {faces.shape}."
        )
    return faces - space.mean.astype(np.float64)


def _orthonormal(space: LinearSpace) -> np.ndarray:
    """Directions of which the first k span what the first k components span; a crop's components are not orthogonal."""
    return np.linalg.qr(space.basis.astype(np.float64))[0]
