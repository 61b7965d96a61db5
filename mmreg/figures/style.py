"""One look for every figure: legible at a phone's width, colours safe for the colour-blind."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mmreg.arrays import atomic_path

# Okabe and Ito's palette, without its yellow, which is faint on white
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
WIDTH = 7.0  # inches; a page of the book is about 700 pixels wide


def use_style() -> None:
    """Sets matplotlib's defaults; called by every drawing function, so that a figure looks the same wherever it is made."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 0.55 * WIDTH),
            "figure.dpi": 140,
            "savefig.dpi": 160,
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.labelsize": 12,
            "axes.prop_cycle": mpl.cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "image.interpolation": "nearest",
        }
    )


def new_figure(rows: int = 1, columns: int = 1, height: float | None = None, width: float = WIDTH, **options):
    """(figure, axes) in the book's style; sizes in inches."""
    use_style()
    return plt.subplots(rows, columns, figsize=(width, height or 0.55 * width), **options)


def save(figure: Figure, path: str | Path) -> None:
    """Writes the figure as the suffix says, whole or not at all, and closes it."""
    with atomic_path(path) as partial:
        figure.savefig(partial)
    plt.close(figure)
