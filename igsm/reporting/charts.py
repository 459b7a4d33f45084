"""Figures of the page as Vega-Lite specifications: what stands under the pointer is said in words.

Colours are variables of the page's style sheet, so that a figure follows dark mode and print without being drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from igsm.grading.metrics import Metric
from igsm.reporting.curves import Points
from igsm.reporting.names import cell_title, family_title
from igsm.reporting.table import Cell, Table

Spec = dict[str, Any]
ROWS = 8
"""Rows of a table up to which every seed is drawn; of more a heat map shows the numbers."""
MOST_ROWS = 20
"""That are drawn where each is a colour."""
_COLOURS = tuple(f"var(--series-{number})" for number in range(1, 9))
_NAMES = ("row", "cell", "number", "95 % over training seeds", "95 % over problems", "n", "seeds", "paper")
CHOICE: Spec = {"name": "chosen", "select": {"type": "point", "fields": ["row"]}, "bind": "legend"}
"""A click on a name of the legend leaves that row alone."""
_SHADES = {1: "blues", 0: "purples", -1: "oranges"}
"""By whether more is better."""


def measure_chart(table: Table, columns: Sequence[str]) -> Spec:
    """Cells from left to right, a colour a row: the number, its interval, each seed, the paper's number."""
    values: list[Spec] = []
    seeds: list[Spec] = []
    papers: list[Spec] = []
    floors: list[Spec] = []
    for column in columns:
        place = {"cell": cell_title(column)}
        for name in table.rows:
            cell = table.cell(name, column)
            said = {**place, "row": name, **_said(table, cell)}
            if cell.value is not None:
                low, high = cell.seed_interval or cell.interval or (cell.value, cell.value)
                values.append({**said, **_scaled(table.measure, value=cell.value, low=low, high=high)})
                for seed, value in cell_seeds(table, cell) if len(cell.results) > 1 else ():
                    seeds.append({**said, "seed": seed, **_scaled(table.measure, value=value)})
            if cell.paper is not None:
                papers.append({**said, **_scaled(table.measure, value=cell.paper)})
        if table.measure.share and (floor := table.floor(column)) is not None:
            number = {"row": "always answering 0", "number": table.measure.text(floor)}
            floors.append({**place, **number, **_scaled(table.measure, value=floor)})
    x = {
        "field": "cell",
        "type": "nominal",
        "sort": [cell_title(column) for column in columns],
        "title": "test problems, by number of operations (op)",
        "axis": {"labelAngle": 0, "labelExpr": "split(replace(datum.label, regexp('([0-9]) '), '$1|'), '|')"},
        "scale": {"paddingInner": 0.3},
    }
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}}
    row = {"xOffset": {"field": "row", "type": "nominal", "sort": list(table.rows)}, "color": colour(table.rows)}
    said_of_row = {"x": x, "y": y, **row, "tooltip": _tips(_NAMES, values + papers), "opacity": chosen()}
    layers = [
        _layer(
            floors,
            {"type": "tick", "color": "var(--dim)", "thickness": 1.5, "strokeDash": [4, 3]},
            {"x": x, "y": y, "tooltip": _tips(("row", "cell", "number"), floors)},
        ),
        _layer(
            values,
            {"type": "rule", "strokeWidth": 1.5},
            {**said_of_row, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        ),
        _layer(
            seeds,
            {"type": "point", "filled": True, "size": 26},
            {**said_of_row, "tooltip": _tips(("row", "cell", "seed"), seeds), "opacity": chosen(0.45)},
        ),
        _layer(papers, {"type": "point", "shape": "diamond", "filled": False, "size": 70}, said_of_row),
        {
            **_layer(values, {"type": "point", "filled": True, "size": 90, "shape": "square"}, said_of_row),
            "params": [CHOICE],
        },
    ]
    least = 60 + len(columns) * max(46, 13 * len(table.rows) + 12)
    return {
        "width": "container",
        "height": 300,
        "layer": [layer for layer in layers if layer["data"]["values"]],
        "usermeta": {"least": least},
    }


def _layer(values: Sequence[Spec], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def _tips(names: Sequence[str], values: Sequence[Spec]) -> list[Spec]:
    """What is shown under the pointer: of these fields those that any value has."""
    return [tip(name) for name in names if any(name in value for value in values)]


def heat_map(table: Table, theirs: bool = False) -> Spec:
    """Rows by cells with the number in each, family by family; ``theirs``: the paper's, in the colours of ours."""
    every = [
        (family, row, column, table.cell(row, column))
        for family, columns in table.blocks
        for row in table.rows
        for column in columns
    ]
    known = [value for *_, cell in every for value in (cell.value, cell.paper) if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    ends = list(_scaled(table.measure, low=low, high=max(high, low + 1e-9)).values())
    values: list[dict[str, Any]] = []
    for family, row, column, cell in every:
        value = cell.paper if theirs else cell.value
        dark = value is not None and value > low + 0.6 * (high - low)
        place = {"family": family_title(family), "row": row, "cell": cell_title(column), "place": len(values)}
        number = None if value is None else _scaled(table.measure, value=value)["value"]
        look = {"value": number, "text": table.measure.text(value), "dark": dark}
        values.append({**place, **_said(table, cell), **look})
    shade = {"scheme": _SHADES[table.measure.better], "domain": ends}
    panel: Spec = {
        "width": {"step": 46},
        "height": {"step": 24},
        "encoding": {
            "x": {
                "field": "cell",
                "type": "nominal",
                "sort": {"field": "place", "op": "min"},
                "title": None,
                "axis": {"labelAngle": -50, "orient": "top"},
            },
            "y": {"field": "row", "type": "nominal", "sort": list(table.rows), "title": None},
        },
        "layer": [
            {
                "mark": "rect",
                "encoding": {
                    "color": {"field": "value", "type": "quantitative", "scale": shade, "legend": None},
                    "tooltip": _tips(["family", *_NAMES], values),
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11, "tooltip": None},
                "encoding": {
                    "text": {"field": "text", "type": "nominal"},
                    "color": {
                        "condition": [
                            {"test": "datum.value === null", "value": "var(--dim)"},
                            {"test": "datum.dark", "value": "#fff"},
                        ],
                        "value": "#1c1c1a",
                    },
                },
            },
        ],
    }
    if len(table.blocks) == 1:
        return {"data": {"values": values}, **panel}
    return {
        "data": {"values": values},
        "facet": {
            "column": {
                "field": "family",
                "type": "nominal",
                "sort": [family_title(family) for family, _ in table.blocks],
                "title": None,
            }
        },
        "spec": panel,
        "resolve": {"scale": {"x": "independent"}},
    }


def trade_off_chart(points: Mapping[str, tuple[float, float]], measure: Metric, seeds: Mapping[str, Points]) -> Spec:
    """Accuracy against generated tokens, a colour a row; small points are training seeds."""
    rows = list(points)[:MOST_ROWS]
    values = [{"row": row, "tokens": points[row][0], **_scaled(measure, value=points[row][1])} for row in rows]
    own = [
        {"row": row, "tokens": tokens, **_scaled(measure, value=value)}
        for row in rows
        for tokens, value in seeds.get(row, ())
    ]
    encoding: Spec = {
        "x": {
            "field": "tokens",
            "type": "quantitative",
            "title": "generated tokens per problem",
            "scale": {"zero": False},
        },
        "y": {"field": "value", "type": "quantitative", "title": measure.title, "scale": {"zero": False}},
        "color": colour(rows),
        "tooltip": [
            tip("row"),
            tip("tokens", "tokens per problem", ".1f"),
            tip("value", measure.title, ".1f"),
        ],
    }
    return {
        "width": "container",
        "height": 300,
        "layer": [
            {"data": {"values": own}, "mark": {"type": "point", "filled": True, "size": 22, "opacity": 0.45}},
            {"data": {"values": values}, "mark": {"type": "point", "filled": True, "size": 95, "shape": "square"}},
        ],
        "encoding": encoding,
        "usermeta": {"least": 300},
    }


def cell_seeds(table: Table, cell: Cell) -> list[tuple[str, float]]:
    """("seed 3: 64.4", its number) of each evaluation that has one."""
    if len(cell.by_seed) != len(cell.results):
        return [(f"one seed: {table.measure.text(value)}", value) for value in cell.by_seed]
    return [
        (f"seed {'?' if result.seed is None else result.seed}: {table.measure.text(value)}", value)
        for result, value in zip(cell.results, cell.by_seed, strict=True)
    ]


def _said(table: Table, cell: Cell) -> dict[str, str]:
    """What is said of a cell under the pointer."""
    measure = table.measure
    said = {"number": measure.text(cell.value)}
    if cell.seed_interval is not None:
        said["95 % over training seeds"] = measure.range(*cell.seed_interval)
    if cell.interval is not None:
        said["95 % over problems"] = measure.range(*cell.interval)
    if cell.results:
        said["n"] = f"{cell.n:,} problems"
    if len(cell.results) > 1:
        said["seeds"] = ", ".join(name.removeprefix("seed ") for name, _ in cell_seeds(table, cell))
    if cell.paper is not None:
        said["paper"] = measure.text(cell.paper)
    return said


def _scaled(measure: Metric, **values: float) -> dict[str, float]:
    scale = 100.0 if measure.share else 1.0
    return {name: round(scale * value, 4) for name, value in values.items()}


def tip(field: str, title: str = "", form: str = "") -> Spec:
    """One line under the pointer."""
    said = {"field": field, "title": title or field}
    return {**said, "type": "quantitative", "format": form} if form else {**said, "type": "nominal"}


def chosen(opacity: float = 1.0) -> Spec:
    """Opacity of the rows chosen in the legend, and of the others."""
    return {"condition": {"param": "chosen", "value": opacity}, "value": 0.1 * opacity}


def colour(rows: Sequence[str]) -> Spec:
    """A colour a row; beyond eight rows those of a scheme of twenty."""
    few = len(rows) <= len(_COLOURS)
    scale: Spec = {"domain": list(rows), **({"range": list(_COLOURS[: len(rows)])} if few else {"scheme": "tableau20"})}
    return {"field": "row", "type": "nominal", "scale": scale, "title": None}
