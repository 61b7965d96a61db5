"""Pictures of faces: sheets, rows, and the panel of a reconstruction."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Float
from mmreg.figures.style import WIDTH, use_style
from mmreg.reconstruct import Reconstruction, Reconstructor


def grid(
    images: Sequence[Sequence[Float[np.ndarray, "height width 3"]]],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    width: float = WIDTH,
) -> Figure:
    """Pictures in rows and columns without axes; labels stand left of rows and above columns.

    Args:
        images: rows of sRGB pictures in [0, 1], all of one shape; None leaves a cell empty.
    """
    use_style()
    rows, columns = len(images), max(len(row) for row in images)
    sample = next(image for row in images for image in row if image is not None)
    cell = (width - (0.9 if row_labels else 0.0)) / columns
    height = rows * cell * sample.shape[0] / sample.shape[1] + (0.35 if column_labels else 0.0)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    for r, row in enumerate(axes):
        for c, axis in enumerate(row):
            axis.set_xticks([])
            axis.set_yticks([])
            axis.grid(False)
            for side in axis.spines.values():
                side.set_visible(False)
            image = images[r][c] if c < len(images[r]) else None
            if image is not None:
                axis.imshow(np.clip(image, 0.0, 1.0), interpolation="antialiased")
            if r == 0 and c < len(column_labels):
                axis.set_title(column_labels[c], fontsize=11)
            if c == 0 and r < len(row_labels):
                axis.set_ylabel(row_labels[r], rotation=0, ha="right", va="center", fontsize=11)
    return figure


def sheet(images: Float[np.ndarray, "count height width 3"], columns: int) -> Figure:
    """Pictures side by side, `columns` to a row."""
    return grid([list(images[start : start + columns]) for start in range(0, len(images), columns)])


def reconstruction_panel(reconstructor: Reconstructor, reconstruction: Reconstruction, size: int = 512) -> Figure:
    """The photograph's face beside its reconstruction from the front and turned to either side."""
    views = [reconstructor.portrait(reconstruction.coefficients, yaw, size)[0] for yaw in (0.0, -35.0, 35.0)]
    labels = ["photograph", "reconstruction", "turned right", "turned left"]
    return grid([[_square(reconstruction, size), *views]], column_labels=labels, width=10.0)


def _square(reconstruction: Reconstruction, size: int) -> Float[np.ndarray, "size size 3"]:
    """The photograph around the face, as a square picture; what lies outside the photograph is the portraits' grey."""
    from PIL import Image

    left, top, right, bottom = reconstruction.detection.box
    photo = reconstruction.photograph
    centre = np.array([left + right, top + bottom]) / 2.0
    half = 0.85 * max(right - left, bottom - top)
    picture = Image.fromarray(np.round(255.0 * photo).astype(np.uint8))
    corner = (*(centre - half), *(centre + half))
    crop = picture.transform(
        (size, size), Image.Transform.EXTENT, corner, Image.Resampling.BICUBIC, fillcolor=(237, 237, 237)
    )
    return np.asarray(crop, np.float32) / 255.0
