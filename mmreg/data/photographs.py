"""Photographs from disk: reading any picture file, finding the face in it, and storing what an encoder says of many."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from mmreg.arrays import Float, InputError
from mmreg.data.feature_store import FeatureStore, FeatureStoreError
from mmreg.data.photo_statistics import photo_like_features
from mmreg.encoders.alignment import Detection

__all__ = [
    "FeatureStore",
    "FeatureStoreError",
    "PhotographError",
    "decode_photograph",
    "list_photographs",
    "main_face",
    "photo_like_features",
    "read_photograph",
]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm")
LONGEST_SIDE = 2048  # pixels
REDUCING_GAP = 3.0  # a picture much too large is first halved, quickly, to no less than thrice the size wanted

# What Pillow and the decoders below it raise for files that are no pictures, or only begin as one.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    struct.error,
    zlib.error,
)
DECODING_ERRORS = (*DECODING_ERRORS, MemoryError, OverflowError, NotImplementedError)


class PhotographError(InputError):
    """A file isn't a photograph that can be read; the message names it and says what to do."""


def read_photograph(
    path: str | os.PathLike[str], longest_side: int = LONGEST_SIDE
) -> Float[np.ndarray, "height width 3"]:
    """A picture file as sRGB in [0, 1], upright, its longest side at most `longest_side` pixels; float32.

    The EXIF orientation is obeyed; embedded colour profiles are converted to sRGB; grey becomes equal red, green and blue;
    what is transparent lies on white; 16 bits a channel are kept for grey and read as 8 for colour. Of an animation
    the first picture is read. Larger pictures are reduced while decoding where the format allows it (JPEG).

    Raises:
        PhotographError: the path doesn't exist, is a folder, empty, no picture, truncated, has floating-point pixels, or
            has more than 178 million pixels (twice Pillow's limit against decompression bombs); names the file.
    """
    path = Path(path)
    if path.is_dir():
        raise PhotographError(f"{path} is a folder; name a picture file (JPEG, PNG, TIFF, WebP, ...).")
    if not path.exists():
        raise PhotographError(f"{path} doesn't exist; check the path of the photograph.")
    if path.stat().st_size == 0:
        raise PhotographError(f"{path} is empty; get the photograph again.")
    return _read(path, str(path), longest_side)


def decode_photograph(
    content: bytes, name: str, longest_side: int = LONGEST_SIDE
) -> Float[np.ndarray, "height width 3"]:
    """The same from a picture file's bytes: a frame of a video, or what was unpacked.

    Args:
        name: what to call it in errors.
    """
    if not content:
        raise PhotographError(f"{name} is empty; get the photograph again.")
    return _read(io.BytesIO(content), name, longest_side)


def _read(file: Path | io.BytesIO, name: str, longest_side: int) -> Float[np.ndarray, "height width 3"]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of large or slightly irregular files that it reads all the same
            with Image.open(file) as picture:
                return _srgb(_reduced(picture, name, longest_side))
    except UnidentifiedImageError as error:
        raise PhotographError(f"{name} is not a picture; expected a JPEG, PNG, TIFF, WebP, ... file.") from error
    except Image.DecompressionBombError as error:
        raise PhotographError(
            f"{name} has too many pixels to fit in memory ({error}); make it smaller first."
        ) from error
    except PhotographError:
        raise
    except DECODING_ERRORS as error:
        raise PhotographError(
            f"{name} can't be decoded, it may be truncated or damaged ({error}); get the photograph again."
        ) from error


def _reduced(picture: Image.Image, name: str, longest_side: int) -> Image.Image:
    """The picture upright and at most `longest_side` pixels long; mode F in [0, 1] if it is grey with 16 bits, RGBA if
    parts of it are transparent."""
    scale = longest_side / max(picture.size)
    if scale < 1:
        picture.draft(None, (max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
    if picture.mode == "F":
        raise PhotographError(
            f"{name} has floating-point pixels of unknown range; save it with 8 or 16 bits a channel."
        )
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        picture = Image.fromarray(np.asarray(picture, np.float32) / np.float32(65535.0))
    elif picture.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in picture.info:
        profile = picture.info.get("icc_profile")
        picture = picture.convert("RGBA")
        picture.info["icc_profile"] = profile
    elif picture.mode == "1":
        picture = picture.convert("L")
    scale = longest_side / max(picture.size)
    if scale < 1:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    return picture


def _srgb(picture: Image.Image) -> Float[np.ndarray, "height width 3"]:
    """What `_reduced` gives as sRGB in [0, 1], on white."""
    if picture.mode == "F":
        grey = np.clip(np.asarray(picture, np.float32), 0.0, 1.0)
        return np.repeat(grey[..., None], 3, axis=-1)
    profile = picture.info.get("icc_profile")
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        # a profile that is broken, or for another kind of pixels, says nothing
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            picture = converted or picture
    return np.asarray(picture.convert("RGB"), np.float32) / 255.0


def list_photographs(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The picture files among files and folders: a file is taken as it is, a folder is searched at every depth for picture
    suffixes, in sorted order; each file once.

    Raises:
        PhotographError: a path doesn't exist, or a folder holds no pictures.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            if not inside:
                raise PhotographError(f"{path} holds no pictures; expected files that end in {', '.join(SUFFIXES)}.")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise PhotographError(f"{path} doesn't exist; check the path of the photograph.")
    return list(found)


def main_face(detections: Sequence[Detection], size: tuple[int, int]) -> Detection | None:
    """The one that a portrait of `size` (height, width) is of: largest area − 4 d², with d the distance in pixels
    from the picture's centre to the face's; None if there is no face."""
    centre = np.array(size[::-1]) / 2

    def prominence(detection: Detection) -> float:
        left, top, right, bottom = detection.box
        offset = np.array([left + right, top + bottom]) / 2 - centre
        return float((right - left) * (bottom - top) - 4 * offset @ offset)

    return max(detections, key=prominence, default=None)
