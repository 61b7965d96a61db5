"""A folder of photographs is worked through once: stopped anywhere, it goes on; what comes out doesn't depend on where it was stopped."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mmreg import streaming
from mmreg.arrays import InputError
from mmreg.data.output_names import in_shard, name_photographs
from mmreg.data.photo_statistics import photo_like_features
from mmreg.reconstruct import Reconstructor
from mmreg.regressor import DomainStatistics, fresh_regressor
from mmreg.streaming import reconstruct_photographs


@pytest.fixture(scope="module", autouse=True)
def swift():
    """Several small batches, and each picture is searched for faces once."""
    known = {}
    detect = streaming.detect

    def detect_once(image):
        key = image.tobytes()
        if key not in known:
            known[key] = detect(image)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BATCH", 2)
        patch.setattr(streaming, "detect", detect_once)
        yield


@pytest.fixture(scope="module")
def reconstructor(open_model, encoder, tmp_path_factory):
    photos = photo_like_features(100, 0)
    statistics = DomainStatistics.of(photos.features, photos.embedding)
    regressor = fresh_regressor(open_model, encoder, {"photograph": statistics, "rendering": statistics}, 0)
    path = tmp_path_factory.mktemp("weights") / "regressor.npz"
    regressor.save_file(path, {"seed": 0})
    return Reconstructor.load("open", path, "dlib")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three portraits, one of them of two faces, in two folders; a blank one, a broken one."""
    portrait = pytest.importorskip("skimage.data", reason="scikit-image carries the portrait").astronaut()
    face = Image.fromarray(portrait[:256, 80:336]).resize((160, 160))
    folder = tmp_path_factory.mktemp("photos")
    (folder / "n").mkdir()
    face.save(folder / "a.png")
    both = Image.new("RGB", (320, 160))
    both.paste(face, (0, 0))
    both.paste(face.resize((130, 130)), (175, 15))
    both.save(folder / "b.png")
    Image.new("RGB", (60, 60), (90, 90, 90)).save(folder / "c.png")
    (folder / "d.jpg").write_text("no picture")
    face.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "n" / "e.jpg", quality=90)
    return folder


def work(reconstructor, photos, out, **options):
    options.setdefault("level", "coefficients")
    out.mkdir(exist_ok=True)
    return list(reconstruct_photographs(reconstructor, name_photographs([photos], out), out, **options))


def contents(folder):
    """Every file below the folder and its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(reconstructor, photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    return work(reconstructor, photos, out), out


@pytest.fixture
def looked(monkeypatch):
    """How many photographs were searched for faces so far, as a list of their sizes."""
    asked = []
    detect = streaming.detect
    monkeypatch.setattr(streaming, "detect", lambda image: (asked.append(image.shape), detect(image))[1])
    return asked


def test_each_photograph_has_its_outcome_in_order(whole):
    outcomes, out = whole
    assert [one.photograph.name for one in outcomes] == ["a", "b", "c", "d", "n/e"]
    assert [[f.relative_to(out).as_posix() for f in one.folders] for one in outcomes] == [
        ["a"],
        ["b/face_1", "b/face_2"],
        [],
        [],
        ["n/e"],
    ]
    assert [(bool(one.problem), one.no_face) for one in outcomes][2:4] == [(True, True), (True, False)]
    assert not (out / ".mmreg").exists()


def test_a_face_is_what_the_reconstructor_says_of_its_photograph(whole, reconstructor, photos):
    from mmreg.data.photographs import read_photograph
    from mmreg.results import file_checksum

    expected = reconstructor.reconstruct(read_photograph(photos / "a.png"))[0].coefficients
    record = json.loads((whole[1] / "a" / "coefficients.json").read_text())
    np.testing.assert_allclose(record["shape"], expected.shape[0], atol=1e-5)
    np.testing.assert_allclose(record["albedo"], expected.albedo[0], atol=1e-5)
    assert record["photograph_checksum"] == file_checksum(photos / "a.png")


def test_a_face_is_the_same_to_the_last_bit_whichever_others_it_is_encoded_with(reconstructor, rng):
    chips = list(rng.random((5, *reconstructor.encoder.image_size, 3)).astype(np.float32))
    together = streaming._predict(reconstructor, chips)
    order = np.array([3, 1, 4, 0, 2])
    apart = streaming._predict(reconstructor, [chips[k] for k in order])
    np.testing.assert_array_equal(apart.shape, together.shape[order])
    np.testing.assert_array_equal(apart.albedo, together.albedo[order])
    np.testing.assert_array_equal(streaming._predict(reconstructor, chips[2:3]).shape, together.shape[2:3])


def test_nothing_is_computed_twice_and_the_outcome_stays_the_same(whole, reconstructor, photos, looked):
    outcomes, out = whole
    before = contents(out)
    again = work(reconstructor, photos, out)
    assert looked == []
    assert [one[:4] for one in again] == [one[:4] for one in outcomes]
    assert not any(one.computed for one in again)
    assert contents(out) == before


class Killed(BaseException):
    """What no code expects."""


@pytest.mark.parametrize("moment", range(7))
def test_stopped_at_any_moment_it_goes_on_and_the_result_is_the_same(
    whole, reconstructor, photos, tmp_path, monkeypatch, looked, moment
):
    """Stopped while the k-th file of a face is written, or while a photograph's folder is being put in its place."""
    steps = []

    def stopping(function):
        def step(*arguments, **options):
            steps.append(function)
            if len(steps) == moment + 1:
                raise Killed
            return function(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Reconstructor, "save", stopping(Reconstructor.save))
        patch.setattr(streaming.Path, "rename", stopping(streaming.Path.rename))
        patch.setattr(streaming._Skipped, "remember", stopping(streaming._Skipped.remember))
        with pytest.raises(Killed):
            work(reconstructor, photos, tmp_path / "out")
    done = {path.parent for path in (tmp_path / "out").rglob("coefficients.json")}
    times = {path: path.stat().st_mtime_ns for folder in done for path in folder.iterdir()}
    work(reconstructor, photos, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole[1])
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())  # nothing finished was made again


def test_a_process_that_is_killed_leaves_nothing_behind_that_stays(whole, reconstructor, photos, tmp_path):
    out = tmp_path / "out"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = out / ".mmreg" / f"{os.uname().nodename}.{dead.pid}"
    (left / "partial").mkdir(parents=True)
    (left / "partial" / "face.obj").write_text("half")
    elsewhere = out / ".mmreg" / "othermachine.1"
    elsewhere.mkdir()
    work(reconstructor, photos, out)
    assert not left.exists()
    assert elsewhere.exists()  # may be at work
    os.utime(elsewhere, (1, 1))
    work(reconstructor, photos, out)
    assert contents(out) == contents(whole[1])
    assert not (out / ".mmreg").exists()


def test_a_torn_line_of_the_list_counts_for_nothing(whole, reconstructor, photos, tmp_path, looked):
    out = tmp_path / "out"
    out.mkdir()
    lines = (whole[1] / "skipped.jsonl").read_text()
    (out / "skipped.jsonl").write_text(lines[: len(lines) // 2])
    work(reconstructor, photos, out)
    assert (60, 60, 3) in looked  # the blank one
    looked.clear()
    outcomes = work(reconstructor, photos, out)
    assert looked == []
    assert outcomes[2].no_face


def test_what_was_made_of_something_else_is_made_again(whole, reconstructor, photos, tmp_path, looked):
    own, out = tmp_path / "photos", tmp_path / "out"
    own.mkdir()
    portrait, other = (photos / "a.png").read_bytes(), (photos / "n" / "e.jpg").read_bytes()
    (own / "x.png").write_bytes(portrait)
    work(reconstructor, own, out)
    first = contents(out)
    (own / "x.png").write_bytes(other)  # another photograph of that name
    work(reconstructor, own, out)
    assert contents(out) != first
    (out / "x" / "coefficients.json").write_text("{}")  # damaged
    work(reconstructor, own, out)
    (own / "x.png").write_bytes(portrait)
    work(reconstructor, own, out)
    assert contents(out) == first
    record = json.loads(first["x/coefficients.json"])
    record["weights"]["checksum"] = "another regressor's"
    (out / "x" / "coefficients.json").write_text(json.dumps(record))
    work(reconstructor, own, out)
    assert contents(out) == first
    assert len(looked) == 5
    work(reconstructor, own, out, level="meshes")  # more is asked for than is there
    assert set(contents(out)) == {"x/coefficients.json", "x/face.glb", "x/face.obj"}
    work(reconstructor, own, out)  # and less is there already
    assert len(looked) == 6
    work(reconstructor, own, out, level="meshes", overwrite=True)
    assert len(looked) == 7


def test_shards_together_are_the_whole(whole, reconstructor, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for part in (1, 2, 3):
        chosen = (one for one in name_photographs([photos]) if in_shard(one.name, part, 3))
        list(reconstruct_photographs(reconstructor, chosen, out, "coefficients", part=f"{part}-of-3"))
    found = contents(out)
    lists = [found.pop(name) for name in list(found) if name.startswith("skipped-")]
    expected = contents(whole[1])
    assert b"".join(lists).splitlines() == expected.pop("skipped.jsonl").splitlines() or len(lists) > 1
    assert sorted(b"".join(lists).splitlines()) == sorted(contents(whole[1])["skipped.jsonl"].splitlines())
    assert found == expected


def test_somebodys_own_folder_is_never_replaced(reconstructor, photos, tmp_path):
    own, out = tmp_path / "photos", tmp_path / "out"
    own.mkdir()
    (own / "Documents.png").write_bytes((photos / "a.png").read_bytes())
    (out / "Documents").mkdir(parents=True)
    (out / "Documents" / "thesis.tex").write_text("mine")
    (outcome,) = work(reconstructor, own, out)
    assert "holds other things than faces" in outcome.problem
    assert not outcome.no_face
    assert contents(out) == {"Documents/thesis.tex": b"mine"}
    (out / "Documents" / "face_1").mkdir()
    (out / "Documents" / "face_1" / "coefficients.json").write_text("{}")
    work(reconstructor, own, out)
    assert "Documents/thesis.tex" in contents(out)


def test_few_photographs_are_looked_at_ahead(reconstructor, photos, tmp_path):
    """Memory holds a window of photographs, however many there are."""
    taken = 0

    def endless():
        nonlocal taken
        one = next(iter(name_photographs([photos / "c.png"])))
        while True:
            taken += 1
            yield one

    outcomes = reconstruct_photographs(reconstructor, endless(), tmp_path, "coefficients")
    for _ in range(100):
        next(outcomes)
    outcomes.close()
    assert 100 <= taken < 400


def test_a_full_disk_stops_the_work_and_what_is_finished_stays(reconstructor, photos, tmp_path, monkeypatch):
    saved = []

    def save(*arguments):
        saved.append(arguments)
        if len(saved) == 2:
            raise OSError(28, "No space left on device")
        return real(*arguments)

    real = Reconstructor.save
    monkeypatch.setattr(Reconstructor, "save", save)
    with pytest.raises(InputError, match="b can't be written \\(No space left on device\\)"):
        work(reconstructor, photos, tmp_path / "out")
    assert set(contents(tmp_path / "out")) == {"a/coefficients.json"}
    with pytest.raises(InputError, match="no 'obj' to be written"):
        work(reconstructor, photos, tmp_path / "out", level="obj")
