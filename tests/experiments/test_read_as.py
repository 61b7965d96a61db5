"""Experiments read a stand-in's pictures as renderings, and photographs as photographs."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmreg.experiments import fairness, geometry, recognition


class Spy:
    """A regressor that notes by which statistics it is asked to read."""

    def __init__(self):
        self.encoder = SimpleNamespace(checksum="0" * 64, name="spy")
        self.asked = []

    def regress(self, features, domain="photograph"):
        self.asked.append(domain)
        return SimpleNamespace(shape=np.zeros((len(features), 2)), albedo=np.zeros((len(features), 2)))


@pytest.mark.parametrize("read_as", ["rendering", "photograph"])
def test_every_prediction_is_read_as_the_set_says(read_as):
    spy, features = Spy(), np.ones((2, 3), np.float32)
    recognition._predict(spy, spy, features, read_as)
    encoded = SimpleNamespace(people=np.array(["a", "b"]), stores=[SimpleNamespace(features=features)])
    fairness._faces(spy, encoded, ["a", "b"], read_as)
    geometry.faces_of_video({"first": spy, "second": spy}, features, read_as)
    assert spy.asked == [read_as] * 5
