"""The experiments on recognition: perfect renderings are recognised, meaningless ones aren't, and nothing is rendered twice."""

import hashlib
import json
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data.common_box import common_box
from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.feature_store import FeatureStore
from mmreg.data.photographs import PhotographError
from mmreg.data.records import Photo, PhotoSet
from mmreg.data.synthetic import sample_scenes
from mmreg.experiments import photographs, recognition, similarity
from mmreg.experiments.base import Result, Setting, write
from mmreg.experiments.recall import recall_numbers
from mmreg.experiments.recognition import JUDGE, LOSS, Recognition, recognise, render_and_encode
from mmreg.experiments.similarity import Heaps, similarity_numbers
from mmreg.face import Coefficients
from mmreg.results import Data, Provenance, read_result
from mmreg.studio import Studio

PEOPLE, VIEWS = 6, 2


def unread():
    raise AssertionError("this photograph is encoded already")


def photo_set(count, people=None, name="a set", read=unread):
    people = people or [f"p{k}" for k in range(count)]
    photos = [Photo(f"{person}/{k}.jpg", person, read) for k, person in enumerate(people)]
    return PhotoSet(name, True, photos, "c" * 64)


def small_network(encoder, name="judge"):
    """A network of its own: colours of the picture's parts, mixed at random."""
    keras.utils.set_random_seed(0)
    images = keras.Input((*encoder.image_size, 3))
    parts = keras.layers.Flatten()(keras.layers.AveragePooling2D(15)(images))
    mixed = keras.layers.Dense(24)(parts)
    checksum = hashlib.sha256(name.encode()).hexdigest()
    return replace(
        encoder, name=name, network=keras.Model(images, [mixed, mixed]), feature_size=24, embedding_size=24, checksum=checksum
    )  # fmt: skip


@pytest.fixture(scope="module")
def setting(reconstructor):
    return Setting(reconstructor, None, small_network(reconstructor.encoder), progress=False)


@pytest.fixture(scope="module")
def encoded(setting):
    """Six people of the model, photographed twice each."""
    model, networks = setting.reconstructor.model, (setting.reconstructor.encoder, setting.judge)
    faces = Coefficients.sample(model, PEOPLE, 0)
    studio = Studio(model, networks[0])
    pictures = np.asarray(studio.photograph(faces, sample_scenes(PEOPLE * VIEWS, 1)))
    photos = photo_set(PEOPLE * VIEWS, [f"p{k}" for k in range(PEOPLE) for _ in range(VIEWS)])
    names = tuple(photo.name for photo in photos.photos)
    stores = tuple(
        FeatureStore(*network.predict(pictures), np.zeros((len(names), 3)), names, network.checksum, photos.name)
        for network in networks
    )
    return photos, EncodedSet(tuple(photos.photos), stores, np.zeros((len(names), 5, 2), np.float32), ())


@pytest.fixture(scope="module")
def seen(setting, encoded):
    return recognise(setting, *encoded)


def made_up(renderings, photos, people, probes=None):
    """A recognition from embeddings of our own."""
    probes = np.arange(len(people)) if probes is None else probes
    names = tuple(map(str, range(len(people))))
    network = partial(replace, small_network_stub)
    return Recognition(
        photo_set(len(people)), (), names, people, probes, {JUDGE: network(name="judge"), LOSS: network(name="encoder")},
        {JUDGE: photos, LOSS: photos}, {name: {JUDGE: e, LOSS: e} for name, e in renderings.items()}, (),
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _stub(encoder):
    global small_network_stub
    small_network_stub = encoder


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(0)
    people = np.array([f"p{k}" for k in np.repeat(np.arange(30), 3)])
    faces = np.repeat(rng.normal(size=(30, 16)), 3, axis=0)
    return people, 5.0 + faces + 0.5 * rng.normal(size=faces.shape)


def test_renderings_that_are_the_photographs_are_like_them_and_find_them(crowd):
    people, photos = crowd
    renderings = {"regressor": 3.0 + photos, "mean_face": 3.0 + photos[:1]}
    found = made_up(renderings, photos, people)
    similarity, recall = similarity_numbers(found), recall_numbers(found)
    assert similarity["similarity_to_own_photo"] == pytest.approx(1.0)
    method = similarity[JUDGE]["centred"]["methods"]["regressor"]
    pairs = similarity[JUDGE]["centred"]["photo_pairs"]
    assert method["another_photo"]["mean"] == pytest.approx(pairs["same_person"]["mean"])
    assert method["another_photo_earth_movers_distance_to_same"] == pytest.approx(0.0, abs=1e-4)
    assert method["earth_movers_distance_to_same"] == pytest.approx(1.0 - pairs["same_person"]["mean"], abs=1e-3)
    assert method["earth_movers_distance_to_different"] > pairs["same_to_different"]
    assert recall["recall_top_1"] == 1.0
    assert recall["recall_top_1_of_the_mean_face"] == pytest.approx(3 / 90)
    assert recall["recall_top_1_of_chance"] == pytest.approx(3 / 90)
    curves = recall[JUDGE]["centred"]
    photos_recall = curves["photo_against_photo"]["own_photo_removed"]
    assert {rank: curves["regressor"]["own_photo_removed"][rank] for rank in photos_recall} == photos_recall


def test_renderings_that_say_nothing_lie_with_two_people_and_recall_by_chance(crowd):
    people, photos = crowd
    rng = np.random.default_rng(1)
    noise = {"regressor": rng.normal(size=photos.shape), "mean_face": rng.normal(size=(1, 16))}
    found = made_up(noise, photos, people)
    method = similarity_numbers(found)[JUDGE]["centred"]["methods"]["regressor"]
    assert method["earth_movers_distance_to_different"] < 0.2 < method["earth_movers_distance_to_same"]
    assert abs(method["own_photo"]["mean"]) < 0.1
    recall = recall_numbers(found)
    assert recall["recall_top_1"] == pytest.approx(recall["recall_top_1_of_chance"], abs=0.06)


def test_an_offset_between_the_kinds_is_forgiven_centred_and_held_against_them_raw(crowd):
    people, photos = crowd
    offset = 40.0 * np.random.default_rng(2).normal(size=16)
    found = similarity_numbers(made_up({"regressor": photos + offset, "mean_face": photos[:1]}, photos, people))
    assert found[JUDGE]["centred"]["methods"]["regressor"]["own_photo"]["mean"] == pytest.approx(1.0)
    assert found[JUDGE]["raw"]["methods"]["regressor"]["own_photo"]["mean"] < 0.9


def test_probes_may_be_some_of_the_photographs(crowd):
    people, photos = crowd
    probes = np.arange(60, 90)
    found = made_up({"regressor": photos[probes], "mean_face": photos[:1]}, photos, people, probes)
    assert recall_numbers(found)["recall_top_1"] == 1.0
    state = found.setting()
    assert (state["gallery_photos"], state["probes"], state["probe_people"]) == (90, 30, 10)


def test_a_set_of_people_with_one_photograph_each_has_no_pairs_of_one_person_and_says_so(crowd):
    _, photos = crowd
    alone = np.array([f"p{k}" for k in range(90)])
    found = made_up({"regressor": photos, "mean_face": photos[:1]}, photos, alone)
    assert "photo_against_photo" not in recall_numbers(found)[JUDGE]["centred"]
    with pytest.raises(InputError, match="two photographs"):
        similarity_numbers(found)


def test_similarities_of_one_set_are_held_against_the_pairs_of_another_as_the_paper_does(crowd):
    people, photos = crowd
    heaps = Heaps.of(made_up({"regressor": photos, "mean_face": photos[:1]}, photos, people))
    alone = made_up({"regressor": photos, "mean_face": photos[:1]}, photos, np.array([f"p{k}" for k in range(90)]))
    numbers = similarity_numbers(alone, heaps=heaps)
    assert numbers["setting"]["photo_pairs_of"] == "a set"
    assert numbers[JUDGE]["centred"]["photo_pairs"]["same_person"]["pairs"] == 90
    assert numbers["earth_movers_distance_to_same"] < numbers["earth_movers_distance_to_different"]


@pytest.mark.parametrize("real", [(True, True), (True, False)])
def test_real_pairs_are_held_against_real_sets_alone(setting, encoded, seen, monkeypatch, real):
    def chosen(name, setting):
        photos = replace(encoded[0], name=name, stand_in=not real[name == "mofa_test"])
        return photos, None

    monkeypatch.setattr(similarity, "chosen_photos", chosen)
    monkeypatch.setattr(similarity, "encode_photos", lambda setting, photos: encoded[1])
    monkeypatch.setattr(similarity, "recognise", lambda setting, photos, *_: replace(seen, source=photos))
    found = similarity.evaluate(setting)
    assert [data.stand_in for data in found.data] == [not each for each in real]
    assert found.numbers["mofa_test"]["setting"]["photo_pairs_of"] == ("lfw" if all(real) else "mofa_test")


def test_numbers_are_written_and_say_whose_verdict_they_are(setting, encoded, seen, tmp_path):
    for name, numbers in (("similarity", similarity_numbers(seen)), ("recall", recall_numbers(seen))):
        path = write(Result(name, numbers, [Data("a set", 12)]), setting, tmp_path, Provenance([], {}, 0))
        found = read_result(path)
        assert found[JUDGE]["is_a_judge"] is True
        assert found[LOSS]["is_a_judge"] is False
        assert found[LOSS]["network"] == setting.reconstructor.encoder.name
        assert set(found[JUDGE]["centred"]["methods"] if name == "similarity" else {"regressor", "mean_face"}) == {
            "regressor", "mean_face",
        }  # fmt: skip
        json.dumps(found, allow_nan=False)


def test_without_a_judge_the_headline_names_the_network_in_the_loss(setting, encoded):
    photos, both = encoded
    alone = replace(both, stores=both.stores[:1])
    found = recognise(replace(setting, judge=None), photos, alone)
    for numbers in (similarity_numbers(found), recall_numbers(found)):
        assert JUDGE not in numbers
        assert numbers["setting"]["judge"] is None
        values = [name for name, value in numbers.items() if isinstance(value, float)]
        assert values
        assert all(name.endswith("_by_the_network_in_the_loss") for name in values)


def test_the_network_in_the_loss_is_no_judge(setting, encoded):
    with pytest.raises(InputError, match="network in the loss"):
        recognise(replace(setting, judge=setting.reconstructor.encoder), *encoded)


def test_the_reference_regressor_finds_people_whom_its_own_encoder_knows(seen):
    numbers = recall_numbers(seen)[LOSS]["centred"]
    assert (
        numbers["regressor"]["own_photo_in_gallery"]["top_5"] > 2 * numbers["chance"]["own_photo_in_gallery"]["top_1"]
    )


def test_nothing_is_rendered_twice_and_a_damaged_shard_is_made_again(setting, encoded, seen, tmp_path, monkeypatch):
    rendered = []

    def counting(studios, faces):
        rendered.append(len(faces.shape))
        return render_and_encode(studios, faces)

    monkeypatch.setattr(recognition, "render_and_encode", counting)
    monkeypatch.setattr(recognition, "SHARD", 8)
    kept = replace(setting, cache=tmp_path)
    first = recognise(kept, *encoded)
    assert rendered == [8, 4, 1]  # two shards, and the mean face
    np.testing.assert_allclose(first.renderings["regressor"][JUDGE], seen.renderings["regressor"][JUDGE], atol=1e-4)
    shard = max((tmp_path / "renderings").iterdir(), key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:100])
    again = recognise(kept, *encoded)
    assert rendered == [8, 4, 1, 8, 1]
    np.testing.assert_array_equal(again.renderings["regressor"][LOSS], first.renderings["regressor"][LOSS])


def test_regressors_of_different_encoders_are_not_compared(setting, encoded):
    other = replace(setting.reconstructor, encoder=setting.judge)
    with pytest.raises(InputError, match="different encoders"):
        recognise(replace(setting, stage_one=other), *encoded)


def test_probes_that_are_nowhere_are_named(setting, encoded):
    with pytest.raises(InputError, match=r"x/1\.jpg"):
        recognise(setting, *encoded, ["x/1.jpg"])


def test_photographs_on_the_list_of_the_test_are_the_probes(tmp_path, monkeypatch):
    monkeypatch.setenv("MMREG_DATA", str(tmp_path))
    photos = photo_set(3, ["Ann_Lee", "Bob_Ray", "Cy_Fox"])
    assert photographs.held_out(photos) is None
    (tmp_path / "lfw").mkdir()
    (tmp_path / "lfw" / "test.txt").write_text("Bob_Ray/1.jpg\nNobody/Nobody_0001.jpg\n")
    assert photographs.held_out(photos) == ["Bob_Ray/1.jpg"]


def test_a_real_set_is_made_smaller_by_whole_people_and_keeps_those_of_the_test():
    photos = photo_set(2000, [f"p{k // 4:03d}" for k in range(2000)])
    probes = {photo.name for photo in photos.photos if photo.person in ("p490", "p491")}
    fewer = photographs._of_fewer_people(photos, probes)
    counts = np.unique([photo.person for photo in fewer.photos], return_counts=True)[1]
    assert 280 <= len(fewer.photos) <= 330
    assert set(counts) == {4}
    assert probes <= {photo.name for photo in fewer.photos}
    assert fewer.checksum != photos.checksum


@pytest.fixture(scope="module")
def portrait():
    pictures = pytest.importorskip("skimage.data", reason="scikit-image carries the portrait")
    return pictures.astronaut()[40:240, 120:320].astype(np.float32) / 255.0


def set_of(pictures):
    return PhotoSet("s", False, [Photo(str(k), "", picture) for k, picture in enumerate(pictures)], "c" * 64)


def test_faces_in_one_place_have_a_common_box_and_others_have_none(portrait):
    def moved(right):
        return lambda: np.roll(portrait, right, axis=1)

    def missing():
        raise PhotographError("gone")

    box = common_box(set_of([moved(2), missing, moved(-2)]))
    assert box is not None
    assert 40 < box.right - box.left < 160
    assert common_box(set_of([moved(-45), moved(45)])) is None
    assert common_box(set_of([moved(0), lambda: portrait[:150]])) is None


def test_a_stand_ins_true_faces_are_recognised_and_nobody_elses_are_made_up(setting, encoded, seen):
    assert "true_face" not in seen.renderings
    both = encoded[1]
    known = [f"stand_in_0_{k:04d}" for k in range(PEOPLE) for _ in range(VIEWS)]
    named = photo_set(PEOPLE * VIEWS, known)
    found = recognise(setting, named, replace(both, photos=tuple(named.photos)))
    truth = found.renderings["true_face"][LOSS]
    assert truth.shape == (PEOPLE * VIEWS, 128)
    np.testing.assert_array_equal(truth[::VIEWS], truth[1::VIEWS])
    assert len(np.unique(truth, axis=0)) == PEOPLE
    assert "true_face" in recall_numbers(found)[JUDGE]["centred"]
