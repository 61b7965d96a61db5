"""The stand-ins: people beyond the model's span, their photographs, scans, factors and styles."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data.stand_ins import FACTORS, art_like, draw_people, draw_person, feret_like, lfw_like, micc_like
from mmreg.data.stand_ins.filters import STYLES
from mmreg.data.stand_ins.photography import EXPRESSIONS, LIGHTS, Shot, take
from mmreg.data.stand_ins.scans import NOISE_MM, SPACING_MM
from mmreg.data.stand_ins.source import SOURCE_FILE, load_source
from mmreg.data.stand_ins.spoiling import Spoiling, spoil
from mmreg.data.stand_ins.surfaces import box, capsule, joined
from mmreg.data.stand_ins.traits import sample_weights
from mmreg.data.stand_ins.wear import OCCLUDERS
from mmreg.encoders.alignment import detect
from mmreg.evaluation.scan_error import Surface, scan_error
from mmreg.face import NOSE_TIP
from mmreg.face.identity_sampler import draw_attributes
from mmreg.face.linear_space import solve_coefficients
from mmreg.geometry.registration import fit_similarity

SMALL = {"size": (96, 96), "pixels_per_mm": 0.28}


@pytest.fixture(scope="module")
def people():
    return draw_people(3, 5)


@pytest.fixture(scope="module")
def photo():
    return take(draw_person(5, 0), Shot())


def residuals(model, positions):
    """(person,) mm: how far faces are from the model's nearest, root mean square over the face."""
    flat = positions.reshape(len(positions), -1)
    (nearest,) = solve_coefficients(flat, [model.shape])
    left = positions - np.asarray(model.positions(nearest))
    return np.sqrt((left[:, model.face_region] ** 2).sum(axis=2).mean(axis=1))


def test_the_source_is_small_and_free_of_pickles():
    assert SOURCE_FILE.stat().st_size < 1_500_000
    with np.load(SOURCE_FILE, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_damaged_source_is_named(tmp_path, monkeypatch):
    broken = tmp_path / "source.npz"
    broken.write_bytes(SOURCE_FILE.read_bytes()[:1000])
    monkeypatch.setattr("mmreg.data.stand_ins.source.SOURCE_FILE", broken)
    with pytest.raises(InputError, match=r"source\.npz is not a source of stand-ins"):
        load_source.__wrapped__()


def test_mean_weights_make_the_models_mean_face(open_model):
    source = load_source()
    np.testing.assert_allclose(source.positions(source.mean_weights), open_model.mean_positions(), atol=1e-4)


def test_the_models_own_people_are_within_its_span_and_stand_ins_are_not(open_model, people):
    source = load_source()
    weights = sample_weights(source.parameters, draw_attributes(3, np.random.default_rng(0)), np.random.default_rng(1))
    drawn = np.stack([source.positions(w) for w in weights.values])
    own, beyond = np.split(residuals(open_model, np.concatenate([drawn, people.positions])), 2)
    assert own.max() < 0.2
    assert beyond.min() > 0.5
    assert beyond.max() < 2.5  # still a face


def test_left_and_right_of_a_stand_in_differ_more_than_in_the_models_people(open_model, people):
    from mmreg.face import IdentitySampler
    from mmreg.face.open_face import load_mirror

    across = load_mirror().vertices

    def asymmetry(positions):
        difference = positions - positions[:, across] * [-1, 1, 1]
        return np.linalg.norm(difference[:, open_model.face_region], axis=2).mean()

    model_people = np.asarray(open_model.positions(IdentitySampler.load().sample(3, 0).shape))
    assert asymmetry(people.positions) > 1.3 * asymmetry(model_people)


def test_a_person_is_the_same_whoever_else_is_drawn(people):
    draw_person.cache_clear()
    alone = draw_person(5, 2)
    np.testing.assert_array_equal(alone.positions, people.positions[2])
    np.testing.assert_array_equal(alone.albedo, people.albedos[2])
    assert not np.allclose(people.positions[0], people.positions[1], atol=1.0)


def test_people_have_ranges_and_labels(people):
    assert len(set(people.names)) == 3
    assert people.albedos.min() >= 0
    assert people.albedos.max() <= 1
    assert np.isfinite(people.positions).all()
    np.testing.assert_allclose(people.attributes.ancestry.sum(axis=1), 1, atol=1e-5)
    labels = draw_person(5, 1).labels()
    assert labels["age"] == pytest.approx(people.age[1])
    assert 0.0 < labels["skin_luminance"] < 1.0
    with pytest.raises(InputError, match="at least one person"):
        draw_people(0, 0)


def test_darker_skin_has_less_luminance():
    found = [draw_person(11, k) for k in range(4)]
    face = load_source().model.face_region
    brightness = [p.albedo[face].mean() for p in found]
    assert np.argsort(brightness).tolist() == np.argsort([p.skin_luminance for p in found]).tolist()


def test_the_detector_finds_a_stand_in(photo):
    (found,) = detect(photo)
    right, left = found.points[[0, 1], 0], found.points[[2, 3], 0]
    assert photo.shape == (256, 256, 3)
    assert right.max() < 128 < left.max() or left.max() < 128 < right.max()


def test_the_same_shot_gives_the_same_picture(photo):
    np.testing.assert_array_equal(take(draw_person(5, 0), Shot()), photo)


@pytest.mark.parametrize("thing", OCCLUDERS)
def test_things_change_part_of_the_face_and_not_the_background(thing):
    person = draw_person(5, 0)
    plain, covered = (take(person, Shot(things=things, **SMALL)) for things in ((), (thing,)))
    changed = np.abs(plain - covered).max(axis=-1) > 0.06
    assert 0.004 < changed.mean() < 0.5
    assert not changed[:, :6].any()


def test_a_bar_covers_from_the_chin_up_and_does_not_turn_with_the_head():
    person = draw_person(5, 0)
    picture = take(person, Shot(bar=(-400.0, -20.0), yaw_degrees=30.0, **SMALL))
    level = picture[:, 30:66].std(axis=1).max(axis=1) < 0.03  # rows in which nothing but the bar is seen
    first = np.flatnonzero(~level).max() + 1
    assert 45 < first < 60
    assert not level[20:first].any()


def test_expressions_and_lights_are_drawn_and_change_the_picture():
    person, plain = draw_person(5, 0), None
    for name, movements in EXPRESSIONS.items():
        picture = take(person, Shot(expression=movements, **SMALL))
        plain = picture if name == "neutral" else plain
        assert name == "neutral" or np.abs(picture - plain).max() > 0.05
    for name, light in LIGHTS.items():
        lamps, ambient = light(np.random.default_rng(0))
        picture = take(person, Shot(lamps=lamps, ambient=ambient, **SMALL))
        assert 0.02 < picture[30:60, 35:60].mean() < 0.98, name


def test_nothing_spoils_nothing_and_everything_spoils(photo):
    np.testing.assert_array_equal(spoil(photo, Spoiling()), photo)
    detail = [np.abs(np.diff(spoil(photo, Spoiling(blur_pixels=b)), axis=1)).mean() for b in (0.0, 1.0, 3.0, 6.0)]
    assert detail == sorted(detail, reverse=True)
    for how in (Spoiling(shake_pixels=5.0), Spoiling(resolution=0.3), Spoiling(noise=0.05), Spoiling(jpeg_quality=10)):
        spoilt = spoil(photo, how)
        assert spoilt.shape == photo.shape
        assert 0.001 < np.abs(spoilt - photo).mean() < 0.2


def test_closed_things_have_their_outside_outside():
    for thing in (
        box(np.zeros(3), np.array([10.0, 20.0, 5.0]), np.full(3, 0.5), np.eye(3)),
        capsule(np.array([[0.0, 0, 0], [0, 30, 0], [5, 60, 0]]), np.array([8.0, 7, 6]), np.full(3, 0.5)),
    ):
        a, b, c = np.moveaxis(thing.positions[thing.triangles].astype(float), 1, 0)
        assert np.einsum("ti,ti->", a, np.cross(b, c)) / 6 > 0  # the volume inside
    both = joined([thing, thing])
    np.testing.assert_array_equal(both.positions[: len(thing.positions)], thing.positions.astype(np.float32))


def test_lfw_like_names_people_and_reads_lazily():
    photos = lfw_like(people=4, seed=1)
    counts = Counter(photo.person for photo in photos.photos)
    assert photos.stand_in
    assert "stand-in" in photos.name
    assert len(counts) == 4
    assert min(counts.values()) >= 2
    assert len(set(counts.values())) > 1
    assert len({photo.name for photo in photos.photos}) == len(photos.photos)
    first = photos.photos[0]
    again = lfw_like(people=4, seed=1)
    np.testing.assert_array_equal(first.read(), again.photos[0].read())
    assert again.checksum == photos.checksum
    assert lfw_like(people=4, seed=2).checksum != photos.checksum
    assert {"yaw_degrees", "light", "things", "gender", "age", "skin_luminance"} <= set(first.labels)
    assert first.read().shape == (250, 250, 3)


def test_feret_like_changes_one_factor_at_a_time():
    photos = feret_like(1, seed=1).photos
    by_factor = Counter(photo.labels["factor"] for photo in photos)
    assert set(by_factor) == set(FACTORS)
    unchanged = [
        p
        for p in photos
        if p.labels["level"] == FACTORS[p.labels["factor"]].unchanged and p.labels["factor"] != "light"
    ]
    assert len({p.labels["factor"] for p in unchanged}) == len(FACTORS) - 2
    digests = {hashlib.sha256(p.read().tobytes()).hexdigest() for p in unchanged if p.labels["factor"] != "compression"}
    assert len(digests) == 1  # wherever nothing changes, it is the same picture


def test_art_like_is_the_photograph_in_other_media():
    photos = art_like(1, seed=3).photos
    pictures = {photo.labels["style"]: photo.read() for photo in photos}
    assert list(pictures) == ["photograph", *STYLES]
    for style, picture in pictures.items():
        assert picture.shape == pictures["photograph"].shape
        assert picture.min() >= 0
        assert picture.max() <= 1
        if style != "photograph":
            assert np.abs(picture - pictures["photograph"]).mean() > 0.03
    colour = pictures["pencil"].std(axis=-1).mean()
    assert colour < 0.03  # graphite has none


def test_a_scan_is_the_true_surface_elsewhere_and_otherwise_meshed(open_model):
    scans = micc_like(people=1, frames=2, seed=2)
    (person,) = scans.people
    assert list(person.videos) == ["cooperative", "indoor", "outdoor"]
    assert [len(frames) for frames in person.videos.values()] == [2, 2, 2]
    scan, truth = person.read_scan(), draw_person(2, 0)
    again = person.read_scan()
    np.testing.assert_array_equal(scan.positions, again.positions)
    assert NOSE_TIP in scan.landmarks
    assert len(scan.triangles) != len(open_model.triangles)
    names = sorted(scan.landmarks)
    on_truth = truth.positions[open_model.landmark_indices(names)].astype(float)
    on_scan = np.stack([scan.landmarks[name] for name in names]).astype(float)
    there = fit_similarity(on_truth, on_scan, scale=False)
    assert np.linalg.norm(there.translation) > 500  # another pose
    left = np.linalg.norm(there(on_truth) - on_scan, axis=1)
    assert 0.3 < np.sqrt((left**2).mean()) < 2.0
    keep = open_model.face_region
    kept = open_model.crop(keep)
    face = Surface.of(truth.positions[keep], kept.triangles)
    error = scan_error(face, on_truth, Surface.of(scan.positions, scan.triangles), on_scan)
    assert error.mean_mm < 2.5 * NOISE_MM + 0.3 * SPACING_MM
    assert error.alignment.scale == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("make", [lfw_like, art_like, micc_like])
def test_a_stand_in_of_nobody_is_refused(make):
    with pytest.raises(InputError, match="people must be a whole number above 0"):
        make(people=0)
