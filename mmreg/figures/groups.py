"""Pictures of what a measure says of groups of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from mmreg.figures.style import PALETTE, new_figure


def group_intervals(groups: Mapping[str, Mapping[str, Mapping]], measures: Mapping[str, str]) -> Figure:
    """A panel for each measure: every group's mean with its 95 % interval, groups of one attribute in one colour.

    Args:
        groups: attribute, group, then "people" and for each measure value, low and high.
        measures: what the axes say, by a measure's name.
    """
    rows = [(attribute, group, found) for attribute, own in groups.items() for group, found in own.items()]
    attributes = list(groups)
    figure, axes = new_figure(1, len(measures), height=0.36 * len(rows) + 1.1, sharey=True, squeeze=False)
    gaps = [attributes.index(attribute) * 0.7 for attribute, _, _ in rows]
    places = [k + gap for k, gap in enumerate(gaps)]
    for axis, (name, title) in zip(axes[0], measures.items(), strict=True):
        for place, (attribute, _, found) in zip(places, rows, strict=True):
            value, low, high = (found[name][part] for part in ("value", "low", "high"))
            colour = PALETTE[attributes.index(attribute)]
            axis.errorbar(
                value,
                place,
                xerr=[[max(value - low, 0.0)], [max(high - value, 0.0)]],
                fmt="o",
                color=colour,
                markersize=6,
            )
        if axis.get_xlim()[0] < 0.0 < axis.get_xlim()[1]:
            axis.axvline(0.0, color="#444444", linewidth=1.0, zorder=0)
        axis.set_xlabel(title, fontsize=11)
        axis.set_ylim(max(places) + 0.6, -0.6)
    axes[0, 0].set_yticks(places, [f"{group} ({found['people']})" for _, group, found in rows])
    return figure


def differences_table(differences: Mapping[str, Mapping[str, Mapping]], measures: Sequence[str], tests: int) -> str:
    """The largest difference of two groups for each attribute and measure, as a table in Markdown; bold where it is found even after so many
    questions (Bonferroni, 5 %)."""
    lines = [
        "| attribute | measure | lower → higher | difference | 95 % interval | p | would be found from |",
        "|---|---|---|---|---|---|---|",
    ]
    for attribute, found in differences.items():
        for name in measures:
            one = found.get(name)
            if not one or "value" not in one:
                continue
            p = f"{one['p']:.3f}"
            p = f"**{p}**" if one["p"] < 0.05 / tests else p
            low, high = one["between"]
            lines.append(
                f"| {attribute} | {name.replace('_', ' ')} | {low} → {high} | {one['value']:.2f} | "
                f"{one['low']:.2f} to {one['high']:.2f} | {p} | {one['detectable']:.2f} |"
            )
    return "\n".join(lines)
