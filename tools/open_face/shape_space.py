"""The shapes of faces: MakeHuman's targets, how people's weights for them are distributed, and the principal components.

The components need no sampled faces: the covariance of faces is Tᵀ C T with the targets T (as rows) and the covariance C of
their weights, so with C = L Lᵀ they follow from the small matrix Lᵀ (T Tᵀ) L.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from mmreg.face import LinearSpace
from mmreg.face.identity_sampler import Attributes
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
WHERE_A_RECOGNISER_LOOKS = ("nose", "mouth", "eyes", "eyebrows", "cheek", "chin")  # these vary more
MORE = 1.35
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
MEAN_BY_PREFIX = {"ear-wing": -0.35, "ear-lobe": -0.3}  # MakeHuman's own ears stand off, and their lobes are square
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
        spread = SPREAD * (MORE if self.folder in WHERE_A_RECOGNISER_LOOKS else 1)
        for prefix, sigma in SIGMA_BY_PREFIX.items():
            if self.without_side.startswith(prefix):
                return sigma * spread
        return SIGMA_BY_FOLDER[self.folder] * spread

    @property
    def mean(self) -> float:
        """Mean in whole targets."""
        return next((m for prefix, m in MEAN_BY_PREFIX.items() if self.without_side.startswith(prefix)), 0.0)


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


def sample_weights(
    parameters: list[Parameter], people: Attributes, generator: np.random.Generator, spread: float = 1.0
) -> Weights:
    """How people are made of targets: by their gender, age and ancestry; muscle, weight and the local traits are drawn.

    Args:
        spread: of the local traits, beside their own deviations.
    """
    count = len(people.gender)
    columns: dict[str, np.ndarray] = {}

    def add(target: str, weight: np.ndarray) -> None:
        columns[target] = columns.get(target, 0) + weight.astype(np.float32)

    _add_macro_weights(add, people, generator)
    shared: dict[str, np.ndarray] = {}
    for parameter in parameters:
        key = parameter.without_side
        if parameter.name.startswith(SIDES) and key not in shared:
            shared[key] = generator.normal(size=count)
        z = generator.normal(size=count)
        if key in shared:  # left and right agree but for a quarter
            z = 0.97 * shared[key] + 0.25 * z
        z = np.clip(parameter.mean + spread * parameter.sigma * z, -1, 1)
        if parameter.minus:
            add(parameter.plus, np.maximum(z, 0))
            add(parameter.minus, np.maximum(-z, 0))
        else:
            add(parameter.plus, np.abs(z))
    return Weights(np.stack(list(columns.values()), axis=1), list(columns))


def _add_macro_weights(add, people: Attributes, generator: np.random.Generator) -> None:
    count, male = len(people.gender), people.gender.astype(np.float64)
    # MakeHuman's scale: 0.1875 at 11 years, 0.5 at 25, 1 at 90; a third of what makes a child stays out of the young
    years = people.age.astype(np.float64)
    age = np.where(years < 25, 0.5 - (25 - years) / 14 * 0.3125 * 0.6, 0.5 + (years - 25) / 65 * 0.5)
    ancestry = dict(zip(("african", "asian", "caucasian"), people.ancestry.astype(np.float64).T, strict=True))
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
