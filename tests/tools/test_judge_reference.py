"""The judge of the reference regressor: perfect renderings reach the ceiling, meaningless ones chance."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import judge_reference
import lfw_encodings

from mmreg.evaluation.identity import Court
from mmreg.evaluation.ranks import chance

PEOPLE, PHOTOS, SIZE = 40, 3, 32


@pytest.fixture(scope="module")
def court():
    """People of three photographs each, one of a single photograph, the last ten people to be recalled; an offset common to all."""
    generator = np.random.default_rng(0)
    people = np.array([f"person {k}" for k in np.repeat(np.arange(PEOPLE), PHOTOS)] + ["somebody once"])
    faces = generator.normal(size=(PEOPLE + 1, SIZE))[np.append(np.repeat(np.arange(PEOPLE), PHOTOS), PEOPLE)]
    gallery = 20.0 + faces + 0.3 * generator.normal(size=(len(people), SIZE))
    return Court(gallery, people, np.arange(len(people) - 31, len(people)))


def test_renderings_that_are_the_photographs_recall_everyone_who_can_be_recalled(court):
    recalls = court.recalls(court.own)
    assert recalls["own_photo_in_gallery"]["top_1"] == 1.0
    assert recalls["own_photo_removed"]["top_1"] == pytest.approx(30 / 31)
    assert recalls["own_photo_removed_people_with_another"]["top_1"] == 1.0
    similarity = court.similarities(court.own)
    assert similarity["own_photo"] == pytest.approx(1.0)
    assert similarity["another_photo_of_the_person"] > 0.8
    assert abs(similarity["photo_of_another_person"]) < 0.1
    assert similarity["same_person_photo_pairs_below_own_photo_mean"] == 1.0


def test_renderings_and_photographs_that_say_nothing_recall_what_chance_says(court):
    generator = np.random.default_rng(1)
    measured = []
    for _ in range(400):  # 12,400 probes: the rarest share, .016, is then known to about a tenth
        deaf = Court(generator.normal(size=(len(court.people), SIZE)), court.people, court.probes)
        measured.append(deaf.recalls(generator.normal(size=court.own.shape)))
    for kind, expected in court.chances().items():
        for rank, share in expected.items():
            assert np.mean([recalls[kind][rank] for recalls in measured]) == pytest.approx(share, rel=0.25)


def test_chance_is_the_share_of_the_persons_photographs_for_the_first_rank_and_certain_for_all_ranks():
    assert chance(np.array([3, 1]), 100, own_removed=False)["top_1"] == pytest.approx(0.02)
    assert chance(np.array([3, 1]), 101, own_removed=True)["top_1"] == pytest.approx(0.01)
    assert chance(np.array([1]), 5, own_removed=False)["top_5"] == 1.0


def test_a_rendering_that_is_the_same_for_all_recalls_nobody_in_particular(court):
    seen = dict.fromkeys(("stage_one", "regressor"), 5.0 + court.own)
    rows = judge_reference.judge_rows(court, seen, 5.0 + court.own[0])
    assert rows["mean_face"]["recall"]["own_photo_in_gallery"]["top_1"] == pytest.approx(PHOTOS / 31)
    assert rows["regressor"]["recall"]["own_photo_in_gallery"]["top_1"] == 1.0
    assert "own_photo_in_gallery" not in rows["photo_against_photo"]["recall"]


def test_a_shard_that_is_damaged_is_made_again(tmp_path):
    np.savez(tmp_path / "whole.npz", names=np.array(["a"]))
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "short.npz").write_bytes(whole[: len(whole) // 2])
    assert lfw_encodings._read_shard(tmp_path / "whole.npz")["names"] == ["a"]
    assert lfw_encodings._read_shard(tmp_path / "short.npz") is None
    assert lfw_encodings._read_shard(tmp_path / "none.npz") is None
