"""`load`: a face model by name or by file."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from mmreg.face.basel import read_basel
from mmreg.face.formats import refuse_other_models
from mmreg.face.morphable_model import FaceModelError, MorphableModel
from mmreg.face.open_face import load_open_face

__all__ = ["load"]

_FROM_ICT = ("ict", "open+ict")


def load(source: str | Path = "open", path: str | Path | None = None) -> MorphableModel:
    """A face model by name or by file.

    Args:
        source: "open", the model that ships with the package; "ict", a copy of ICT-FaceKit with the open model's albedo;
            "open+ict", the open model with ICT-FaceKit's identity modes; or the path of a file in the layout of the Basel
            Face Model 2017, in either cut (bfm or face12), or written by `MorphableModel.save`.
        path: ICT-FaceKit's folder, for the two that read it. "ict:FOLDER" says the same in one word, for command lines;
            without either, ICT-FaceKit is looked for in the folder that MMREG_DATA names.

    Raises:
        FaceModelError: the file isn't a face model, or is of a kind that isn't supported; the message says which, names the
            dataset or file, what was expected and what came.
    """
    name, _, folder = str(source).partition(":")
    if name in _FROM_ICT and not (path and folder):
        return _load_from_ict(name, os.path.realpath(os.path.expanduser(path or folder or _ict_folder(name))))
    if path is not None:
        raise FaceModelError(f'{source!r} takes no second path; only "ict" and "open+ict" do.')
    if source == "open":
        return load_open_face()
    file = Path(source).expanduser()
    refuse_other_models(file)
    return read_basel(file)


@cache
def _load_from_ict(name: str, folder: str) -> MorphableModel:
    from mmreg.face.carrying import load_ict, load_open_with_ict  # SciPy is slow to import, and needed here alone

    return {"ict": load_ict, "open+ict": load_open_with_ict}[name](folder, load_open_face())


def _ict_folder(name: str) -> Path:
    data = os.environ.get("MMREG_DATA")
    folder = Path(data or "") / "ICT-FaceKit"
    if not data or not folder.is_dir():
        raise FaceModelError(
            f"{name} needs a copy of ICT-FaceKit (https://github.com/ICT-VGL/ICT-FaceKit): give its folder as "
            f"{name}:FOLDER, or put it where MMREG_DATA points, as ICT-FaceKit."
        )
    return folder
