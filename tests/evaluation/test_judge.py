"""Who may judge: anybody but the network in the loss."""

import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "encoders"))

from test_dlib_densenet import densenet_file

from mmreg.encoders import EncoderError, load_encoder
from mmreg.evaluation import judge as judge_module
from mmreg.evaluation.judge import JudgeError, is_same_network, judge_at_hand, load_judge


@pytest.fixture(scope="module")
def densenet(tmp_path_factory):
    path = tmp_path_factory.mktemp("judge") / "face_recognition_densenet_model_v1.dat"
    path.write_bytes(densenet_file())
    return path


@pytest.fixture
def no_judge(monkeypatch, tmp_path):
    monkeypatch.delenv("MMREG_JUDGE", raising=False)
    monkeypatch.setenv("MMREG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("with_tone", ["dlib", "dlib+skin"])
@pytest.mark.parametrize("name", ["dlib", "dlib+skin"])
def test_the_network_in_the_loss_is_refused_with_or_without_the_skins_tone(name, with_tone):
    with pytest.raises(JudgeError, match="network in the loss"):
        load_judge(name, load_encoder(with_tone))


def test_another_network_may_judge(densenet, encoder):
    assert load_judge(f"densenet:{densenet}", encoder).name == "dlib-densenet"
    assert load_judge(densenet, encoder).checksum == hashlib.sha256(densenet.read_bytes()).hexdigest()


def test_the_same_weights_from_another_file_are_the_same_network(densenet, encoder):
    from dataclasses import replace

    one = load_judge(densenet, encoder)
    assert is_same_network(one, replace(one, name="other", checksum="f" * 64))
    assert is_same_network(one, replace(one, name="other", checksum="f" * 64, both_sides=True))
    assert not is_same_network(one, encoder)
    assert not is_same_network(one, replace(load_encoder("dlib"), checksum="f" * 64))


def test_nobody_is_no_judge(encoder, tmp_path):
    with pytest.raises(JudgeError, match="densenet:FILE"):
        load_judge("somebody", encoder)
    with pytest.raises(EncoderError, match=r"missing\.dat"):
        load_judge(tmp_path / "missing.dat", encoder)


def test_a_file_with_another_checksum_is_refused(densenet, encoder):
    good = hashlib.sha256(densenet.read_bytes()).hexdigest()
    assert load_judge(f"densenet:{densenet}#sha256={good.upper()}", encoder).name == "dlib-densenet"
    with pytest.raises(JudgeError, match="not 0000"):
        load_judge(f"{densenet}#sha256={'0' * 64}", encoder)


def test_an_address_is_fetched_once_and_only_with_its_checksum(densenet, encoder, no_judge, monkeypatch):
    address, good = densenet.as_uri(), hashlib.sha256(densenet.read_bytes()).hexdigest()
    with pytest.raises(JudgeError, match="say what its SHA-256 must be"):
        load_judge(address, encoder)
    with pytest.raises(JudgeError, match="wasn't kept"):
        load_judge(f"{address}#sha256={'0' * 64}", encoder)
    kept = no_judge / "cache" / "mmreg" / "judges"
    assert not list(kept.glob("*"))
    assert load_judge(f"{address}#sha256={good}", encoder).name == "dlib-densenet"
    assert [path.name for path in kept.iterdir()] == [f"{good[:16]}-{densenet.name}"]
    monkeypatch.setattr(judge_module, "_fetch", None)  # a second call would fail
    load_judge(f"{address}#sha256={good}", encoder)


def test_an_address_where_nothing_lies_is_named(no_judge, encoder):
    with pytest.raises(JudgeError, match="can't be fetched"):
        load_judge(f"{(no_judge / 'none.dat').as_uri()}#sha256={'0' * 64}", encoder)


def test_without_a_file_there_is_no_judge(no_judge, encoder, monkeypatch, densenet):
    assert judge_at_hand(encoder) is None
    monkeypatch.setenv("MMREG_JUDGE", str(densenet))
    assert judge_at_hand(encoder).name == "dlib-densenet"
    monkeypatch.setenv("MMREG_JUDGE", "dlib")
    with pytest.raises(JudgeError, match="network in the loss"):
        judge_at_hand(encoder)


def test_a_judge_among_the_data_is_found(no_judge, encoder, densenet):
    import bz2

    path = no_judge / "data" / "weights" / "face_recognition_densenet_model_v1.dat.bz2"
    path.parent.mkdir(parents=True)
    path.write_bytes(bz2.compress(densenet.read_bytes()))
    assert judge_at_hand(encoder).name == "dlib-densenet"
