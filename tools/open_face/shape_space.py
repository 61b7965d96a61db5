"""The shapes of faces: MakeHuman's targets, how people's weights for them are distributed, and the principal components.

The components need no sampled faces: the covariance of faces is Tᵀ C T with the targets T (as rows) and the covariance C of
their weights, so with C = L Lᵀ they follow from the small matrix Lᵀ (T Tᵀ) L.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from mmreg.face import LinearSpace
from tools.open_face.makehuman import MACRO, MakeHuman

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
# Standard deviations, in whole targets, before the common factor: larger ones give caricatures.
SPREAD = 0.55
SIGMA_BY_FOLDER = {
    "head": 0.28, "nose": 0.33, "mouth": 0.30, "eyes": 0.30, "cheek": 0.35, "chin": 0.33, "ears": 0.35,
    "forehead": 0.3, "eyebrows": 0.3, "neck": 0.25, "asym": 0.18,
}  # fmt: skip
SIGMA_BY_PREFIX = {
    "head-angle": 0.1, "head-age": 0.15, "head-scale-depth": 0.2, "head-scale-horiz": 0.25, "head-scale-vert": 0.25,
    "head-back-scale-depth": 0.2, "mouth-trans": 0.2, "nose-trans": 0.2, "mouth-dimples": 0.2, "eye-push": 0.2,
    "forehead-nubian": 0.2, "chin-cleft": 0.3, "chin-prognathism": 0.22, "eye-corner": 0.3, "nose-compression": 0.2,
    "mouth-laugh-lines": 0.3, "neck-double": 0.25, "mouth-scale-depth": 0.2, "eyebrows-trans": 0.25, "head-fat": 0.3,
    "ear-wing": 0.35, "ear-trans": 0.15, "ear-shape": 0.25, "chin-jaw-drop": 0.15,
}  # fmt: skip
SIDES = ("l-", "r-")


class Parameter(NamedTuple):
    """A local trait: one target, or two opposite ones."""

    name: str
    folder: str
    plus: str
    minus: str | None

    @property
    def without_side(self) -> str:
        """The name that the left and the right side share."""
        return re.sub("^[lr]-", "", self.name)

    @property
    def sigma(self) -> float:
        """Standard deviation in whole targets."""
        for prefix, sigma in SIGMA_BY_PREFIX.items():
            if self.without_side.startswith(prefix):
                return sigma * SPREAD
        return SIGMA_BY_FOLDER[self.folder] * SPREAD


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


class Weights(NamedTuple):
    """Weights of targets, one row a person."""

    values: np.ndarray  # (person, target)
    targets: list[str]


def sample_weights(parameters: list[Parameter], count: int, generator: np.random.Generator) -> Weights:
    """How `count` people of all kinds are made of targets: gender, age, ancestry, muscle, weight and the local traits."""
    columns: dict[str, np.ndarray] = {}

    def add(target: str, weight: np.ndarray) -> None:
        columns[target] = columns.get(target, 0) + weight.astype(np.float32)

    _add_macro_weights(add, count, generator)
    shared: dict[str, np.ndarray] = {}
    for parameter in parameters:
        key = parameter.without_side
        if parameter.name.startswith(SIDES) and key not in shared:
            shared[key] = generator.normal(size=count)
        z = generator.normal(size=count)
        if key in shared:  # left and right agree but for a quarter
            z = 0.97 * shared[key] + 0.25 * z
        z = np.clip(parameter.sigma * z, -1, 1)
        if parameter.minus:
            add(parameter.plus, np.maximum(z, 0))
            add(parameter.minus, np.maximum(-z, 0))
        else:
            add(parameter.plus, np.abs(z))
    return Weights(np.stack(list(columns.values()), axis=1), list(columns))


def _add_macro_weights(add, count: int, generator: np.random.Generator) -> None:
    male = generator.beta(0.45, 0.45, count)
    is_child = generator.random(count) < 0.05
    age = np.where(is_child, generator.uniform(0.38, 0.5, count), 0.5 + 0.42 * generator.beta(1.1, 1.8, count))
    ancestry = dict(zip(("african", "asian", "caucasian"), generator.dirichlet([0.55] * 3, count).T, strict=True))
    muscle = _three_stages(np.clip(generator.normal(0.5, 0.17, count), 0, 1), "muscle")
    weight = _three_stages(np.clip(generator.normal(0.5, 0.22, count), 0, 1), "weight")
    ages = {"child": np.clip((0.5 - age) / 0.3125, 0, 1), "old": np.clip((age - 0.5) / 0.5, 0, 1)}
    ages["young"] = 1 - ages["child"] - ages["old"]
    for age_name, of_age in ages.items():
        for gender, of_gender in (("male", male), ("female", 1 - male)):
            of_both = of_age * of_gender
            for ancestry_name, share in ancestry.items():
                add(f"{MACRO}{ancestry_name}-{gender}-{age_name}", share * of_both)
            for muscle_name, of_muscle in muscle.items():
                for weight_name, of_weight in weight.items():
                    name = f"{MACRO}universal-{gender}-{age_name}-{muscle_name}-{weight_name}"
                    add(name, of_both * of_muscle * of_weight)


def _three_stages(x: np.ndarray, what: str) -> dict[str, np.ndarray]:
    """Weights of least, average and most, for x in [0, 1]; they sum to 1."""
    least, most = np.clip(1 - 2 * x, 0, 1), np.clip(2 * x - 1, 0, 1)
    return {f"min{what}": least, f"average{what}": 1 - least - most, f"max{what}": most}


def rigid_motions(positions: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(6, 3N) small translations and turns of a mesh about its weighted centre."""
    centred = positions - (positions * weight[:, None]).sum(axis=0) / weight.sum()
    axes = np.eye(3)
    moves = [np.broadcast_to(axis, positions.shape) for axis in axes] + [np.cross(axis, centred) for axis in axes]
    return np.stack([m.reshape(-1) for m in moves])


def without_rigid_motion(displacements: np.ndarray, positions: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(target, 3N) displacements less the rigid motion that fits each best, by weighted least squares over the vertices."""
    motions = rigid_motions(positions, weight)
    weighted = motions * np.repeat(weight, 3)
    amounts = np.linalg.solve(weighted @ motions.T, weighted @ displacements.T)
    return displacements - amounts.T @ motions


def principal_components(
    displacements: np.ndarray, covariance: np.ndarray | float, count: int, mean: np.ndarray
) -> tuple[LinearSpace, float]:
    """The first `count` components of x = mean + Σ w t with the given (co)variance of w, and their share of the variance.

    Signs are fixed so that each component's third moment is positive.

    Args:
        displacements: t, (target, 3N).
        covariance: of w, (target, target), about whatever centre the space shall have; a number for uncorrelated w.
    """
    gram = (displacements @ displacements.T).astype(np.float64)
    if np.ndim(covariance) == 0:
        root = np.sqrt(covariance)  # C = L Lᵀ
        eigenvalues, vectors = np.linalg.eigh(covariance * gram)
        mixtures = root * vectors
    else:
        variances, directions = np.linalg.eigh(covariance)
        root = directions * np.sqrt(np.maximum(variances, 0))
        eigenvalues, vectors = np.linalg.eigh(root.T @ gram @ root)
        mixtures = root @ vectors
    order = np.argsort(eigenvalues)[::-1][:count]
    components = mixtures[:, order].T.astype(displacements.dtype) @ displacements
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    components *= np.sign((components**3).sum(axis=1, keepdims=True))
    kept = np.maximum(eigenvalues[order], 0)
    space = LinearSpace(
        mean.reshape(-1).astype(np.float32), components.astype(np.float32).T, np.sqrt(kept).astype(np.float32)
    )
    return space, float(kept.sum() / np.maximum(eigenvalues, 0).sum())
