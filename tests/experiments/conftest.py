import pytest

from mmreg.reconstruct import Reconstructor
from tests.experiments.people import scanned_people


@pytest.fixture(scope="session")
def reconstructor():
    return Reconstructor.load()


@pytest.fixture(scope="session")
def scans(reconstructor):
    return scanned_people(reconstructor.model, reconstructor.encoder)
