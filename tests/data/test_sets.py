"""Every data set in its own layout, in miniature: what is found, what is refused, and what is said when it isn't there."""

import bz2
import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from mmreg.arrays import InputError
from mmreg.data.feret import feret
from mmreg.data.lfw import Pair, fetch_lfw, lfw, read_pairs
from mmreg.data.mofa import mofa_test
from mmreg.data.photo_folders import art, celeba, ffhq, people_folders
from mmreg.data.photographs import PhotographError
from mmreg.data.records import PhotoSet, ScanSet
from mmreg.data.sets import SETS, check, counted, open_photos, open_scans
from mmreg.data.sources import SOURCES, DataNotAvailable


def picture(path, color=(90, 120, 150), size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def names(photos: PhotoSet):
    return [photo.name for photo in photos.photos]


@pytest.fixture
def lfw_folder(tmp_path):
    for name in ("Ann_Lee/Ann_Lee_0001", "Ann_Lee/Ann_Lee_0002", "Bo/Bo_0001", "Cy_de_la_X/Cy_de_la_X_0010"):
        picture(tmp_path / "lfw" / f"{name}.jpg", size=(25, 25))
    (tmp_path / "lfw" / "Bo" / "Bo_0002.jpg").write_bytes(b"")
    picture(tmp_path / "lfw" / "Bo" / "holiday.jpg")
    (tmp_path / "lfw" / "Bo" / "._Bo_0001.jpg").write_bytes(b"what another system hides")
    return tmp_path / "lfw"


def test_lfw_names_its_people_and_skips_what_is_empty_or_named_otherwise(lfw_folder):
    photos = lfw(lfw_folder)
    assert [(photo.person, photo.name) for photo in photos.photos] == [
        ("Ann_Lee", "Ann_Lee/Ann_Lee_0001.jpg"),
        ("Ann_Lee", "Ann_Lee/Ann_Lee_0002.jpg"),
        ("Bo", "Bo/Bo_0001.jpg"),
        ("Cy_de_la_X", "Cy_de_la_X/Cy_de_la_X_0010.jpg"),
    ]
    assert photos.photos[2].read().shape == (25, 25, 3)
    assert dict(photos.skipped) == {
        "Bo/Bo_0002.jpg": "the file is empty",
        "Bo/holiday.jpg": "not named like Name/Name_0001.jpg",
    }
    assert not photos.stand_in
    assert counted(photos) == "4 photographs of 3 people"


@pytest.mark.parametrize("inside", ["images", "lfw-deepfunneled", "lfw_home/lfw_funneled"])
def test_lfw_is_found_in_the_folder_that_its_archives_unpack_to(lfw_folder, tmp_path, inside):
    place = tmp_path / "around" / inside
    place.parent.mkdir(parents=True)
    lfw_folder.rename(place)
    assert len(lfw(tmp_path / "around").photos) == 4


def test_the_checksum_is_of_what_a_set_holds_and_not_of_where_it_lies(lfw_folder, tmp_path):
    before = lfw(lfw_folder).checksum
    moved = lfw_folder.rename(tmp_path / "elsewhere")
    assert lfw(moved).checksum == before
    picture(moved / "Bo" / "Bo_0001.jpg", size=(31, 31))
    assert lfw(moved).checksum != before


def test_what_scikit_learn_fetched_is_found_and_it_is_asked_to_fetch(lfw_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("MMREG_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    with pytest.raises(DataNotAvailable, match="scikit-learn knows a living mirror"):
        lfw()

    def fetch(data_home, funneled, **_):
        assert funneled
        place = tmp_path / "home" / "lfw_home" / "lfw_funneled"
        place.parent.mkdir(parents=True)
        lfw_folder.rename(place)
        assert data_home == str(tmp_path / "home")

    module = types.SimpleNamespace(fetch_lfw_people=fetch)
    monkeypatch.setitem(sys.modules, "sklearn", types.SimpleNamespace(datasets=module))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
    assert len(fetch_lfw().photos) == 4
    assert len(lfw().photos) == 4
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets")
    with pytest.raises(DataNotAvailable, match="scikit-learn isn't installed"):
        fetch_lfw()


def test_pairs_name_photographs_of_the_set_and_their_fold(lfw_folder, tmp_path):
    file = tmp_path / "pairs.txt"
    file.write_text("2\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo\t1\nAnn_Lee\t2\t1\nBo\t1\tCy_de_la_X\t10\n")
    first, second, third, fourth = read_pairs(file, lfw(lfw_folder))
    assert first == Pair("Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg", True, 0)
    assert second == Pair("Ann_Lee/Ann_Lee_0001.jpg", "Bo/Bo_0001.jpg", False, 0)
    assert (third.same, third.fold) == (True, 1)
    assert fourth.second == "Cy_de_la_X/Cy_de_la_X_0010.jpg"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "should begin with the numbers"),
        ("one\n", "should begin with the numbers"),
        ("1\nAnn_Lee\t1\t2\n", "promises 2 pairs in its first line and holds 1"),
        ("1\nAnn_Lee\t1\ttwo\n", "line 2: expected"),
        ("1\nAnn_Lee\t1\n", "line 2: expected"),
        ("1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo\t7\n", "line 3: LFW has no photograph Bo/Bo_0007"),
    ],
)
def test_pairs_that_are_none_are_refused_by_their_line(lfw_folder, tmp_path, text, reason):
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_pairs(tmp_path / "pairs.txt", lfw(lfw_folder))


def test_absent_pairs_are_refused(lfw_folder, tmp_path):
    with pytest.raises(InputError, match=r"pairs\.txt can't be read"):
        read_pairs(tmp_path / "pairs.txt", lfw(lfw_folder))


def packed(path, color=(200, 100, 50), cut=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    Image.new("RGB", (32, 48), color).save(content, "PPM")
    path.write_bytes(bz2.compress(content.getvalue())[:cut])


@pytest.fixture
def feret_folder(tmp_path):
    root = tmp_path / "feret" / "colorferet"
    images = root / "dvd1" / "data" / "images"
    for name in ("fa", "fb", "pl", "hr_a", "ra"):
        packed(images / "00001" / f"00001_930831_{name}.ppm.bz2")
    packed(root / "dvd2" / "data" / "images" / "00740" / "00740_941201_fa.ppm.bz2", cut=40)
    packed(root / "dvd1" / "data" / "thumbnails" / "00001" / "00001_930831_fa.ppm.bz2")
    packed(images / "00001" / "00001_930831_zz.ppm.bz2")
    truth = root / "dvd1" / "data" / "ground_truths" / "name_value" / "00001"
    truth.mkdir(parents=True)
    (truth / "00001.txt").write_text("id=cfrS00001\ngender=Male\nyob=1943\nrace=White\n")
    return tmp_path / "feret"


def test_feret_has_poses_people_and_what_is_known_of_them(feret_folder):
    photos = feret(feret_folder)
    by_pose = {photo.labels["pose"]: photo for photo in photos.photos if photo.person == "00001"}
    assert set(by_pose) == {"fa", "fb", "pl", "hr", "ra"}
    left = by_pose["pl"].labels
    assert (left["factor"], left["level"], left["side"], left["date"]) == ("pose", 90.0, "left", "930831")
    assert (left["gender"], left["yob"], left["race"]) == ("Male", "1943", "White")
    assert by_pose["fb"].labels["factor"] == "expression"
    assert by_pose["fa"].labels["factor"] == "none"
    assert by_pose["hr"].labels["variant"] == "a"
    np.testing.assert_allclose(by_pose["hr"].read()[0, 0] * 255, [200, 100, 50], atol=1e-4)
    assert [pair[1] for pair in photos.skipped] == ["an unknown pose, zz"]  # thumbnails are no trouble


def test_a_truncated_archive_is_refused_by_its_name_and_a_bomb_isnt_unpacked(feret_folder, monkeypatch):
    broken = next(photo for photo in feret(feret_folder).photos if photo.person == "00740")
    with pytest.raises(PhotographError, match=r"00740_941201_fa\.ppm\.bz2 can't be unpacked"):
        broken.read()
    monkeypatch.setattr("mmreg.data.feret._LARGEST", 1000)
    with pytest.raises(PhotographError, match="it is too large"):
        feret(feret_folder).photos[0].read()


def test_mofa_takes_people_from_their_list_else_from_folders_else_each_photograph_is_one(tmp_path):
    for name in ("a 1.jpg", "b.png", "same/c.jpg", "same/d.jpg"):
        picture(tmp_path / name)
    assert [photo.person for photo in mofa_test(tmp_path).photos] == ["a 1", "b", "same", "same"]
    (tmp_path / "people.txt").write_text("a 1.jpg ann\n\nb.png\tann b\n")
    assert [photo.person for photo in mofa_test(tmp_path).photos] == ["ann", "ann b", "same", "same"]
    (tmp_path / "people.txt").write_text("x.jpg ann\n")
    with pytest.raises(InputError, match=r"names x\.jpg, which isn't among"):
        mofa_test(tmp_path)
    (tmp_path / "people.txt").write_text("alone\n")
    with pytest.raises(InputError, match="line 1: expected a file and a person"):
        mofa_test(tmp_path)


def test_a_portraits_style_is_its_folder(tmp_path):
    for name in ("pencil/old/a.jpg", "comic/b.png", "c.webp"):
        picture(tmp_path / name)
    assert {photo.name: photo.labels["style"] for photo in art(tmp_path).photos} == {
        "pencil/old/a.jpg": "pencil",
        "comic/b.png": "comic",
        "c.webp": "art",
    }


def test_celeba_knows_people_by_its_list(tmp_path):
    for number in (1, 2):
        picture(tmp_path / "img_align_celeba" / f"00000{number}.jpg")
    assert [photo.person for photo in celeba(tmp_path).photos] == ["", ""]
    (tmp_path / "Anno").mkdir()
    (tmp_path / "Anno" / "identity_CelebA.txt").write_text("000001.jpg 2880\n000002.jpg 17\n")
    assert [photo.person for photo in celeba(tmp_path).photos] == ["2880", "17"]
    (tmp_path / "Anno" / "identity_CelebA.txt").write_text("202599\n")
    with pytest.raises(InputError, match="line 1: expected a file and a number"):
        celeba(tmp_path)


def test_folders_of_people_name_them_and_ffhq_names_nobody(tmp_path):
    picture(tmp_path / "train" / "n000001" / "0001_01.jpg")
    picture(tmp_path / "train" / "n000002" / "0001_01.jpg")
    assert [photo.person for photo in people_folders(tmp_path).photos] == ["n000001", "n000002"]
    assert [photo.person for photo in ffhq(tmp_path).photos] == ["", ""]


def test_photographs_are_made_when_asked_for_and_sliced_like_a_list(tmp_path):
    for number in range(5):
        picture(tmp_path / f"{number}.png")
    photos = ffhq(tmp_path).photos
    assert [photo.name for photo in photos[1:3]] == ["1.png", "2.png"]
    assert photos[-1].name == "4.png"
    assert len(list(photos)) == 5


@pytest.mark.parametrize("name", SETS)
def test_what_is_absent_says_where_it_is_had_on_which_terms_and_what_is_expected(name, tmp_path, monkeypatch):
    source = SETS[name].source
    for data in (None, tmp_path):
        monkeypatch.delenv("MMREG_DATA", raising=False)
        monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "none"))
        if data:
            monkeypatch.setenv("MMREG_DATA", str(data))
        with pytest.raises(DataNotAvailable) as refusal:
            SETS[name].load()
        assert str(tmp_path / name) if data else "MMREG_DATA" in str(refusal.value)
        for part in (source.name, source.how, source.terms, source.layout):
            assert part
            assert part in str(refusal.value)
    with pytest.raises(DataNotAvailable, match="is no folder"):
        SETS[name].load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no"):
        SETS[name].load(tmp_path / "empty")


def test_every_set_has_a_source_with_an_address():
    assert {source.file for source in SOURCES} >= set(SETS)
    assert all("http" in SETS[name].source.how for name in SETS)


def test_the_real_set_is_opened_where_it_is_and_the_stand_in_where_it_isnt(lfw_folder, tmp_path, monkeypatch):
    asked = {}

    def lfw_like(**size):
        asked.update(size)
        return PhotoSet("LFW-like stand-in", True, (), "")

    generators = types.SimpleNamespace(
        lfw_like=lfw_like, micc_like=lambda **size: ScanSet("MICC-like stand-in", True, (), "")
    )
    monkeypatch.setitem(sys.modules, "mmreg.data.stand_ins", generators)
    monkeypatch.setattr("mmreg.data.stand_ins", generators, raising=False)
    monkeypatch.setenv("MMREG_DATA", str(tmp_path))
    assert open_photos("lfw", people=3).name == "LFW"
    assert not asked
    found = open_photos("mofa_test", people=3, seed=2)
    assert (found.name, found.stand_in, asked) == ("stand-in for MoFA-Test", True, {"people": 3, "seed": 2})
    assert open_scans("micc").stand_in
    (tmp_path / "mofa_test").mkdir()
    with pytest.raises(
        InputError, match="holds no pictures"
    ):  # a set that is there but wrong isn't replaced in silence
        open_photos("mofa_test")
    with pytest.raises(DataNotAvailable):
        open_photos("celeba")
    with pytest.raises(InputError, match="open_scans"):
        open_photos("micc")
    with pytest.raises(InputError, match="open_photos"):
        open_scans("lfw")
    with pytest.raises(InputError, match="no data set named 'lwf'; known are lfw"):
        open_photos("lwf")


def test_a_check_reads_everything_and_names_what_is_broken(lfw_folder):
    (lfw_folder / "Bo" / "Bo_0001.jpg").write_bytes((lfw_folder / "Bo" / "Bo_0001.jpg").read_bytes()[:300])
    report = check(lfw(lfw_folder), progress=False)
    assert report.counts == "4 photographs of 3 people"
    assert {name for name, _ in report.broken} == {"Bo/Bo_0001.jpg", "Bo/Bo_0002.jpg", "Bo/holiday.jpg"}
    assert "truncated" in dict(report.broken)["Bo/Bo_0001.jpg"]
