"""Draws have the statistics that they are drawn from, and are marked as nobody's."""

import dataclasses

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.data.photo_statistics import (
    LAYERS_PATH,
    PATH,
    LayerStatistics,
    PhotoStatistics,
    load_layer_statistics,
    load_photo_statistics,
    photo_like_features,
)
from mmreg.encoders import centred_unit, load_encoder

COUNT = 6000


@pytest.fixture(scope="module")
def statistics():
    return load_photo_statistics()


@pytest.fixture(scope="module")
def drawn():
    return photo_like_features(COUNT, seed=0)


def test_the_file_is_small_and_the_correlations_are_some(statistics):
    assert PATH.stat().st_size <= 400_000
    np.testing.assert_allclose(np.diag(statistics.correlation), 1)
    assert np.linalg.eigvalsh(statistics.correlation).min() > 0
    assert statistics.count > 8000


def test_the_quantile_functions_increase_beyond_their_outer_levels_too(statistics):
    deviates = np.linspace(-5, 5, 101)[:, None] * np.ones(len(statistics.quantiles))
    values = statistics.at(deviates)
    assert (np.diff(values, axis=0) >= 0).all()
    assert (values >= 0).all()


def test_a_quantile_function_is_exact_at_its_levels(statistics):
    level = np.full((1, len(statistics.quantiles)), statistics.levels[7])
    np.testing.assert_allclose(statistics.at(level)[0], statistics.quantiles[:, 7], rtol=1e-5, atol=1e-7)


def test_draws_have_the_photographs_means_and_deviations(statistics, drawn):
    standard_error = statistics.feature_deviation / np.sqrt(COUNT)
    error = drawn.features.mean(axis=0) - statistics.feature_mean
    assert np.sqrt(((error / standard_error) ** 2).mean()) < 1.6  # 1 if only the draw's chance were left
    np.testing.assert_allclose(drawn.features.std(axis=0) / statistics.feature_deviation, 1, atol=0.06)
    np.testing.assert_allclose(drawn.mean_embedding, statistics.embedding_mean, atol=0.01)


def test_draws_of_nobody_are_unlike_each_other(statistics, drawn):
    unit = np.asarray(centred_unit(drawn.embedding, statistics.embedding_mean))
    cosine = (unit[: COUNT // 2] * unit[COUNT // 2 :]).sum(axis=1)
    assert abs(cosine.mean()) < 0.02
    assert 0.1 < cosine.std() < 0.2


def test_features_are_positive_and_skin_is_a_colour(drawn):
    assert (drawn.features >= 0).all()
    assert ((drawn.skin >= 0) & (drawn.skin <= 1)).all()
    assert (drawn.skin[:, 0] > drawn.skin[:, 2]).mean() > 0.9  # skin is redder than blue


def test_the_embedding_is_the_encoders_own_map_of_the_features(drawn):
    kernel = np.asarray(load_encoder().network.get_layer("embedding").kernel)
    np.testing.assert_allclose(drawn.features @ kernel, drawn.embedding, atol=1e-5)


def test_a_draw_is_marked_as_a_stand_in_and_repeats_with_its_seed(drawn):
    assert drawn.stand_in
    assert "nobody's features" in drawn.source
    np.testing.assert_array_equal(photo_like_features(5, seed=3).features, photo_like_features(5, seed=3).features)
    assert not np.array_equal(photo_like_features(5, seed=4).features, photo_like_features(5, seed=3).features)


def test_statistics_are_read_as_they_were_written(tmp_path, statistics):
    statistics.save(tmp_path / "again.npz")
    again = PhotoStatistics.load(tmp_path / "again.npz")
    for field in dataclasses.fields(PhotoStatistics):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(statistics, field.name))


def test_another_encoder_no_draws_and_another_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least 1"):
        photo_like_features(0, seed=0)
    other = dataclasses.replace(load_encoder(), checksum="another", name="other")
    with pytest.raises(InputError, match="other"):
        photo_like_features(1, seed=0, encoder=other)
    np.savez(tmp_path / "wrong.npz", quantiles=np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"wrong\.npz"):
        PhotoStatistics.load(tmp_path / "wrong.npz")


def test_draws_for_the_encoder_of_layers_are_those_for_the_plain_one_and_more(drawn):
    layered = load_encoder("dlib-layers")
    more = photo_like_features(COUNT, seed=0, encoder=layered)
    assert more.encoder_checksum == layered.checksum
    assert more.stand_in
    np.testing.assert_array_equal(more.features[:, :256], drawn.features)
    np.testing.assert_array_equal(more.embedding, drawn.embedding)
    layers = more.features[:, 256:]
    statistics = load_layer_statistics()
    middle = np.abs(statistics.levels).argmin()
    below = (layers <= statistics.quantiles[:, middle]).mean(axis=0)
    # where many a number is 0, its median is, too, and more than half of the draws lie there
    np.testing.assert_allclose(below[statistics.quantiles[:, middle] > 0], 0.5, atol=0.05)
    telling = load_encoder("dlib-layers+skin")
    assert photo_like_features(7, seed=0, encoder=telling).features.shape == (7, telling.feature_size)


def test_numbers_of_layers_go_with_the_plain_ones_as_their_slopes_say(statistics):
    layers = load_layer_statistics()
    z = statistics.deviates(COUNT, 0)
    fitted = (layers.slopes @ statistics.correlation * layers.slopes).sum(axis=1)  # variance that the others explain
    best = int(np.argmax(fitted))
    assert fitted[best] > 0.5
    found = np.corrcoef(z @ layers.slopes[best], layers.draw(z, 0)[:, best])[0, 1]
    assert found == pytest.approx(np.sqrt(fitted[best]), abs=0.1)
    np.testing.assert_allclose(fitted + (layers.factors**2).sum(axis=1) + layers.own**2, 1.0, atol=0.01)


def test_statistics_of_layers_are_small_and_other_files_are_refused(tmp_path):
    assert LAYERS_PATH.stat().st_size <= 1_600_000
    load_layer_statistics().save(tmp_path / "again.npz")
    again = LayerStatistics.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.slopes, load_layer_statistics().slopes)
    with pytest.raises(InputError, match="photo_statistics"):
        LayerStatistics.load(PATH)
