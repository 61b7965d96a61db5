"""Portraits that no camera took: how often a face is found in them, how far it drifts, and whether it is still the person (section 6.4, BAM).

The paper shows pictures. Where a style's portraits were made from photographs, as the stand-in's were, more can be asked: whether the face
from the portrait is recognised in the photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmreg.arrays import Float
from mmreg.data.encoded_sets import EncodedSet, encode_set
from mmreg.data.records import PhotoSet
from mmreg.data.sets import open_photos
from mmreg.encoders import Encoder
from mmreg.evaluation.identity import directions
from mmreg.evaluation.ranks import chance, interval_over_people, rank_people
from mmreg.evaluation.stress import between_people, mesh_drift_mm
from mmreg.experiments.base import Result, Setting, of_set
from mmreg.experiments.likeness import Likeness
from mmreg.face import Coefficients
from mmreg.reconstruct import Reconstructor, framed_photograph
from mmreg.studio import take_rows

__all__ = ["PEOPLE", "PLAIN", "evaluate", "run"]

PLAIN = "photograph"  # the style of what the others were made from
PEOPLE = {"quick": 4, "full": 24}
PICTURE_SIZE = 160  # pixels
SHOWN = 4  # people whose pictures go into the result's arrays


def evaluate(setting: Setting) -> Result:
    """Portraits of one's own where they are at hand, else the stand-in."""
    photos = open_photos("art", people=PEOPLE[setting.size], seed=setting.seed)
    options = {"seed": setting.seed, "cache": setting.cache, "progress": setting.progress}
    return run(setting.reconstructor, photos, setting.judge, **options)


def run(
    reconstructor: Reconstructor,
    photos: PhotoSet,
    judge: Encoder | None = None,
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = True,
) -> Result:
    """Each style by itself.

    Args:
        photos: labelled with `style`. Styles are compared with "photograph" over the people who are in both.
        judge: who recognises. None: the regressor's own encoder, which it was trained to please; the result says so.

    Raises:
        PhotographError: no picture shows a face.
    """
    network = judge or reconstructor.encoder
    encoded = encode_set(photos, [reconstructor.encoder, *([judge] if judge else [])], cache, progress=progress)
    faces = reconstructor.regress(encoded.stores[0].features, photos.read_as)
    styles = list(dict.fromkeys(str(photo.labels.get("style", "art")) for photo in photos.photos))
    asked = {style: sum(photo.labels.get("style", "art") == style for photo in photos.photos) for style in styles}
    rows = {style: encoded.where("style", style) if len(styles) > 1 else np.arange(len(encoded)) for style in styles}
    numbers: dict = {
        "face_found": {style: len(rows[style]) / asked[style] for style in styles},
        "pictures": asked,
        "read_as": photos.read_as,
        "recognised_by": {"network": network.name, "is_a_judge": judge is not None},
        "from_the_mean_face": {style: _from_mean(reconstructor, faces, rows[style]) for style in styles},
    }
    if PLAIN in styles and len(rows[PLAIN]) > 1:
        numbers |= _recognition(reconstructor, encoded, faces, rows, network, judge is not None, seed)
    return Result("art", numbers, [of_set(photos)], _pictures(reconstructor, encoded, faces, rows))


def _from_mean(reconstructor: Reconstructor, faces: Coefficients, rows: np.ndarray) -> dict | None:
    """How unlike the average the faces are: a reconstruction that gives up is the mean face."""
    if not len(rows):
        return None
    shape = faces.shape[rows]
    return {
        "shape_deviations": float(np.median(np.sqrt((shape**2).mean(axis=1)))),
        "mesh_mm": float(np.median(mesh_drift_mm(reconstructor.model, shape, 0.0 * shape))),
    }


def _recognition(
    reconstructor: Reconstructor,
    encoded: EncodedSet,
    faces: Coefficients,
    rows: dict[str, np.ndarray],
    network: Encoder,
    independent: bool,
    seed: int,
) -> dict:
    """Against the plain photographs: cosines, millimetres, and whose photograph is nearest."""
    people, embeddings = encoded.people, encoded.stores[1 if independent else 0].embedding
    plain = rows[PLAIN]
    gallery = directions(embeddings[plain], embeddings[plain].mean(axis=0))
    likeness = Likeness(reconstructor.model, network)
    plain_faces = take_rows(faces, plain)
    plain_views = likeness.directions(plain_faces)
    first, second = between_people(len(plain))
    between_mm = float(
        np.median(mesh_drift_mm(reconstructor.model, plain_faces.shape[first], plain_faces.shape[second]))
    )
    place = {person: k for k, person in enumerate(people[plain])}
    found = {}
    for style, own in rows.items():
        own = np.array([row for row in own if people[row] in place], int)
        if not len(own):
            found[style] = None
            continue
        who = np.array([place[person] for person in people[own]])
        views = likeness.directions(take_rows(faces, own))
        drift = mesh_drift_mm(reconstructor.model, faces.shape[own], plain_faces.shape[who])
        nearest = rank_people(views, gallery, people[own], people[plain]).found(1)
        found[style] = {
            "people": len(own),
            "top_1": nearest.mean(),
            "top_1_interval": interval_over_people(nearest, people[own], seed),
            "cosine_to_the_photographs_face": _quartiles(np.einsum("fe,fe->f", views, plain_views[who])),
            "mesh_mm": _quartiles(drift),
            "relative_mesh": _quartiles(drift / between_mm),
        }
        if style != PLAIN and len(own) > 1:
            seen = directions(embeddings[own], embeddings[own].mean(axis=0))
            found[style]["picture_itself_top_1"] = (
                rank_people(seen, gallery, people[own], people[plain]).found(1).mean()
            )
    return {
        "recognition": found,
        "chance_top_1": chance(np.ones(len(plain), int), len(plain), False, (1,))["top_1"],
        "between_two_people_mm": between_mm,
        "between_two_people_cosine": float(np.median(np.einsum("fe,fe->f", plain_views[first], plain_views[second]))),
    }


def _quartiles(values: Float[np.ndarray, " face"]) -> dict[str, float]:
    low, median, high = np.percentile(values, [25.0, 50.0, 75.0])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _pictures(
    reconstructor: Reconstructor, encoded: EncodedSet, faces: Coefficients, rows: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Of the first people, style by style: the pictures framed as portraits, and the coefficients; -1 in `rows` where no face was found."""
    people = list(dict.fromkeys(encoded.people))[:SHOWN]
    if len(rows) < 2 or not all(people):
        return {}
    table = np.full((len(people), len(rows)), -1)
    for column, own in enumerate(rows.values()):
        for row in own:
            if encoded.people[row] in people:
                table[people.index(encoded.people[row]), column] = row
    used: Sequence[int] = sorted({int(row) for row in table.ravel() if row >= 0})
    numbered = np.where(table >= 0, np.searchsorted(used, table), -1)
    encoder = reconstructor.encoder
    return {
        "styles": np.array(list(rows)),
        "rows": numbered,
        "photographs": np.stack(
            [framed_photograph(encoded.photos[row].read(), encoded.points[row], encoder, PICTURE_SIZE) for row in used]
        ),
        "shape": faces.shape[list(used)],
        "albedo": faces.albedo[list(used)],
    }
