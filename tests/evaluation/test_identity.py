"""Similarities, earth mover's distances and recall, against brute force and by what must be so."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from mmreg.arrays import InputError
from mmreg.evaluation import ranks, similarity
from mmreg.evaluation.identity import directions
from mmreg.evaluation.ranks import chance, interval_over_people, rank_people
from mmreg.evaluation.similarity import (
    Distribution,
    area_under_curve,
    earth_movers_distance,
    photo_pairs,
    rendering_pairs,
)
from mmreg.evaluation.verification import area_under_curve as exact_area

WIDTH = 2.0 / similarity.BINS


@pytest.fixture(scope="module")
def cosines():
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(0.5, 0.2, 3000), -1, 1), np.clip(rng.normal(0.0, 0.25, 5000), -1, 1)


@pytest.fixture(scope="module")
def gallery():
    """(directions, people): 40 photographs of 15 people, one of whom has as many as eleven."""
    rng = np.random.default_rng(1)
    people = np.array([f"p{k}" for k in [0] * 11 + [1, 1, 2, 3, 3, 3, *range(4, 15), *range(4, 15), 3]])
    faces = {name: rng.normal(size=8) for name in np.unique(people)}
    order = rng.permutation(len(people))
    photos = np.array([faces[name] + 0.7 * rng.normal(size=8) for name in people])[order]
    return directions(photos.astype(np.float32), photos.mean(axis=0).astype(np.float32)), people[order]


def test_a_histogram_says_of_its_cosines_what_the_cosines_say(cosines):
    same, different = map(Distribution, cosines)
    assert same.count == 3000
    assert same.mean == pytest.approx(cosines[0].mean())
    assert same.standard_deviation == pytest.approx(cosines[0].std())
    assert same.share_below(0.403) == pytest.approx((cosines[0] < 0.403).mean(), abs=1 / 3000)
    assert different.share_above(0.403) == pytest.approx((cosines[1] > 0.403).mean(), abs=1 / 5000)
    assert area_under_curve(same, different) == pytest.approx(exact_area(*cosines), abs=1e-6)
    outline = np.array(same.outline(64))
    assert outline.sum() * 2 / 64 == pytest.approx(1.0)


def test_cosines_entered_bit_by_bit_are_the_same_cosines(cosines):
    whole, parts = Distribution(cosines[0]), Distribution()
    for part in np.array_split(cosines[0], 7):
        parts.add(part)
    parts.add(np.zeros(0))
    assert np.array_equal(whole.weights, parts.weights)
    assert parts.mean == pytest.approx(whole.mean)


def test_cosines_that_rounding_took_beyond_one_are_one():
    edge = Distribution(np.array([1.0 + 1e-7, -1.0 - 1e-7]))
    assert edge.weights[[0, -1]].tolist() == [1.0, 1.0]


def test_earth_movers_distance_is_scipys(cosines):
    ours = earth_movers_distance(*map(Distribution, cosines))
    assert ours == pytest.approx(wasserstein_distance(*cosines), abs=WIDTH)


def test_a_pile_moved_by_a_tenth_lies_a_tenth_away(cosines):
    narrow = np.clip(cosines[0], 0.0, 0.8)
    assert earth_movers_distance(Distribution(narrow), Distribution(narrow + 0.1)) == pytest.approx(0.1, abs=WIDTH)
    assert earth_movers_distance(Distribution(narrow), Distribution(np.repeat(narrow, 3))) == pytest.approx(
        0.0, abs=1e-12
    )


def test_earth_movers_distance_is_a_distance(cosines):
    one, other, third = *map(Distribution, cosines), Distribution(np.linspace(-0.9, 0.9, 100))
    there, back = earth_movers_distance(one, other), earth_movers_distance(other, one)
    assert there == back
    assert there <= earth_movers_distance(one, third) + earth_movers_distance(third, other)
    assert there >= abs(one.mean - other.mean) - WIDTH


def test_an_empty_distribution_says_that_there_are_no_pairs():
    with pytest.raises(InputError, match="two photographs"):
        _ = Distribution().mean


@pytest.mark.parametrize("tile", [7, 2048])
def test_all_pairs_are_compared_once(gallery, monkeypatch, tile):
    monkeypatch.setattr(similarity, "TILE", tile)
    photos, people = gallery
    first, second = np.triu_indices(len(people), 1)
    values, alike = (photos @ photos.T)[first, second], people[first] == people[second]
    found = photo_pairs(photos, people)
    assert (found.same.count, found.different.count) == (alike.sum(), (~alike).sum())
    assert found.same.mean == pytest.approx(values[alike].mean(), abs=1e-6)
    assert found.different.mean == pytest.approx(values[~alike].mean(), abs=1e-6)
    by_person = [values[alike & (people[first] == name)].mean() for name in np.unique(people[first][alike])]
    assert found.by_person.mean == pytest.approx(np.mean(by_person), abs=1e-6)
    assert found.largest_share == pytest.approx(55 / alike.sum())


@pytest.mark.parametrize("tile", [7, 2048])
def test_renderings_meet_their_own_photograph_apart_from_others_of_the_person(gallery, monkeypatch, tile):
    monkeypatch.setattr(similarity, "TILE", tile)
    photos, people = gallery
    renderings = directions(photos + 0.3 * np.random.default_rng(2).normal(size=photos.shape))
    every, alike = renderings @ photos.T, people[:, None] == people[None, :]
    own, another, different = rendering_pairs(renderings, photos, people)
    np.testing.assert_allclose(own, np.diag(every), atol=1e-6)
    itself = np.eye(len(people), dtype=bool)
    assert another.count == (alike & ~itself).sum()
    assert another.mean == pytest.approx(every[alike & ~itself].mean(), abs=1e-6)
    assert different.mean == pytest.approx(every[~alike].mean(), abs=1e-6)


def sorted_recall(cosines, probe_people, people, rank):
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :rank]
    return (people[nearest] == probe_people[:, None]).any(axis=1).mean()


@pytest.mark.parametrize("cells", [50, 1 << 23])
@pytest.mark.parametrize("rank", [1, 2, 5, 20])
def test_recall_is_what_sorting_finds(gallery, monkeypatch, cells, rank):
    monkeypatch.setattr(ranks, "BLOCK_CELLS", cells)
    photos, people = gallery
    probes = directions(photos + 0.5 * np.random.default_rng(3).normal(size=photos.shape).astype(np.float32))
    own = np.arange(len(people))
    found = rank_people(probes, photos, people, people)
    assert found.recall(rank) == pytest.approx(sorted_recall(probes @ photos.T, people, people, rank))
    without = probes @ photos.T
    without[own, own] = -np.inf
    assert rank_people(probes, photos, people, people, own).recall(rank) == pytest.approx(
        sorted_recall(without, people, people, rank)
    )


def test_whoever_has_no_other_photograph_is_not_found_without_it():
    photos = np.eye(3, dtype=np.float32)
    people = np.array(["once", "twice", "twice"])
    found = rank_people(photos, photos, people, people, np.arange(3)).found(3)
    assert found.tolist() == [0.0, 1.0, 1.0]
    absent = rank_people(photos[:1], photos, np.array(["nobody"]), people)
    assert absent.recall(3) == 0.0


def test_a_gallery_in_which_all_look_alike_recalls_what_chance_says(gallery):
    _, people = gallery
    counts = np.array([(people == name).sum() for name in people])
    blind = rank_people(np.ones((len(people), 8)), np.zeros((len(people), 8)), people, people)
    for name, share in chance(counts, len(people), own_removed=False, ranks=(1, 5, 20)).items():
        assert blind.recall(int(name[4:])) == pytest.approx(share)
    assert blind.recall(1) == pytest.approx((counts / len(people)).mean())


def test_ties_count_as_their_mean_over_all_orders():
    """Ten photographs, one better than the rest of which three tie with the person's two; shuffled many times and sorted."""
    rng = np.random.default_rng(4)
    cosines = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1])
    people = np.array(["a", "me", "me", "b", "c", "d", "e", "f", "me", "g"])
    gallery = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
    ranks = rank_people(np.array([[1.0, 0.0]]), gallery, np.array(["me"]), people)
    assert (ranks.before[0], ranks.same[0], ranks.others[0]) == (1, 2, 3)
    for rank in (1, 2, 3, 5, 10):
        orders = [rng.permutation(10) for _ in range(2000)]
        shuffled = np.mean([
            sorted_recall(cosines[None, order], np.array(["me"]), people[order], rank) for order in orders
        ])  # fmt: skip
        assert ranks.recall(rank) == pytest.approx(shuffled, abs=0.04)
    assert ranks.recall(2) == pytest.approx(2 / 5)


def test_a_photograph_that_is_there_twice_is_a_tie_wherever_it_lies(gallery):
    photos, people = gallery
    twins = np.concatenate([photos, photos])
    names = np.concatenate([people, [f"impostor {name}" for name in people]])
    found = rank_people(photos, twins, people, names)
    assert found.recall(1) == pytest.approx(0.5)


def test_what_has_no_direction_is_left_at_zero():
    found = directions(np.array([[1.0, 2.0], [3.0, 2.0]]), np.array([1.0, 2.0]))
    assert found.tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_an_interval_over_people_is_wider_where_one_person_has_many_photographs():
    rng = np.random.default_rng(5)
    values, apart = rng.integers(0, 2, 200).astype(float), np.arange(200)
    low, high = interval_over_people(values, apart, seed=0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.2)
    together = interval_over_people(np.repeat(values[:20], 10), np.repeat(np.arange(20), 10), seed=0)
    assert together[1] - together[0] > 2 * (high - low)
