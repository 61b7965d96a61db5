"""What known people are shown with: one nuisance at a time, the same for every run, and nothing for plain."""

import numpy as np
import pytest

from mmreg.data.nuisances import sample_nuisances
from mmreg.face import Coefficients
from tools.judge_nuisances import EXPRESSION, NUISANCES, features_of
from tools.judge_runs import KnownPeople

WORN = {"covered": "cover", "blurred": "blur_pixels", "noisy": "noise", "compressed": "coarseness"}


@pytest.fixture(scope="module")
def known(open_model, tmp_path_factory):
    faces = Coefficients.sample(open_model, 1, 0)
    path = tmp_path_factory.mktemp("known") / "people.npz"
    np.savez(path, positions=open_model.positions(faces.shape), albedos=open_model.albedos(faces.albedo))
    return KnownPeople(path, open_model)


def test_each_kind_has_its_own_nuisance_and_no_other():
    assert set(WORN) | {"plain"} == set(NUISANCES)
    for kind, settings in NUISANCES.items():
        drawn = sample_nuisances(6, (40, 40), 3, settings)
        for worn_by, part in WORN.items():
            assert bool(np.any(getattr(drawn, part))) == (worn_by == kind), (kind, part)


def test_plain_pictures_are_those_of_the_other_judge(known, encoder):
    np.testing.assert_allclose(features_of(known, "plain", encoder), known.features(encoder), atol=1e-4)


def test_what_is_worn_changes_what_the_encoder_says_and_is_the_same_every_time(known, encoder):
    plain = known.features(encoder)
    for kind in (*WORN, EXPRESSION):
        found = features_of(known, kind, encoder)
        assert np.abs(found - plain).mean() > 1e-3
        np.testing.assert_array_equal(found, features_of(known, kind, encoder))
