"""Encoding a folder: on all cores, in shards, never twice, and nothing half-written is left behind."""

import json

import numpy as np
import pytest
from PIL import Image

from mmreg.data import encoding
from mmreg.data.encoding import encode_photographs
from mmreg.data.feature_store import FeatureStore, FeatureStoreError
from mmreg.data.photographs import PhotographError
from mmreg.encoders import centred_unit, cosine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pictures of one face, one of none, and a text, in the order of their names."""
    portrait = pytest.importorskip("skimage.data", reason="scikit-image carries the portrait").astronaut()
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(portrait[:300, 60:400]).save(folder / "a_face.png")
    Image.fromarray((portrait[:300, 60:400] * 0.7).astype(np.uint8)).save(folder / "b_darker.jpg", quality=90)
    Image.new("RGB", (64, 64)).save(folder / "c_blank.png")
    (folder / "d_text.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def whole(folder, encoder, tmp_path_factory):
    return encode_photographs(
        [folder], encoder, tmp_path_factory.mktemp("whole") / "store.npz", "a test", progress=False
    )


def names(store):
    return [name.split("/")[-1] for name in store.names]


def test_the_faces_are_stored_and_the_rest_is_reported(folder, whole, encoder, tmp_path):
    path = tmp_path / "stores" / "store.npz"
    store = encode_photographs([folder], encoder, path, source="a test", progress=False)
    assert names(store) == ["a_face.png", "b_darker.jpg"]
    assert [name.split("/")[-1] for name, _ in store.skipped] == ["c_blank.png", "d_text.png"]
    a, b = centred_unit(store.embedding, np.zeros(128, np.float32))
    assert cosine(a, b) > 0.97  # raw, not centred: the two are one person
    assert (store.skin[1] < store.skin[0]).all()
    again = FeatureStore.load(path, encoder.checksum)
    np.testing.assert_allclose(again.features, store.features, atol=1e-6)
    assert (again.skipped, again.source) == (store.skipped, "a test")
    assert [p.name for p in path.parent.iterdir()] == ["store.npz"]  # no shards, nothing unfinished


def test_shards_hold_the_same_and_a_folder_keeps_them(folder, whole, encoder, tmp_path):
    store = encode_photographs([folder], encoder, tmp_path / "shards", "a test", shard_size=1, progress=False)
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == [
        *(f"0000{k}.npz" for k in range(4)),
        "index.json",
    ]
    assert store.names == whole.names
    assert store.skipped == whole.skipped
    np.testing.assert_allclose(store.features, whole.features, atol=2e-3)  # another batch, other rounding
    np.testing.assert_array_equal(FeatureStore.load(tmp_path / "shards").features, store.features)


@pytest.mark.parametrize("out", ["shards", "store.npz"])
def test_an_interrupted_encoding_goes_on_behind_the_last_shard(folder, whole, encoder, tmp_path, monkeypatch, out):
    asked = []
    detect = encoding.detect

    def detect_until_killed(image):
        asked.append(image.shape)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return detect(image)

    monkeypatch.setattr(encoding, "detect", detect_until_killed)
    with pytest.raises(KeyboardInterrupt):
        encode_photographs([folder], encoder, tmp_path / out, "a test", shard_size=1, progress=False)
    with pytest.raises(FeatureStoreError):
        FeatureStore.load(tmp_path / out)
    asked.clear()
    monkeypatch.setattr(encoding, "detect", lambda image: (asked.append(image.shape), detect(image))[1])
    store = encode_photographs([folder], encoder, tmp_path / out, "a test", shard_size=1, progress=False)
    assert len(asked) == 1  # the blank one; the text is no picture
    assert store.names == whole.names
    np.testing.assert_allclose(store.features, whole.features, atol=2e-3)
    encode_photographs([folder], encoder, tmp_path / "shards", "a test", shard_size=1, progress=False)
    asked.clear()
    encode_photographs([folder], encoder, tmp_path / "shards", "a test", shard_size=1, progress=False)
    assert asked == []


def test_a_changed_photograph_is_encoded_again_and_a_missing_one_is_gone(folder, encoder, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in folder.glob("*.*g"):
        (photos / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "store"
    before = encode_photographs([photos], encoder, out, shard_size=1, progress=False)
    Image.open(photos / "a_face.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "b_darker.jpg")
    (photos / "d_text.png").unlink()
    after = encode_photographs([photos], encoder, out, shard_size=1, progress=False)
    np.testing.assert_array_equal(after.features[0], before.features[0])
    assert np.abs(after.features[1] - before.features[1]).max() > 0.01
    assert len(after.skipped) == 1
    assert len(list(out.glob("*.npz"))) == 3


def test_a_damaged_a_missing_and_an_unfinished_shard_are_noticed(folder, encoder, tmp_path):
    out = tmp_path / "store"
    encode_photographs([folder], encoder, out, shard_size=2, progress=False)
    shard = out / "00000.npz"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(FeatureStoreError, match="missing or damaged"):
        FeatureStore.load(out)
    encode_photographs([folder], encoder, out, shard_size=2, progress=False)  # mends it
    FeatureStore.load(out)
    shard.unlink()
    with pytest.raises(FeatureStoreError, match="missing or damaged"):
        FeatureStore.load(out)
    (out / "index.json").unlink()
    with pytest.raises(FeatureStoreError, match="isn't finished"):
        FeatureStore.load(out)
    (out / "index.json").write_text(json.dumps({"files": 3}))
    with pytest.raises(FeatureStoreError, match="no readable index"):
        FeatureStore.load(out)


def test_photographs_without_any_face_are_refused_and_nothing_is_written(tmp_path, encoder):
    Image.new("RGB", (64, 64)).save(tmp_path / "blank.png")
    with pytest.raises(PhotographError, match="None of the 1 photographs"):
        encode_photographs([tmp_path / "blank.png"], encoder, tmp_path / "store.npz", progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["blank.png"]


@pytest.mark.parametrize("name", ["2020.npz", "letter.txt"])
def test_a_folder_of_other_things_is_refused_and_left_alone(folder, encoder, tmp_path, name):
    out = tmp_path / "mine"
    out.mkdir()
    (out / name).write_text("mine")
    for photos in (folder, folder / "c_blank.png"):
        with pytest.raises(FeatureStoreError, match=f"holds {name}"):
            encode_photographs([photos], encoder, out, progress=False)
    assert [(p.name, p.read_text()) for p in out.iterdir()] == [(name, "mine")]


def test_a_file_in_the_place_of_the_folder_is_refused(folder, encoder, tmp_path):
    (tmp_path / "store").write_text("mine")
    with pytest.raises(FeatureStoreError, match="is a file"):
        encode_photographs([folder], encoder, tmp_path / "store", progress=False)
