"""Experiments read a stand-in's pictures as renderings, and photographs as photographs."""

import numpy as np
import pytest

from mmreg.data.encoded_sets import EncodedSet
from mmreg.data.feature_store import FeatureStore
from mmreg.data.records import Photo
from mmreg.experiments import fairness, geometry, recognition


def picture():
    return np.zeros((2, 2, 3), np.float32)


@pytest.mark.parametrize("read_as", ["rendering", "photograph"])
def test_every_prediction_is_read_as_the_set_says(reconstructor, read_as):
    rows = np.ones((2, reconstructor.encoder.feature_size), np.float32)
    wanted = reconstructor.regress(rows, read_as)
    other = reconstructor.regress(rows, {"rendering": "photograph", "photograph": "rendering"}[read_as])
    assert np.abs(wanted.shape - other.shape).max() > 0.1

    embedding = np.ones((2, reconstructor.encoder.embedding_size), np.float32)
    store = FeatureStore(rows, embedding, np.ones((2, 3), np.float32), ("a", "b"), "0" * 64, "nobody's")
    encoded = EncodedSet(tuple(Photo(n, n, picture) for n in "ab"), (store,), np.zeros((2, 5, 2), np.float32), ())
    by_recognition = recognition._predict(reconstructor, reconstructor, rows, read_as)
    by_fairness = fairness._faces(reconstructor, encoded, ["a", "b"], read_as)
    by_geometry = geometry.faces_of_video({geometry.FEATURES: reconstructor}, rows, read_as)
    for shape in (by_recognition.shape, by_fairness.shape, *([s, s] for s in by_geometry.values())):
        np.testing.assert_allclose(shape, wanted.shape, atol=1e-4)
