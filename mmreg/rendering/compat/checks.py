"""What tf_mesh_renderer's functions accept, as float32 tensors, and the refusal of everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from mmreg.arrays import InputError


def checked(value, name: str, axes: str, sizes: Sequence):
    """`value` as a float32 tensor whose shape is `sizes`: each a number, several to choose from, or None for any."""
    tensor = ops.convert_to_tensor(value, "float32")
    shape = tuple(tensor.shape)
    fits = len(shape) == len(sizes) and all(
        got is not None and (want is None or got in np.atleast_1d(want)) for got, want in zip(shape, sizes, strict=True)
    )
    if not fits:
        known = [" or ".join(map(str, np.unique(s))) if s is not None else "any" for s in sizes]
        raise InputError(f"{name} must have the shape [{axes}] = [{', '.join(known)}], not {list(shape)}.")
    return tensor


def vector_per_image(value, name: str, batch: int):
    tensor = ops.convert_to_tensor(value, "float32")
    if tuple(tensor.shape) == (3,):
        return ops.broadcast_to(tensor, (batch, 3))
    return checked(tensor, name, "3] or [batch_size, 3", (batch, 3))


def number_per_image(value, name: str, batch: int):
    tensor = ops.convert_to_tensor(value, "float32")
    if tuple(tensor.shape) not in ((), (batch,)):
        raise InputError(
            f"{name} must be a number or have the shape [batch_size] = [{batch}], not {list(tensor.shape)}."
        )
    return ops.broadcast_to(tensor, (batch,))


def shininess_of(value, batch: int, count: int):
    """A number, one an image, or one a vertex."""
    tensor = ops.convert_to_tensor(value, "float32")
    if tuple(tensor.shape) not in ((), (batch,), (batch, count)):
        raise InputError(
            "shininess_coefficients must be a number or have the shape [batch_size] or [batch_size, vertex_count] "
            f"= [{batch}, {count}], not {list(tensor.shape)}."
        )
    return tensor


def lights_per_image(positions, intensities, batch: int):
    axes = "batch_size or 1, light_count, 3"
    positions = checked(positions, "light_positions", axes, ((1, batch), None, 3))
    intensities = checked(intensities, "light_intensities", axes, ((1, batch), positions.shape[1], 3))
    return positions, intensities


def ambient_per_image(color, batch: int):
    color = np.zeros((batch, 3), np.float32) if color is None else color
    return checked(color, "ambient_color", "batch_size, 3", (batch, 3))


def check_image_size(image_width, image_height) -> None:
    for name, value in (("image_width", image_width), ("image_height", image_height)):
        if value != int(value) or value < 1:
            raise InputError(f"{name} must be a whole number of at least 1 pixel, not {value!r}.")
