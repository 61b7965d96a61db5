import json

import numpy as np
import pytest

from mmreg.face import LinearSpace
from mmreg.face.population import Population
from mmreg.regressor import MOMENTS_REACH, DomainStatistics, Identity, Regressor, RegressorError, load_regressor


@pytest.fixture
def regressor():
    rng = np.random.default_rng(0)
    statistics = {
        name: DomainStatistics.of(rng.normal(k, 2.0, (50, 12)).astype(np.float32), rng.normal(size=(50, 6)))
        for k, name in enumerate(("photograph", "rendering"))
    }
    return Regressor(Identity("open", "aaaa", "dlib", "bbbb", 5, 4), statistics)


def test_it_has_two_layers_of_1024_units_and_a_linear_output(regressor):
    shapes = [tuple(w.shape) for w in regressor.weights]
    assert shapes == [(12, 1024), (1024,), (1024, 1024), (1024,), (1024, 9), (9,)]
    assert regressor.coefficients.activation.__name__ == "linear"


def test_it_splits_its_output_into_shape_and_albedo(regressor):
    shape, albedo = regressor(np.zeros((3, 12), np.float32))
    assert (shape.shape, albedo.shape) == ((3, 5), (3, 4))


def test_each_domain_is_standardised_by_its_own_statistics(regressor):
    means = [regressor.statistics[d].feature_mean[None] for d in ("photograph", "rendering")]
    at_photo_mean = np.asarray(regressor(means[0], domain="photograph")[0])
    at_rendering_mean = np.asarray(regressor(means[1], domain="rendering")[0])
    np.testing.assert_allclose(at_photo_mean, at_rendering_mean, atol=1e-5)
    assert not np.allclose(at_photo_mean, np.asarray(regressor(means[1], domain="photograph")[0]), atol=1e-3)


def test_saving_and_loading_is_the_identity_up_to_16_bit_weights(regressor, tmp_path):
    features = np.random.default_rng(1).normal(size=(20, 12)).astype(np.float32)
    regressor.save_file(tmp_path / "r.npz", {"seed": 3})
    loaded = load_regressor(tmp_path / "r.npz", "aaaa", "bbbb")
    assert loaded.provenance == {"seed": 3}
    for before, after in zip(regressor(features), loaded.regressor(features), strict=True):
        np.testing.assert_allclose(np.asarray(before), np.asarray(after), atol=5e-3)
    assert [p.name for p in tmp_path.iterdir()] == ["r.npz"]


def test_weights_of_another_model_or_encoder_are_refused(regressor, tmp_path):
    regressor.save_file(tmp_path / "r.npz", {})
    with pytest.raises(RegressorError, match="face model 'open'"):
        load_regressor(tmp_path / "r.npz", "cccc", "bbbb")
    with pytest.raises(RegressorError, match="encoder 'dlib'"):
        load_regressor(tmp_path / "r.npz", "aaaa", "cccc")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_file_that_is_no_regressor_is_refused_by_name(content, tmp_path):
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(RegressorError, match=r"r\.npz isn't a regressor"):
        load_regressor(tmp_path / "r.npz")


def test_an_npz_of_other_things_and_a_missing_file_are_refused(tmp_path):
    np.savez(tmp_path / "r.npz", header=np.zeros(3))
    with pytest.raises(RegressorError, match="isn't a regressor"):
        load_regressor(tmp_path / "r.npz")
    with pytest.raises(RegressorError, match="isn't there"):
        load_regressor(tmp_path / "none.npz")


def test_pickled_weights_are_not_loaded(tmp_path):
    np.savez(tmp_path / "r.npz", header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RegressorError, match="isn't a regressor"):
        load_regressor(tmp_path / "r.npz")


def test_features_that_never_fire_do_not_explode():
    features = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    features[:, 0] = 0.0
    assert DomainStatistics.of(features, features).feature_deviation.min() > 1e-4


def test_the_population_is_kept_with_the_weights(regressor, tmp_path):
    rng = np.random.default_rng(2)
    population = Population(*(rng.uniform(0.5, 1.5, n).astype(np.float32) for n in (5, 5, 4, 4)))
    Regressor(regressor.identity, regressor.statistics, population).save_file(tmp_path / "r.npz", {})
    for written, read in zip(population, load_regressor(tmp_path / "r.npz").regressor.population, strict=True):
        np.testing.assert_array_equal(written, read)


def test_a_file_from_before_there_were_populations_has_the_models_own(regressor, tmp_path):
    regressor.save_file(tmp_path / "r.npz", {})
    with np.load(tmp_path / "r.npz") as file:
        arrays = {name: value for name, value in file.items() if not name.startswith("population")}
    np.savez(tmp_path / "old.npz", **arrays)
    population = load_regressor(tmp_path / "old.npz").regressor.population
    assert not population.shape_mean.any()
    assert (population.albedo_deviation == 1).all()


def test_predictions_of_photographs_are_given_the_populations_moments(regressor):
    features = np.random.default_rng(3).normal(size=(3000, 12)).astype(np.float32)
    shape, albedo = (np.asarray(part) for part in regressor(features))
    population = Population(
        np.full(5, 0.5, np.float32),
        1.3 * shape.std(axis=0),
        np.full(4, -0.25, np.float32),
        np.float32([0.7, 1.5, 100.0, 0.001]) * albedo.std(axis=0),  # the last two are out of reach
    )
    matched = Regressor(regressor.identity, regressor.statistics, population)
    matched.set_weights(regressor.get_weights())
    matched.match_moments(features)
    new_shape, new_albedo = (np.asarray(part) for part in matched(features))
    np.testing.assert_allclose(new_shape.mean(axis=0), 0.5, atol=1e-4)
    np.testing.assert_allclose(new_albedo.mean(axis=0), -0.25, atol=1e-4)
    np.testing.assert_allclose(new_shape.std(axis=0), population.shape_deviation, rtol=1e-3)
    wanted = np.float32([0.7, 1.5, MOMENTS_REACH, 1 / MOMENTS_REACH]) * albedo.std(axis=0)
    np.testing.assert_allclose(new_albedo.std(axis=0), wanted, rtol=1e-3)
    matched.match_moments(features, held_shape=2, held_albedo=1)
    new_shape, new_albedo = (np.asarray(part) for part in matched(features))
    np.testing.assert_allclose(new_shape.mean(axis=0), 0.5, atol=1e-4)
    np.testing.assert_allclose(new_shape.std(axis=0), np.float32([1.3, 1.3, 1, 1, 1]) * shape.std(axis=0), rtol=1e-3)
    wanted = np.float32([0.7, 1.0, 1.0, 1 / MOMENTS_REACH]) * albedo.std(axis=0)
    np.testing.assert_allclose(new_albedo.std(axis=0), wanted, rtol=1e-3)


def test_renderings_are_shifted_to_the_models_mean_and_stretched_half_way_and_photographs_stay(regressor, tmp_path):
    features = np.random.default_rng(3).normal(1.0, 2.0, size=(3000, 12)).astype(np.float32)
    before = [np.asarray(part) for part in regressor(features, domain="rendering")]
    photographs = np.asarray(regressor(features)[0])
    regressor.match_moments(features, held_shape=3, domain="rendering")
    after = [np.asarray(part) for part in regressor(features, domain="rendering")]
    assert max(np.abs(part.mean(axis=0)).max() for part in before) > 0.1
    for was, found in zip(before, after, strict=True):
        np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-4)
        deviation, stretch = was.std(axis=0), found.std(axis=0) / was.std(axis=0)
        most = np.where(np.arange(len(deviation)) < (3 if was is before[0] else 9), MOMENTS_REACH, 1.0)
        np.testing.assert_allclose(stretch, np.sqrt(np.clip(1 / deviation, 1 / MOMENTS_REACH, most)), rtol=1e-3)
    np.testing.assert_array_equal(regressor(features)[0], photographs)
    regressor.save_file(tmp_path / "r.npz", {})
    loaded = load_regressor(tmp_path / "r.npz").regressor
    assert list(loaded.calibrations) == ["rendering"]
    np.testing.assert_allclose(np.asarray(loaded(features, domain="rendering")[1]), after[1], atol=2e-2)
    np.testing.assert_allclose(np.asarray(loaded(features)[0]), photographs, atol=2e-2)


def test_moments_matched_twice_are_matched_once(regressor):
    features = np.random.default_rng(3).normal(size=(500, 12)).astype(np.float32)
    regressor.match_moments(features)
    once = np.asarray(regressor(features)[0])
    regressor.match_moments(features)
    np.testing.assert_array_equal(regressor(features)[0], once)


def test_a_file_of_a_newer_format_is_refused_and_an_older_one_is_read_uncalibrated(regressor, tmp_path):
    features = np.random.default_rng(3).normal(size=(500, 12)).astype(np.float32)
    regressor.save_file(tmp_path / "r.npz", {})
    with np.load(tmp_path / "r.npz") as file:
        arrays = dict(file)
    for number in (1, 99):
        header = json.loads(arrays["header"].tobytes()) | {"format": number}
        np.savez(
            tmp_path / f"{number}.npz", **arrays | {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}
        )
    old = load_regressor(tmp_path / "1.npz").regressor
    assert not old.calibrations
    np.testing.assert_allclose(np.asarray(old(features)[0]), np.asarray(regressor(features)[0]), atol=2e-2)
    with pytest.raises(RegressorError, match=r"99\.npz was written by a newer mmreg"):
        load_regressor(tmp_path / "99.npz")


NO_SKIN = LinearSpace(np.zeros(3, np.float32), np.zeros((3, 4), np.float32), np.ones(4, np.float32))


def test_a_fitted_mean_keeps_the_colour_of_the_populations_skin(regressor):
    features = np.random.default_rng(5).normal(size=(200, 12)).astype(np.float32)
    basis = np.float32([[1.0, 0.5, 0.0, 0.0], [0.8, 0.0, 0.3, 0.0], [0.6, 0.1, 0.1, 0.0]])
    skin = LinearSpace(np.float32([0.6, 0.5, 0.4]), basis, np.float32([2.0, 1.0, 1.0, 1.0]))
    fitted = Regressor(regressor.identity, regressor.statistics, regressor.population)
    fitted.set_weights(regressor.get_weights())
    fitted.fit_population_mean(features, skin)
    before, after = regressor.population.albedo_mean, fitted.population.albedo_mean
    mean = np.asarray(regressor(features)[1]).mean(axis=0)
    assert np.abs(np.asarray(skin(mean[None])) - np.asarray(skin(before[None]))).max() > 0.01
    np.testing.assert_allclose(np.asarray(skin(after[None])), np.asarray(skin(before[None])), atol=1e-5)
    assert after[3] == pytest.approx(mean[3], abs=1e-6)  # what says nothing of the skin is learnt


def test_moments_are_those_of_photographs_weighed_as_wanted(regressor):
    features = np.random.default_rng(3).normal(size=(300, 12)).astype(np.float32)
    weights = np.random.default_rng(4).random(300)
    matched = Regressor(regressor.identity, regressor.statistics, regressor.population)
    matched.set_weights(regressor.get_weights())
    matched.fit_population_mean(features, NO_SKIN, weights)
    shape, albedo = (np.asarray(part) for part in regressor(features))
    np.testing.assert_allclose(matched.population.shape_mean, np.average(shape, axis=0, weights=weights), atol=1e-5)
    np.testing.assert_allclose(matched.population.albedo_mean, np.average(albedo, axis=0, weights=weights), atol=1e-5)
    twice = np.concatenate([features, features[:100]])  # a weight of two is a photograph seen twice
    other = Regressor(regressor.identity, regressor.statistics, regressor.population)
    other.set_weights(regressor.get_weights())
    other.match_moments(twice)
    matched = Regressor(regressor.identity, regressor.statistics, regressor.population)
    matched.set_weights(regressor.get_weights())
    matched.match_moments(features, weights=1.0 + (np.arange(300) < 100))
    np.testing.assert_allclose(np.asarray(matched(features)[0]), np.asarray(other(features)[0]), atol=1e-4)


def test_a_fitted_population_has_the_mean_of_the_predictions_and_its_own_deviation(regressor, tmp_path):
    features = np.random.default_rng(4).normal(size=(1500, 12)).astype(np.float32)
    shape, albedo = (np.asarray(part) for part in regressor(features))
    before = regressor.population
    regressor.fit_population_mean(features, NO_SKIN)
    np.testing.assert_allclose(regressor.population.shape_mean, shape.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(regressor.population.albedo_mean, albedo.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(regressor.population.shape_deviation, before.shape_deviation)
    regressor.save_file(tmp_path / "fitted.npz", {})
    kept = load_regressor(tmp_path / "fitted.npz").regressor.population
    np.testing.assert_array_equal(kept.shape_mean, regressor.population.shape_mean)
