"""Writes the page that sets the paper's figures beside ours, from the records in results/experiments; what isn't measured yet is said to be so."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent

PAGE = """# The paper's figures and ours

Every figure of ours is read from a record in `results/experiments/`, which names its data, its weights and the command that made it; the paper's are those of {{cite:t}}`genova2018`, from its text, or where its
tables are lost from others' accounts (†). **None of ours is a reproduction in the strict sense**: another face model, another recogniser in the loss, another judge, and where the table says *stand-in*, people who don't exist. Read along a
row to see what was asked and how far we are; the sentence below each table says why the two needn't agree.

{sections}

† Not in the text that we have; as others report it.
"""

ELSEWHERE = "the open face model and dlib's recogniser in place of the Basel Face Model and FaceNet"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: the quantity.
        paper: the paper's, in words.
        ours: reads it from the record as text; KeyError or TypeError where the record hasn't got it.
    """

    what: str
    paper: str
    ours: Callable[[Mapping], str]


@dataclass(frozen=True)
class Section:
    """One experiment: the record's name, which part of it, the chapter, its rows, and why they may differ."""

    title: str
    record: str
    chapter: str
    rows: tuple[Row, ...]
    why: str
    part: str = ""


def number(*path: str, digits: int = 2) -> Callable[[Mapping], str]:
    """Reads a number at a path of names."""

    def read(record: Mapping) -> str:
        for name in path:
            record = record[name]
        return f"{float(record):.{digits}f}"

    return read


def video(name: str, method: str = "features averaged") -> Callable[[Mapping], str]:
    """Reads mean and deviation of a video's error under the paper's protocol."""

    def read(record: Mapping) -> str:
        found = record["errors_mm"]["paper"][method]
        found = found.get(name) or found["any"]
        return f"{found['mean']:.2f} ± {found['deviation']:.2f} mm"

    return read


def worst(measure: str) -> Callable[[Mapping], str]:
    """Reads between which groups of people a measure differs beyond chance, or that it doesn't."""

    def read(record: Mapping) -> str:
        tests = record["setting"]["tests"]
        found = [
            f"{one['between'][1]} {one['value']:+.2f} beside {one['between'][0]}"
            for table in record["differences"].values()
            if "p" in (one := table[measure]) and one["p"] < 0.05 / tests
        ]
        return "; ".join(found) or "no difference beyond chance"

    return read


def recall(part: str, photos: str, paper: tuple[str, str], chance: str) -> Section:
    """The rows of one set's clustering recall."""
    return Section(
        f"Clustering recall, {photos}",
        "recall",
        "17_recall",
        (
            Row("the right person first", paper[0], number("recall_top_1", digits=3)),
            Row("among the first five", paper[1], number("recall_top_5", digits=3)),
            Row("first, by chance", chance, number("recall_top_1_of_chance", digits=4)),
            Row("first, own photograph removed", "not reported", number("recall_top_1_own_photo_removed", digits=3)),
        ),
        f"{ELSEWHERE}; another judge than VGG-Face, and not as many photographs",
        part,
    )


SECTIONS = (
    Section(
        "Geometry (MICC Florence)",
        "geometry",
        "15_geometry",
        (
            Row("cooperative video, features averaged", "1.50 ± .13 mm †", video("cooperative")),
            Row("indoor video", "1.50 ± .11 mm †", video("indoor")),
            Row("outdoor video", "1.48 ± .11 mm †", video("outdoor")),
            Row(
                "Tran et al., cooperative / our frames' meshes averaged",
                "1.93 ± .27 mm †",
                video("cooperative", "meshes averaged"),
            ),
            Row("the mean face", "not reported", video("any", "the mean face")),
            Row("the nearest face of the model", "not reported", video("any", "the nearest face of the model")),
        ),
        f"{ELSEWHERE}; protocols differ in the literature by tenths of a millimetre, and the set matters more. That ours lies near the paper's means nothing, for the mean face alone does nearly as well: compare within our column",
    ),
    Section(
        "Similarity (LFW)",
        "similarity",
        "16_similarity",
        (
            Row(
                "mean similarity of rendering and photograph", "0.403 (on MoFA-Test)", number("similarity_to_own_photo")
            ),
            Row("two photographs of one person", "0.50", number("similarity_of_photos_of_one_person")),
            Row(
                "pairs of one person below the mean",
                "22.7 %",
                lambda r: f"{100 * r['same_person_photo_pairs_below_mean']:.1f} %",
            ),
            Row(
                "pairs of two people above it",
                "0.04 %",
                lambda r: f"{100 * r['different_people_photo_pairs_above_mean']:.2f} %",
            ),
            Row("earth mover's distance to one person's pairs", "lost", number("earth_movers_distance_to_same")),
            Row("to two people's pairs", "lost", number("earth_movers_distance_to_different")),
        ),
        f"{ELSEWHERE}; similarities of another judge, centred by the mean of each kind of picture, so the scales differ",
        "lfw",
    ),
    recall("lfw", "LFW", ("0.16", "0.51"), "0.0002"),
    recall("mofa_test", "MoFA-Test", ("0.87", "0.96"), "0.01"),
    Section(
        "Whom it serves (discussion)",
        "fairness",
        "22_whom_it_serves",
        (
            Row("shape, by group", "weaker for some ages and ethnicities, no numbers", worst("error_mm")),
            Row("lightness of the skin, predicted less true (L*)", "not reported", worst("lightness_bias")),
            Row("mean error of the lightness (L*)", "not reported", number("lightness_error", digits=1)),
        ),
        "the paper looked at photographs; ours are generated people whose attributes are known",
    ),
    Section(
        "Art (BAM)",
        "art",
        "19_art",
        (
            Row(
                "painting: recognised first among the people drawn",
                "plausible, by eye",
                number("recognition", "painting", "top_1"),
            ),
            Row("pencil", "plausible, by eye", number("recognition", "pencil", "top_1")),
            Row("by chance", "", number("chance_top_1")),
        ),
        "the paper shows pictures; a filter in place of a painter",
    ),
)


def section_text(section: Section, folder: Path, chapters: set[str]) -> str:
    """A section's heading, table and reason."""
    title = f"## {section.title}"
    if section.chapter in chapters:
        title += f"\n\nThe chapter: {{doc}}`/_executed/{section.chapter}`."
    path = folder / f"{section.record}.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    part = record.get(section.part) if section.part else record
    lines = ["| | the paper | ours |", "|---|---|---|"]
    lines += [f"| {row.what} | {row.paper} | {_ours(row, part)} |" for row in section.rows]
    return "\n\n".join([title, "\n".join(lines), f"{_data(record, part)} Why they may differ: {section.why}."])


def _ours(row: Row, record: Mapping | None) -> str:
    try:
        return row.ours(record or {})
    except (KeyError, TypeError):
        return "*not measured yet*"


def _data(record: Mapping, part: Mapping | None) -> str:
    """On what ours was measured."""
    if not record or not part:
        return "Ours: no record yet."
    made, setting = record["provenance"], part.get("setting", {})
    data = [d for d in made["data"] if d["name"] == setting.get("set")] or made["data"][:1]
    kind = "**a stand-in**" if data[0]["stand_in"] else "the real set"
    of = f", {setting['people']} people" if "people" in setting else f", {data[0]['count']:,}"
    return f"Ours: {data[0]['name']} ({kind}{of}), size `{made['profile']['name']}`, commit {made['commit']}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--results", type=Path, default=REPOSITORY / "results/experiments")
    arguments = parser.parse_args()
    chapters = {path.stem for path in (REPOSITORY / "notebooks").glob("*.py")}
    sections = "\n\n".join(section_text(section, arguments.results, chapters) for section in SECTIONS)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(PAGE.format(sections=sections), encoding="utf-8")


if __name__ == "__main__":
    main()
