"""A set's photographs are found and encoded once, whatever stops the work, and every network gets the same rows."""

import hashlib
from functools import partial

import keras
import numpy as np
import pytest

from mmreg.data import encoded_sets
from mmreg.data.encoded_sets import encode_set, frames_of, thinned
from mmreg.data.photographs import PhotographError
from mmreg.data.records import Photo, PhotoSet, ScannedPerson, ScanSet
from mmreg.encoders.alignment import Detection
from mmreg.encoders.registry import Encoder


@pytest.fixture(scope="module")
def portrait():
    return np.random.default_rng(0).uniform(0.2, 1.0, (120, 100, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def quick_detector(monkeypatch, encoder):
    """Sees a face in everything that isn't black, a little further right the brighter it is."""

    def detect(image):
        if not image.any():
            return []
        points = encoder.alignment_template * 0.5 + [10.0 + 20.0 * image[0, 0, 0], 20.0]
        return [Detection(np.float32([10, 20, 90, 100]), 1.0, points.astype(np.float32))]

    monkeypatch.setattr(encoded_sets, "detect", detect)


class Network(keras.Model):
    """Stands for a recogniser: the mean colours of a picture's quarters; counts the pictures it was shown."""

    def __init__(self, size):
        super().__init__()
        self.size, self.shown = size, 0

    def predict(self, images, batch_size, verbose):
        self.shown += len(images)
        half = self.size // 2
        quarters = [images[:, r : r + half, c : c + half].mean(axis=(1, 2)) for r in (0, half) for c in (0, half)]
        return np.concatenate(quarters, axis=1), quarters[0]


def encoder_like(real, name, size):
    scale = size / real.image_size[0]
    points = real.template * scale, real.alignment_template * scale
    checksum = hashlib.sha256(name.encode()).hexdigest()
    return Encoder(name, Network(size), (size, size), 12, 3, checksum, *points, "none")


@pytest.fixture
def networks(encoder):
    """Two networks that frame their pictures differently."""
    return [encoder_like(encoder, "reader", 96), encoder_like(encoder, "judge", 64)]


def missing():
    raise PhotographError("c.png doesn't exist")


@pytest.fixture(scope="module")
def photos(portrait):
    """Five of which one shows nobody and one can't be read."""
    reads = {
        "a": lambda: portrait,
        "b": lambda: portrait[:, ::-1],
        "c": missing,
        "d": lambda: np.zeros((80, 80, 3), np.float32),
        "e": lambda: 0.6 * portrait,
    }
    people = {"a": "Eileen", "b": "Eileen", "e": "Other"}
    found = [Photo(name, people.get(name, ""), read, {"light": name}) for name, read in reads.items()]
    return PhotoSet("a test", True, found, hashlib.sha256(b"five").hexdigest(), (("f", "was never there"),))


def test_every_network_has_a_row_for_every_face_and_the_rest_is_reported(photos, networks):
    encoded = encode_set(photos, networks, progress=False)
    assert [photo.name for photo in encoded.photos] == ["a", "b", "e"]
    assert [store.names for store in encoded.stores] == [("a", "b", "e")] * 2
    assert encoded.people.tolist() == ["Eileen", "Eileen", "Other"]
    assert encoded.where("light", "e").tolist() == [2]
    assert encoded.skipped == (
        ("f", "was never there"),
        ("c", "c.png doesn't exist"),
        ("d", "no face was found"),
    )
    assert all(store.stand_in for store in encoded.stores)
    assert encoded.points.shape == (3, 5, 2)


@pytest.mark.parametrize("stopped_at", [2, 4, 5])
def test_stopped_and_started_again_nothing_is_read_twice_and_the_result_is_the_same(
    photos, networks, tmp_path, monkeypatch, stopped_at
):
    whole = encode_set(photos, networks, tmp_path / "whole", shard_size=1, progress=False)
    shown = [network.network.shown for network in networks]
    read = []

    def counted(photo, limit):
        if len(read) == limit:
            raise KeyboardInterrupt
        read.append(photo.name)
        return photo.read()

    def watched(limit):
        counting = [Photo(p.name, p.person, partial(counted, p, limit), p.labels) for p in photos.photos]
        return PhotoSet(photos.name, photos.stand_in, counting, photos.checksum, photos.skipped)

    with pytest.raises(KeyboardInterrupt):
        encode_set(watched(stopped_at - 1), networks, tmp_path / "again", shard_size=1, progress=False)
    again = encode_set(watched(None), networks, tmp_path / "again", shard_size=1, progress=False)
    assert sorted(read) == ["a", "b", "c", "d", "e"]
    assert [network.network.shown for network in networks] == [2 * count for count in shown]
    for one, other in zip(whole.stores, again.stores, strict=True):
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.embedding, other.embedding)
        np.testing.assert_array_equal(one.skin, other.skin)
        assert one.names == other.names
    assert whole.skipped == again.skipped
    encode_set(watched(0), networks, tmp_path / "again", shard_size=1, progress=False)  # nothing is read any more


def test_a_judge_that_comes_later_needs_no_search_for_faces(photos, networks, tmp_path, monkeypatch):
    reader, judge = networks
    encode_set(photos, [reader], tmp_path, progress=False)
    together = encode_set(photos, networks, progress=False)

    def never(image):
        raise AssertionError("searched again")

    monkeypatch.setattr(encoded_sets, "detect", never)
    later = encode_set(photos, [reader, judge], tmp_path, progress=False)
    np.testing.assert_array_equal(later.stores[1].features, together.stores[1].features)
    np.testing.assert_array_equal(later.points, together.points)
    assert later.skipped == together.skipped


def test_a_damaged_shard_is_made_anew_and_another_set_has_its_own_place(photos, networks, tmp_path):
    before = encode_set(photos, networks, tmp_path, shard_size=2, progress=False)
    for path in sorted(tmp_path.rglob("00000.npz")):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    after = encode_set(photos, networks, tmp_path, shard_size=2, progress=False)
    np.testing.assert_array_equal(before.stores[0].features, after.stores[0].features)
    other = PhotoSet(photos.name, True, list(photos.photos)[1:], hashlib.sha256(b"four").hexdigest())
    assert len(encode_set(other, networks, tmp_path, shard_size=2, progress=False)) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_set_without_a_face_is_refused(photos, networks):
    nobody = PhotoSet("nobody", True, list(photos.photos)[2:4], "0" * 64)
    with pytest.raises(PhotographError, match="None of the 2 photographs of nobody"):
        encode_set(nobody, networks, progress=False)


def test_frames_of_all_videos_are_told_apart():
    frame = Photo("1", "", missing)
    people = [
        ScannedPerson(name, missing, {"indoor": [frame], "outdoor": [frame, Photo("2", "", missing)]}) for name in "ab"
    ]
    frames = frames_of(ScanSet("scans", True, people, "00"))
    assert [photo.name for photo in frames.photos][:3] == ["a/indoor/1", "a/outdoor/1", "a/outdoor/2"]
    assert {(photo.person, photo.labels["video"]) for photo in frames.photos} == {
        (p, v) for p in "ab" for v in ("indoor", "outdoor")
    }


def test_a_thinned_set_keeps_first_and_last_frames_and_has_another_checksum():
    video = [Photo(str(k), "", missing) for k in range(10)]
    scans = ScanSet("scans", False, [ScannedPerson(n, missing, {"indoor": video}) for n in "abc"], "00")
    few = thinned(scans, people=2, frames=3)
    assert [person.name for person in few.people] == ["a", "b"]
    assert [photo.name for photo in few.people[0].videos["indoor"]] == ["0", "4", "9"]
    assert few.checksum != scans.checksum
    assert len(thinned(scans, people=5, frames=50).people[2].videos["indoor"]) == 10
