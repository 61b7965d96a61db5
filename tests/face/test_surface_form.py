from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from mmreg.arrays import InputError
from mmreg.face import LinearSpace
from mmreg.face.surface_form import surface_form
from mmreg.geometry.mesh import vertex_normals


def length(form, error) -> float:
    return float(error @ form @ error)


def aligned_squares(model, error) -> float:
    """Sum of squared distances along the normals between the mean face and one that differs by `error`, after the best similarity."""
    positions = model.mean_positions().astype(np.float64)
    normals = np.asarray(vertex_normals(positions[None].astype(np.float32), model.triangles))[0]
    other = positions + (model.shape.basis @ (model.shape.standard_deviations * error)).reshape(-1, 3)
    nose = positions[model.landmarks["nose_tip"]]
    kept = (
        np.linalg.norm(positions - nose, axis=1) <= 95.0
    )  # of the tiny model all but the corners, which no triangle needs

    def distances(x):
        moved = (1.0 + x[6]) * Rotation.from_rotvec(x[:3]).apply(other - nose) + nose + 100.0 * x[3:6]
        return ((moved - positions) * normals).sum(axis=1)[kept]

    return 2.0 * least_squares(distances, np.zeros(7), xtol=1e-12, ftol=1e-12, gtol=1e-12).cost


def test_with_power_2_it_measures_what_an_alignment_leaves(tiny_model):
    form = surface_form(tiny_model, 2.0)
    errors = 1e-3 * np.random.default_rng(0).normal(size=(5, 8))
    found = np.array([length(form, e) for e in errors])
    wanted = np.array([aligned_squares(tiny_model, e) for e in errors])
    np.testing.assert_allclose(found / found.sum(), wanted / wanted.sum(), rtol=1e-2)
    assert found.max() / found.min() > 1.2


def test_its_trace_is_the_number_of_components_and_power_0_is_the_unit_matrix(open_model):
    count = open_model.shape.component_count
    np.testing.assert_allclose(surface_form(open_model, 0.0), np.eye(count), atol=1e-4)
    half, whole = (surface_form(open_model, power).astype(np.float64) for power in (0.5, 1.0))
    for form in (half, whole):
        assert np.trace(form) == pytest.approx(count, rel=1e-5)
        np.testing.assert_allclose(form, form.T, atol=1e-4 * form.max())
        assert np.linalg.eigvalsh(form).min() > -1e-4
    np.testing.assert_allclose(half @ half / np.trace(half @ half), whole / count, atol=1e-3 * whole.max() / count)


def test_what_only_moves_turns_or_enlarges_a_face_costs_next_to_nothing(tiny_model):
    positions = tiny_model.mean_positions().astype(np.float64)
    motions = [
        np.tile([3.0, 1.0, 2.0], (len(positions), 1)),
        np.cross([0.1, 0.2, 0.3], positions),
        0.1 * positions,
        np.random.default_rng(0).normal(size=positions.shape),
    ]
    basis, size = np.linalg.qr(np.stack([m.ravel() for m in motions], axis=1))
    shape = LinearSpace(tiny_model.shape.mean, basis.astype(np.float32), np.abs(np.diag(size)).astype(np.float32))
    form = surface_form(replace(tiny_model, shape=shape), 2.0)
    assert np.diag(form)[:3].max() < 1e-6
    assert form[3, 3] == pytest.approx(4.0, rel=1e-5)


def test_what_is_out_of_sight_costs_nothing(open_model):
    """A component of the open model that moves vertices out of sight alone."""
    hidden = ~open_model.regions["visible"]
    hidden[open_model.triangles[~hidden[open_model.triangles].any(axis=1)]] = (
        False  # normals of the seen aren't touched either way
    )
    column = np.where(np.repeat(hidden, 3), 1.0, 0.0).astype(np.float32)
    basis = np.stack([column / np.linalg.norm(column), open_model.shape.basis[:, 0]], axis=1)
    shape = LinearSpace(open_model.shape.mean, basis, np.float32([50.0, 50.0]))
    form = surface_form(replace(open_model, shape=shape), 2.0)
    assert form[0, 0] < 1e-6
    assert form[1, 1] == pytest.approx(2.0, rel=1e-4)


def test_a_model_without_a_face_around_its_nose_is_refused(tiny_model):
    nowhere = replace(tiny_model, regions={"visible": np.zeros(tiny_model.vertex_count, bool)})
    with pytest.raises(InputError, match="0 vertices in its face's triangles within 95 mm"):
        surface_form(nowhere, 1.0)
