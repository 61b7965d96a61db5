"""Sets of photographs in which the face is always in the same place, such as Labeled Faces in the Wild."""

from __future__ import annotations

import numpy as np

from mmreg.arrays import InputError
from mmreg.data.photographs import main_face
from mmreg.data.records import PhotoSet
from mmreg.encoders.alignment import detect
from mmreg.encoders.dlib_detector import Box

__all__ = ["common_box"]

PROBES = 40
SPREAD = 0.12  # of the box's width: the detector looks at every eighth pixel of pictures a fifth smaller each time


def common_box(photos: PhotoSet, probes: int = PROBES) -> Box | None:
    """The median of the detector's boxes in photographs spread over the set, or None where faces are not all in one place.

    They are if those photographs are of one size, nearly all show a face, and no edge of the boxes deviates by more than 12 % of their width.
    Searching each photograph then would cost ten times as much, and lose those in which the detector overlooks the face.
    """
    boxes, sizes, looked = [], set(), 0
    for photo in photos.photos[:: max(1, len(photos.photos) // probes)]:
        try:
            image = photo.read()
        except InputError:
            continue
        looked += 1
        sizes.add(image.shape)
        if len(sizes) > 1:
            return None
        face = main_face(detect(image), image.shape[:2])
        if face is not None:
            boxes.append(face.box)
    if len(boxes) < max(0.9 * looked, 2):
        return None
    box = Box(*(float(edge) for edge in np.median(boxes, axis=0)), score=1.0)
    return box if np.std(boxes, axis=0).max() <= SPREAD * (box.right - box.left) else None
