"""Training runs side by side: what the judge says of them, and what their faces look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmreg.arrays import Float
from mmreg.figures.faces import grid
from mmreg.figures.style import PALETTE, WIDTH, new_figure

# (key, heading, digits) of what `results/training/summary.json` holds for every run
MEASURES = (
    ("top1", "recall, first", 2),
    ("top5", "first five", 2),
    ("top1_no_source", "own photo removed", 2),
    ("similarity", "similarity", 2),
    ("skin_tone_rho", "skin tone, ρ", 2),
    ("coefficient_auc", "same person, AUC", 3),
    ("geometry_mm", "shape, mm", 2),
)
BASE = "tuned_short"  # the run that the ablations are compared with; `tuned` is the reference, the same at length, its predictions seen from both sides
AGAIN = "tuned_again"  # the same by the same seed, another day
MOMENTS = (
    ("largest_mean", "largest mean"),
    ("smallest_deviation", "smallest deviation"),
    ("largest_deviation", "largest deviation"),
)


def runs_by_name(summary: Mapping) -> dict[str, dict]:
    """The runs of a summary by their names in `mmreg/variants.toml`."""
    return {run["name"]: run for run in summary.get("runs", [])}


def plain(words: str) -> str:
    """Words of a table without its emphasis."""
    return words.replace("*", "")


def length_of(run: Mapping) -> str:
    """How long a run was: its profile and the steps of both stages."""
    profile = run.get("profile") or {}
    one, two = profile.get("stage_one_steps"), profile.get("stage_two_steps") if run.get("stage") == 2 else 0
    steps = f", {one:,} + {two:,}" if one is not None and two is not None else ""
    return f"`{str(profile.get('name', '?')).partition(',')[0]}`{steps}"


def baseline_rows(summary: Mapping) -> list[dict]:
    """Chance, the mean face and photographs themselves, in the form of runs; the mean face is centred as the run `tuned` is."""
    base = summary.get("baselines", {})
    chance, photos = base.get("chance", {}), base.get("photo_against_photo", {})
    mean_face = dict(runs_by_name(summary).get("tuned", {}).get("of_the_mean_face", {}))
    mean_face |= {key: value for key, value in base.get("mean_face", {}).items() if key == "geometry_mm"}
    return [
        {"what": "chance", **{key.replace("top_", "top"): value for key, value in chance.items()}},
        {"what": "the mean face", **mean_face},
        {
            "what": "another photograph of the person",
            "top1_no_source": photos.get("top1_no_source"),
            "similarity": photos.get("same_person"),
        },
    ]


def ablation_table(
    summary: Mapping, names: Sequence[str] | None = None, moments: bool = False, baselines: bool = False
) -> str:
    """Runs as rows of a table in Markdown, with the profile of each; what is missing is named below it.

    Args:
        names: which, in which order; None takes all there are.
        moments: also of the leading coefficients' means and deviations over photographs.
        baselines: begin with chance, the mean face and photographs themselves.
    """
    runs = runs_by_name(summary)
    wanted = list(runs) if names is None else list(names)
    headings = [heading for _, heading, _ in MEASURES]
    if moments:
        headings += [f"{part}: {heading}" for part in ("shape", "albedo") for _, heading in MOMENTS]
    lines = [f"| run | profile, steps | {' | '.join(headings)} |", "|---" * (len(headings) + 2) + "|"]
    for run in [*(baseline_rows(summary) if baselines else []), *(runs[name] for name in wanted if name in runs)]:
        cells = [_number(run.get(key), digits) for key, _, digits in MEASURES]
        if moments:
            cells += [_number(run.get(part, {}).get(key), 2) for part in ("shape", "albedo") for key, _ in MOMENTS]
        lines.append(f"| {run['what']} | {length_of(run) if 'name' in run else ''} | {' | '.join(cells)} |")
    missing = [f"`{name}`" for name in wanted if name not in runs]
    if missing:
        lines += ["", f"*Not measured yet: {', '.join(missing)}.*"]
    return "\n".join(lines)


def with_and_without(summary: Mapping, whole: str, without: str) -> str:
    """Two runs, measure by measure, and by how much they differ; recall with the error of a sample of so many probes."""
    runs = runs_by_name(summary)
    if whole not in runs or without not in runs:
        absent = " and ".join(f"`{name}`" for name in (whole, without) if name not in runs)
        return f"*`results/training/summary.json` doesn't hold the run {absent} yet.*"
    first, second = runs[whole], runs[without]
    lines = [
        f"| | {plain(first['what'])} | {plain(second['what'])} | difference |",
        "|---|---|---|---|",
        f"| profile, steps | {length_of(first)} | {length_of(second)} | |",
    ]
    probes = probe_count(summary)
    for key, heading, digits in MEASURES:
        a, b = first.get(key), second.get(key)
        if a is None or b is None:
            continue
        error = ""
        if key.startswith("top") and probes:
            error = f" ± {sampling_error(a, b, probes):.{digits}f}"
        lines.append(
            f"| {heading} | {_number(a, digits)} | {_number(b, digits)} | {_number(b - a, digits, sign=True)}{error} |"
        )
    for part in ("shape", "albedo"):
        for key, heading in MOMENTS:
            a, b = (run.get(part, {}).get(key) for run in (first, second))
            if a is not None and b is not None:
                difference = _number(b - a, 2, sign=True)
                lines.append(f"| {part}, {heading} | {_number(a, 2)} | {_number(b, 2)} | {difference} |")
    same = all((first.get("profile") or {}).get(k) == (second.get("profile") or {}).get(k)
               for k in ("stage_one_steps", "stage_two_steps"))  # fmt: skip
    if not same:
        lines += ["", "*The two runs have different lengths, so part of the difference is that.*"]
    return "\n".join(lines)


def group_table(result: Mapping, checksum: str = "") -> str:
    """Errors by groups of people (`results/experiments/fairness.json`) as a table in Markdown: means and their 95 % intervals.

    Args:
        checksum: of the regressor that the page is about; another one's measurement is marked as such.
    """
    groups, setting = result["groups"], result.get("setting", {})
    measures = [name for name in ("error_mm", "lightness_bias", "similarity") if name in setting.get("measures", {})]
    words = [setting["measures"][name] for name in measures]
    lines = [f"| | people | {' | '.join(words)} |", "|---" * (len(measures) + 2) + "|"]
    for attribute, found in groups.items():
        for group, row in found.items():
            cells = [_interval(row.get(name)) for name in measures]
            lines.append(f"| {attribute}: {group} | {row['people']} | {' | '.join(cells)} |")
    told = [
        f"{attribute}, {setting['measures'][name]}: {' / '.join(difference['between'])}, {_interval(difference)}, p = {difference['p']:.3f}"
        for attribute, by_measure in result.get("differences", {}).items()
        for name, difference in by_measure.items()
        if name in measures and difference.get("p", 1.0) < 0.05
    ]
    tests = setting.get("tests")
    found = "; ".join(told) or "none"
    lines += ["", f"{setting.get('people', '?')} people of {setting.get('set', '?')}. Differences with p < 0.05"
              f"{f', of {tests} tests' if tests else ''}: {found}."]  # fmt: skip
    measured = result.get("provenance", {}).get("data", [])
    if checksum and checksum not in [item.get("checksum") for item in measured]:
        lines += ["", "*The record doesn't name these weights: it may be another regressor's.*"]
    return "\n".join(lines)


def _interval(found: Mapping | None) -> str:
    if found is None:
        return ""
    return f"{_number(found['value'], 2)} ({_number(found['low'], 2)} to {_number(found['high'], 2)})"


def sampling_error(first: float, second: float, probes: int) -> float:
    """Twice the standard error of the difference of two recalls, as if each had probes of its own: an upper bound."""
    return float(2.0 * np.sqrt((first * (1 - first) + second * (1 - second)) / probes))


def probe_count(summary: Mapping) -> int | None:
    """How many photographs the runs were judged on."""
    data = summary.get("provenance", {}).get("data", [])
    return next((item["count"] for item in data if "test" in item["name"]), None)


def _number(value: float | None, digits: int, sign: bool = False) -> str:
    if value is None:
        return ""
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text.replace("-", "−")


def ablation_dots(
    summary: Mapping, keys: Sequence[str] = ("top1", "similarity", "skin_tone_rho", "geometry_mm")
) -> Figure:
    """One panel a measure, one row a run; dotted lines mark the short run with all terms, grey ones what photographs or the mean face reach."""
    runs = summary["runs"]
    names = [plain(run["what"]) for run in runs]
    headings = {key: heading for key, heading, _ in MEASURES}
    base = summary.get("baselines", {})
    marks = {
        "top1_no_source": base.get("photo_against_photo", {}).get("top1_no_source"),
        "similarity": base.get("photo_against_photo", {}).get("same_person"),
        "geometry_mm": base.get("mean_face", {}).get("geometry_mm"),
    }
    figure, axes = new_figure(1, len(keys), height=1.3 + 0.42 * len(runs), sharey=True, width=WIDTH + 1.0)
    places = np.arange(len(runs))[::-1]
    reference = next((run for run in runs if run["name"] == BASE), None)
    for axis, key in zip(np.atleast_1d(axes), keys, strict=True):
        values = np.array([np.nan if run.get(key) is None else run[key] for run in runs], float)
        if key != "geometry_mm":  # whose axis doesn't begin at nought
            axis.hlines(places, 0.0, values, color="#bbbbbb", linewidth=1.5)
        axis.scatter(values, places, color=PALETTE[0], s=45, zorder=3)
        if reference is not None and reference.get(key) is not None:
            axis.axvline(reference[key], color=PALETTE[0], linestyle=":", linewidth=1.5)
        if marks.get(key) is not None:
            axis.axvline(marks[key], color=PALETTE[1], linestyle="--", linewidth=1.5)
        axis.set_title(headings[key], fontsize=11)
        axis.tick_params(labelsize=10)
        axis.margins(x=0.12)
    axes[0].set_yticks(places, [_wrapped(name) for name in names], fontsize=9)
    return figure


def skin_tone_frontier(bound: Mapping, runs: Mapping[str, dict]) -> Figure:
    """Scatter within a person against agreement over people: what mixtures of skin and light reach, what is read from features, and what runs do.

    Args:
        bound: results/training/skin_tone_bound.json.
        runs: by how the figure calls them.
    """
    figure, axis = new_figure(height=4.8)
    mixtures = [mixture for mixture in bound["mixtures"] if mixture["own_share"] <= 0.3]
    across, up = ([mixture[key] for mixture in mixtures] for key in ("within_over_between", "rho"))
    axis.plot(
        across,
        up,
        color=PALETTE[0],
        marker="o",
        markersize=4,
        label="people who look alike, and a share of the own light",
    )
    for x, y, mixture in zip(across, up, mixtures, strict=True):
        axis.annotate(
            f"{100 * mixture['own_share']:.0f} %",
            (x, y),
            (5, -11),
            textcoords="offset points",
            fontsize=9,
            color=PALETTE[0],
        )
    read = [reading for reading in bound.get("readings", []) if reading["own_share"] <= 0.3]
    if read:
        axis.plot(
            *([reading[key] for reading in read] for key in ("within_over_between", "rho")),
            color=PALETTE[2],
            marker="s",
            markersize=4,
            label="a weighted sum of features, fitted to that",
        )
    axis.plot([0.0, 1 / 3], [bound["best_rho_blind_to_light"], bound["best_rho_at_a_third"]], color="#888888", linestyle="--",
              label="who knows every skin exactly, up to a third")  # fmt: skip
    for k, (name, run) in enumerate(runs.items()):
        axis.scatter(
            run["skin_tone_within_over_between"],
            run["skin_tone_rho"],
            color=PALETTE[(1, 3, 4, 5)[k % 4]],
            s=max(45, 110 - 30 * k),  # where two lie on each other, both are seen
            zorder=3,
            label=name,
        )
    axis.set_xlabel("scatter within a person, over that between people")
    axis.set_ylabel("agreement over people, ρ")
    axis.set_xlim(0.0, None)
    axis.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)
    return figure


def _wrapped(words: str, width: int = 26) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, width))


def sheets_side_by_side(folder: Path, names: Mapping[str, str]) -> Figure | None:
    """Sheets of `tools/face_sheets.py` by the runs' names, each under its words; None where fewer than two are there."""
    from PIL import Image

    found = {words: folder / f"{name}.png" for name, words in names.items() if (folder / f"{name}.png").is_file()}
    if len(found) < 2:
        return None
    pictures = [np.asarray(Image.open(path).convert("RGB"), np.float32) / 255.0 for path in found.values()]
    pairs = [pictures[k : k + 2] for k in range(0, len(pictures), 2)]
    labels = list(found)
    if len(pairs) == 1:
        return grid(pairs, column_labels=labels)
    figure, axes = new_figure(len(pairs), 2, height=3.75 * len(pairs), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture, label in zip(axes.flat, pictures, labels, strict=False):
        axis.imshow(picture, interpolation="antialiased")
        axis.set_title(_wrapped(label, 44), fontsize=11)
    return figure


def view_matrix(cosines: Float[np.ndarray, "photo view"], level: float) -> Figure:
    """Every photograph's cosine in every one of its views: one column a photograph, dots for views, a bar for their mean."""
    figure, axis = new_figure(height=3.4)
    order = np.argsort(cosines.mean(axis=1))
    x = np.arange(len(cosines))
    for view in cosines[order].T:
        axis.scatter(x, view, s=22, color=PALETTE[4], linewidth=0)
    axis.scatter(
        x, cosines[order].mean(axis=1), s=170, marker="_", linewidth=2.5, color=PALETTE[6], label="mean of its views"
    )
    axis.axhline(level, color=PALETTE[1], linestyle="--", linewidth=1.5, label="mean of all")
    axis.set(xlabel="photograph, in the order of its mean", ylabel="centred cosine", xticks=[])
    axis.legend(fontsize=11, loc="lower right")
    return figure


def error_by_views(views: np.ndarray, errors: Mapping[str, np.ndarray], renderings: int) -> Figure:
    """The standard error of L_id over a step by the number of views, at an equal number of renderings."""
    figure, axis = new_figure(height=3.2)
    for k, (name, values) in enumerate(errors.items()):
        axis.plot(views, values, "o-" if k == 0 else "--", color=PALETTE[k], label=name, markersize=6)
    axis.set(
        xlabel=f"views a photograph, {renderings} renderings in all",
        ylabel="standard error of $L_{id}$",
        xticks=views,
        ylim=(0.0, 1.15 * max(v.max() for v in errors.values())),
    )
    axis.legend(fontsize=11)
    return figure


def read_back_bars(runs: Mapping[str, Float[np.ndarray, " component"]], first: int = 10) -> Figure:
    """How well the first coefficients of a prediction are read back from its rendering: correlations, one bar a run."""
    figure, axis = new_figure(height=3.2)
    width = 0.8 / len(runs)
    for k, (name, values) in enumerate(runs.items()):
        places = np.arange(1, first + 1) + (k - 0.5 * (len(runs) - 1)) * width
        axis.bar(places, values[:first], width, color=PALETTE[k], label=name)
    axis.set_axisbelow(True)
    axis.set(xlabel="shape coefficient", ylabel="correlation, first and second reading", xticks=np.arange(1, first + 1))
    axis.set_ylim(min(0.0, *(v[:first].min() for v in runs.values())), 1.0)
    figure.legend(loc="outside upper center", ncols=len(runs), fontsize=11)
    return figure
