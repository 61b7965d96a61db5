"""Writes the page that says how long each chapter took to run, from the workflow's measurements."""

import argparse
import csv
import os
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parent.parent

PAGE = """# How long each page took to run

This build ran the profile `{profile}` on a machine with {cores} cores. Each chapter is one process; the memory is its
peak, with everything it started. Where a chapter had not changed, its line is from the build that last ran it.

| chapter | seconds | peak memory (MB) |
|---|---:|---:|
{rows}
| **all chapters** | **{seconds:.0f}** | **{memory:.0f}** |
"""


def measured(path: Path) -> tuple[float, float]:
    """Seconds and peak resident memory in MB from a Snakemake benchmark file; 0 MB where the system doesn't tell it."""
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    return float(row["s"]), 0.0 if row["max_rss"] in ("-", "NA") else float(row["max_rss"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--profile", required=True)
    arguments = parser.parse_args()

    chapters = yaml.safe_load((REPOSITORY / "notebooks/chapters.yml").read_text(encoding="utf-8")) or {}
    times = {name: measured(arguments.output.parent / "run_times" / f"{name}.tsv") for name in chapters}
    rows = [
        f"| {{doc}}`/_executed/{name}` | {seconds:.0f} | {memory:.0f} |" for name, (seconds, memory) in times.items()
    ]
    page = PAGE.format(
        profile=arguments.profile,
        cores=os.cpu_count(),
        rows="\n".join(rows),
        seconds=sum(seconds for seconds, _ in times.values()),
        memory=max((memory for _, memory in times.values()), default=0.0),
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
