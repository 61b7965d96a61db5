"""Face models of other kinds are recognised and refused, without being opened further than their first bytes or names.

A pickle in particular is never loaded: it may run anything.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from mmreg.face.morphable_model import FaceModelError

__all__ = ["refuse_other_models"]

_SUPPORTED = (
    'supported are "open", "ict" and "open+ict" (ICT-FaceKit), and h5 files in the layout of the Basel Face Model 2017, such '
    "as model2017-1_bfm_nomouth.h5 and model2017-1_face12_nomouth.h5"
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB = b"MATLAB "
_ZIP = b"PK\x03\x04"
_NUMPY = b"\x93NUMPY"
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".p", ".joblib")
_FLAME_ARRAYS = {"v_template", "shapedirs"}


def refuse_other_models(path: Path) -> None:
    """Lets pass what may be an h5 file (and what isn't there, which `read_basel` reports); refuses what is something else.

    Raises:
        FaceModelError: one sentence with what the file is and what is supported.
    """
    if path.is_dir() and _looks_like_ict(path):
        raise FaceModelError(
            f"{path} is ICT-FaceKit's folder; say which model is wanted of it: ict:{path} or open+ict:{path}."
        )
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(_HDF5):
        return
    kind = _kind(path, start)
    if kind:
        raise FaceModelError(f"{path} is {kind}, which isn't supported; {_SUPPORTED}.")


def _kind(path: Path, start: bytes) -> str | None:
    suffix, name = path.suffix.lower(), path.name.lower()
    if suffix == ".mat" or start.startswith(_MATLAB):
        basel = " of the Basel Face Model 2009" if "morphablemodel" in name else " like the Basel Face Model 2009's"
        return f"a MATLAB file{basel}"
    pickled = suffix in _PICKLE_SUFFIXES or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05")
    if pickled or start.startswith((b"(dp", b"}q", b"ccopy_reg")):
        flame = "FLAME's " if _named_flame(name) else "a "
        return f"{flame}pickle (FLAME and SMPL come as such; a pickle can run any program, and is never opened here)"
    if start.startswith(_ZIP):
        names = _zip_names(path)
        if names >= _FLAME_ARRAYS or _named_flame(name):
            return "a FLAME model (an npz archive with v_template and shapedirs)"
        return "a zip or npz archive"
    if start.startswith(_NUMPY):
        return "a NumPy array file"
    if suffix in (".obj", ".ply", ".stl", ".glb"):
        return "a single mesh and no morphable model"
    return None


def _named_flame(name: str) -> bool:
    return "flame" in name or name.startswith("generic_model")


def _zip_names(path: Path) -> set[str]:
    """Names of the arrays in an npz archive, from its table of contents alone."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.removesuffix(".npy") for entry in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return set()


def _looks_like_ict(folder: Path) -> bool:
    return any((place / "generic_neutral_mesh.obj").is_file() for place in (folder, folder / "FaceXModel"))
