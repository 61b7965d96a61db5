"""What the renderer's public functions refuse: each check names the argument, what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from mmreg.arrays import Array, InputError, concrete

LARGEST_SIDE = 2**15 - 1  # pixels: the compiled pass keeps two ends of a row in 32 bits


def check_rank(value: Array, name: str, axes: Sequence[str | int]) -> None:
    """Refuses what hasn't as many axes as named, or another length along one that is given as a number."""
    shape = tuple(value.shape)
    fits = len(shape) == len(axes) and all(
        got is None or isinstance(want, str) or got == want for got, want in zip(shape, axes, strict=True)
    )
    if not fits:
        raise InputError(f"{name} must have the shape ({', '.join(map(str, axes))}), not {shape}.")


def check_image_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) as whole numbers."""
    try:
        height, width = (int(side) for side in image_size if side == int(side))
    except (TypeError, ValueError, OverflowError):
        height = width = 0
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise InputError(
            f"image_size must be (height, width), whole numbers from 1 to {LARGEST_SIDE} pixels, not {image_size!r}."
        )
    return height, width


def check_supersampling(supersampling: int, image_size: tuple[int, int]) -> int:
    """Samples a pixel along each side, as a whole number with which the samples' picture isn't too large."""
    try:
        k = int(supersampling) if supersampling == int(supersampling) else 0
    except (TypeError, ValueError, OverflowError):
        k = 0
    if not 1 <= k <= LARGEST_SIDE // max(image_size):
        raise InputError(
            f"supersampling must be a whole number of at least 1 that leaves the larger side of {max(image_size)} pixels at most "
            f"{LARGEST_SIDE} samples, not {supersampling!r}."
        )
    return k


def check_shininess(shininess: float) -> float:
    """The exponent of the highlight as a number."""
    try:
        exponent = float(shininess)
    except (TypeError, ValueError):
        exponent = -1.0
    if not 0.0 <= exponent < float("inf"):
        raise InputError(f"shininess must be a finite number of at least 0, known beforehand, not {shininess!r}.")
    return exponent


def check_fragments(fragments, attributes: Array, triangles: np.ndarray) -> None:
    """Refuses fragments of another batch than the attributes', or of other triangles where their ids are known."""
    batch, given = fragments.triangle_ids.shape[0], attributes.shape[0]
    if None not in (batch, given) and batch != given:
        raise InputError(f"attributes must have fragments' batch of {batch}, not {given}.")
    shape, wanted = tuple(fragments.barycentrics.shape), (*fragments.triangle_ids.shape, 3)
    if len(shape) != 4 or any(None not in (a, b) and a != b for a, b in zip(shape, wanted, strict=True)):
        raise InputError(f"fragments must have barycentrics of the shape {wanted}, as their triangle_ids, not {shape}.")
    ids = concrete(fragments.triangle_ids)
    if ids is not None:
        check_ids(ids, triangles)


def check_ids(ids: np.ndarray, triangles: np.ndarray) -> None:
    """Refuses ids of triangles that aren't there."""
    if ids.size and ids.max() >= len(triangles):
        raise InputError(
            f"triangles must be as many as those that were rasterized, but there are {len(triangles)}, "
            f"and fragments hold the id {ids.max()}."
        )


def same_batch(values: Mapping[str, tuple[Array, Sequence[str | int]]]) -> dict[str, Array]:
    """The arrays as float32 tensors of one batch: what has a batch of 1 is shared by all.

    Args:
        values: argument's name to its value and the names or lengths of its axes, "batch" first; a name that comes again stands
            for the same length.
    """
    lengths: dict[str, tuple[int, str]] = {}
    tensors = {}
    for name, (value, axes) in values.items():
        tensors[name] = ops.convert_to_tensor(value, "float32")
        check_rank(tensors[name], name, axes)
        for axis, length in zip(axes, tensors[name].shape, strict=True):
            if isinstance(axis, int) or length is None or (axis == "batch" and length == 1):
                continue
            expected, origin = lengths.setdefault(axis, (length, name))
            if length != expected:
                allowed = f"{expected} or 1" if axis == "batch" else f"{expected}"
                raise InputError(
                    f"{name} must have the {axis} length {allowed}, as {origin} has, not {length}: "
                    f"its shape is {tuple(tensors[name].shape)}."
                )
    batch = lengths.get("batch", (1, ""))[0]
    return {
        name: ops.broadcast_to(tensor, (batch, *tensor.shape[1:])) if tensor.shape[0] == 1 != batch else tensor
        for name, tensor in tensors.items()
    }


def check_finite(value: Array, name: str) -> None:
    """Refuses NaN and infinity where values are known; says nothing while a graph is traced."""
    finite = concrete(ops.all(ops.isfinite(value)))
    if finite is not None and not finite:
        bad = np.argwhere(~np.isfinite(ops.convert_to_numpy(value)))
        raise InputError(
            f"{name} must be finite, but {len(bad)} of its numbers aren't; the first is at {tuple(map(int, bad[0]))}."
        )
