"""A store is read as it was written, and nothing else is taken for one."""

import numpy as np
import pytest

from mmreg.data.feature_store import FeatureStore, FeatureStoreError


@pytest.fixture
def store():
    generator = np.random.default_rng(0)
    features, embedding, skin = (generator.random((3, size)).astype(np.float32) for size in (8, 4, 3))
    return FeatureStore(features, embedding, skin, ("a", "ü", "c"), "check", "a test", True, (("d", "no face"),))


def test_a_store_is_read_as_it_was_written(tmp_path, store):
    store.save(tmp_path / "new" / "store.npz")
    again = FeatureStore.load(tmp_path / "new" / "store.npz", "check")
    for name in ("features", "embedding", "skin"):
        np.testing.assert_array_equal(getattr(again, name), getattr(store, name))
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
