"""Any number of photographs become faces in a folder, in constant memory; stopped at any moment, the work goes on where it stopped.

A photograph's faces appear in the folder whole, all at once, or not at all. What is there already is recognised by what it was made
of (the photograph's bytes, the weights, the face model, the encoder) and isn't computed again; photographs without a face are
remembered in a list. Faces are encoded in batches of one fixed size, so that a face comes out the same to the last bit whichever others it
is computed with.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

import mmreg
from mmreg.arrays import Float, InputError
from mmreg.data.output_names import NamedPhotograph
from mmreg.data.photographs import PhotographError, read_photograph
from mmreg.encoders.alignment import Detection, align, detect
from mmreg.encoders.dlib_detector import load_detector
from mmreg.encoders.dlib_landmarks import load_landmark_predictor
from mmreg.face import Coefficients
from mmreg.reconstruct import Reconstruction, Reconstructor
from mmreg.results import file_checksum

__all__ = ["FILES", "Outcome", "face_folders", "reconstruct_photographs"]

BATCH = 32  # faces that are encoded together
FILES = {
    "coefficients": ("coefficients.json",),
    "meshes": ("coefficients.json", "face.glb", "face.obj"),
    "all": ("coefficients.json", "face.glb", "face.obj", "panel.png", "render.png"),
}
_OWN = ".mmreg"  # a folder below the results for what is unfinished
_ABANDONED = 86_400.0  # seconds since anything was written to what another machine left unfinished

Draw = Callable[[Reconstructor, Reconstruction, Path], None]


class Outcome(NamedTuple):
    """What became of a photograph.

    Attributes:
        folders: one for each face, the largest face's first.
        problem: why there are none; "" if there are.
        no_face: the problem is that the photograph shows no face.
        computed: whether anything was written now; else it was there, or remembered, before.
    """

    photograph: NamedPhotograph
    folders: list[Path]
    problem: str = ""
    no_face: bool = False
    computed: bool = False


def face_folders(folder: Path, count: int) -> list[Path]:
    """Where a photograph's faces go: into its own folder if there is one face, else into folders in it: face_1, face_2, …"""
    return [folder] if count == 1 else [folder / f"face_{k + 1}" for k in range(count)]


def reconstruct_photographs(
    reconstructor: Reconstructor,
    photographs: Iterable[NamedPhotograph],
    out: Path,
    level: str = "all",
    draw: Draw | None = None,
    overwrite: bool = False,
    part: str = "",
) -> Iterator[Outcome]:
    """Reconstructs the photographs that aren't done yet, and gives the outcome of each, in their order.

    Photographs are read, searched and aligned on all cores, and encoded `BATCH` faces at a time.

    Args:
        photographs: may be endless; about a hundred are looked at ahead.
        level: of `FILES`, what is written.
        draw: writes panel.png and render.png of a face into a folder; needed for "all".
        overwrite: computes again what is there.
        part: a word that tells runs apart which work into one folder at the same time, such as "1-of-4".

    Raises:
        InputError: `level` isn't one, or nothing can be written any more.
    """
    if level not in FILES:
        raise InputError(f"There is no {level!r} to be written; choose {', '.join(FILES)}.")
    load_detector()  # once, before threads ask for them
    load_landmark_predictor()
    run = _Run(reconstructor, out, level, draw, overwrite, _Skipped(out, part, overwrite))
    with _unfinished(out) as run.workshop:
        yield from run.outcomes(photographs)


class _Seen(NamedTuple):
    """A photograph that was looked at: either its outcome is known already, or its faces are waiting to be encoded."""

    photograph: NamedPhotograph
    checksum: str = ""
    outcome: Outcome | None = None
    detections: Sequence[Detection] = ()
    chips: Sequence[Float[np.ndarray, "h w 3"]] = ()


@dataclass
class _Run:
    reconstructor: Reconstructor
    out: Path
    level: str
    draw: Draw | None
    overwrite: bool
    skipped: _Skipped
    workshop: Path = field(default=Path())

    def outcomes(self, photographs: Iterable[NamedPhotograph]) -> Iterator[Outcome]:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        pool = ThreadPoolExecutor(cores)
        try:
            batch: list[_Seen] = []
            for seen in _ahead(pool, self._look, photographs, BATCH + 2 * cores):
                batch.append(seen)
                if sum(len(one.chips) for one in batch) >= BATCH or len(batch) >= 2 * BATCH:
                    yield from self._finish(batch)
                    batch = []
            yield from self._finish(batch)
        finally:
            pool.shutdown(cancel_futures=True)

    def _look(self, photograph: NamedPhotograph) -> _Seen:
        """What is known of a photograph, or else what it shows; runs on many threads."""
        folder = self.out / photograph.name
        try:
            try:
                checksum = file_checksum(photograph.path)
            except OSError as error:
                raise PhotographError(f"{photograph.path} can't be read ({error.strerror}).") from error
            if not self.overwrite:
                folders = _finished(folder, checksum, self.reconstructor, FILES[self.level])
                if folders:
                    return _Seen(photograph, checksum, Outcome(photograph, folders))
                known = self.skipped.known.get(checksum)
                if known:
                    return _Seen(photograph, checksum, Outcome(photograph, [], *known))
            image = read_photograph(photograph.path)
        except PhotographError as error:
            return _Seen(photograph, "", Outcome(photograph, [], str(error)))
        detections = detect(image)
        if not detections:
            reason = f"{photograph.path} shows no face that the detector finds; try a larger or more frontal picture of the face."
            return _Seen(photograph, checksum, Outcome(photograph, [], reason, no_face=True, computed=True))
        chips = [align(image, detection.points, self.reconstructor.encoder) for detection in detections]
        return _Seen(photograph, checksum, None, detections, chips)

    def _finish(self, batch: Sequence[_Seen]) -> Iterator[Outcome]:
        """Encodes the faces of some photographs together, then writes one photograph after the other."""
        chips = [chip for seen in batch for chip in seen.chips]
        coefficients = _predict(self.reconstructor, chips)
        start = 0
        for seen in batch:
            rows = slice(start, start + len(seen.chips))
            start = rows.stop
            if seen.outcome is None:
                yield self._write(seen, Coefficients(coefficients.shape[rows], coefficients.albedo[rows]))
            else:
                if seen.outcome.computed:
                    self.skipped.remember(seen.outcome, seen.checksum)
                yield seen.outcome

    def _write(self, seen: _Seen, coefficients: Coefficients) -> Outcome:
        """A photograph's faces, which appear all at once."""
        folder = self.out / seen.photograph.name
        if not _replaceable(folder):
            problem = f"{folder} holds other things than faces, and isn't replaced; choose another folder with --out."
            return Outcome(seen.photograph, [], problem)
        count = len(seen.chips)
        # the panel alone shows it, so it is read again then instead of being held until then
        image = read_photograph(seen.photograph.path) if self.draw and self.level == "all" else _NOTHING
        with _appearing(folder, self.workshop) as partial:
            for k, place in enumerate(face_folders(partial, count)):
                place.mkdir(exist_ok=True)
                one = Coefficients(coefficients.shape[k : k + 1], coefficients.albedo[k : k + 1])
                face = Reconstruction(image, seen.detections[k], seen.chips[k], one, k + 1, count)
                if self.draw and self.level == "all":
                    self.draw(self.reconstructor, face, place)
                meshes = self.level != "coefficients"
                self.reconstructor.save(face, place, str(seen.photograph.path), seen.checksum, meshes)
        return Outcome(seen.photograph, face_folders(folder, count), computed=True)


_NOTHING = np.zeros((0, 0, 3), np.float32)


def _ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[NamedPhotograph], _Seen],
    items: Iterable[NamedPhotograph],
    most: int,
) -> Iterator[_Seen]:
    """The function of each item, in order, computed on the pool for at most so many items ahead."""
    waiting: deque[Future[_Seen]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _predict(reconstructor: Reconstructor, chips: Sequence[Float[np.ndarray, "h w 3"]]) -> Coefficients:
    """Coefficients of aligned faces, in batches of `BATCH` whose last is filled up with black."""
    found = []
    for start in range(0, len(chips), BATCH):
        part = chips[start : start + BATCH]
        padded = np.zeros((BATCH, *part[0].shape), np.float32)
        padded[: len(part)] = part
        found.append(Coefficients(*(c[: len(part)] for c in reconstructor.predict(padded)[:2])))
    return (
        Coefficients(*(np.concatenate(kind) for kind in zip(*(c[:2] for c in found), strict=True))) if found else _NONE
    )


_NONE = Coefficients(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


def _finished(folder: Path, checksum: str, reconstructor: Reconstructor, files: Sequence[str]) -> list[Path]:
    """The folders of a photograph's faces, if they are there, whole, and what would be made of it now; else none."""
    try:
        first = folder if (folder / "coefficients.json").exists() else folder / "face_1"
        record = json.loads((first / "coefficients.json").read_text())
        made_of = {"photograph_checksum": checksum, **reconstructor.identity}
        if any(record[key] != value for key, value in made_of.items()):
            return []
        if record["weights"]["checksum"] != reconstructor.loaded.checksum:
            return []
        folders = face_folders(folder, int(record["faces"]))
        whole = all((place / file).stat().st_size for place in folders for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return folders if whole else []


def _replaceable(folder: Path) -> bool:
    """Whether nothing is there but what a run writes; a file, or a folder with anything else in it, is somebody's own."""
    if not folder.exists():
        return True
    known = set(FILES["all"])
    faces = [folder, *(path for path in folder.glob("face_*") if path.is_dir())] if folder.is_dir() else []
    inside = [path for face in faces for path in face.iterdir() if path not in faces]
    made = any(path.name == "coefficients.json" for path in inside) or (folder.is_dir() and not inside)
    return made and all(path.name in known and path.is_file() for path in inside)


class _Skipped:
    """The list of photographs that can't be used or show no face, a line of JSON each: out/skipped.jsonl, or skipped-PART.jsonl.

    Every part's list is read, so that a photograph is remembered whoever looked at it; a line that was cut off counts for nothing.
    """

    def __init__(self, out: Path, part: str, overwrite: bool):
        self.path = out / (f"skipped-{part}.jsonl" if part else "skipped.jsonl")
        self.known: dict[str, tuple[str, bool]] = {}
        if overwrite:
            self.path.unlink(missing_ok=True)
            return
        for path in sorted(out.glob("skipped*.jsonl")):
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    self._enter(line)

    def _enter(self, line: str) -> None:
        try:
            record = json.loads(line)
            if record["mmreg"] == mmreg.__version__:  # another version may see more
                self.known[record["checksum"]] = record["reason"], bool(record["no_face"])
        except (ValueError, KeyError, TypeError):
            return

    def remember(self, outcome: Outcome, checksum: str) -> None:
        """Appends a line."""
        record = {
            "photograph": str(outcome.photograph.path),
            "reason": outcome.problem,
            "no_face": outcome.no_face,
            "checksum": checksum,
            "mmreg": mmreg.__version__,
        }
        line = json.dumps(record) + "\n"
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # the last line was cut off
                    line = "\n" + line
            file.write(line.encode())
        self.known[checksum] = outcome.problem, outcome.no_face


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """A folder of this process's own for what is being written, on the disk of the results; what dead processes left there is cleared away."""
    own = out / _OWN
    host = platform.node() or "here"
    folder = own / f"{host}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in own.iterdir():
            if left != folder and _abandoned(left, host):
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{out} can't be written ({error.strerror}); choose another folder with --out.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others are still at work
            own.rmdir()


def _abandoned(folder: Path, host: str) -> bool:
    name, _, process = folder.name.rpartition(".")
    if name == host and process.isdecimal() and os.name == "posix":
        try:
            os.kill(int(process), 0)  # asks whether it lives
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
    try:
        return time.time() - folder.stat().st_mtime > _ABANDONED
    except OSError:
        return False


@contextmanager
def _appearing(folder: Path, workshop: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes `folder`'s place when the block ends well.

    Raises:
        InputError: it can't be written.
    """
    partial, former = workshop / "partial", workshop / "former"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rename(former)
        partial.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"{folder} can't be written ({reason}); what is finished stays; run the command again."
        ) from error
