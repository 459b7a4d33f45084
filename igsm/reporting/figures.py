"""Pictures: heat maps in the layout of the paper's figures, bar charts for small tables; drawing and saving."""

from __future__ import annotations

import importlib.util
import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from igsm.errors import InputError
from igsm.problems.difficulty import DIFFICULTIES
from igsm.reporting.paper import split_cell
from igsm.reporting.table import AVERAGE, Table, stars
from igsm.rundir import atomic_write

LETTERS_AN_INCH = 11
"""Of a title: it is broken into lines rather than cut off at the picture's edges."""
LINES = (
    "lines: 95 % over test problems",
    "points: training seeds; lines: 95 % over training seeds, where these show no spread over test problems",
)
"""What the lines of a bar chart are, without and with several seeds."""
_COLOUR_MAPS = {1: "RdYlGn", 0: "Blues", -1: "YlOrRd"}
"""By whether more is better, as in the paper; blue where it is neither."""
_BRIGHTNESS = (0.299, 0.587, 0.114)
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888", "#222222")


def check_installed() -> None:
    """Raise InputError where matplotlib is missing: before hours of work that ends with a picture."""
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("pictures need matplotlib: pip install 'mistakes[plot]'")


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of that many inches, without a window or pyplot's global state."""
    check_installed()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain(text: str) -> str:
    """A text of the user's as matplotlib shows it letter by letter: between two dollars it would read formulas."""
    return text.replace("$", r"\$")


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
    columns = table.shown_columns
    panels = [("ours", [[table.cell(row, column).value for column in columns] for row in table.rows])]
    if table.paper is not None:
        theirs = [[table.cell(row, column).paper for column in columns] for row in table.rows]
        if any(value is not None for line in theirs for value in line):
            panels.append((f"paper ({table.paper.source})", theirs))
    longest = max((len(row) for row in table.rows), default=0)
    width = 1.6 + 0.085 * longest + 0.43 * len(panels[0][1][0] if table.rows else [])
    width = max(width, 5.0)
    figure = new_figure(width, 0.9 + len(panels) * (0.85 + 0.27 * len(table.rows)))
    figure.suptitle(textwrap.fill(plain(title), int(LETTERS_AN_INCH * width)), fontsize=11)
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
    shade = axis.imshow(
        np.ma.masked_invalid(numbers),
        cmap=_COLOUR_MAPS[table.measure.better],
        vmin=low,
        vmax=high,
        aspect="auto",
        alpha=0.85,
    )
    axis.set_facecolor("#f2f2f2")
    for i, line in enumerate(lines):
        for j, value in enumerate(line):
            text = table.measure.text(value)
            if table.measure.share and value == 1.0:
                text = "100"
            dark = value is not None and np.dot(shade.to_rgba(value)[:3], _BRIGHTNESS) < 0.35
            axis.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "#111111")
    labels = [plain(split_cell(column)[1]).replace("<=", "≤") for column in table.shown_columns]
    axis.set_xticks(range(len(labels)), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(range(len(table.rows)), [plain(row) for row in table.rows], fontsize=7)
    axis.tick_params(length=0)
    start = 0
    for family, columns in table.blocks:
        cells = [column for column in columns if column != AVERAGE]
        if start:
            axis.axvline(start - 0.5, color="black", linewidth=1.2)
        if cells:
            middle = start + (len(cells) - 1) / 2
            axis.text(middle, -0.62, plain(family), ha="center", va="bottom", fontsize=8, fontweight="bold")
            if 0 < (trained := _trained_columns(family, cells)) < len(cells):
                axis.axvline(start + trained - 0.5, color="white", linewidth=2.5)
            if len(cells) < len(columns):
                axis.axvline(start + len(cells) - 0.5, color="black", linewidth=1.2)
        start += len(columns)
    axis.set_title(name, fontsize=9, loc="left", pad=16)
    for side in axis.spines.values():
        side.set_visible(False)


def _trained_columns(family: str, columns: Sequence[str]) -> int:
    """How many of a family's first columns are in distribution, neither larger nor re-asked.

    Where some cells have templates that training has seen (nano, mini: "op<=3 seen"), only those are.
    """
    difficulty = DIFFICULTIES.get(family.partition("_")[0])
    ending = " seen" if any(column.endswith(" seen") for column in columns) else ""
    inside = 0
    for column in columns:
        number = re.search(rf"op<?=(\d+){ending}$", column)
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
        axis.bar(places, heights, width * 0.94, label=plain(row), color=COLOURS[i % len(COLOURS)])
        for place, cell in zip(places, cells, strict=True):
            if cell.value is None:
                axis.text(place, 0.0, "-", ha="center", va="bottom", fontsize=8)
                continue
            low, high = cell.seed_interval or cell.interval or (cell.value, cell.value)
            axis.plot([place, place], [scale * low, scale * high], color="#333333", linewidth=1)
            if len(cell.by_seed) > 1:
                points = [scale * value for value in cell.by_seed]
                axis.plot([place] * len(points), points, "o", color="#111111", markersize=2.5, alpha=0.6)
            text = table.measure.text(cell.value) + stars(cell.comparison)
            axis.text(place, scale * max(high, *cell.by_seed, 0.0), f"{text}\n", ha="center", va="center", fontsize=7)
    if table.measure.share:
        for j, column in enumerate(table.columns):
            if (floor := table.floor(column)) is not None:
                name = "always answering 0" if j == 0 else None
                line = [scale * floor] * 2
                axis.plot([j - 0.42, j + 0.42], line, "--", color="#555555", linewidth=1, label=name)
        axis.set_ylim(0, 108)
        axis.set_yticks(range(0, 101, 20))
    labels = [plain(column).replace("<=", "≤") for column in table.columns]
    axis.set_xticks(range(len(labels)), labels, fontsize=8)
    axis.set_ylabel(table.measure.title, fontsize=8)
    axis.set_xlabel(LINES[any(cell.seed_interval for cell in table.cells.values())], fontsize=7)
    axis.set_title(textwrap.fill(plain(title), int(LETTERS_AN_INCH * figure.get_figwidth())), fontsize=10)
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, frameon=False)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure
