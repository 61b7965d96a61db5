import numpy as np
import pytest
from scipy.stats import norm

from mmreg.color import srgb_to_linear, tone
from mmreg.face import LinearSpace
from mmreg.face.population import Population
from mmreg.regressor import DomainStatistics, Identity, Regressor, load_regressor
from mmreg.tone_reading import fit_tone_reading

PHOTOS, FEATURES, ALBEDO = 4000, 10, 6


@pytest.fixture
def skin():
    basis, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(ALBEDO, 3)))
    return LinearSpace(np.float32([0.6, 0.45, 0.35]), np.float32(basis.T), np.float32(np.linspace(0.05, 0.02, ALBEDO)))


@pytest.fixture
def population():
    rng = np.random.default_rng(4)
    return Population(
        *(np.float32(a) for a in (np.zeros(2), np.ones(2), rng.normal(0, 0.4, ALBEDO), rng.uniform(0.7, 1.2, ALBEDO)))
    )


@pytest.fixture
def photos():
    """Features of which the first says how light the skin is, and the lightness under each photograph's own light."""
    features = np.random.default_rng(5).normal(size=(PHOTOS, FEATURES)).astype(np.float32)
    light = np.random.default_rng(6).normal(size=PHOTOS)
    return features, (0.3 * features[:, 0] + 0.3 * light - 1.2).astype(np.float32)


def lightness(skin, albedo):
    colors = skin.mean + albedo @ (skin.basis * skin.standard_deviations).T
    return np.asarray(tone(srgb_to_linear(colors)))[:, 0]


def test_the_skin_becomes_as_light_as_features_say_and_as_varied_as_the_population(skin, population, photos):
    features, light = photos
    reading = fit_tone_reading(features, light, population, skin)
    guesses = population.albedo_mean + population.albedo_deviation * np.random.default_rng(7).normal(
        size=(PHOTOS, ALBEDO)
    ).astype(np.float32)
    found = lightness(skin, np.asarray(reading.applied(guesses, features)))
    assert np.corrcoef(found, features[:, 0])[0, 1] > 0.98  # what light did to each photograph is averaged out
    assert np.corrcoef(lightness(skin, guesses), features[:, 0])[0, 1] < 0.1
    assert found.std() == pytest.approx(lightness(skin, guesses).std(), rel=0.05)
    assert found.mean() == pytest.approx(lightness(skin, guesses).mean(), abs=0.02)


def test_nothing_but_the_lightness_is_moved(skin, population, photos):
    features, light = photos
    reading = fit_tone_reading(features, light, population, skin)
    assert reading.along @ reading.move == pytest.approx(1.0, abs=1e-5)
    before = np.random.default_rng(8).normal(size=(50, ALBEDO)).astype(np.float32)
    moved = (np.asarray(reading.applied(before, features[:50])) - before) / population.albedo_deviation
    assert np.linalg.matrix_rank(moved, tol=1e-4) == 1
    again = np.asarray(reading.applied(before + moved * population.albedo_deviation, features[:50]))
    np.testing.assert_allclose(again, before + moved * population.albedo_deviation, atol=1e-5)


def test_photographs_that_count_more_decide_the_mean(skin, population, photos):
    features, light = photos
    weights = np.where(features[:, 1] > 0.0, 1.0, 0.0)
    reading = fit_tone_reading(features, light, population, skin, weights)
    read = np.asarray(reading.read(features))
    assert np.average(read, weights=weights) == pytest.approx(0.0, abs=1e-5)
    assert np.sqrt(np.average(read**2, weights=weights)) == pytest.approx(1.0, abs=1e-4)


def test_a_few_very_dark_people_come_out_as_dark_as_the_population_has_them(skin, population):
    features = np.random.default_rng(9).normal(size=(PHOTOS, FEATURES)).astype(np.float32)
    features[:, 0] -= 6.0 * (np.random.default_rng(10).random(PHOTOS) < 0.08)
    weights = np.where(features[:, 1] > 0.0, 1.0, 0.0)
    reading = fit_tone_reading(features, 0.3 * features[:, 0], population, skin, weights)
    curved = reading.with_fewer_blackest(features, weights)
    before, after = (np.asarray(r.read(features))[weights > 0.0] for r in (reading, curved))
    assert before.min() < -4.0  # in deviations: a normal population of 2,000 has nobody there
    assert after.min() > -4.0
    assert [after.mean(), after.std()] == pytest.approx([0.0, 1.0], abs=1e-3)
    order = np.argsort(before)
    assert (np.diff(after[order]) >= -1e-4).all()  # nobody changes places
    dark, pale = order[20 : len(order) // 2], order[len(order) // 2 + 1 :]
    normal = norm.ppf((np.arange(len(order)) + 0.5) / len(order))[20 : len(order) // 2]
    assert np.corrcoef(after[dark], normal)[0, 1] > 0.999
    slopes = np.polyfit(before[pale], after[pale], 1)
    np.testing.assert_allclose(after[pale], np.polyval(slopes, before[pale]), atol=1e-3)  # stretched, and no more


@pytest.mark.parametrize("crowd", [2, 5, 30])
def test_the_curve_of_a_small_crowd_sends_nobody_far_off(crowd, skin, population, photos):
    features, light = photos
    reading = fit_tone_reading(features, light, population, skin)
    same_twice = np.concatenate([features[:crowd], features[:1]])
    read = np.asarray(reading.with_fewer_blackest(same_twice).read(features))
    assert np.isfinite(read).all()
    assert np.corrcoef(read, np.asarray(reading.read(features)))[0, 1] > 0.9
    if crowd == 30:
        assert np.abs(read).max() < 8.0


def test_a_regressor_reads_photographs_by_it_alone_and_keeps_it_in_its_file(skin, population, photos, tmp_path):
    features, light = photos
    statistics = {name: DomainStatistics.of(features, features) for name in ("photograph", "rendering")}
    regressor = Regressor(Identity("open", "aaaa", "dlib", "bbbb", 2, ALBEDO), statistics, population)
    few = features[:100]
    before = {domain: [np.asarray(p) for p in regressor(few, domain=domain)] for domain in statistics}
    regressor.read_tone(features, light, skin)
    after = {domain: [np.asarray(p) for p in regressor(few, domain=domain)] for domain in statistics}
    np.testing.assert_array_equal(before["rendering"][1], after["rendering"][1])
    np.testing.assert_allclose(before["photograph"][0], after["photograph"][0], atol=1e-6)
    assert np.corrcoef(lightness(skin, after["photograph"][1]), few[:, 0])[0, 1] > 0.95
    regressor.match_lightness(features)
    after["photograph"] = [np.asarray(p) for p in regressor(few)]
    regressor.save_file(tmp_path / "r.npz", {})
    loaded = load_regressor(tmp_path / "r.npz").regressor
    for kept, was in zip(loaded.tone_reading, regressor.tone_reading, strict=True):
        np.testing.assert_array_equal(kept, was)
    np.testing.assert_allclose(np.asarray(loaded(few)[1]), after["photograph"][1], atol=5e-3)
