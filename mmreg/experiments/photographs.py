"""The photographs of the experiments on recognition: LFW and MoFA-Test where they are at hand, else their stand-ins."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from mmreg.data.common_box import common_box
from mmreg.data.encoded_sets import EncodedSet, encode_set
from mmreg.data.records import PhotoSet
from mmreg.data.sets import open_photos
from mmreg.data.sources import DataNotAvailable, source_of
from mmreg.encoders.dlib_detector import Box
from mmreg.experiments.base import Setting

__all__ = ["PHOTO_SETS", "chosen_photos", "encode_photos", "held_out"]

PHOTO_SETS = ("lfw", "mofa_test")
STAND_IN = {
    "quick": {"lfw": {"people": 30}, "mofa_test": {"people": 10}},
    "full": {"lfw": {"people": 300}, "mofa_test": {"people": 20}},  # four or five photographs each; MoFA-Test has 84
}
QUICK_PHOTOS = 300  # of a real set
TEST_LIST = "test.txt"


def chosen_photos(name: str, setting: Setting, **stand_in_size: Any) -> tuple[PhotoSet, list[str] | None]:
    """(a set, the names of the photographs to reconstruct or None for all of them), as large as the setting's size says.

    Args:
        stand_in_size: what a stand-in's generator takes, in place of what goes with the size.
    """
    photos = open_photos(name, **(stand_in_size or STAND_IN[setting.size][name]))
    probes = None if photos.stand_in or name != "lfw" else held_out(photos)
    if setting.size == "quick" and len(photos.photos) > QUICK_PHOTOS and not photos.stand_in:
        photos = _of_fewer_people(photos, set(probes or ()))
        probes = probes and [photo.name for photo in photos.photos if photo.name in set(probes)]
    return photos, probes


def held_out(photos: PhotoSet) -> list[str] | None:
    """The photographs of LFW that lfw/test.txt under MMREG_DATA lists (Name/Name_0001.jpg), for a regressor that was trained on the others;
    None where there is no such list."""
    try:
        path = source_of("lfw").path() / TEST_LIST
    except DataNotAvailable:
        return None
    if not path.is_file():
        return None
    stems = {PurePath(line).stem for line in path.read_text().split()}
    return [photo.name for photo in photos.photos if PurePath(photo.name).stem in stems] or None


def _of_fewer_people(photos: PhotoSet, first: set[str]) -> PhotoSet:
    """About `QUICK_PHOTOS` photographs: all of some people, those with photographs in `first` first."""
    wanted = [photo.person for photo in photos.photos if photo.name in first]
    people = list(dict.fromkeys([*wanted, *(photo.person for photo in photos.photos)]))
    counts = dict(zip(*np.unique([photo.person for photo in photos.photos], return_counts=True), strict=True))
    step = max(1, len(wanted or people) // QUICK_PHOTOS)
    chosen: set[str] = set()
    total = 0
    for person in people[::step]:
        if total >= QUICK_PHOTOS:
            break
        chosen.add(person)
        total += counts[person]
    kept = [photo for photo in photos.photos if photo.person in chosen]
    checksum = hashlib.sha256("\n".join([photos.checksum, *(photo.name for photo in kept)]).encode()).hexdigest()
    return replace(photos, name=f"{photos.name}, {len(kept)} of its photographs", photos=kept, checksum=checksum)


def encode_photos(setting: Setting, photos: PhotoSet) -> EncodedSet:
    """The set as the encoder sees it (`stores[0]`) and, if there is one, the judge (`stores[1]`).

    Where faces are in the same place on all photographs they aren't searched.
    """
    networks = [setting.reconstructor.encoder, *([setting.judge] if setting.judge else [])]
    box: Box | None = None if photos.stand_in else common_box(photos)
    return encode_set(photos, networks, setting.cache, progress=setting.progress, box=box)
