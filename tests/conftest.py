"""Under pytest every shape annotation of the library is checked at run time."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

from jaxtyping import install_import_hook

# these refuse wrong shapes in words of their own, which the tests want to read
DOORS = ("checks", "mesh", "rasterizer", "renderer", "texture")
PACKAGE = Path(__file__).parents[1] / "mmreg"
# leaf modules only, since a package's name would also catch its kernels, which numba must see as they are
CHECKED = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem not in ("__init__", "cli", *DOORS) and not {"kernels", "compat"} & set(path.with_suffix("").parts)
]
install_import_hook(CHECKED, "beartype.beartype")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(scope="session")
def open_model():
    from mmreg.face import load

    return load("open")


@pytest.fixture(scope="session")
def encoder():
    from mmreg.encoders import load_encoder

    return load_encoder()


@pytest.fixture(scope="session")
def rng():
    return np.random.default_rng(0)
