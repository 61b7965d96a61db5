"""A few scanned people of the open model itself, photographed by the renderer: small and quick, and their truth is known."""

import hashlib
from functools import cache, partial

import numpy as np

from mmreg.data.records import Photo, ScannedPerson, ScanSet
from mmreg.data.synthetic import photograph, sample_scenes
from mmreg.evaluation.nearest_face import face_mesh
from mmreg.face import Coefficients

VIDEOS = ("indoor", "outdoor")


def scanned_people(model, encoder, count=2, frames=2, seed=0):
    """A ScanSet of `count` people whose scans are the model's own faces."""
    faces = Coefficients.sample(model, count, seed + 100)
    template = (encoder.template + 60.0).astype(np.float32)  # a face amid a larger picture

    @cache
    def shot(person, video, frame):
        scene = sample_scenes(1, 1000 * person + 10 * video + frame)
        one = Coefficients(faces.shape[person : person + 1], faces.albedo[person : person + 1])
        size = tuple(side + 120 for side in encoder.image_size)
        return np.asarray(photograph(model, one, scene, template, size))[0]

    def person(k):
        videos = {
            name: [Photo(f"{frame}", f"p{k}", partial(shot, k, v, frame)) for frame in range(frames)]
            for v, name in enumerate(VIDEOS)
        }
        luminance = 0.1 + 0.1 * k
        labels = {"gender": float(k % 2), "age": 20.0 + 20.0 * k, "skin_luminance": luminance}
        labels |= {"african": float(k % 2), "asian": 0.0, "european": 1.0 - k % 2}
        return ScannedPerson(f"p{k}", partial(face_mesh, model, faces.shape[k]), videos, labels)

    checksum = hashlib.sha256(f"{model.checksum} {count} {frames} {seed}".encode()).hexdigest()
    return ScanSet("people of the model", True, [person(k) for k in range(count)], checksum)
