"""Each photograph's results have a name of their own, the same however often it is asked for."""

import os
from pathlib import Path

import pytest

from mmreg.data.output_names import _Names, in_shard, name_photographs
from mmreg.data.photographs import PhotographError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def named(*paths, without=None):
    return [one.name for one in name_photographs(paths, without)]


def test_equal_file_names_get_names_of_their_own(tmp_path):
    files = touch(tmp_path, "a/x.jpg", "b/x.jpg", "c/x.png", "d/X.jpg", "y.jpg", "e/x.jpg")
    folded = [name.casefold() for name in named(*files)]
    assert len(set(folded)) == 6
    assert (folded[0], folded[4]) == ("x", "y")
    assert named(*files) == named(*files)
    assert named(files[0], files[0]) == ["x"]


def test_a_folder_is_mirrored_and_several_are_told_apart(tmp_path):
    touch(tmp_path, "one/p.jpg", "one/n/p.jpg", "one/n/p.png", "two/p.jpg", "other/one/q.jpg", "notes.txt", "z.jpg")
    assert named(tmp_path / "one") == ["p", "n/p", "n/p_png"]
    both = named(tmp_path / "one", tmp_path / "two", tmp_path / "other" / "one", tmp_path / "z.jpg")
    assert both == ["one/p", "one/n/p", "one/n/p_png", "two/p", "one_2/q", "z"]


def test_a_photograph_never_takes_the_name_of_a_folder_beside_it_or_of_the_runs_own_files(tmp_path):
    touch(tmp_path, "p/a.jpg", "p/a/b.jpg", "p/skipped.jsonl.jpg")
    assert named(tmp_path / "p") == ["a_jpg", "skipped_jsonl_jpg", "a/b"]
    odd = touch(tmp_path, "q/..jpg", "q/.mmreg.jpg")
    assert all(name not in ("", ".", "..") and not name.startswith(".") for name in named(*odd))


def test_hidden_files_and_the_results_themselves_are_passed_over(tmp_path):
    touch(tmp_path, "a.jpg", ".hidden.jpg", ".thumbnails/a.jpg", "faces/a/render.png")
    assert named(tmp_path, without=tmp_path / "faces") == ["a"]
    assert named(tmp_path, without=tmp_path / "not_there") == ["a", "faces/a/render"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "real/a.jpg", "photos/b.jpg")
    os.symlink(tmp_path / "real", tmp_path / "photos" / "linked")
    os.symlink(tmp_path / "photos", tmp_path / "photos" / "circle")
    assert named(tmp_path / "photos") == ["b", "linked/a"]


def test_what_isnt_there_and_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(PhotographError, match=r"none\.jpg doesn't exist"):
        named(tmp_path / "none.jpg")
    with pytest.raises(PhotographError, match="holds no pictures"):
        named(tmp_path)


def test_every_photograph_is_in_one_shard_and_stays_there(tmp_path):
    names = [f"n{k:06d}/{k}" for k in range(3000)]
    parts = [[name for name in names if in_shard(name, part, 7)] for part in range(1, 8)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert max(map(len, parts)) < 1.3 * min(map(len, parts))
    assert in_shard("anything", 1, 1)


def test_a_name_takes_no_longer_the_more_equal_ones_there_are(monkeypatch):
    taken = []
    take = _Names._take
    monkeypatch.setattr(_Names, "_take", lambda self, name: (taken.append(name), take(self, name))[1])
    names = _Names()
    assert len({names.file("x.jpg") for _ in range(1000)}) == 1000
    assert len(taken) < 3100  # three tries each, not one for every name before


def test_a_large_folder_is_listed_lazily(tmp_path):
    touch(tmp_path, *(f"{k // 10}/{k}.jpg" for k in range(100)))
    photographs = name_photographs([tmp_path])
    first = next(photographs)
    assert first.path == Path(tmp_path / "0" / "0.jpg")
    for file in (tmp_path / "9").iterdir():
        file.unlink()
    assert sum(1 for _ in photographs) == 89
