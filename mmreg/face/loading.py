"""`load`: a face model by name or by file."""

from __future__ import annotations

from pathlib import Path

from mmreg.face.basel import read_basel
from mmreg.face.morphable_model import MorphableModel
from mmreg.face.open_face import load_open_face

__all__ = ["load"]


def load(source: str | Path = "open") -> MorphableModel:
    """A face model: "open" is the one that ships with the package, a path is a file in the Basel Face Model 2017 layout.

    Raises:
        FaceModelError: the file isn't a face model; the message names the dataset, what was expected and what came.
    """
    return load_open_face() if source == "open" else read_basel(source)
