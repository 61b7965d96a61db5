"""The art experiment on a handful of small pictures, with a detector that finds no face in what is dark."""

import json
from functools import partial

import numpy as np
import pytest

from mmreg.data import encoded_sets
from mmreg.data.records import Photo, PhotoSet
from mmreg.encoders.alignment import Detection
from mmreg.experiments import art, likeness
from mmreg.results import _plain

POINTS = np.float32([[86, 60], [70, 60], [42, 60], [58, 60], [64, 82]])


@pytest.fixture(autouse=True, scope="module")
def detector():
    found = [Detection(np.float32([30, 30, 100, 110]), 1.0, POINTS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_sets, "detect", lambda image: found if image.mean() > 0.1 else [])
        patch.setattr(likeness, "POPULATION", 16)
        yield


def picture(person, style):
    blotches = np.random.default_rng(person).uniform(size=(16, 16, 3))
    if style == "copy":
        blotches = 0.999 * blotches
    elif style == "noise":
        blotches = np.random.default_rng(1000).uniform(size=(16, 16, 3))
    elif style == "dark":
        blotches = 0.01 * blotches
    return np.repeat(np.repeat(blotches, 8, axis=0), 8, axis=1).astype(np.float32)


def collection(styles, named=True):
    photos = [
        Photo(
            f"{person} {style}", f"person {person}" if named else "", partial(picture, person, style), {"style": style}
        )
        for person in range(4)
        for style in styles
    ]
    return PhotoSet("blotches", True, photos, "".join(styles).ljust(64, "0"))


@pytest.fixture(scope="module")
def result(reconstructor):
    return art.run(reconstructor, collection(["photograph", "copy", "noise", "dark"]), progress=False)


def test_how_often_a_face_is_found_is_told_by_style(result):
    assert result.numbers["face_found"] == {"photograph": 1.0, "copy": 1.0, "noise": 1.0, "dark": 0.0}
    assert result.numbers["recognition"]["dark"] is None


def test_a_copy_stays_where_the_photograph_is_and_noise_is_the_same_for_all(result):
    recognition = result.numbers["recognition"]
    assert recognition["copy"]["mesh_mm"]["median"] < 0.2 * result.numbers["between_two_people_mm"]
    assert recognition["copy"]["cosine_to_the_photographs_face"]["median"] > 0.9
    assert recognition["copy"]["picture_itself_top_1"] == 1.0
    assert recognition["noise"]["top_1"] == pytest.approx(0.25)  # whichever it is taken for, it is one of four
    assert result.numbers["chance_top_1"] == pytest.approx(0.25)


def test_the_pictures_say_which_style_of_whom_is_missing(result):
    assert result.arrays["styles"].tolist() == ["photograph", "copy", "noise", "dark"]
    assert (result.arrays["rows"][:, 3] == -1).all()
    assert sorted(result.arrays["rows"][:, :3].ravel()) == list(range(12))
    assert len(result.arrays["photographs"]) == len(result.arrays["shape"]) == 12


def test_portraits_of_nobody_in_particular_are_counted_and_not_recognised(reconstructor):
    numbers = art.run(reconstructor, collection(["oil", "dark"], named=False), progress=False).numbers
    assert numbers["face_found"] == {"oil": 1.0, "dark": 0.0}
    assert "recognition" not in numbers
    assert numbers["from_the_mean_face"]["oil"]["mesh_mm"] > 0.0
    assert numbers["from_the_mean_face"]["dark"] is None


def test_what_is_written_is_json_without_nan(result):
    json.dumps(_plain(result.numbers), allow_nan=False)
