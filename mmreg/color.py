"""Between linear light, in which light adds up, and sRGB, in which pictures and albedo are stored."""

from __future__ import annotations

import numpy as np
from keras import ops

from mmreg.arrays import Array, Float


def srgb_to_linear(srgb: Float[Array, "*shape"] | float) -> Float[Array, "*shape"]:
    """Linear light of sRGB values in [0, 1] (IEC 61966-2-1); values below 0 continue the straight part."""
    srgb = ops.convert_to_tensor(srgb, "float32")
    curve = _power((ops.maximum(srgb, 0.04045) + 0.055) / 1.055, 2.4)
    return ops.where(srgb <= 0.04045, srgb / 12.92, curve)


def linear_to_srgb(linear: Float[Array, "*shape"] | float) -> Float[Array, "*shape"]:
    """sRGB of linear light, clipped to [0, 1]. No gradient flows where it is clipped."""
    linear = ops.clip(ops.convert_to_tensor(linear, "float32"), 0.0, 1.0)
    curve = 1.055 * _power(ops.maximum(linear, 0.0031308), 1 / 2.4) - 0.055
    return ops.where(linear <= 0.0031308, linear * 12.92, curve)


def _power(base: Float[Array, "*shape"], exponent: float) -> Float[Array, "*shape"]:
    """base ** exponent of positive bases: compilers have vector forms of exp and log, and the gradient needs no second power."""
    return ops.exp(exponent * ops.log(base))


REC_709 = np.array([0.2126, 0.7152, 0.0722])


def luminance(linear_rgb: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape"]:
    """Relative luminance of linear RGB (Rec. 709)."""
    return np.asarray(linear_rgb) @ REC_709


def tone(linear_rgb: Float[Array, "batch 3"]) -> Float[Array, "batch 3"]:
    """Logarithms of luminance (Rec. 709), of red over green, and of blue over green; each channel at least a thousandth."""
    r, g, b = (ops.maximum(linear_rgb[:, k], 1e-3) for k in range(3))
    return ops.stack([ops.log(0.2126 * r + 0.7152 * g + 0.0722 * b), ops.log(r / g), ops.log(b / g)], axis=-1)
