"""The paper's qualitative figure: photographs with the faces made of them, from the front and from another side, many to a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Float
from mmreg.data.photographs import main_face
from mmreg.encoders.alignment import align, detect
from mmreg.face import Coefficients
from mmreg.figures.faces import grid
from mmreg.reconstruct import Reconstructor, framed_photograph

__all__ = ["COLUMNS", "Subject", "portrayed", "qualitative_sheet"]

COLUMNS = (
    "photograph",
    "ours",
    "ours, turned",
)  # Paper: Tran et al., MoFA, MoFA + expression and Sela et al. stand beside them
VIEW_DEGREES = 40.0


class Subject(NamedTuple):
    """Somebody on a sheet."""

    photograph: Float[np.ndarray, "height width 3"]
    points: Float[np.ndarray, "5 2"]
    coefficients: Coefficients


def portrayed(
    reconstructor: Reconstructor, image: Float[np.ndarray, "height width 3"], domain: str = "photograph"
) -> Subject | None:
    """The main face of a photograph, reconstructed; None where no face is found.

    Args:
        domain: "rendering" for a stand-in's photograph, as in `Reconstructor.regress`.
    """
    face = main_face(detect(image), image.shape[:2])
    if face is None:
        return None
    chip = align(image, face.points, reconstructor.encoder)[None]
    features = reconstructor.encoder.predict(chip).features
    return Subject(image, face.points, reconstructor.regress(features, domain))


def qualitative_sheet(
    reconstructor: Reconstructor, subjects: Sequence[Subject], side_by_side: int = 2, size: int = 160
) -> Figure:
    """Subjects with three pictures each: the photograph, its face from the front, and turned; framed alike, in the book's own light."""
    rows = []
    for start in range(0, len(subjects), side_by_side):
        row = []
        for subject in subjects[start : start + side_by_side]:
            row.append(framed_photograph(subject.photograph, subject.points, reconstructor.encoder, size))
            row += [reconstructor.portrait(subject.coefficients, yaw, size)[0] for yaw in (0.0, VIEW_DEGREES)]
        rows.append(row)
    return grid(rows, column_labels=COLUMNS * min(side_by_side, len(subjects)))
