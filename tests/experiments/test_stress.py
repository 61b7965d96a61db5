"""The stress experiment on a handful of small pictures, with a detector that is told where faces are."""

import json
from functools import partial

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data import encoded_sets
from mmreg.data.perturbations import PERTURBATIONS
from mmreg.data.records import Photo, PhotoSet
from mmreg.encoders.alignment import Detection
from mmreg.experiments import likeness, stress
from mmreg.results import _plain

POINTS = np.float32([[86, 60], [70, 60], [42, 60], [58, 60], [64, 82]])  # 28 pixels between the eyes
SIZE = stress.Size(3, 2, 1, ("pose", "expression", "worn"), ("blur",))


def detect(image):
    """Finds the one face there is, unless the picture is too smooth."""
    smooth = np.abs(np.diff(image, axis=1)).mean() < 0.004
    return [] if smooth else [Detection(np.float32([30, 30, 100, 110]), 1.0, POINTS)]


@pytest.fixture(autouse=True, scope="module")
def detector():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_sets, "detect", detect)
        patch.setattr(likeness, "POPULATION", 16)
        yield


def picture(person, change):
    """Blotches that are a person's, with other blotches over them the more there is to change."""
    own, other = (np.random.default_rng(seed).uniform(size=(16, 16, 3)) for seed in (person, 100 + person))
    mixed = (1.0 - change) * own + change * other
    return np.repeat(np.repeat(mixed, 8, axis=0), 8, axis=1).astype(np.float32)


def photo(person, number, change, **labels):
    return Photo(f"{person}-{number}", f"person {person}", partial(picture, person, change), labels)


@pytest.fixture(scope="module")
def photos():
    found = []
    for person in range(3):
        found += [
            photo(person, 0, 0.0, factor="pose", level=0.0, kind=""),
            photo(person, 1, 0.1, factor="pose", level=-30.0, kind=""),
            photo(person, 2, 0.3, factor="pose", level=30.0, kind=""),
            photo(person, 3, 0.9, factor="pose", level=60.0, kind=""),
            photo(person, 4, 0.5, factor="expression", level=1.0, kind="smile"),
            photo(person, 5, 0.2, factor="expression", level=0.75, kind="smile"),
            photo(person, 6, 0.4, factor="worn", level=1.0, kind="mask"),
            photo(person, 7, 0.2, factor="worn", level=1.0, kind="glasses"),
        ]
    return PhotoSet("blotches", True, found, "0" * 64)


@pytest.fixture(scope="module")
def result(reconstructor, photos):
    return stress.run(reconstructor, photos, size=SIZE, progress=False)


def test_a_plain_photograph_drifts_nowhere_and_changed_ones_do(result):
    pose = result.numbers["factors"]["pose"]
    assert pose["levels"] == [-30.0, 0.0, 30.0, 60.0]
    for name in ("shape_deviations", "albedo_deviations", "mesh_mm"):
        medians = np.array(pose[name]["median"])
        assert medians[1] == pytest.approx(0.0, abs=1e-6)
        assert (medians[[0, 2, 3]] > 0.0).all()
    assert pose["cosine"]["median"][1] == pytest.approx(1.0, abs=1e-4)
    assert pose["cosine"]["median"][3] < 0.999


def test_drift_is_told_relative_to_two_people(result):
    between, blur = result.numbers["between_two_people"]["mesh_mm"], result.numbers["factors"]["blur"]
    assert between > 0.0
    for mm, share in zip(blur["mesh_mm"]["median"], blur["relative_mesh"]["median"], strict=True):
        assert share == pytest.approx(mm / between, rel=1e-6, abs=1e-9)


def test_kinds_are_factors_of_their_own_and_things_are_levels(result):
    factors = result.numbers["factors"]
    assert factors["expression, smile"]["levels"] == [
        0.0,
        1.0,
    ]  # the plain photograph is its beginning; 0.75 isn't taken
    assert sorted(factors["worn"]["levels"]) == ["glasses", "mask"]
    assert factors["worn"]["breaking_point"] is None


def test_the_detector_is_asked_of_some_people_and_its_share_told(result):
    blur = result.numbers["factors"]["blur"]
    assert blur["levels"] == list(map(float, PERTURBATIONS["blur"].levels))
    assert blur["face_found"][0] == 1.0
    assert blur["photographs"].tolist() == [3] * len(blur["levels"])  # whether the detector finds them or not


def test_the_network_that_says_who_it_is_is_named_and_no_judge(result, reconstructor):
    assert result.numbers["identity"] == {"network": reconstructor.encoder.name, "is_a_judge": False}
    assert result.numbers["read_as"] == "rendering"  # the set is a stand-in
    assert result.data[0].stand_in


def test_what_is_written_is_json_without_nan(result):
    json.dumps(_plain(result.numbers), allow_nan=False)


def test_the_strip_shows_one_person_level_by_level(result):
    arrays = result.arrays
    assert arrays["pose: levels"].tolist() == [-30.0, 0.0, 30.0, 60.0]
    assert arrays["pose: photographs"].shape == (4, 160, 160, 3)
    assert len(arrays["pose: shape"]) == len(arrays["pose: albedo"]) == 4


def test_feret_s_own_labels_are_understood(reconstructor):
    """fa is plain, a side gives yaw its sign, and the other expression has no strength."""
    found = []
    for person in range(2):
        found += [
            photo(person, 0, 0.0, factor="none", level=0.0, side="", pose="fa"),
            photo(person, 1, 0.4, factor="expression", level=0.0, side="", pose="fb"),
            photo(person, 2, 0.2, factor="pose", level=22.5, side="left", pose="ql"),
            photo(person, 3, 0.3, factor="pose", level=22.5, side="right", pose="qr"),
            photo(person, 4, 0.3, factor="pose", level=22.5, side="right", pose="qr"),  # on another day
        ]
    feret = PhotoSet("colour FERET", False, found, "1" * 64)
    numbers = stress.run(reconstructor, feret, size=SIZE, progress=False).numbers
    assert numbers["read_as"] == "photograph"
    assert numbers["factors"]["pose"]["levels"] == [-22.5, 0.0, 22.5]
    assert numbers["factors"]["pose"]["photographs"].tolist() == [4, 2, 2]
    assert numbers["factors"]["expression"]["levels"] == [0.0, 1.0]


def test_every_second_level_keeps_the_plain_and_the_strongest(reconstructor, photos):
    thin = stress.Size(2, 1, 2, ("pose",), ("blur",))
    factors = stress.run(reconstructor, photos, size=thin, progress=False).numbers["factors"]
    assert factors["pose"]["levels"] == [0.0, 60.0]
    assert factors["blur"]["levels"] == [0.0, 8.0, 16.0, 32.0]
    assert list(factors) == ["pose", "blur"]


def test_one_person_is_too_few(reconstructor, photos):
    alone = PhotoSet("one", True, [p for p in photos.photos if p.person == "person 0"], "2" * 64)
    with pytest.raises(InputError, match="two or more"):
        stress.run(reconstructor, alone, size=SIZE, progress=False)
