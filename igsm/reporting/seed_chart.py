"""Every training seed as a point: a panel a cell, a line a row. For tables with too many rows for bars."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from igsm.reporting.figures import LETTERS_AN_INCH, new_figure, plain
from igsm.reporting.table import Table

COLUMNS = 4
"""Panels side by side."""


def seed_chart(table: Table, title: str) -> Any:
    """Points of the seeds, their mean as a stroke and its 95 % interval over training seeds as a line.

    Args:
        table: with several seeds in some cells.
        title: heading.
    """
    across = min(COLUMNS, len(table.columns))
    down = math.ceil(len(table.columns) / across)
    width = 2.2 + 0.07 * max(map(len, table.rows)) + 2.2 * across
    figure = new_figure(width, 0.9 + down * (0.5 + 0.2 * len(table.rows)))
    figure.suptitle(textwrap.fill(plain(title), int(LETTERS_AN_INCH * width)), fontsize=10)
    figure.supxlabel("points: training seeds; strokes: their mean; lines: 95 % over training seeds", fontsize=7)
    scale = 100.0 if table.measure.share else 1.0
    panels = figure.subplots(down, across, squeeze=False, sharey=True).flat
    for axis, column in zip(panels, table.columns, strict=False):
        for place, row in enumerate(table.rows):
            cell = table.cell(row, column)
            if cell.value is None:
                continue
            if cell.seed_interval is not None:
                low, high = cell.seed_interval
                axis.plot([scale * low, scale * high], [place, place], color="#4477aa", linewidth=1)
            points = [scale * value for value in cell.by_seed]
            axis.plot(points, [place] * len(points), "o", color="#111111", markersize=2.5, alpha=0.6)
            axis.plot([scale * cell.value], [place], "|", color="#ee6677", markersize=8)
        axis.set_title(plain(column).replace("<=", "≤"), fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    first = figure.axes[0]
    first.set_yticks(range(len(table.rows)), [plain(row) for row in table.rows], fontsize=7)
    first.set_ylim(len(table.rows) - 0.5, -0.5)
    for axis in figure.axes[len(table.columns) :]:
        axis.set_visible(False)
    return figure
