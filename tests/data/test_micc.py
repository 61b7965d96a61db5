"""MICC Florence in miniature: scans in every format and unit, videos as films or frames, and what is said of what can't be read."""

import io

import numpy as np
import pytest
from PIL import Image

from mmreg.arrays import InputError
from mmreg.data import micc as module
from mmreg.data.micc import micc
from mmreg.data.motion_jpeg import MotionJpeg, find_pictures
from mmreg.data.photographs import PhotographError
from mmreg.data.scan_files import ScanFileError, read_scan
from mmreg.data.sets import check, counted

SIDE = 12  # vertices along each side of the little scans


def surface():
    """(positions in mm, quads): a square of 240 mm, bent towards the viewer."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) - 0.5
    positions = np.stack([240 * x, -240 * y, 60 * np.cos(3 * x)], axis=-1).reshape(-1, 3)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).reshape(-1, 1)
    return positions, corner + np.array([0, SIDE, SIDE + 1, 1])


def write_obj(path, scale=1.0, relative=False):
    positions, quads = surface()
    lines = ["# a scan", "mtllib scan.mtl", *("v {:.6f} {:.6f} {:.6f}".format(*(p * scale)) for p in positions)]
    lines += [f"vt {u:.3f} 0.5" for u in np.linspace(0, 1, len(positions))]
    shown = quads - len(positions) if relative else quads + 1
    lines += ["f " + " ".join(f"{corner}/{corner}" for corner in quad) for quad in shown]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_vrml(path):
    positions, quads = surface()
    points = ",\n".join("{:.6f} {:.6f} {:.6f}".format(*p) for p in positions)
    index = ",\n".join(" ".join(map(str, quad)) + " -1" for quad in quads)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#VRML V2.0 utf8\nShape {{ geometry IndexedFaceSet {{\n coord Coordinate {{ point [\n{points}\n] }}\n"
        f" coordIndex [ # quads\n{index}\n] }} }}\n"
    )
    return path


def jpeg(shade, progressive=False):
    content = io.BytesIO()
    noise = np.random.default_rng(shade).integers(0, 60, (40, 48, 3)) + shade
    Image.fromarray(noise.astype(np.uint8)).save(content, "JPEG", progressive=progressive, quality=90)
    return content.getvalue()


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.001])
@pytest.mark.parametrize("relative", [False, True])
def test_a_scan_is_in_millimetres_whatever_unit_its_file_has(tmp_path, scale, relative):
    positions, quads = surface()
    scan = read_scan(write_obj(tmp_path / "scan.obj", scale, relative), {"nose_tip": 5, "chin": positions[7] * scale})
    np.testing.assert_allclose(scan.positions, positions, atol=2e-3)
    np.testing.assert_array_equal(scan.triangles[:2], [quads[0][[0, 1, 2]], quads[0][[0, 2, 3]]])
    assert len(scan.triangles) == 2 * len(quads)
    np.testing.assert_allclose(scan.landmarks["nose_tip"], positions[5], atol=2e-3)
    np.testing.assert_allclose(scan.landmarks["chin"], positions[7], atol=2e-3)


def test_vrml_says_the_same_as_obj(tmp_path):
    obj, vrml = read_scan(write_obj(tmp_path / "a.obj")), read_scan(write_vrml(tmp_path / "a.wrl"))
    np.testing.assert_allclose(vrml.positions, obj.positions, atol=1e-4)
    np.testing.assert_array_equal(vrml.triangles, obj.triangles)


def edited(path, old, new, count=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))
    return path


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("v -120", "v x", "aren't 3 numbers"),
        ("v -120.000000", "v nan", "isn't finite"),
        ("f 1/1", "f 999/1", "over vertices that it doesn't have"),
        ("f 1/1", "f one/1", "isn't vertex numbers"),
        ("v -120.000000", "v -9000", "extends over 9.12e+03 units"),
        ("v ", "# ", "holds 0 vertices"),
    ],
)
def test_a_damaged_scan_is_refused_by_its_name(tmp_path, old, new, reason):
    path = write_obj(tmp_path / "scan.obj")
    with pytest.raises(ScanFileError) as refusal:
        read_scan(edited(path, old, new, -1 if new == "# " else 1))
    assert reason in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_what_is_no_scan_is_refused(tmp_path):
    with pytest.raises(ScanFileError, match="can't be read"):
        read_scan(tmp_path / "none.obj")
    (tmp_path / "empty.wrl").write_text("#VRML V2.0 utf8\n")
    with pytest.raises(ScanFileError, match="no indexed face set"):
        read_scan(tmp_path / "empty.wrl")
    with pytest.raises(ScanFileError, match="none is nose_tip, number 144"):
        read_scan(write_obj(tmp_path / "a.obj"), {"nose_tip": SIDE**2})


@pytest.mark.parametrize(
    "between", [b"", b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"00dc\x01\x02\x03\x04\xff"]
)
def test_a_films_frames_are_its_pictures_whatever_stands_between(tmp_path, between):
    frames = [jpeg(shade, progressive) for shade, progressive in ((0, False), (90, True), (180, False))]
    (tmp_path / "film.mjpg").write_bytes(between + between.join(frames) + between)
    film = MotionJpeg(tmp_path / "film.mjpg", "ann", "")
    assert [photo.name for photo in film] == ["000001", "000002", "000003"]
    for photo, content in zip(film, frames, strict=True):
        expected = np.asarray(Image.open(io.BytesIO(content)), np.float32) / 255
        np.testing.assert_array_equal(photo.read(), expected)
    assert film[-1].name == "000003"
    assert [photo.name for photo in film[1:]] == ["000002", "000003"]


def test_a_picture_within_a_picture_is_no_frame_and_a_cut_one_neither():
    small = jpeg(10)
    preview = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
    outer = jpeg(100)
    framed = outer[:2] + preview + outer[2:]
    assert find_pictures(framed + outer) == [(0, len(framed)), (len(framed), len(framed) + len(outer))]
    cut = outer[: len(outer) // 2]
    assert find_pictures(cut + outer) == [(len(cut), len(cut) + len(outer))]
    assert find_pictures(outer + cut) == [(0, len(outer))]
    assert find_pictures(b"\xff\xd8\xff") == []
    assert find_pictures(b"") == []


def test_a_damaged_frame_is_refused_by_its_number_and_the_others_are_read(tmp_path):
    frames = [jpeg(shade) for shade in (0, 90, 180)]
    table = frames[1].index(b"\xff\xdb")
    frames[1] = frames[1][: table + 4] + bytes(60) + frames[1][table + 64 :]
    (tmp_path / "film.mjpg").write_bytes(b"".join(frames))
    film = MotionJpeg(tmp_path / "film.mjpg", "ann", "")
    assert len(film) == 3
    film[2].read()
    frames[1] = frames[0][: frames[0].index(b"\xff\xc0")] + b"\xff\xd9"
    (tmp_path / "film.mjpg").write_bytes(b"".join(frames))
    with pytest.raises(PhotographError, match=r"frame 2 of .*film\.mjpg"):
        MotionJpeg(tmp_path / "film.mjpg", "ann", "")[1].read()


@pytest.fixture
def florence(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_landmarks", lambda positions, triangles: {"nose_tip": positions[0]})
    root = tmp_path / "micc"
    one, two, ten, none = (root / f"subject_{number}" for number in ("01", "02", "10", "53"))
    write_obj(one / "Model" / "frontal1" / "obj" / "110920150300.obj")
    write_vrml(one / "Model" / "frontal1" / "vrml" / "110920150300.wrl")
    write_obj(one / "Model" / "frontal2" / "obj" / "b.obj", 0.1)
    write_vrml(two / "Model" / "frontal2" / "vrml" / "a.wrl")
    write_obj(ten / "Model" / "sidel" / "obj" / "a.obj")
    (one / "Video").mkdir()
    (one / "Video" / "Indoor-Cooperative.mjpg").write_bytes(jpeg(0) + jpeg(50))
    (one / "Video" / "PTZ-Indoor.mpg").write_bytes(b"\x00\x00\x01\xba" + bytes(100))
    for number in range(3):
        path = one / "Video" / "PTZ-Outdoor" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(number))
    (none / "Video").mkdir(parents=True)
    return root


def test_florence_has_scans_and_videos_and_says_what_is_missing(florence):
    scans = micc(florence)
    assert [person.name for person in scans.people] == ["subject_01", "subject_02", "subject_10"]
    assert [person.labels["view"] for person in scans.people] == ["frontal1", "frontal2", "sidel"]
    first = scans.people[0]
    assert {name: len(frames) for name, frames in first.videos.items()} == {"cooperative": 2, "outdoor": 3}
    assert all(frame.person == "subject_01" for frames in first.videos.values() for frame in frames)
    assert first.videos["outdoor"][1].read().shape == (40, 48, 3)
    skipped = dict(scans.skipped)
    out = florence / "subject_01" / "Video" / "PTZ-Indoor"
    assert f"ffmpeg -i '{out}.mpg' -q:v 2 '{out}/%06d.jpg'" in skipped["subject_01/Video/PTZ-Indoor.mpg"]
    assert "no scan" in skipped["subject_53"]
    assert skipped["subject_02/Video/PTZ-Outdoor"] == "the video is missing"
    assert counted(scans) == "3 people with a scan, 2 videos"


def test_another_view_is_another_scan_and_changes_the_checksum(florence):
    first, second = micc(florence), micc(florence, view="frontal2")
    assert second.people[0].labels["view"] == "frontal2"
    np.testing.assert_allclose(second.people[0].read_scan().positions, first.people[0].read_scan().positions, atol=0.01)
    assert first.checksum != second.checksum
    with pytest.raises(InputError, match="no view 'back'; choose one of frontal1"):
        micc(florence, view="back")


def test_landmarks_beside_a_scan_are_read(florence):
    file = florence / "subject_01" / "Model" / "frontal1" / "landmarks.txt"
    file.write_text("# by hand\nnose_tip 5\n\nmulti_pie_09 1.5 -2 3\n")
    assert [person.labels["landmarks"] for person in micc(florence).people] == ["by hand", "found", "found"]
    landmarks = micc(florence).people[0].read_scan().landmarks
    np.testing.assert_allclose(landmarks["nose_tip"], surface()[0][5], atol=1e-3)
    np.testing.assert_allclose(landmarks["multi_pie_09"], [1.5, -2, 3])
    file.write_text("nose_tip 5\nchin 1 2\n")
    with pytest.raises(ScanFileError, match=r"landmarks\.txt, line 2: expected a name"):
        micc(florence).people[0].read_scan()


def test_a_scan_without_landmarks_is_searched_for_them_and_a_check_says_where_none_are(florence, monkeypatch):
    scan = micc(florence).people[0].read_scan()
    np.testing.assert_array_equal(scan.landmarks["nose_tip"], scan.positions[0])
    monkeypatch.setattr(module, "find_landmarks", lambda positions, triangles: {})
    (florence / "subject_01" / "Model" / "frontal1" / "landmarks.txt").write_text("nose_tip 5\n")
    broken = dict(check(micc(florence), progress=False).broken)
    assert "mark points of it in a landmarks.txt" in broken["subject_02's scan"]
    assert "subject_01's scan" not in broken


def test_the_archives_own_folder_may_stand_around_the_subjects(florence, tmp_path):
    (tmp_path / "around").mkdir()
    florence.rename(tmp_path / "around" / "florence")
    assert len(micc(tmp_path / "around").people) == 3


def test_videos_that_all_want_a_decoder_are_refused_with_the_command(florence):
    for video in (florence / "subject_01" / "Video").iterdir():
        if video.is_dir():
            for frame in video.iterdir():
                frame.unlink()
            video.rmdir()
        else:
            video.unlink()
    (florence / "subject_01" / "Video" / "PTZ-Indoor.mpg").write_bytes(b"\x00\x00\x01\xba" + bytes(100))
    with pytest.raises(InputError, match=r"None of the 1 videos .* can be read as they are: .*ffmpeg -i"):
        micc(florence)


def test_a_check_reads_every_scan_and_frame_and_finds_the_films_without_frames(florence):
    (florence / "subject_02" / "Video").mkdir()
    (florence / "subject_02" / "Video" / "PTZ-Indoor.mjpg").write_bytes(jpeg(0)[:400])
    edited(florence / "subject_10" / "Model" / "sidel" / "obj" / "a.obj", "f 1/1", "f 999/1")
    (florence / "subject_01" / "Video" / "PTZ-Outdoor" / "1.jpg").write_bytes(b"no picture")
    report = check(micc(florence), progress=False)
    assert report.counts == "3 people with a scan, 3 videos, 4 frames"
    reasons = dict(report.broken)
    assert "doesn't have" in reasons["subject_10's scan"]
    assert "holds no whole JPEG picture" in reasons["subject_02's video indoor"]
    assert "not a picture" in reasons["subject_01's video outdoor, frame 1.jpg"]
