"""MICC Florence 3D Faces (Bagdanov, Masi and Del Bimbo 2011): 53 people, scanned and filmed in three situations."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mmreg.arrays import InputError
from mmreg.data.motion_jpeg import MotionJpeg, is_motion_jpeg
from mmreg.data.picture_files import enter, photo_set
from mmreg.data.records import Photo, Scan, ScannedPerson, ScanSet
from mmreg.data.scan_files import SUFFIXES, ScanFileError, read_scan
from mmreg.data.scan_landmarks import find_landmarks
from mmreg.data.sources import DataNotAvailable, source_of

__all__ = ["VIDEOS", "VIEWS", "micc"]

LAYOUT = "subject_01/Model/frontal1/obj/*.obj and subject_01/Video/Indoor-Cooperative.mjpg"
VIDEOS = {"cooperative": "Indoor-Cooperative", "indoor": "PTZ-Indoor", "outdoor": "PTZ-Outdoor"}
VIEWS = ("frontal1", "frontal2", "sidel", "sider")  # each a scan of its own
LANDMARKS = "landmarks.txt"
_SUBJECT = re.compile(r"subject[_-]?(\d+)", re.IGNORECASE)
_FILM = (".mjpg", ".mjpeg", ".mpg", ".mpeg", ".avi", ".mov", ".mp4", ".mkv")


def micc(folder: str | os.PathLike[str] | None = None, view: str = "frontal1") -> ScanSet:
    """MICC Florence as it is handed out, `subject_01` to `subject_53`; scans and frames are read when they are needed.

    A person's scan is the `view`'s, or the next of `VIEWS` that is there (`labels["view"]` says which). Its landmarks are those of a
    file landmarks.txt beside it or in the view's folder: lines of a name and a vertex number from 0, or a name and x y z. MICC itself has
    none; without such a file they are looked for by `scan_landmarks.find_landmarks` (a second a scan), which is ours: `labels["landmarks"]` says
    "found" then, else "by hand". Videos are Motion JPEG files, or folders of frames of the same name; of MPEG, which needs a decoder that we don't have, the reason in
    `skipped` gives the command that extracts the frames.

    Args:
        folder: the one that holds the subjects' folders; without it, MMREG_DATA/micc.
        view: of `VIEWS`.

    Raises:
        DataNotAvailable: there is no such folder.
        InputError: it holds no subject with a scan, or videos of which none can be read; or there is no such view.
    """
    if view not in VIEWS:
        raise InputError(f"There is no view {view!r}; choose one of {', '.join(VIEWS)}.")
    root = Path(folder) if folder is not None else source_of("micc").path()
    if not root.is_dir():
        raise DataNotAvailable(source_of("micc").missing(f"{root} is no folder"))
    subjects = _subjects(root) or [one for inside in sorted(root.glob("[!.]*/")) for one in _subjects(inside)]
    digest, people, skipped = hashlib.sha256(), [], []
    for subject in subjects:
        scan = _scan_file(subject, view)
        if scan is None:
            skipped.append((subject.name, f"no scan; expected {LAYOUT.split(' and ')[0]}"))
            continue
        enter(digest, scan.relative_to(subject.parent).as_posix(), scan)
        videos = _videos(subject, digest, skipped)
        labels = {
            "view": scan.relative_to(subject / "Model").parts[0],
            "landmarks": "by hand" if _landmark_file(scan) else "found",
        }
        people.append(ScannedPerson(subject.name, partial(_read, scan), videos, labels))
    if not people:
        raise InputError(f"{root} holds no subject of MICC Florence with a scan; expected {LAYOUT} in it.")
    films = [reason for _, reason in skipped if "ffmpeg" in reason]
    if films and not any(person.videos for person in people):
        raise InputError(f"None of the {len(films)} videos in {root} can be read as they are: {films[0]}.")
    return ScanSet("MICC Florence", False, tuple(people), digest.hexdigest(), tuple(skipped))


def _subjects(root: Path) -> list[Path]:
    found = [path for path in root.iterdir() if _SUBJECT.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(_SUBJECT.fullmatch(path.name)[1]))


def _scan_file(subject: Path, view: str) -> Path | None:
    for name in (view, *(other for other in VIEWS if other != view)):
        files = [path for path in (subject / "Model" / name).rglob("[!.]*") if path.suffix.lower() in SUFFIXES]
        if files:
            return min(files, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.as_posix()))
    return None


def _videos(subject: Path, digest, skipped: list[tuple[str, str]]) -> dict[str, Sequence[Photo]]:
    """The readable ones by our names; the others go to `skipped`."""
    found = {}
    for name, title in VIDEOS.items():
        place = f"{subject.name}/Video/{title}"
        frames = next((path for path in _folders(subject, title)), None)
        if frames is not None:
            pictures = photo_set(title, frames, person=lambda _, who=subject.name: who)
            digest.update(f"{place}\n{pictures.checksum}\n".encode())
            skipped += [(f"{place}/{frame}", reason) for frame, reason in pictures.skipped]
            if len(pictures.photos):
                found[name] = pictures.photos
                continue
        films = [path for path in sorted((subject / "Video").glob(f"{title}.*")) if path.suffix.lower() in _FILM]
        if not films:
            skipped.append((place, "the video is missing" if frames is None else "the folder holds no frames"))
            continue
        enter(digest, films[0].relative_to(subject.parent).as_posix(), films[0])
        if is_motion_jpeg(films[0]):
            found[name] = MotionJpeg(films[0], subject.name, "")
        else:
            out = films[0].with_suffix("")
            skipped.append(
                (
                    f"{subject.name}/Video/{films[0].name}",
                    f"no Motion JPEG; extract its frames: mkdir '{out}' && ffmpeg -i '{films[0]}' -q:v 2 '{out}/%06d.jpg'",
                )
            )
    return found


def _folders(subject: Path, title: str) -> Iterator[Path]:
    for path in (subject / "Video" / title, subject / title):
        if path.is_dir():
            yield path


def _read(path: Path) -> Scan:
    file = _landmark_file(path)
    if file:
        return read_scan(path, _landmarks(file))
    scan = read_scan(path)
    return replace(scan, landmarks=find_landmarks(scan.positions, scan.triangles))


def _landmark_file(scan: Path) -> Path | None:
    beside = (folder / LANDMARKS for folder in (scan.parent, scan.parent.parent))
    return next((file for file in beside if file.is_file()), None)


def _landmarks(file: Path) -> dict[str, int | np.ndarray]:
    """name and vertex number, or name and x y z, a line each."""
    found: dict[str, int | np.ndarray] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        name, *values = line.split("#")[0].split() or [""]
        if not name:
            continue
        try:
            if len(values) not in (1, 3):
                raise ValueError
            found[name] = int(values[0]) if len(values) == 1 else np.array(values, np.float64)
        except ValueError as error:
            raise ScanFileError(
                f"{file}, line {number}: expected a name and a vertex number or x y z, got {line.strip()!r}."
            ) from error
    return found
