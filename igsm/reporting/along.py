"""A measure against a setting that rows differ in, such as the delay with which a wrong step is noticed."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from igsm.reporting.charts import Spec, cell_seeds, colour, tip
from igsm.reporting.figures import COLOURS, LETTERS_AN_INCH, new_figure, plain
from igsm.reporting.names import cell_title
from igsm.reporting.seeds import counted
from igsm.reporting.table import Table

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
COLUMNS = 3
"""Panels side by side."""
LEGEND = "Points: training seeds; squares: their mean; lines: 95 % over training seeds"


@dataclass(frozen=True)
class Along:
    """Rows that differ in one setting.

    Attributes:
        name: of the setting, e.g. "delay".
        series: name of what is the same in them -> (the setting's value as printed -> row), e.g. "fix" ->
            {"0": "fix, delay 0", "end": "fix, delay end"}.
    """

    name: str
    series: Mapping[str, Mapping[str, str]]

    @property
    def values(self) -> list[str]:
        """The setting's values: numbers in order, then words as they come in the sweep."""
        found = dict.fromkeys(value for rows in self.series.values() for value in rows)
        return sorted(found, key=lambda value: float(value) if _NUMBER.fullmatch(value) else math.inf)

    def title(self, table: Table) -> str:
        """ "Accuracy against delay, 5 training seeds"."""
        rows = [row for own in self.series.values() for row in own.values()]
        seeds = counted(table.cell(row, column).n_seeds for row in rows for column in table.columns)
        heading = f"{table.measure.name.replace('_', ' ').capitalize()} against {self.name}"
        return f"{heading}, {seeds}" if seeds else heading

    def measured(self, table: Table) -> bool:
        """Whether a table has anything to draw."""
        rows = [row for own in self.series.values() for row in own.values()]
        return any(table.cell(row, column).value is not None for row in rows for column in table.columns)


def along_figure(table: Table, along: Along, title: str) -> Any:
    """A panel a cell, a colour a series: the mean at each value of the setting, every training seed as a point."""
    across = min(COLUMNS, len(table.columns))
    down = math.ceil(len(table.columns) / across)
    width = 1.2 + 2.8 * across
    figure = new_figure(width, 1.2 + 2.4 * down)
    figure.suptitle(textwrap.fill(plain(title), int(LETTERS_AN_INCH * width)), fontsize=10)
    dashed = f"; dashed: {table.baseline}" if table.baseline else ""
    figure.supxlabel(plain(LEGEND + dashed), fontsize=7)
    scale = 100.0 if table.measure.share else 1.0
    places = {value: place for place, value in enumerate(along.values)}
    for axis, column in zip(figure.subplots(down, across, squeeze=False).flat, table.columns, strict=False):
        for number, (name, rows) in enumerate(along.series.items()):
            look = {"color": COLOURS[number % len(COLOURS)]}
            shift = 0.08 * (number - (len(along.series) - 1) / 2)
            means = []
            for value, row in rows.items():
                cell, place = table.cell(row, column), places[value] + shift
                if cell.value is None:
                    continue
                means.append((place, scale * cell.value))
                axis.plot([place] * len(cell.by_seed), [scale * one for one in cell.by_seed], "o", **look, markersize=3)
                if cell.seed_interval is not None:
                    axis.plot([place, place], [scale * end for end in cell.seed_interval], **look, linewidth=1)
            axis.plot(*zip(*means, strict=True), "s-", **look, markersize=5, label=plain(name)) if means else None
        base = table.cell(table.baseline, column).value if table.baseline is not None else None
        if base is not None:
            axis.axhline(scale * base, color="#555555", linestyle="--", linewidth=1)
        axis.set_title(plain(cell_title(column)).replace("<=", "≤"), fontsize=8)
        axis.set_xticks(range(len(places)), [plain(value) for value in places], fontsize=7)
        axis.set_xlim(-0.5, len(places) - 0.5)
        axis.set_xlabel(plain(along.name), fontsize=7)
        axis.tick_params(labelsize=7)
    first, *others = figure.axes
    first.set_ylabel(table.measure.title, fontsize=8)
    first.legend(fontsize=7, frameon=False)
    for axis in others[len(table.columns) - 1 :]:
        axis.set_visible(False)
    return figure


def along_chart(table: Table, along: Along) -> Spec:
    """The same for the page."""
    scale = 100.0 if table.measure.share else 1.0
    means, seeds = [], []
    for column in table.columns:
        for name, rows in along.series.items():
            for value, row in rows.items():
                cell = table.cell(row, column)
                if cell.value is None:
                    continue
                place = {"cell": cell_title(column), "row": name, "setting": value}
                low, high = cell.seed_interval or (cell.value, cell.value)
                number = {"value": scale * cell.value, "low": scale * low, "high": scale * high}
                means.append({**place, **number, "number": table.measure.text(cell.value)})
                for said, one in cell_seeds(table, cell):
                    seeds.append({**place, "value": scale * one, "number": said})
    x = {"field": "setting", "type": "nominal", "sort": along.values, "title": along.name, "axis": {"labelAngle": 0}}
    y = {"field": "value", "type": "quantitative", "title": table.measure.title, "scale": {"zero": False}}
    tips = [tip("row"), tip("setting", along.name), tip("cell"), tip("number")]
    encoding = {"x": x, "y": y, "color": colour(list(along.series)), "tooltip": tips}

    def layer(values: list[Spec], mark: Spec, **more: Spec) -> Spec:
        kept = {"filter": {"field": "mean", "equal": values is means}}
        return {"mark": mark, "transform": [kept], "encoding": {**encoding, **more}}

    every = [{**one, "mean": True} for one in means] + [{**one, "mean": False} for one in seeds]
    ends: Spec = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    return {
        "data": {"values": every},
        "facet": {"field": "cell", "type": "nominal", "title": None, "sort": [cell_title(c) for c in table.columns]},
        "columns": COLUMNS,
        "spec": {
            "width": 220,
            "height": 200,
            "layer": [
                layer(means, {"type": "line"}),
                layer(means, {"type": "rule"}, **ends),
                layer(seeds, {"type": "point", "filled": True, "size": 24, "opacity": 0.5}),
                layer(means, {"type": "point", "filled": True, "size": 80, "shape": "square"}),
            ],
        },
        "usermeta": {"least": 300},
    }
