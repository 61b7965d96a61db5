"""A sheet holds the same people in the same places, whoever made it, and is small enough to keep."""

import numpy as np
import pytest

from mmreg.face import Coefficients
from tools import face_sheets


@pytest.fixture(scope="module")
def sitters(open_model, tmp_path_factory):
    """Two people of the model beside the astronaut."""
    faces = Coefficients.sample(open_model, 2, 0)
    path = tmp_path_factory.mktemp("known") / "known.npz"
    positions, albedos = open_model.positions(faces.shape), open_model.albedos(faces.albedo)
    np.savez(path, positions=np.asarray(positions), albedos=np.asarray(albedos))
    return face_sheets.Sitters(path)


def test_everyone_is_given_once_and_the_photograph_comes_last(sitters):
    assert sitters.count == 3
    assert sitters.given.shape == (3, face_sheets.PIXELS, face_sheets.PIXELS, 3)
    assert sitters.given.min() >= 0.0


def test_a_regressor_is_asked_about_each_of_them(sitters):
    from mmreg.reconstruct import reference_weights

    faces = sitters.faces(reference_weights())
    assert faces.shape.shape[0] == 3
    assert np.abs(faces.shape[0] - faces.shape[1]).max() > 0.5  # other people, other faces


def test_a_sheet_has_five_in_a_row_and_few_colours():
    pictures = np.linspace(0.0, 1.0, 7)[:, None, None, None] * np.ones((1, 8, 8, 3))
    image = face_sheets.sheet(pictures)
    assert image.size == (5 * 8, 2 * 8)
    pixels = np.asarray(image.convert("RGB"))
    assert pixels[4, 4].tolist() == [0, 0, 0]
    assert (pixels[12, 12] == 255).all()  # the seventh
    assert (np.abs(pixels[12, 20].astype(int) - 237) < 3).all()  # nobody: the portraits' grey
