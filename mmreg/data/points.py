"""Files of points that somebody, or a program, has marked in a photograph."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np

from mmreg.arrays import Float, InputError

__all__ = ["PointsError", "read_points"]


class PointsError(InputError):
    """A file doesn't hold the points of a face; the message names it and says what was expected."""


def read_points(path: str | os.PathLike[str], count: int = 68) -> Float[np.ndarray, "point 2"]:
    """The points of a file, x right and y down in pixels, the centre of the upper left pixel at (0, 0).

    Read are: `.pts`, the form of the 300-W annotations, whose first pixel is (1, 1); `.json`, a list of [x, y]; and text of
    any other name with two numbers a line, separated by blanks, a comma or a semicolon, where lines that begin with # don't count.

    Raises:
        PointsError: the file is missing, unreadable, or holds another number of points than `count`.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PointsError(f"{path} can't be read ({type(error).__name__}); expected a file of points.") from error
    try:
        if path.suffix.lower() == ".pts":
            points = _table(re.search(r"\{(.*)\}", text, re.DOTALL).group(1)) - 1.0
        elif path.suffix.lower() == ".json":
            points = np.array(json.loads(text), np.float32)
        else:
            points = _table(text)
    except (ValueError, AttributeError, TypeError) as error:
        raise PointsError(
            f"{path} isn't a file of points: expected .pts, a JSON list of [x, y], or two numbers a line."
        ) from error
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise PointsError(f"{path} holds points of the shape {points.shape}; expected {count} of x and y, all finite.")
    return points.astype(np.float32)


def _table(text: str) -> Float[np.ndarray, "row column"]:
    lines = [line.strip() for line in text.splitlines()]
    rows = [re.split(r"[\s,;]+", line) for line in lines if line and not line.startswith("#")]
    return np.array([[float(number) for number in row if number] for row in rows], np.float32)
