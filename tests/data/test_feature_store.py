"""A store is read as it was written, and nothing else is taken for one."""

from dataclasses import replace

import numpy as np
import pytest

from mmreg.data import feature_store
from mmreg.data.encoding import load_photographs
from mmreg.data.feature_store import FeatureStore, FeatureStoreError
from mmreg.data.photographs import photo_like_features
from mmreg.encoders import load_encoder


@pytest.fixture
def store():
    generator = np.random.default_rng(0)
    features, embedding, skin = (generator.random((3, size)).astype(np.float32) for size in (8, 4, 3))
    return FeatureStore(features, embedding, skin, ("a", "ü", "c"), "check", "a test", True, (("d", "no face"),))


def test_a_store_is_read_as_it_was_written(tmp_path, store):
    store.save(tmp_path / "new" / "store.npz")
    again = FeatureStore.load(tmp_path / "new" / "store.npz", "check")
    for name in ("features", "embedding"):  # as 16-bit floats
        np.testing.assert_array_equal(getattr(again, name), getattr(store, name).astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(again.skin, store.skin)
    for name in ("names", "encoder_checksum", "source", "stand_in", "skipped"):
        assert getattr(again, name) == getattr(store, name)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["store.npz"]


def test_a_selection_keeps_its_order_and_its_source(store):
    chosen = store.select(np.array([2, 0]))
    assert chosen.names == ("c", "a")
    np.testing.assert_array_equal(chosen.features, store.features[[2, 0]])
    assert (chosen.source, chosen.stand_in, len(chosen)) == (store.source, True, 2)


def test_a_store_of_another_encoder_is_refused(tmp_path, store):
    store.save(tmp_path / "store.npz")
    with pytest.raises(FeatureStoreError, match="other weights"):
        FeatureStore.load(tmp_path / "store.npz", "another")


def test_what_is_no_store_is_refused_by_its_name(tmp_path, store):
    with pytest.raises(FeatureStoreError, match=r"absent\.npz"):
        FeatureStore.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", features=store.features)
    np.savez(tmp_path / "object.npz", features=np.array([{}], dtype=object))
    store.save(tmp_path / "whole.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-40])
    for name in ("text", "other", "object", "cut"):
        with pytest.raises(FeatureStoreError, match=f"{name}.npz"):
            FeatureStore.load(tmp_path / f"{name}.npz")


def test_arrays_of_different_lengths_are_no_store(tmp_path, store):
    uneven = FeatureStore(store.features[:2], store.embedding, store.skin, store.names, "check", "a test")
    uneven.save(tmp_path / "uneven.npz")
    with pytest.raises(FeatureStoreError, match="different lengths"):
        FeatureStore.load(tmp_path / "uneven.npz")


def test_a_store_is_written_as_npz_only(tmp_path, store):
    with pytest.raises(FeatureStoreError, match="npz"):
        store.save(tmp_path / "store.csv")


def test_a_store_of_the_recogniser_serves_the_encoder_that_tells_the_skin_as_well(tmp_path, encoder):
    plain = photo_like_features(20, 0)
    plain.save(tmp_path / "plain.npz")
    telling = load_encoder("dlib+skin")
    served = load_photographs(tmp_path / "plain.npz", telling)
    assert served.features.shape == (20, telling.feature_size)
    assert served.names == plain.names
    served.save(tmp_path / "served.npz")
    again = load_photographs(tmp_path / "served.npz", telling).features
    np.testing.assert_allclose(again, served.features, rtol=1e-3)
    with pytest.raises(FeatureStoreError, match="other weights"):
        load_photographs(tmp_path / "served.npz", encoder)


def test_a_store_of_layers_serves_the_encoders_that_read_less(tmp_path, encoder):
    layered = photo_like_features(20, 0, load_encoder("dlib-layers"))
    layered.save(tmp_path / "layers.npz")
    for name in ("dlib", "dlib+skin", "dlib-layers", "dlib-layers+skin"):
        reads = load_encoder(name)
        served = load_photographs(tmp_path / "layers.npz", reads)
        assert (served.encoder_checksum, served.features.shape) == (reads.checksum, (20, reads.feature_size))
    same = photo_like_features(20, 0, load_encoder("dlib+skin"))
    np.testing.assert_allclose(
        load_photographs(tmp_path / "layers.npz", load_encoder("dlib+skin")).features, same.features, rtol=1e-3
    )
    same.save(tmp_path / "plain.npz")
    with pytest.raises(FeatureStoreError, match="--encoder dlib-layers"):
        load_photographs(tmp_path / "plain.npz", load_encoder("dlib-layers+skin"))


def people_in_changing_light(seed=0, people=40, photos=6):
    """A store of photographs of people with a skin tone each, and the tone of each photograph's person."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), photos)
    embedding = (rng.normal(size=(people, 64))[person] + 0.3 * rng.normal(size=(len(person), 64))).astype(np.float32)
    features = rng.normal(size=(len(person), 9)).astype(np.float32)  # tell nothing
    tone = np.linspace(-2.0, -0.5, people)[person]
    skin = np.exp(tone + rng.normal(0.0, 0.5, len(person)))[:, None] * np.ones(3)
    names = tuple(str(k) for k in range(len(person)))
    return FeatureStore(features, embedding, skin.astype(np.float32), names, "check", "a test"), tone


def test_the_tone_of_a_person_is_found_under_changing_light():
    store, tone = people_in_changing_light()
    own = np.log(store.skin @ np.array([0.2126, 0.7152, 0.0722]))
    found = store.person_tone
    assert found.shape == (len(store), 3)
    assert np.corrcoef(found[:, 0], tone)[0, 1] > 0.85 > 0.75 > np.corrcoef(own, tone)[0, 1]
    np.testing.assert_allclose(found[:, 1:], 0.0, atol=1e-5)  # grey


def test_the_tone_of_persons_is_found_in_stores_larger_than_what_is_compared(monkeypatch):
    monkeypatch.setattr(feature_store, "MOST_NEIGHBOURS", 120)
    store, tone = people_in_changing_light(1)
    assert np.corrcoef(store.person_tone[:, 0], tone)[0, 1] > 0.8


def test_everybody_counts_once_however_many_photographs_there_are(monkeypatch):
    random = np.random.default_rng(0)
    people = np.concatenate([np.zeros(20, int), np.arange(1, 61)])  # one of 61 has a quarter of the photographs
    embedding = random.normal(size=(61, 64))[people] + 0.3 * random.normal(size=(80, 64)) + 5.0
    store = FeatureStore(
        np.zeros((80, 2), np.float32), embedding.astype(np.float32), np.zeros((80, 3), np.float32),
        tuple(map(str, range(80))), "", "",
    )  # fmt: skip
    assert store.person_share.sum() == pytest.approx(1.0)
    assert store.person_share[people == 0].sum() == pytest.approx(1 / 61, rel=0.05)
    np.testing.assert_allclose(store.person_share[people > 0], 1 / 61, rtol=0.05)
    monkeypatch.setattr(feature_store, "MOST_NEIGHBOURS", 40)  # counts of a larger store are estimates
    assert replace(store).person_share[people == 0].sum() == pytest.approx(1 / 61, rel=0.3)


def test_values_too_large_for_16_bits_are_kept_whole(tmp_path, store):
    large = replace(store, features=1e6 * store.features)
    large.save(tmp_path / "large.npz")
    np.testing.assert_array_equal(FeatureStore.load(tmp_path / "large.npz").features, large.features)
