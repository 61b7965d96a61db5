"""ICT-FaceKit, from files in its layout whose content is made here, from the open model: what should come out is known."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmreg.face import Coefficients, FaceModelError, load
from mmreg.face.ict import LANDMARKS, NEUTRAL, PARTS, read_ict
from mmreg.face.landmarks import MULTI_PIE
from tests.face.ict_files import IDENTITIES, MOVEMENTS, SCALE, known_modes, write_fake_kit


@pytest.fixture(scope="module")
def kit(open_model, tmp_path_factory):
    return write_fake_kit(tmp_path_factory.mktemp("ICT-FaceKit"), open_model)


@pytest.fixture(scope="module")
def ict(kit):
    return load("ict", kit.folder)


@pytest.fixture(scope="module")
def open_ict(kit):
    return load("open+ict", kit.folder)


def rms(displacements):
    return np.sqrt((displacements**2).sum(axis=-1).mean(axis=-1))


def test_the_kept_parts_are_read_in_millimetres_with_the_published_landmarks(kit):
    read = read_ict(kit.folder)
    kept = np.concatenate([np.arange(*ends) for ends in PARTS.values()])
    np.testing.assert_allclose(read.positions, kit.neutral[kept], atol=1e-4)
    np.testing.assert_allclose(read.identities, kit.modes[:, kept], atol=1e-4)
    assert len(LANDMARKS) == 68
    places = np.stack([read.positions[read.landmarks[name]] for name in MULTI_PIE])
    np.testing.assert_allclose(places, kit.neutral[list(LANDMARKS)], atol=1e-4)
    assert set(read.movements) == {
        "jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUpLeft", "browInnerUpRight"
    }  # fmt: skip


def test_quads_become_two_triangles_each_and_those_of_dropped_parts_go(kit):
    read = read_ict(kit.folder)
    lines = [line for line in (kit.folder / "FaceXModel" / NEUTRAL).read_text().splitlines() if line.startswith("f ")]
    assert len(read.triangles) == 2 * len(lines)  # the fake has no polygons elsewhere
    assert read.triangles.max() < len(read.positions) == 17_202


def test_the_folder_may_be_named_by_itself_or_by_its_parent(kit, ict):
    a, b = read_ict(kit.folder), read_ict(kit.folder / "FaceXModel")
    assert (a.identities == b.identities).all()
    assert load(f"ict:{kit.folder}") is ict  # read once a process


def test_the_models_population_is_the_kits(kit, ict):
    """The covariance of shapes is that of independent standard normal weights of the modes, whatever the frame."""
    space = ict.shape
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(IDENTITIES), atol=1e-5)
    kept = np.concatenate([np.arange(*ends) for ends in PARTS.values()])
    modes = kit.modes[:, kept].reshape(IDENTITIES, -1)
    np.testing.assert_allclose(
        space.standard_deviations.astype(float) ** 2, np.linalg.eigvalsh(modes @ modes.T)[::-1], rtol=1e-4
    )


def test_the_kit_stands_where_the_open_face_does_and_keeps_its_size(open_model, ict):
    names = MULTI_PIE[17:]
    ours = open_model.mean_positions()[open_model.landmark_indices(names)]
    theirs = ict.mean_positions()[ict.landmark_indices(names)]
    np.testing.assert_allclose(theirs.mean(axis=0), ours.mean(axis=0), atol=1e-2)
    spread = [np.linalg.norm(p - p.mean(axis=0)) for p in (theirs, ours)]
    assert spread[0] / spread[1] == pytest.approx(SCALE, rel=1e-3)


def test_its_albedo_is_the_open_models_at_the_same_place(open_model, ict):
    """Between corresponding landmarks, for the mean and for how much people differ there."""
    ours, theirs = open_model.landmark_indices(MULTI_PIE[17:]), ict.landmark_indices(MULTI_PIE[17:])
    mean = [m.albedo.mean.reshape(-1, 3)[i] for m, i in ((open_model, ours), (ict, theirs))]
    assert np.abs(mean[0] - mean[1]).mean() < 0.02
    spread = [
        np.sqrt(((m.albedo.basis * m.albedo.standard_deviations) ** 2).sum(axis=1)).reshape(-1, 3)[i]
        for m, i in ((open_model, ours), (ict, theirs))
    ]
    assert np.abs(spread[0] / spread[1] - 1).mean() < 0.15


def test_eyes_are_white_with_a_dark_middle_and_the_albedo_is_orthonormal(ict):
    lightness = ict.albedo.mean.reshape(-1, 3).mean(axis=1)
    for side in ("left_eye", "right_eye"):
        eye = ict.region(side)
        z = ict.mean_positions()[:, 2]
        front = eye & (z > np.quantile(z[eye], 0.97))
        assert lightness[eye].max() > 0.6
        assert lightness[front].min() < 0.3
    np.testing.assert_allclose(ict.albedo.basis.T @ ict.albedo.basis, np.eye(199), atol=1e-4)


def test_a_named_movement_is_the_whole_movement(kit, ict):
    read = read_ict(kit.folder)
    zero = Coefficients.neutral(ict).shape
    for name in ("jawOpen", "mouthSmileLeft"):
        moved = np.asarray(ict.positions(zero, ict.expression_units[name][None]))[0] - ict.mean_positions()
        np.testing.assert_allclose(
            np.linalg.norm(moved, axis=1), np.linalg.norm(read.movements[name], axis=1), atol=0.01
        )
    both = ict.expression_units["browInnerUp"]
    np.testing.assert_allclose(
        both, ict.expression_units["browInnerUpLeft"] + ict.expression_units["browInnerUpRight"], atol=1e-6
    )
    assert ict.expression.component_count == len(MOVEMENTS)
    assert (ict.expression.mean == 0).all()


def test_the_kits_modes_are_carried_to_our_topology(open_model, open_ict):
    """On the face, each known displacement lies in the carried space, to a hundredth of the mesh's edges of 3.3 mm."""
    truth = known_modes(open_model.mean_positions().astype(float)) / SCALE
    flat = truth.reshape(IDENTITIES, -1)
    basis = open_ict.shape.basis.astype(float)
    rest = (flat - (flat @ basis) @ basis.T).reshape(truth.shape)
    face = open_model.face_region
    assert (rms(rest[:, face]) < 0.033).all()
    assert (rms(truth[:, face]) > 0.2).all()
    skin = ~open_model.region("mouth_bag")
    carried = np.asarray(open_ict.shape.standard_deviations, float) ** 2
    assert carried.sum() == pytest.approx((truth[:, skin] ** 2).sum(), rel=0.2)


def test_all_but_the_shape_stays_the_open_models(open_model, open_ict):
    assert open_ict.vertex_count == open_model.vertex_count
    assert (open_ict.triangles == open_model.triangles).all()
    assert (open_ict.shape.mean == open_model.shape.mean).all()
    assert open_ict.albedo is open_model.albedo
    assert open_ict.expression is open_model.expression
    assert open_ict.landmarks == open_model.landmarks
    assert open_ict.checksum != open_model.checksum
    assert "MIT" in open_ict.license
    assert "CC0" in open_ict.license


def test_what_is_saved_is_read_back_as_any_model_is(ict, tmp_path):
    ict.save(tmp_path / "ict.h5")
    again = load(tmp_path / "ict.h5")
    assert again.checksum == ict.checksum
    assert again.multi_pie.tolist() == ict.multi_pie.tolist()
    assert (again.region("face") == ict.region("face")).all()


@pytest.fixture
def copy(kit, tmp_path):
    """The kit in a folder of its own, to be damaged; linked where it isn't."""
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    for file in (kit.folder / "FaceXModel").iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def replace_text(path, text):
    path.unlink()
    if text is not None:
        path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (NEUTRAL, None, f"no copy of ICT-FaceKit: it lacks {NEUTRAL}"),
        (
            NEUTRAL,
            "version https://git-lfs.github.com/spec/v1\n",
            "must have 26,719 vertices.*it has 0 vertices.*Git LFS",
        ),
        ("identity000.obj", None, r"lacks identity000\.obj"),
        ("identity002.obj", None, r"lacks identity002\.obj"),
        ("identity001.obj", "v 1 2 3\nf 1 1 1\n", r"identity001\.obj must have 26,719 vertices.*has 1 vertices"),
        ("identity003.obj", "v 1 2\n", r"identity003\.obj must have"),
        ("identity003.obj", "v 1 2 three\n", r"identity003\.obj has a vertex that isn't three numbers"),
        ("identity003.obj", "v 1 2 nan\n" * 26_719, r"identity003\.obj must have"),
        ("jawOpen.obj", None, r"lacks jawOpen\.obj"),
        ("vertex_indices.json", "[]", r"vertex_indices\.json must be JSON with a list `expressions`"),
    ],
)
def test_what_is_missing_or_wrong_is_named(copy, name, text, said):
    replace_text(copy / name, text)
    with pytest.raises(FaceModelError, match=said):
        read_ict(copy)


@pytest.mark.parametrize("polygon", ["f 1 2 99999", "f 0 1 2", "f a b c", ""])
def test_polygons_over_other_vertices_are_refused(copy, polygon):
    vertices = "".join(f"v {k} {k} {k}\n" for k in range(26_719))
    replace_text(copy / NEUTRAL, f"{vertices}{polygon}\n")
    with pytest.raises(FaceModelError, match=f"{NEUTRAL} "):
        read_ict(copy)


def test_without_the_kits_own_list_every_other_file_is_a_movement(copy):
    replace_text(copy / "vertex_indices.json", None)
    assert len(read_ict(copy).movements) == len(MOVEMENTS)


def test_without_a_folder_the_kit_is_looked_for_under_mmreg_data(kit, ict, monkeypatch, tmp_path):
    monkeypatch.setenv("MMREG_DATA", str(tmp_path))
    with pytest.raises(FaceModelError, match=r"open\+ict needs a copy of ICT-FaceKit.*open\+ict:FOLDER.*MMREG_DATA"):
        load("open+ict")
    (tmp_path / "ICT-FaceKit").symlink_to(kit.folder)
    assert load("ict") is ict
    monkeypatch.delenv("MMREG_DATA")
    with pytest.raises(FaceModelError, match="MMREG_DATA"):
        load("ict")


def test_the_folder_without_a_name_is_asked_which_model_is_wanted(kit, tmp_path):
    for folder in (kit.folder, kit.folder / "FaceXModel"):
        with pytest.raises(FaceModelError, match=r"say which model is wanted of it: ict:.* or open\+ict:"):
            load(folder)
    with pytest.raises(FaceModelError, match="takes no second path"):
        load("open", kit.folder)
    with pytest.raises(FaceModelError, match="no copy of ICT-FaceKit"):
        load("ict", tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(FaceModelError, match="no copy of ICT-FaceKit"):
        load(f"open+ict:{tmp_path}")


def test_the_same_files_make_the_same_model_with_any_number_of_threads(kit, ict):
    """Weights name their model by a checksum, and a later command may have other cores."""
    script = "import sys; from mmreg.face import load; print(load('ict', sys.argv[1]).checksum)"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "3")
    done = subprocess.run(
        [sys.executable, "-c", script, str(kit.folder)],
        env=os.environ | threads,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ict.checksum
