from __future__ import annotations

import json

import numpy as np
import pytest

from mmreg.arrays import InputError
from mmreg.face import Coefficients


def test_neutral_is_zero_and_has_no_expression(tiny_model):
    neutral = Coefficients.neutral(tiny_model, batch=3)
    assert neutral.shape.shape == (3, 8)
    assert neutral.albedo.shape == (3, 6)
    assert not neutral.shape.any()
    assert not neutral.albedo.any()
    assert neutral.expression is None


def test_samples_depend_on_the_seed_alone(tiny_model):
    a, b, other = (Coefficients.sample(tiny_model, 4, seed) for seed in (5, 5, 6))
    assert (a.shape == b.shape).all()
    assert (a.albedo == b.albedo).all()
    assert not np.isclose(a.shape, other.shape).any()


def test_asking_for_expression_leaves_shape_and_albedo_as_they_were(tiny_model):
    without, with_expression = (Coefficients.sample(tiny_model, 4, 5, expression=e) for e in (False, True))
    assert (without.shape == with_expression.shape).all()
    assert (without.albedo == with_expression.albedo).all()
    assert with_expression.expression.shape == (4, 5)


def test_samples_are_standard_normal(tiny_model):
    shape = Coefficients.sample(tiny_model, 4000, seed=0).shape
    np.testing.assert_allclose(shape.mean(axis=0), 0, atol=0.07)
    np.testing.assert_allclose(shape.std(axis=0), 1, atol=0.07)


@pytest.mark.parametrize("expression", [False, True])
def test_json_gives_the_same_numbers_back(tiny_model, expression):
    sample = Coefficients.sample(tiny_model, 2, seed=0, expression=expression)
    again = Coefficients.from_dict(json.loads(json.dumps(sample.to_dict())))
    for before, after in zip(sample, again, strict=True):
        assert (before is None and after is None) or (before == after).all()


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"shape": [[1.0]]},
        {"shape": [1.0], "albedo": [[1.0]]},
        {"shape": [["a"]], "albedo": [[1.0]]},
        {"shape": [[1.0], [2.0]], "albedo": [[1.0]]},
    ],
)
def test_records_that_are_no_coefficients_are_refused(record):
    with pytest.raises(InputError, match=r"Coefficients: .* must"):
        Coefficients.from_dict(record)
