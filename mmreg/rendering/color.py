"""The colour of light."""

from __future__ import annotations

import numpy as np

from mmreg.arrays import Float


def blackbody_linear_rgb(kelvin: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape 3"]:
    """Linear sRGB of a black body's light, scaled to a mean of 1 over the channels, floored at 0.

    Chromaticities of the Planckian locus by the cubic splines of Kim et al. (US patent 7024034, 2002), 1,667 K to
    25,000 K; temperatures outside are moved to the nearest end.
    """
    kelvin = np.clip(np.asarray(kelvin, np.float64), 1667.0, 25_000.0)
    t = 1000.0 / kelvin
    x = np.where(
        kelvin <= 4000.0,
        -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910,
        -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390,
    )
    y = np.where(
        kelvin <= 2222.0,
        -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683,
        np.where(
            kelvin <= 4000.0,
            -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867,
            3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483,
        ),
    )
    xyz = np.stack([x / y, np.ones_like(x), (1.0 - x - y) / y], axis=-1)
    rgb = np.maximum(xyz @ _XYZ_TO_LINEAR_SRGB.T, 0.0)
    return (rgb / rgb.mean(axis=-1, keepdims=True)).astype(np.float32)


_XYZ_TO_LINEAR_SRGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)
