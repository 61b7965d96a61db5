"""How long things take on faster machines."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmreg.figures.learning import Curve
from mmreg.figures.style import PALETTE, new_figure

MARKS = ((1.0 / 60.0, "a minute"), (1.0, "an hour"), (24.0, "a day"), (168.0, "a week"))


def hours_by_speed(curves: Sequence[Curve], x_label: str) -> Figure:
    """Hours over speed, both logarithmic, with lines at the spans that people plan by."""
    figure, axis = new_figure(height=3.8)
    low = min(curve.y.min() for curve in curves)
    high = max(curve.y.max() for curve in curves)
    for k, curve in enumerate(curves):
        axis.plot(curve.x, curve.y, "o-", color=PALETTE[k], label=f"profile {curve.label}", markersize=6)
    right = max(curve.x.max() for curve in curves)
    for hours, words in MARKS:
        if low / 3 < hours < high * 3:
            axis.axhline(hours, color="#999999", linestyle=":", linewidth=1.2)
            axis.text(right, hours, words, ha="right", va="bottom", fontsize=10, color="#555555")
    ticks = curves[0].x
    axis.set(xscale="log", yscale="log", xlabel=x_label, ylabel="hours of stage two")
    axis.set_xticks(ticks, [f"{tick:g} ×" for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(low / 3, high * 3)
    axis.yaxis.set_major_formatter(lambda hours, _: f"{hours:g}")
    axis.legend(fontsize=11, loc="lower left")
    return figure
