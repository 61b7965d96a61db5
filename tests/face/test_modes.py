import numpy as np
import pytest

from mmreg.face.modes import space_of_modes, symmetric_eigenvectors


@pytest.fixture
def modes():
    return np.random.default_rng(0).normal(size=(7, 90)) * np.linspace(5, 1, 7)[:, None] + 1.0


def test_components_are_orthonormal_and_ordered(modes):
    space = space_of_modes(np.zeros(90), modes)
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(7), atol=1e-5)
    assert (np.diff(space.standard_deviations) <= 0).all()
    assert space.basis.T.flags["C_CONTIGUOUS"]


def test_the_population_stays_what_it_was(modes):
    space = space_of_modes(np.arange(90.0), modes)
    covariance = (space.basis * space.standard_deviations**2) @ space.basis.T
    np.testing.assert_allclose(covariance, modes.T @ modes, rtol=1e-4, atol=1e-3)
    assert (space.mean == np.arange(90)).all()


def test_modes_that_say_the_same_are_one_component(modes):
    assert space_of_modes(np.zeros(90), np.concatenate([modes, modes[:2] + modes[2:4]])).component_count == 7


def test_turned_modes_make_the_same_components(modes):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(7, 7)))[0]
    a, b = space_of_modes(np.zeros(90), modes), space_of_modes(np.zeros(90), turn @ modes)
    np.testing.assert_allclose(a.basis, b.basis, atol=1e-4)
    np.testing.assert_allclose(a.standard_deviations, b.standard_deviations, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 40, 101])
def test_eigenvectors_are_those_of_the_library_that_threads_would_round_differently(n):
    factors = np.random.default_rng(n).normal(size=(n, 2 * n)) * np.logspace(0, -3, n)[:, None]
    matrix = factors @ factors.T
    values, vectors = symmetric_eigenvectors(matrix)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1], rtol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-12)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-12 * values[0])


def test_eigenvectors_of_equal_values_and_of_nothing_are_still_at_right_angles():
    for matrix in (np.eye(4), np.zeros((3, 3)), np.ones((4, 4)), np.diag([1.0, 3.0, 2.0])):
        values, vectors = symmetric_eigenvectors(matrix)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(matrix)), atol=1e-12)
        np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-12)
