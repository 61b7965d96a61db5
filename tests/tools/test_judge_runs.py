"""The judge of several runs, and the people of known shape that it measures on."""

import numpy as np
import pytest

from mmreg.data.feature_store import FeatureStore
from mmreg.face import LinearSpace
from tools import judge_runs
from tools.judge_runs import crowd, moments, other_crowds
from tools.known_people import BUMPS_MM, WAVELENGTHS_MM, bumps


def test_moments_are_of_the_components_that_carry_the_variance_alone():
    rng = np.random.default_rng(0)
    coefficients = rng.normal(size=(5000, 4)) * [1.0, 0.5, 1.0, 9.0] + [0.0, 0.0, 0.3, 9.0]
    space = LinearSpace(np.zeros(6, np.float32), np.eye(6, 4, dtype=np.float32), np.float32([3.0, 2.0, 2.0, 0.1]))
    found = moments(coefficients, space)
    assert found["components"] == 3
    assert found["largest_mean"] == pytest.approx(0.3, abs=0.06)
    assert found["smallest_deviation"] == pytest.approx(0.5, abs=0.03)
    assert found["largest_deviation"] == pytest.approx(1.0, abs=0.05)
    assert found["share_with_deviation_0.8_to_1.2"] == pytest.approx(2 / 3)
    assert found["share_with_mean_within_0.1"] == pytest.approx(2 / 3)


def test_moments_by_person_count_everybody_once():
    space = LinearSpace(np.zeros(3, np.float32), np.eye(3, 1, dtype=np.float32), np.float32([1.0]))
    often = np.concatenate([np.full(300, 2.0), np.tile([-1.0, 1.0], 50)])[:, None]
    assert moments(often, space)["largest_mean"] == pytest.approx(1.5)
    once = np.concatenate([np.full(300, 1 / 300), np.ones(100)])
    assert moments(often, space, once)["largest_mean"] == pytest.approx(2 / 101, abs=1e-6)


def test_other_crowds_of_the_same_people_say_what_chance_does_to_a_mean():
    rng = np.random.default_rng(3)
    space = LinearSpace(np.zeros(60, np.float32), np.eye(60, 50, dtype=np.float32), np.ones(50, np.float32))
    people = np.array([f"p{k}" for k in range(900)])
    found = other_crowds(rng.normal(size=(900, 50)), space, people, 400)
    assert found["by_person"] == found["by_photograph"]
    # 400 drawn of 900 without putting back differ from their mean by 0.037, and that from 0 by 0.033: by 0.05 together
    assert found["by_person"]["share_with_mean_within_0.1"] == pytest.approx(0.955, abs=0.03)
    # a tenth of the people with twenty photographs each weigh as much as 39 % of the others, by photograph
    often = np.concatenate([people, np.repeat(people[:90], 19)])
    values = np.concatenate([(own := rng.normal(size=(900, 50))), np.repeat(own[:90], 19, axis=0)])
    found = other_crowds(values, space, often, 400)
    assert found["by_person"]["share_with_mean_within_0.1"] > 0.9
    assert found["by_photograph"]["share_with_mean_within_0.1"] < 0.7
    assert found["by_photograph"]["largest_mean"] > 1.5 * found["by_person"]["largest_mean"]


def test_a_crowd_is_worth_as_many_as_would_average_as_well():
    people = np.array(["a"] * 6 + ["b", "c", "d"])
    assert crowd(people) == {
        "photographs": 9,
        "people": 4,
        "most_of_one": 6,
        "with_one": 3,
        "effective_people": pytest.approx(81 / 39),
    }
    assert crowd(np.arange(50))["effective_people"] == pytest.approx(50)


def test_bumps_have_their_size_and_are_smooth():
    points = np.random.default_rng(1).uniform(-80.0, 80.0, (2000, 3))
    moved = points + np.array([0.5, 0.0, 0.0])
    fields = [[bumps(where, np.random.default_rng(seed)) for where in (points, moved)] for seed in range(20)]
    values, beside = (np.stack(part) for part in zip(*fields, strict=True))
    assert values.std() == pytest.approx(BUMPS_MM, rel=0.1)
    steepest = 2 * np.pi * BUMPS_MM / WAVELENGTHS_MM[0]
    assert np.sqrt(((beside - values) ** 2).mean()) < 0.5 * steepest


def test_stores_of_other_photographs_or_of_no_encoder_asked_for_are_refused(tmp_path, encoder):
    def store(name, *names, checksum):
        path = tmp_path / f"{name}.npz"
        features = np.zeros((len(names), encoder.feature_size), np.float32)
        embedding, skin = np.zeros((len(names), 128), np.float32), np.zeros((len(names), 3), np.float32)
        FeatureStore(features, embedding, skin, names, checksum, "somebody's").save(path)
        return path

    foreign = store("foreign", "a", "b", checksum="0" * 64)
    own, turned = (store(n, *names, checksum=encoder.checksum) for n, names in (("own", "ab"), ("turned", "ba")))
    names = np.array(["a", "b"])
    assert judge_runs.test_store([foreign, own], encoder, names).encoder_checksum == encoder.checksum
    with pytest.raises(SystemExit, match=r"turned\.npz holds other photographs"):
        judge_runs.test_store([own, turned], encoder, names)
    with pytest.raises(SystemExit, match="encoded by dlib"):
        judge_runs.test_store([foreign], encoder, names)
