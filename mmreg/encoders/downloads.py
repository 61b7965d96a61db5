"""Files of weights that are named by an address and a checksum, fetched once."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from mmreg.arrays import atomic_path
from mmreg.encoders.dlib_dat import EncoderError

__all__ = ["cache_folder", "find_weights"]

CHUNK = 1 << 20  # bytes
TIMEOUT_SECONDS = 60.0
_CHECKSUM = re.compile(r"sha256=([0-9a-fA-F]{64})")


def find_weights(where: str | Path) -> Path:
    """The file itself; or, of an address "https://…/FILE#sha256=…", its copy in the cache, fetched unless it is there.

    An address without a checksum isn't fetched: weights from elsewhere are used only if they are the very file that was meant.

    Raises:
        EncoderError: the address has no checksum, can't be reached, or sends another file.
    """
    address = str(where)
    if not re.match(r"https?://", address):
        return Path(where)
    address, _, fragment = address.partition("#")
    match = _CHECKSUM.fullmatch(fragment)
    if match is None:
        raise EncoderError(
            f"{address} must say which file is meant, as {address}#sha256=… with its 64 hexadecimal digits; `sha256sum` prints "
            "those of a copy that you trust."
        )
    checksum = match.group(1).lower()
    name = Path(unquote(urlsplit(address).path)).name or "weights"
    path = cache_folder() / f"{checksum[:16]}-{name}"
    if not path.is_file():
        _fetch(address, checksum, path)
    return path


def cache_folder() -> Path:
    """Where fetched weights are kept: the folder `MMREG_CACHE`, or mmreg in the user's cache folder."""
    chosen = os.environ.get("MMREG_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmreg"


def _fetch(address: str, checksum: str, path: Path) -> None:
    digest = hashlib.sha256()
    try:
        with (
            atomic_path(path) as partial,
            urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer,
            partial.open("wb") as file,
            tqdm(total=int(answer.headers.get("Content-Length") or 0) or None, unit="B", unit_scale=True,
                 desc=path.name.partition("-")[2]) as bar,
        ):  # fmt: skip
            while chunk := answer.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
                bar.update(len(chunk))
            if digest.hexdigest() != checksum:
                raise EncoderError(
                    f"{address} sends another file than was meant: its SHA-256 is {digest.hexdigest()}, not {checksum}."
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise EncoderError(
            f"{address} can't be fetched ({reason}); try again, or download it and give the file's path."
        ) from error
