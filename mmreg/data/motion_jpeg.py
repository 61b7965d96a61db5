"""Motion JPEG: a video that is JPEG pictures one after the other, whatever stands between them (nothing, or an AVI's or HTTP's headers)."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from mmreg.arrays import Float
from mmreg.data.photographs import PhotographError, decode_photograph
from mmreg.data.records import Photo

__all__ = ["MotionJpeg", "find_pictures", "is_motion_jpeg"]

START, END = b"\xff\xd8\xff", 0xD9
_HEAD = 65536  # bytes; the first picture begins in them
_MPEG = b"\x00\x00\x01"
_SCAN = 0xDA  # the marker before compressed pixels
_MARKER = re.compile(
    rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL
)  # in compressed pixels every other 255 is followed by these


class MotionJpeg(Sequence[Photo]):
    """The frames of a file as photographs; the file is searched for them when they are first counted or asked for.

    Args:
        person: who is on them.
        prefix: what the frames' names begin with; they go on with the frame's number in six digits, from 1.
    """

    def __init__(self, path: Path, person: str, prefix: str, labels: dict[str, str | float] | None = None):
        self.path, self.person, self.prefix, self.labels = path, person, prefix, labels or {}

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """(start, end) of each frame, in bytes.

        Raises:
            PhotographError: the file can't be read.
        """
        try:
            if self.path.stat().st_size == 0:
                return []
            with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return find_pictures(content)
        except OSError as error:
            raise PhotographError(f"{self.path} can't be read ({error.strerror}); get the video again.") from error

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        start, end = self.spans[index]
        number = index % len(self) + 1
        return Photo(f"{self.prefix}{number:06d}", self.person, partial(self._frame, number, start, end), self.labels)

    def _frame(self, number: int, start: int, end: int) -> Float[np.ndarray, "height width 3"]:
        with self.path.open("rb") as file:  # opened for each frame, so that threads don't share a position in it
            file.seek(start)
            content = file.read(end - start)
        return decode_photograph(content, f"frame {number} of {self.path}")


def find_pictures(content: bytes | mmap.mmap) -> list[tuple[int, int]]:
    """(start, end) of every whole JPEG picture in some bytes; a picture within another, such as a preview, is passed over."""
    found, position = [], 0
    while (start := content.find(START, position)) >= 0:
        end = _end(content, start)
        if end is not None:
            found.append((start, end))
        position = end or start + len(START)
    return found


def _end(content: bytes | mmap.mmap, start: int) -> int | None:
    """Behind the picture that begins at `start`; None where it is cut off or is none (ITU T.81, annex B)."""
    position = start + 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill bytes
            position += 1
        elif marker == END:
            return position + 2
        elif (
            marker == 0x01 or 0xD0 <= marker <= 0xD8
        ):  # markers that stand alone; another start means that this picture was cut
            if marker == 0xD8:
                return None
            position += 2
        else:
            position += 2 + int.from_bytes(content[position + 2 : position + 4])
            if marker == _SCAN:
                following = _MARKER.search(content, position)
                if following is None:
                    return None
                position = following.end() - 2
    if content[position : position + 2] == bytes((0xFF, END)):
        return position + 2
    return None


def is_motion_jpeg(path: Path) -> bool:
    """Whether the first bytes hold a JPEG picture, alone or in an AVI, QuickTime or multipart file; MPEG streams are told by their start."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return START in head and not head.startswith(_MPEG)
