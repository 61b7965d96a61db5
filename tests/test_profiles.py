from dataclasses import replace

import pytest

from mmreg.arrays import InputError
from mmreg.profiles import PAPER, PROFILES, QUICK, SHORT, get_profile, get_variant, variant_names


def test_the_papers_profile_has_the_papers_numbers():
    assert PAPER.views_per_photo == 3
    assert (PAPER.weights.batch_distribution, PAPER.weights.loopback) == (10.0, 0.07)
    assert (PAPER.weights.parameter, PAPER.weights.identity) == (1.0, 1.0)


def test_profiles_are_found_by_their_own_names():
    for name in ("quick", "short", "full", "paper"):
        assert get_profile(name).name == name
        assert get_profile(name).to_dict()["name"] == name
    assert set(PROFILES) == {"quick", "short", "full", "paper"}


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="quick, short, full, paper"):
        get_profile("enormous")


@pytest.mark.parametrize("name", variant_names())
def test_a_variant_differs_from_its_profile_in_what_it_names(name):
    variant = get_variant(name, SHORT)
    assert variant.what
    assert variant.profile.name == f"short, {name}"
    if name != "tuned":
        assert variant.profile != replace(SHORT, name=variant.profile.name)


def test_an_unknown_variant_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="no_loopback"):
        get_variant("no such run", QUICK)
