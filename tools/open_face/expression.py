"""Expressions: named movements, how often they come together, and their principal components.

The second moment is taken about zero, not about the mean, so that coefficients of zero are the neutral face.
"""

from __future__ import annotations

import numpy as np

from tools.open_face.makehuman import MakeHuman
from tools.open_face.shape_space import Components, coefficients_of, principal_components
from tools.open_face.topology import Head, reflect

FACE_UNITS = "faceunits01/targets/faceunits"
MOVEMENTS = "mpfb2/targets/expression/units"
ANCESTRIES = ("african", "asian", "caucasian")
ONE_SIDED = ("jaw", "mouthLeft")


def expression_units(source: MakeHuman, head: Head) -> dict[str, np.ndarray]:
    """Displacements (3N,) in mm by name: the 51 face units, without the tongue, and MakeHuman's 34 movements."""
    units = {}
    for path in source.target_names(FACE_UNITS):
        name = path.rsplit("/", 1)[1]
        if name != "tongueOut":
            units[name] = (head.operator @ source.target(path)).reshape(-1)
    for path in source.target_names(f"{MOVEMENTS}/caucasian"):
        name = path.rsplit("/", 1)[1]
        mean = sum(source.target(f"{MOVEMENTS}/{ancestry}/{name}") for ancestry in ANCESTRIES) / len(ANCESTRIES)
        units[name] = (head.operator @ mean).reshape(-1)
    return _balanced(units, head.mirror)


def opposite(name: str) -> str:
    """The name of the same movement on the other side; the name itself where there is but one."""
    for left, right in (("Left", "Right"), ("-left-", "-right-")):
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return name


def _balanced(units: dict[str, np.ndarray], mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Units of which left and right are exact mirror images, and the others symmetric; they nearly are from the start."""
    mirrored = {name: reflect(field.reshape(-1, 3), mirror).reshape(-1) for name, field in units.items()}
    return {name: (field + mirrored[opposite(name)]) / 2 for name, field in units.items()}


def sample_activations(
    names: list[str], face_unit_count: int, count: int, generator: np.random.Generator
) -> np.ndarray:
    """(sample, unit) how far each movement is made: mostly none, now and then a few, mostly alike on both sides."""
    active = generator.random((count, len(names))) < 0.18
    amount = np.where(np.arange(len(names)) < face_unit_count, 1, 0.6)
    activations = active * generator.beta(1.5, 2.0, (count, len(names))) * amount
    index = {name: i for i, name in enumerate(names)}
    for name, left in index.items():
        right = index.get(name.removesuffix("Left") + "Right")
        if name.endswith("Left") and right is not None and not name.startswith(ONE_SIDED):
            together = generator.random(count) < 0.85
            activations[together, right] = activations[together, left] * generator.uniform(0.8, 1.2, together.sum())
    return activations / np.maximum(1, activations.sum(axis=1, keepdims=True) / 4)


def expression_space(
    source: MakeHuman, head: Head, count: int, generator: np.random.Generator
) -> tuple[Components, dict[str, np.ndarray]]:
    """The expression components, and every named movement's coefficients for them."""
    units = expression_units(source, head)
    displacements = np.stack(list(units.values()))
    face_unit_count = len(source.target_names(FACE_UNITS)) - 1
    activations = sample_activations(list(units), face_unit_count, count, generator)
    second_moment = activations.T @ activations / count
    swap = [list(units).index(opposite(name)) for name in units]
    second_moment = (second_moment + second_moment[np.ix_(swap, swap)]) / 2
    mean = np.zeros(displacements.shape[1])
    found = principal_components(displacements, second_moment, len(units), mean, head.mirror, flips=True)
    return found, dict(zip(units, coefficients_of(found.space, displacements).astype(np.float32), strict=True))
