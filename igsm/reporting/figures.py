"""Pictures: heat maps in the layout of the paper's figures, bar charts for small tables, training curves."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from igsm.errors import InputError
from igsm.problems.difficulty import DIFFICULTIES
from igsm.reporting.measures import Measure
from igsm.reporting.paper import split_cell
from igsm.reporting.table import Table, stars
from igsm.reporting.text import families
from igsm.rundir import atomic_write

Points = Sequence[tuple[float, float]]
LETTERS_AN_INCH = 11
"""Of a title: it is broken into lines rather than cut off at the picture's edges."""
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888", "#222222")


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of that many inches, without a window or pyplot's global state."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib: pip install 'mistakes[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def picture_bytes(figure: Any, kind: str, dots_per_inch: int = 150) -> bytes:
    """The figure as a PNG, PDF or SVG file; without dates, so that equal figures are equal files."""
    buffer = io.BytesIO()
    dated = {"pdf": "CreationDate", "svg": "Date"}
    metadata = {dated[kind]: None} if kind in dated else None
    figure.savefig(buffer, format=kind, dpi=dots_per_inch, metadata=metadata)
    return buffer.getvalue()


def save_picture(figure: Any, path: Path) -> list[Path]:
    """Write ``path``.png and ``path``.pdf."""
    paths = [path.with_name(f"{path.name}.{kind}") for kind in ("png", "pdf")]
    for target in paths:
        atomic_write(target, picture_bytes(figure, target.suffix[1:]))
    return paths


def heat_map(table: Table, title: str) -> Any:
    """Rows by cells with the number in each, as in the paper's figures; the paper's own panel below ours."""
    panels = [("ours", [[table.cell(row, column).value for column in table.columns] for row in table.rows])]
    if table.paper is not None:
        theirs = [[table.cell(row, column).paper for column in table.columns] for row in table.rows]
        if any(value is not None for line in theirs for value in line):
            panels.append((f"paper ({table.paper.source})", theirs))
    if table.measure.share and len(table.columns) > 1:
        averages = [
            [table.average(row) for row in table.rows],
            [table.paper_average(row) for row in table.rows],
        ]
        panels = [
            (name, [[*line, average] for line, average in zip(values, column, strict=True)])
            for (name, values), column in zip(panels, averages, strict=False)
        ]
    longest = max((len(row) for row in table.rows), default=0)
    width = 1.6 + 0.085 * longest + 0.43 * len(panels[0][1][0] if table.rows else [])
    width = max(width, 5.0)
    figure = new_figure(width, 0.9 + len(panels) * (0.85 + 0.27 * len(table.rows)))
    figure.suptitle(textwrap.fill(title, int(LETTERS_AN_INCH * width)), fontsize=11)
    known = [value for _, lines in panels for line in lines for value in line if value is not None]
    low, high = (0.0, 1.0) if table.measure.share else (0.0, max([*known, 1e-9]))
    if table.measure.share and known:
        low = min(known)  # the paper's colours also span the range of the figure
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (name, lines) in zip(axes, panels, strict=True):
        _draw_panel(axis, table, name, lines, low, max(high, low + 1e-9))
    return figure


def _draw_panel(axis: Any, table: Table, name: str, lines: list[list[float | None]], low: float, high: float) -> None:
    numbers = np.array([[np.nan if value is None else value for value in line] for line in lines], dtype=float)
    colours = "RdYlGn" if table.measure.better >= 0 else "YlOrRd"
    axis.imshow(np.ma.masked_invalid(numbers), cmap=colours, vmin=low, vmax=high, aspect="auto", alpha=0.85)
    axis.set_facecolor("#f2f2f2")
    for i, line in enumerate(lines):
        for j, value in enumerate(line):
            text = table.measure.text(value)
            if table.measure.share and value == 1.0:
                text = "100"
            axis.text(j, i, text, ha="center", va="center", fontsize=7, color="#111111")
    labels = [split_cell(column)[1].replace("<=", "≤") for column in table.columns]
    labels += ["average"] * (numbers.shape[1] - len(labels))
    axis.set_xticks(range(len(labels)), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(range(len(table.rows)), table.rows, fontsize=7)
    axis.tick_params(length=0)
    start = 0
    for family, columns in families(table):
        if start:
            axis.axvline(start - 0.5, color="black", linewidth=1.2)
        middle = start + (len(columns) - 1) / 2
        axis.text(middle, -0.62, family, ha="center", va="bottom", fontsize=8, fontweight="bold")
        if 0 < (trained := _trained_columns(family, columns)) < len(columns):
            axis.axvline(start + trained - 0.5, color="white", linewidth=2.5)
        start += len(columns)
    if len(labels) > len(table.columns):
        axis.axvline(start - 0.5, color="black", linewidth=1.2)
    axis.set_title(name, fontsize=9, loc="left", pad=16)
    for side in axis.spines.values():
        side.set_visible(False)


def _trained_columns(family: str, columns: Sequence[str]) -> int:
    """How many of a family's first columns are in distribution, neither larger nor re-asked."""
    difficulty = DIFFICULTIES.get(family.partition("_")[0])
    inside = 0
    for column in columns:
        number = re.search(r"op<?=(\d+)$", column)
        if difficulty is None or number is None or int(number.group(1)) > difficulty.max_op:
            break
        inside += 1
    return inside


def bar_chart(table: Table, title: str) -> Any:
    """Groups of bars, one group a cell and one bar a row, with intervals and stars: for small tables."""
    figure = new_figure(max(5.0, 1.5 + 0.42 * len(table.columns) * (len(table.rows) + 1)), 4.0)
    axis = figure.subplots()
    width = 0.8 / max(len(table.rows), 1)
    scale = 100.0 if table.measure.share else 1.0
    for i, row in enumerate(table.rows):
        places = [j - 0.4 + width * (i + 0.5) for j in range(len(table.columns))]
        cells = [table.cell(row, column) for column in table.columns]
        heights = [scale * (cell.value or 0.0) for cell in cells]
        axis.bar(places, heights, width * 0.94, label=row, color=_COLOURS[i % len(_COLOURS)])
        for place, cell in zip(places, cells, strict=True):
            if cell.value is None:
                axis.text(place, 0.0, "-", ha="center", va="bottom", fontsize=8)
                continue
            low, high = cell.interval or (cell.value, cell.value)
            axis.plot([place, place], [scale * low, scale * high], color="#333333", linewidth=1)
            text = table.measure.text(cell.value) + stars(cell.p_value)
            axis.text(place, scale * high, f"{text}\n", ha="center", va="center", fontsize=7)
    if table.measure.share:
        for j, column in enumerate(table.columns):
            if (floor := table.always_zero.get(column)) is not None:
                name = "always answering 0" if j == 0 else None
                line = [scale * floor] * 2
                axis.plot([j - 0.42, j + 0.42], line, "--", color="#555555", linewidth=1, label=name)
        axis.set_ylim(0, 108)
        axis.set_yticks(range(0, 101, 20))
    axis.set_xticks(range(len(table.columns)), [column.replace("<=", "≤") for column in table.columns], fontsize=8)
    axis.set_ylabel(table.measure.title, fontsize=8)
    axis.set_title(textwrap.fill(title, int(LETTERS_AN_INCH * figure.get_figwidth())), fontsize=10)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, frameon=False)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure


def training_curves(series: Mapping[str, Mapping[str, Points]]) -> Any | None:
    """Loss and the like against the step, one panel a metric.

    Args:
        series: metric -> run -> (step, value) points.

    Returns:
        The figure; None when there is nothing to draw.
    """
    metrics = [name for name, runs in series.items() if any(runs.values())]
    if not metrics:
        return None
    figure = new_figure(4.6 * len(metrics), 3.6)
    for axis, name in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for i, (run, points) in enumerate(series[name].items()):
            if points:
                steps, values = zip(*points, strict=True)
                axis.plot(steps, values, label=run, color=_COLOURS[i % len(_COLOURS)], linewidth=1.2)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.legend(fontsize=7, frameon=False)
    return figure


def trade_off(points: Mapping[str, tuple[float, float]], measure: Measure) -> Any:
    """Accuracy against generated tokens, one point a row: which decoder buys what at which price.

    Args:
        points: row -> (generated tokens a problem, accuracy).
        measure: the measure on the vertical axis.
    """
    figure = new_figure(6.0, 4.0)
    axis = figure.subplots()
    for i, (row, (tokens, value)) in enumerate(points.items()):
        shown = 100 * value if measure.share else value
        axis.plot([tokens], [shown], "o", label=row, color=_COLOURS[i % len(_COLOURS)], markersize=4)
    axis.set_xlabel("generated tokens per problem", fontsize=8)
    axis.set_ylabel(measure.title, fontsize=8)
    axis.legend(fontsize=7, frameon=False)
    return figure
