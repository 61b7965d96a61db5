import numpy as np
import pytest
import tensorflow as tf

from mmreg.arrays import InputError, atomic_folder, atomic_path, dot, unit


def test_unit_vectors_have_length_one_and_keep_their_direction():
    v = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    u = np.asarray(unit(v))
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(dot(u, v))[:, 0], np.linalg.norm(v, axis=1), rtol=1e-5)


def test_unit_of_nothing_is_nothing_with_a_finite_gradient():
    v = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(v)
        u = unit(v)
    assert (u.numpy() == 0).all()
    assert np.isfinite(tape.gradient(u, v).numpy()).all()


def test_a_file_appears_only_when_whole(tmp_path):
    target = tmp_path / "new" / "numbers.txt"
    with atomic_path(target) as partial:
        partial.write_text("1")
        assert not target.exists()
    assert target.read_text() == "1"
    with pytest.raises(RuntimeError, match="half"), atomic_path(target) as partial:
        partial.write_text("2")
        raise RuntimeError("half way")
    assert target.read_text() == "1"
    assert [p.name for p in target.parent.iterdir()] == ["numbers.txt"]


def test_a_folder_replaces_the_former_one_whole(tmp_path):
    target = tmp_path / "face"
    for name in ("old", "new"):
        with atomic_folder(target) as partial:
            (partial / name).touch()
    assert [p.name for p in target.iterdir()] == ["new"]
    with pytest.raises(RuntimeError), atomic_folder(target) as partial:
        (partial / "broken").touch()
        raise RuntimeError
    assert [p.name for p in target.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["face"]


def test_what_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be written"), atomic_path(tmp_path / "file" / "x.txt") as partial:
        partial.write_text("1")


def test_a_missing_input_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "out.txt"):
        (tmp_path / "elsewhere" / "in.txt").read_text()
