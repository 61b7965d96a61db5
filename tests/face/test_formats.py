"""Models of other kinds are named and refused, and nothing in them is run."""

import pickle
import zipfile

import numpy as np
import pytest

from mmreg.face import FaceModelError, load

SUPPORTED = r'supported are "open", "ict" and "open\+ict".*Basel Face Model 2017.*face12_nomouth\.h5\.$'


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (self.trace.touch, ())


def npz(path, **arrays):
    with path.open("wb") as file:
        np.savez(file, **arrays)


def refusal(path):
    with pytest.raises(FaceModelError, match=SUPPORTED) as caught:
        load(path)
    said = str(caught.value)
    assert said.startswith(f"{path} is ")
    assert said.count(". ") == 0  # one sentence
    return said


def test_the_basel_face_model_of_2009_is_recognised_by_its_name_and_by_its_first_bytes(tmp_path):
    for name, start in (
        ("01_MorphableModel.mat", b"MATLAB 5.0 MAT-file"),
        ("x.mat", b""),
        ("y.h5", b"MATLAB 7.3 MAT-file"),
    ):
        (tmp_path / name).write_bytes(start + bytes(600))
        assert "a MATLAB file" in refusal(tmp_path / name)
    assert "of the Basel Face Model 2009, which isn't supported" in refusal(tmp_path / "01_MorphableModel.mat")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["generic_model.pkl", "FLAME2020.pickle", "model.h5"])
def test_a_pickle_is_never_loaded_whatever_it_is_called(tmp_path, name, protocol):
    path, trace = tmp_path / name, tmp_path / "trace"
    path.write_bytes(pickle.dumps({"v_template": Trap(trace)}, protocol=protocol))
    said = refusal(path)
    assert "pickle" in said
    assert ("FLAME's pickle" in said) == (name != "model.h5")
    assert not trace.exists()


def test_a_flame_archive_is_recognised_by_its_arrays(tmp_path):
    trace = tmp_path / "trace"
    npz(tmp_path / "other.npz", v_template=np.zeros((5, 3)), shapedirs=np.zeros((5, 3, 2)), f=np.array([Trap(trace)]))
    assert "a FLAME model" in refusal(tmp_path / "other.npz")
    assert not trace.exists()
    npz(tmp_path / "flame2023.npz", a=np.zeros(1))
    assert "a FLAME model" in refusal(tmp_path / "flame2023.npz")
    npz(tmp_path / "regressor.npz", a=np.zeros(1))
    assert "a zip or npz archive" in refusal(tmp_path / "regressor.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "regressor.npz").read_bytes()[:40])
    assert "a zip or npz archive" in refusal(tmp_path / "cut.npz")


def test_single_meshes_and_arrays_are_named_as_such(tmp_path):
    (tmp_path / "face.obj").write_text("v 0 0 0\n")
    assert "a single mesh and no morphable model" in refusal(tmp_path / "face.obj")
    np.save(tmp_path / "basis.npy", np.zeros(3))
    assert "a NumPy array file" in refusal(tmp_path / "basis.npy")
    with zipfile.ZipFile(tmp_path / "model2017-1_bfm_nomouth.h5", "w") as archive:
        archive.writestr("model.h5", b"")
    assert "a zip or npz archive" in refusal(tmp_path / "model2017-1_bfm_nomouth.h5")  # an unopened download
