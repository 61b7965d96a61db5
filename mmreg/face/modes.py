"""From raw modes, such as morph targets, to a linear space of orthonormal components.

Weights name their model by a checksum of its numbers, so the same files should give the same numbers whatever else the machine
does. BLAS rounds differently for every number of threads; what is here does without it.
"""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float
from mmreg.face.linear_space import LinearSpace

__all__ = ["space_of_modes", "symmetric_eigenvectors"]


def space_of_modes(
    mean: Float[np.ndarray, " coordinate"], modes: Float[np.ndarray, "mode coordinate"], smallest: float = 1e-5
) -> LinearSpace:
    """The space of x = mean + Σ w_k m_k with independent standard normal w, as mean + P (σ ∘ c) with orthonormal P.

    The modes M (rows) needn't be orthogonal. With M Mᵀ = U Λ Uᵀ, P = Mᵀ U Λ^(-1/2) and σ = Λ^(1/2), so that c = Uᵀ w: a turn
    of w, which is standard normal as w is. The population stays what it was; its axes become the principal ones.

    Components below `smallest` of the first are dropped; each component's third moment is positive.
    """
    modes = modes.astype(np.float64)
    variances, vectors = symmetric_eigenvectors(np.einsum("ik,jk->ij", modes, modes))
    kept = variances > smallest**2 * variances[0]
    deviations = np.sqrt(variances[kept])
    components = np.einsum("ji,jk->ik", vectors[:, kept] / deviations, modes)
    components *= np.where((components**3).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return LinearSpace(mean.astype(np.float32), components.astype(np.float32).T, deviations.astype(np.float32))


def symmetric_eigenvectors(
    matrix: Float[np.ndarray, "n n"], sweeps: int = 40
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
    """Eigenvalues, the largest first, and eigenvectors as columns, of a symmetric matrix, by Jacobi's rotations.

    Half of all pairs of axes are turned at once, as in a tournament where everybody meets everybody (Brent and Luk 1985), in
    elementwise arithmetic: the same bits with any number of threads, which `numpy.linalg.eigh` doesn't promise.
    """
    n = len(matrix)
    a = np.zeros((n + n % 2, n + n % 2))  # an even number of players; a dummy never turns
    a[:n, :n] = matrix
    vectors, half = np.eye(len(a)), len(a) // 2
    for _ in range(sweeps):
        off_diagonal = a - np.diag(np.diag(a))
        if np.abs(off_diagonal).max() <= 1e-15 * np.abs(a).max():
            break
        order = np.arange(len(a))
        for _ in range(len(a) - 1):
            p, q = order[:half], order[half:][::-1]
            # tan 2θ = 2 a_pq / (a_qq − a_pp), the smaller θ
            twice, apart = 2.0 * a[p, q], a[q, q] - a[p, p]
            root = np.abs(apart) + np.sqrt(apart**2 + twice**2)
            t = np.where(twice == 0, 0.0, np.where(apart < 0, -twice, twice) / np.where(root == 0, 1.0, root))
            c = 1.0 / np.sqrt(1.0 + t**2)
            s = t * c
            a[p], a[q] = c[:, None] * a[p] - s[:, None] * a[q], s[:, None] * a[p] + c[:, None] * a[q]
            for m in (a, vectors):
                m[:, p], m[:, q] = c * m[:, p] - s * m[:, q], s * m[:, p] + c * m[:, q]
            order = np.concatenate([order[:1], order[-1:], order[1:-1]])
    largest_first = np.argsort(-np.diag(a)[:n], kind="stable")
    return np.diag(a)[largest_first], vectors[:n, largest_first]
