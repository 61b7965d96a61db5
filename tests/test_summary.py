"""The page of the paper's figures and ours: from records that are there, and without those that aren't."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "book/summary.py"


@pytest.fixture
def page(tmp_path):
    """Writes the page from records given by name, and reads it."""

    def make(**records):
        for name, record in records.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(record))
        out = tmp_path / "summary.md"
        subprocess.run([sys.executable, str(SCRIPT), str(out), "--results", str(tmp_path)], check=True)
        return out.read_text()

    return make


def provenance(name, stand_in):
    data = [{"name": name, "count": 12, "checksum": "", "stand_in": stand_in}]
    return {"data": data, "profile": {"name": "full"}, "seed": 0, "commit": "abc"}


def row(text, beginning):
    return next(line for line in text.splitlines() if line.startswith(f"| {beginning}"))


def test_without_any_record_the_paper_s_figures_stand_alone(page):
    text = page()
    assert "1.50 ± .13 mm" in text
    assert "*not measured yet*" in row(text, "cooperative video")
    assert "no record yet" in text


def test_a_record_fills_its_rows_and_names_its_data(page):
    videos = {v: {"mean": 1.234, "deviation": 0.2, "people": 12} for v in ("cooperative", "indoor")}
    any_video = {"any": {"mean": 2.0, "deviation": 0.3, "people": 12}}
    errors = {"features averaged": videos, "meshes averaged": videos, "the mean face": any_video}
    record = {"errors_mm": {"paper": errors}, "setting": {"set": "MICC-like stand-in", "people": 12}}
    text = page(geometry={**record, "provenance": provenance("MICC-like stand-in", True)})
    assert row(text, "cooperative video").endswith("| 1.23 ± 0.20 mm |")
    assert row(text, "the mean face").endswith("| 2.00 ± 0.30 mm |")
    assert row(text, "outdoor video").endswith("| *not measured yet* |")
    assert "MICC-like stand-in (**a stand-in**, 12 people)" in text


def test_one_part_of_a_record_may_be_missing(page):
    lfw = {"recall_top_1": 0.5655, "recall_top_5": 0.77, "setting": {"set": "LFW"}}
    text = page(recall={"lfw": lfw, "provenance": provenance("LFW", False)})
    own, other = text.split("## Clustering recall, MoFA-Test")
    assert row(own.split("## Clustering recall, LFW")[1], "the right person first").endswith("| 0.16 | 0.566 |")
    assert row(other, "the right person first").endswith("| 0.87 | *not measured yet* |")
