"""Distances that are known beforehand: a mesh and itself moved, displaced, cut, or with other triangles."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmreg.arrays import InputError
from mmreg.evaluation.scan_error import Surface, align_surfaces, crop_around, distances, scan_error
from mmreg.geometry.registration import Similarity


@pytest.fixture(scope="module")
def face(open_model):
    """Positions, triangles and landmarks of the mean face, cropped at 95 mm."""
    positions = open_model.mean_positions().astype(np.float64)
    visible = open_model.regions["visible"]
    triangles = open_model.triangles[visible[open_model.triangles].all(axis=1)]
    centre = positions[open_model.landmarks["nose_tip"]]
    return *crop_around(positions, triangles, centre), positions[open_model.multi_pie]


def similarity(degrees, scale, seed=0):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    rotation = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    return Similarity(scale, rotation, rng.normal(0.0, 50.0, 3))


def test_a_face_cropped_at_95_mm_reaches_no_further(face):
    positions, triangles, _ = face
    assert 5_000 < len(positions) < 29_000
    assert triangles.max() == len(positions) - 1
    assert np.linalg.norm(positions - positions.mean(axis=0), axis=1).max() < 130.0


def test_a_scan_aligned_to_itself_after_a_similarity_measures_nothing(face):
    positions, triangles, landmarks = face
    scan = Surface.of(positions, triangles)
    for seed in range(3):
        moved = similarity(70.0, 1.3, seed)
        error = scan_error(Surface.of(moved(positions), triangles), moved(landmarks), scan, landmarks)
        assert error.mean_mm < 0.01
        assert error.alignment.scale == pytest.approx(1 / 1.3, rel=1e-4)


def test_a_mesh_displaced_by_1_mm_along_its_normals_measures_1_mm(face):
    positions, triangles, _ = face
    scan = Surface.of(positions, triangles)
    displaced = Surface.of(scan.positions + scan.normals, triangles)
    for one, other in ((displaced, scan), (scan, displaced)):
        assert np.nanmean(distances(one, other)) == pytest.approx(1.0, rel=0.02)


def test_the_alignment_finds_back_from_30_degrees_and_20_percent(face):
    positions, triangles, _ = face
    scan = Surface.of(positions, triangles)
    centre = positions.mean(axis=0)
    for seed in range(4):
        turned = similarity(30.0, 1.2, seed)._replace(translation=np.zeros(3))
        moved = turned(positions - centre) + centre
        found = align_surfaces(Surface.of(moved, triangles), scan, Similarity(1.0, np.eye(3), np.zeros(3)))
        assert np.abs(found(moved) - positions).max() < 0.05, seed


def test_another_triangulation_and_a_cut_measure_little(face):
    positions, triangles, landmarks = face
    rng = np.random.default_rng(0)
    centres = positions[triangles].mean(
        axis=1
    )  # every triangle split in three, then the old corners are gone from a half
    numbers = len(positions) + np.arange(len(triangles))
    split = np.concatenate([np.stack([triangles[:, k], triangles[:, (k + 1) % 3], numbers], axis=1) for k in range(3)])
    split = split[rng.permutation(len(split))]
    other = np.concatenate([positions, centres])
    upper = split[(other[split][:, :, 1] > positions[:, 1].min() + 60.0).all(axis=1)]
    moved = similarity(20.0, 1.1)
    error = scan_error(Surface.of(moved(other), upper), moved(landmarks), Surface.of(positions, triangles), landmarks)
    assert error.mean_mm < 0.05
    assert np.isnan(error.from_scan_mm).mean() > 0.05  # what was cut away isn't measured


@pytest.mark.parametrize(
    ("positions", "count", "message"),
    [(np.zeros((3, 3)), 1, "too little of a face"), (np.full((3, 3), np.nan), 200, "aren't finite")],
)
def test_what_is_no_surface_is_refused(positions, count, message):
    with pytest.raises(InputError, match=message):
        Surface.of(positions, np.tile([[0, 1, 2]], (count, 1)))
