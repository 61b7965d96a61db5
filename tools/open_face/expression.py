"""Expressions: named movements, how often they come together, and their principal components.

The second moment is taken about zero, not about the mean, so that coefficients of zero are the neutral face.
"""

from __future__ import annotations

import numpy as np

from mmreg.face import LinearSpace
from tools.open_face.makehuman import MakeHuman
from tools.open_face.shape_space import principal_components
from tools.open_face.topology import Head

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
    return units


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
) -> tuple[LinearSpace, dict[str, np.ndarray]]:
    """The expression components, and every named movement's coefficients for them."""
    units = expression_units(source, head)
    displacements = np.stack(list(units.values()))
    face_unit_count = len(source.target_names(FACE_UNITS)) - 1
    activations = sample_activations(list(units), face_unit_count, count, generator)
    second_moment = activations.T @ activations / count
    space, _ = principal_components(displacements, second_moment, len(units), np.zeros(displacements.shape[1]))
    coefficients = displacements @ space.basis / space.standard_deviations
    return space, dict(zip(units, coefficients.astype(np.float32), strict=True))
