"""The shapes of faces: MakeHuman's targets and the principal components; `mmreg.data.stand_ins.traits` draws people's weights.

The components need no sampled faces: the covariance of faces is Tᵀ C T with the targets T (as rows) and the covariance C of
their weights, so with C = L Lᵀ they follow from the small matrix Lᵀ (T Tᵀ) L.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmreg.data.stand_ins.traits import Parameter
from mmreg.face import LinearSpace
from tools.open_face.makehuman import MakeHuman

FOLDERS = ("head", "nose", "mouth", "eyes", "cheek", "chin", "ears", "forehead", "eyebrows", "neck", "asym")
OPPOSITES = {
    "incr": "decr",
    "out": "in",
    "up": "down",
    "forward": "backward",
    "uncompress": "compress",
    "convex": "concave",
    "pointed": "triangle",
    "square": "round",
}


def local_parameters(source: MakeHuman) -> list[Parameter]:
    """The local traits of the face, opposite targets paired; without whole-head motion and targets of the trunk."""
    targets = {
        path.rsplit("/", 1)[1]: (folder, path)
        for folder in FOLDERS
        for path in source.target_names(f"mpfb2/targets/{folder}")
    }
    parameters = []
    for name, (folder, path) in sorted(targets.items()):
        stem, _, end = name.rpartition("-")
        if name.startswith(("asymm", "head-trans")):
            continue
        if folder == "neck" and not name.startswith(("neck-scale", "neck-double", "neck-back")):
            continue
        if folder == "asym":
            if end == "l":
                parameters.append(Parameter(stem, folder, path, targets[f"{stem}-r"][1]))
        elif f"{stem}-{OPPOSITES.get(end)}" in targets:
            parameters.append(Parameter(stem, folder, path, targets[f"{stem}-{OPPOSITES[end]}"][1]))
        elif not any(end == down and f"{stem}-{up}" in targets for up, down in OPPOSITES.items()):
            parameters.append(Parameter(name, folder, path, None))
    return parameters


class Components(NamedTuple):
    """Principal components of faces and their mirror images together."""

    space: LinearSpace
    parity: np.ndarray  # (component,) int8, +1: the same when mirrored, −1: turned over
    share: float  # of the variance


def principal_components(
    fields: np.ndarray,
    covariance: np.ndarray | float,
    count: int,
    mean: np.ndarray,
    mirror: np.ndarray | None = None,
    flips: bool = False,
) -> Components:
    """The first `count` components of x = mean + Σ w f, faces and their mirror images taken together.

    With mirror images as likely as the faces themselves the covariance commutes with mirroring, so each component is
    symmetric or antisymmetric, and the two kinds are solved for apart, on half of the mesh. All sums are float64, so that
    another order of summation turns no component. The sign is such that the third moment over the left half is positive.

    Args:
        fields: f, (field, 3N), the vertices one after the other.
        covariance: of w, (field, field), about whatever centre the space shall have; a number for uncorrelated w.
        mean: symmetric.
        mirror: (N,) the mirror image of each vertex; None leaves mirror images out.
        flips: whether x changes its sign when mirrored: displacements do, colours don't.
    """
    vertices = np.arange(fields.shape[1] // 3)
    mirror = vertices if mirror is None else mirror
    left = vertices[vertices <= mirror]
    found: list[tuple[float, int, np.ndarray]] = []
    total = 0.0
    for parity in (1, -1) if (mirror != vertices).any() else (1,):
        gram = np.zeros((len(fields), len(fields)))
        for part, weight in _parts(fields, mirror, left, flips, parity):
            part *= np.sqrt(weight)
            gram += part @ part.T
        values, mixtures = _mixtures(gram, covariance)
        total += float(np.maximum(values, 0).sum())
        found += [(float(values[k]), parity, mixtures[:, k]) for k in np.argsort(values)[::-1][:count]]
    found = sorted(found, key=lambda one: -one[0])[:count]
    parity = np.array([one[1] for one in found], np.int8)
    variances = np.maximum([one[0] for one in found], 0)

    basis = np.zeros((len(found), len(vertices), 3), np.float32)
    for sign in set(parity.tolist()):
        chosen = np.flatnonzero(parity == sign)
        mixture = np.stack([found[k][2] for k in chosen])
        parts = [(mixture @ part, weight) for part, weight in _parts(fields, mirror, left, flips, sign)]
        half = np.concatenate([part for part, _ in parts], axis=1)
        weight = np.concatenate([weight for _, weight in parts])
        half *= np.sign((half**3).sum(axis=1, keepdims=True)) / np.sqrt((half**2 * weight).sum(axis=1, keepdims=True))
        half = half.reshape(len(half), -1, 3).astype(np.float32)
        basis[np.ix_(chosen, mirror[left])] = sign * half * np.float32([-1 if flips else 1, 1, 1])
        basis[np.ix_(chosen, left)] = half
    space = LinearSpace(
        mean.reshape(-1).astype(np.float32), basis.reshape(len(basis), -1).T, np.sqrt(variances).astype(np.float32)
    )
    return Components(space, parity, float(variances.sum() / total))


def _parts(fields, mirror, left, flips: bool, parity: int, block: int = 2048):
    """Blocks of the symmetric or antisymmetric halves of fields on the left half, float64 (field, 3 vertices), and how
    often each number counts on the whole mesh: twice, on the midline once.
    """
    flip = np.array([-1 if flips else 1, 1, 1])
    shaped = fields.reshape(len(fields), -1, 3)
    for start in range(0, len(left), block):
        some = left[start : start + block]
        part = shaped[:, some].astype(np.float64)
        part = (part + parity * flip * shaped[:, mirror[some]]) / 2
        yield part.reshape(len(fields), -1), np.repeat(np.where(mirror[some] == some, 1.0, 2.0), 3)


def _mixtures(gram: np.ndarray, covariance: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of Σ wᵢ wⱼ fᵢ fⱼᵀ, and in columns how the eigenvectors are mixed of the fields, up to their lengths."""
    if np.ndim(covariance) == 0:
        return np.linalg.eigh(covariance * gram)
    variances, directions = np.linalg.eigh(covariance)
    root = directions * np.sqrt(np.maximum(variances, 0))
    values, vectors = np.linalg.eigh(root.T @ gram @ root)
    return values, root @ vectors


def coefficients_of(space: LinearSpace, deviations: np.ndarray, block: int = 256) -> np.ndarray:
    """(face, component) float64 coefficients of deviations (face, 3N) from the mean, by the orthonormal basis."""
    basis = space.basis.astype(np.float64)
    blocks = [deviations[start : start + block] @ basis for start in range(0, len(deviations), block)]
    return np.concatenate(blocks) / space.standard_deviations
