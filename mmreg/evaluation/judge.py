"""Who judges: a recogniser from a file of the user's that isn't the one in the loss.

The regressor is trained to please its encoder, and learns that network's taste along with faces; so its approval is no evidence. The paper
trains with FaceNet and judges with VGG-Face.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from mmreg.arrays import InputError, atomic_path
from mmreg.data.sources import DataNotAvailable, source_of
from mmreg.encoders import Encoder, EncoderError, encoder_names, load_encoder
from mmreg.encoders.dlib_densenet import load_densenet
from mmreg.encoders.skin import skin_checksum
from mmreg.results import file_checksum

__all__ = ["JudgeError", "is_same_network", "judge_at_hand", "load_judge"]

VARIABLE = "MMREG_JUDGE"  # names the judge where nobody does: as `load_judge` takes it
FILES = {
    "densenet": "weights/face_recognition_densenet_model_v1.dat.bz2",
    "vggface": "weights/vgg_face.mat",
}  # kinds of judges and their records in `data.sources`
BY_SUFFIX = {".dat": "densenet", ".bz2": "densenet", ".mat": "vggface"}
SHA256 = "#sha256="  # between an address, or a path, and what the file's checksum must be
ALIKE = 0.999  # networks whose embeddings of one picture have this cosine are one network


class JudgeError(InputError):
    """A judge can't be loaded, or may not judge."""


def load_judge(name: str | Path, encoder: Encoder) -> Encoder:
    """The judge of a regressor that reads `encoder`.

    Args:
        name: "densenet:FILE" (dlib's DenseNet), "vggface:FILE", "facenet:FILE", or a registered encoder's name. FILE alone will do if it ends in
            .dat or .dat.bz2 (DenseNet) or .mat (VGG-Face). FILE may be an address, with the SHA-256 that it must have:
            https://…/file.dat.bz2#sha256=0123…; it is fetched once and kept in ~/.cache/mmreg.

    Raises:
        JudgeError: nobody by that name; the file has another checksum, or can't be fetched; or it is the network in the loss.
        EncoderError: the file is missing, or holds another network.
    """
    kind, file = _kind_and_file(str(name))
    if file:
        path = _local(file)
        judge = load_densenet(path) if kind == "densenet" else load_encoder(f"{kind}:{path}")
    else:
        try:
            judge = load_encoder(kind)
        except EncoderError as error:
            known = ", ".join(["densenet:FILE", *encoder_names()])
            raise JudgeError(
                f"{name} is no judge; expected one of {known}, or a file that ends in .dat, .dat.bz2 or .mat."
            ) from error
    if is_same_network(judge, encoder):
        raise JudgeError(
            f"{name} is the network in the loss ({encoder.name}), which the regressor was trained to please; it can't judge it. Give "
            "another recogniser, such as densenet:FILE or vggface:FILE."
        )
    return judge


def judge_at_hand(encoder: Encoder) -> Encoder | None:
    """The judge that MMREG_JUDGE names, else the first whose file lies under MMREG_DATA; None where there is none.

    Raises:
        JudgeError, EncoderError: there is one, and it can't be used.
    """
    if os.environ.get(VARIABLE):
        return load_judge(os.environ[VARIABLE], encoder)
    for kind, file in FILES.items():
        try:
            path = source_of(file).path()
        except DataNotAvailable:
            continue
        return load_judge(f"{kind}:{path}", encoder)
    return None


def is_same_network(judge: Encoder, encoder: Encoder) -> bool:
    """Whether two encoders are one network: by the checksums of their weights, with or without the tone of the skin, or, since the same
    weights may come in another file, or be read otherwise, by what both say of a picture."""
    judge_sums = {judge.checksum, skin_checksum(judge.checksum)}
    if judge_sums & {encoder.checksum, skin_checksum(encoder.checksum)}:
        return True
    if (judge.image_size, judge.embedding_size) != (encoder.image_size, encoder.embedding_size):
        return False
    rng = np.random.default_rng(0)
    pictures = rng.uniform(size=(2, *judge.image_size, 3)).astype(np.float32)
    pictures[1] = np.linspace(0.0, 1.0, judge.image_size[1], dtype=np.float32)[:, None]
    # as they are: seen from both sides, as `predict` may do, the same network says something else
    one, other = (np.diff(np.asarray(network(pictures).embedding), axis=0)[0] for network in (judge, encoder))
    return float(one @ other) > ALIKE * float(np.linalg.norm(one) * np.linalg.norm(other))


def _kind_and_file(name: str) -> tuple[str, str]:
    """("densenet", FILE), or (name, "") for what isn't a file."""
    kind, colon, file = name.partition(":")
    if colon and kind in {"densenet", *(known.removesuffix(":FILE") for known in encoder_names() if ":" in known)}:
        return kind, file
    suffix = Path(name.partition(SHA256)[0]).suffix
    return (BY_SUFFIX[suffix], name) if suffix in BY_SUFFIX else (name, "")


def _local(file: str) -> Path:
    """The path of a file, after it was fetched if it is an address, with the checksum that was asked for."""
    file, _, wanted = file.partition(SHA256)
    wanted = wanted.lower()
    path = Path(file)
    if "://" in file:
        if len(wanted) != 64:
            raise JudgeError(
                f"{file} is an address; say what its SHA-256 must be: {file}{SHA256}, and 64 hexadecimal digits."
            )
        path = _cache() / f"{wanted[:16]}-{path.name}"
        if not path.is_file() or file_checksum(path) != wanted:
            _fetch(file, wanted, path)
    elif wanted and path.is_file() and file_checksum(path) != wanted:
        raise JudgeError(
            f"{path} has SHA-256 {file_checksum(path)}, not {wanted}; get the file again, or correct the checksum."
        )
    return path


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmreg" / "judges"


def _fetch(address: str, wanted: str, path: Path) -> None:
    try:
        with atomic_path(path) as partial:
            with urllib.request.urlopen(address, timeout=60) as answer, partial.open("wb") as file:
                shutil.copyfileobj(answer, file)
            with partial.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != wanted:
                raise JudgeError(
                    f"{address} has SHA-256 {found}, not {wanted}; it isn't the file that was asked for, and wasn't kept."
                )
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise JudgeError(f"{address} can't be fetched ({error}); get the file otherwise, and give its path.") from error
