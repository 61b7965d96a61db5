"""What each protocol measures of surfaces whose distance is known: its own bias, which a figure in a paper doesn't tell."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmreg.arrays import InputError
from mmreg.data.records import Scan
from mmreg.evaluation.known_truth import known_pairs
from mmreg.evaluation.nearest_face import face_mesh, measured_part, nearest_face
from mmreg.evaluation.protocols import NOW_LANDMARKS, PROTOCOLS, Comparison, common_scale
from mmreg.evaluation.scan_error import Surface, surface_distances
from mmreg.face import Coefficients


@pytest.fixture(scope="module")
def face(open_model):
    return face_mesh(open_model, np.zeros(open_model.shape.component_count, np.float32))


@pytest.fixture(scope="module")
def measured(face):
    """By a pair's name, what every protocol says of it, with a common scale of 1."""
    found = {}
    for pair in known_pairs(face):
        comparison = Comparison(pair.reconstruction, pair.scan)
        found[pair.name] = {name: comparison.measure(p, 1.0) for name, p in PROTOCOLS.items()}
    return found


def errors(measured, name):
    return {protocol: found.error_mm for protocol, found in measured[name].items()}


@pytest.mark.parametrize("name", ["the same surface", "other triangles", "forehead missing"])
def test_one_surface_measures_nothing_whatever_its_triangles_and_its_cut(measured, name):
    assert max(errors(measured, name).values()) < 0.04


def test_a_size_is_forgiven_unless_all_share_one_scale(measured):
    found = errors(measured, "5 % larger")
    assert found.pop("paper, one scale") > 0.7
    assert max(found.values()) < 0.001


def test_what_lies_outside_evenly_is_taken_for_size_and_most_of_it_goes_unmeasured(measured):
    found = errors(measured, "1 mm further out")
    assert all(0.05 < error < 0.4 for error in found.values())
    assert found["Deng"] > found["paper"] > found["NoW"]
    assert all(m.alignment.scale < 0.999 for name, m in measured["1 mm further out"].items() if "one" not in name)


def test_of_waves_most_is_measured_by_every_protocol(measured):
    found = errors(measured, "waves of 1 mm")
    assert 0.8 < found["Deng"] < 1.05  # root mean square 1
    for name in ("paper", "paper, one scale", "NoW"):
        assert 0.75 < found[name] / (2.0 * np.sqrt(2.0) / np.pi) < 1.05


def test_now_counts_what_the_paper_leaves_out(measured):
    beyond = measured["forehead missing"]["NoW"].distances_mm
    assert beyond.max() > 10.0  # the scan's forehead, far from a surface that ends below it
    assert measured["forehead missing"]["paper"].distances_mm.max() < 0.1


def test_place_and_turn_of_the_reconstruction_don_t_matter(open_model, face):
    shape = Coefficients.sample(open_model, 1, 3).shape[0]
    scan = face_mesh(open_model, shape)
    turn, shift = Rotation.from_euler("xyz", [20, -15, 10], degrees=True).as_matrix(), np.array([10.0, -30.0, 5.0])
    moved = Scan(
        1.4 * face.positions @ turn.T + shift,
        face.triangles,
        {n: 1.4 * p @ turn.T + shift for n, p in face.landmarks.items()},
    )
    one, other = Comparison(face, scan), Comparison(moved, scan)
    for protocol in PROTOCOLS.values():
        if not protocol.common_scale:
            assert one.measure(protocol).error_mm == pytest.approx(other.measure(protocol).error_mm, abs=0.01)
    assert common_scale([one, other]) == pytest.approx(one.alignment.scale / np.sqrt(1.4), rel=1e-3)


def test_a_scan_with_a_nose_tip_alone_is_aligned_from_there(open_model, face):
    scan = face_mesh(open_model, Coefficients.sample(open_model, 1, 3).shape[0])
    bare = Scan(scan.positions, scan.triangles, {"nose_tip": scan.landmarks["nose_tip"]})
    paper = PROTOCOLS["paper"]
    marked = Comparison(face, scan).measure(paper).error_mm
    assert Comparison(face, bare).measure(paper).error_mm == pytest.approx(marked, abs=0.01)
    with pytest.raises(InputError, match="seven landmarks"):
        Comparison(face, bare).measure(PROTOCOLS["NoW"])
    with pytest.raises(InputError, match="no landmark nose_tip"):
        Comparison(face, Scan(scan.positions, scan.triangles, {}))
    with pytest.raises(InputError, match="scale that all"):
        Comparison(face, scan).measure(PROTOCOLS["paper, one scale"])
    assert set(NOW_LANDMARKS) <= set(scan.landmarks)


def test_the_error_map_is_on_the_reconstruction_s_own_vertices(open_model, face):
    scan = face_mesh(open_model, Coefficients.sample(open_model, 1, 3).shape[0])
    comparison = Comparison(face, scan)
    found = comparison.error_map()
    assert found.shape == (open_model.vertex_count,)
    far = np.linalg.norm(face.positions - face.landmarks["nose_tip"], axis=1) > 130.0
    assert np.isnan(found[far]).all()
    assert np.nanmean(found) == pytest.approx(comparison.measure(PROTOCOLS["paper"]).error_mm, rel=0.15)


def test_distances_to_a_surface_are_to_its_triangles_not_its_vertices():
    row, column = np.mgrid[:12, :12]
    positions = np.stack([row.ravel() * 5.0, column.ravel() * 5.0, 0.0 * row.ravel()], axis=1)
    corner = (12 * row + column)[:-1, :-1].ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 12, corner + 13], 1), np.stack([corner, corner + 13, corner + 1], 1)]
    )
    points = np.random.default_rng(0).uniform(0.0, 55.0, (500, 3))
    plane = Surface.of(positions, triangles)
    np.testing.assert_allclose(surface_distances(points, plane), points[:, 2], atol=1e-9)
    assert surface_distances(np.array([[-3.0, 20.0, 4.0]]), plane) == pytest.approx(5.0)


def test_the_nearest_face_of_the_model_is_the_face_itself_where_the_scan_is_of_the_model(open_model):
    scan = face_mesh(open_model, Coefficients.sample(open_model, 1, 5).shape[0])
    found = nearest_face(open_model, scan)
    paper = PROTOCOLS["paper"]
    nearest = Comparison(face_mesh(open_model, found), scan).measure(paper).error_mm
    mean = Comparison(face_mesh(open_model, 0.0 * found), scan).measure(paper).error_mm
    assert nearest < 0.1 * mean
    assert (found**2).mean() < 1.5


def test_what_is_measured_is_the_outside(open_model):
    part = measured_part(open_model)
    assert part[open_model.multi_pie].all()
    assert not (part & open_model.region("mouth_bag")).any()
    assert part[open_model.face_region].mean() > 0.9
    forward = open_model.mean_positions()[:, 2]
    for name in ("left_eye", "right_eye"):
        eye = open_model.region(name)
        assert forward[part & eye].min() > np.quantile(forward[eye], 0.25)  # no back of an eyeball
