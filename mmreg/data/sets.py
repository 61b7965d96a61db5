"""What experiments read, by name: the real set where the folder that `MMREG_DATA` names holds it, else the open stand-in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from tqdm import tqdm

from mmreg.arrays import InputError
from mmreg.data.feret import feret
from mmreg.data.lfw import lfw
from mmreg.data.micc import micc
from mmreg.data.mofa import mofa_test
from mmreg.data.photo_folders import art, celeba, ffhq, people_folders
from mmreg.data.records import Photo, PhotoSet, ScannedPerson, ScanSet
from mmreg.data.sources import DataNotAvailable, Source, source_of
from mmreg.face.landmarks import NOSE_TIP

__all__ = ["SETS", "DataSet", "Report", "check", "named", "open_photos", "open_scans"]


@dataclass(frozen=True)
class DataSet:
    """A set by the name that commands and experiments use, which is its folder's below `MMREG_DATA` too.

    Attributes:
        load: reads the real set; without a folder, from below `MMREG_DATA`.
        stand_in: in `mmreg.data.stand_ins`, the function that generates one; "" where there is none.
    """

    name: str
    load: Callable[..., PhotoSet | ScanSet]
    stand_in: str = ""

    @property
    def source(self) -> Source:
        """Where it comes from, on which terms."""
        return source_of(self.name)


SETS = {
    data_set.name: data_set
    for data_set in (
        DataSet("lfw", lfw, "lfw_like"),
        DataSet("micc", micc, "micc_like"),
        DataSet("mofa_test", mofa_test, "lfw_like"),
        DataSet("feret", feret, "feret_like"),
        DataSet("art", art, "art_like"),
        DataSet("celeba", celeba),
        DataSet("ffhq", ffhq),
        DataSet("vggface", people_folders),
    )
}


def named(name: str) -> DataSet:
    """The set of that name. Raises InputError that says which there are."""
    if name not in SETS:
        raise InputError(f"There is no data set named {name!r}; known are {', '.join(SETS)}.")
    return SETS[name]


def open_photos(name: str, **stand_in_size: Any) -> PhotoSet:
    """The photographs of an experiment, real or stand-in; `PhotoSet.stand_in` says which.

    Args:
        name: "lfw", "mofa_test", "feret" or "art"; "celeba", "ffhq" and "vggface" have no stand-in.
        stand_in_size: what the stand-in's generator takes, such as `people` and `seed`; a real set is read whole.

    Raises:
        DataNotAvailable: the set isn't at hand and has no stand-in.
        InputError: there is no such set of photographs, or what lies in its folder isn't the set: it isn't replaced by the stand-in then.
    """
    found = _open(name, stand_in_size)
    if not isinstance(found, PhotoSet):
        raise InputError(f"{name} is a set of scans; use open_scans.")
    return found


def open_scans(name: str = "micc", **stand_in_size: Any) -> ScanSet:
    """The scanned people of an experiment, real or stand-in; as `open_photos`.

    Args:
        name: "micc".
    """
    found = _open(name, stand_in_size)
    if not isinstance(found, ScanSet):
        raise InputError(f"{name} is a set of photographs; use open_photos.")
    return found


def _open(name: str, stand_in_size: dict[str, Any]) -> PhotoSet | ScanSet:
    chosen = named(name)
    try:
        return chosen.load(chosen.source.path())
    except DataNotAvailable:
        if not chosen.stand_in:
            raise
    from mmreg.data import stand_ins  # the generators take a while to import

    found = getattr(stand_ins, chosen.stand_in)(**stand_in_size)
    # MoFA-Test is portraits of people, as LFW is: one generator serves for both
    return replace(found, name="stand-in for MoFA-Test") if name == "mofa_test" else found


@dataclass(frozen=True)
class Report:
    """What a look at every file of a set found.

    Attributes:
        counts: how many of what, in words: "13,233 photographs of 5,749 people".
        broken: (name, reason) of what can't be used.
    """

    name: str
    counts: str
    checksum: str
    broken: tuple[tuple[str, str], ...]


def counted(found: PhotoSet | ScanSet) -> str:
    """How many of what a set holds, in words; of videos' frames only those in folders are counted, since films must be searched for theirs."""
    if isinstance(found, PhotoSet):
        people = len({photo.person for photo in found.photos} - {""})
        return f"{len(found.photos):,} photographs" + (f" of {people:,} people" if people else "")
    videos = sum(len(person.videos) for person in found.people)
    return f"{len(found.people):,} people with a scan, {videos:,} videos"


def check(found: PhotoSet | ScanSet, progress: bool = True) -> Report:
    """Reads every photograph, frame and scan once, on all cores; memory doesn't grow with their number."""
    broken = list(found.skipped)
    frames = 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    everything = _everything(found)
    bar = tqdm(desc=found.name, unit="file", disable=None if progress else True)
    with bar, ThreadPoolExecutor(cores) as pool:
        while part := list(islice(everything, 16 * cores)):
            for (name, kind, _), reason in zip(part, pool.map(_reason, part), strict=True):
                bar.update()
                frames += kind == "frame" and not reason
                if reason:
                    broken.append((name, reason))
    counts = counted(found) + (f", {frames:,} frames" if isinstance(found, ScanSet) else "")
    return Report(found.name, counts, found.checksum, tuple(broken))


def _everything(found: PhotoSet | ScanSet) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """(name, kind, how to read it) of all that a set holds."""
    if isinstance(found, PhotoSet):
        yield from ((photo.name, "photograph", photo.read) for photo in found.photos)
        return
    for person in found.people:
        yield f"{person.name}'s scan", "scan", partial(_refuse_unmarked, person, f"{person.name}'s scan")
        for video, frames in person.videos.items():
            name = f"{person.name}'s video {video}"
            yield name, "video", partial(_refuse_empty, frames, name)
            try:
                yield from ((f"{name}, frame {frame.name}", "frame", frame.read) for frame in frames)
            except InputError:
                continue  # what couldn't be searched for frames has been reported as a video


def _refuse_unmarked(person: ScannedPerson, name: str) -> None:
    if NOSE_TIP not in person.read_scan().landmarks:
        raise InputError(
            f"{name} has no nose tip, and no face is found on it; mark points of it in a landmarks.txt beside it"
        )


def _refuse_empty(frames: Sequence[Photo], name: str) -> None:
    if not len(frames):
        raise InputError(f"{name} holds no whole JPEG picture")


def _reason(item: tuple[str, str, Callable[[], object]]) -> str:
    """Why it can't be read; "" if it can."""
    try:
        item[2]()
    except InputError as error:
        return str(error)
    return ""
