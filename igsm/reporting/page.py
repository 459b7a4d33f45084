"""The report as one HTML file that needs nothing else: figures with hover text, no network, tables that sort."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from igsm.reporting import iso_cost_shown
from igsm.reporting.along import LEGEND, along_chart
from igsm.reporting.budgets import FORMULA, grid
from igsm.reporting.charts import ROWS, Spec, heat_map, measure_chart, trade_off_chart
from igsm.reporting.curves import Curve
from igsm.reporting.differences import notes as difference_notes
from igsm.reporting.examples import choose_examples, model_name
from igsm.reporting.learning import learning_chart
from igsm.reporting.names import family_title, full_title, quantity
from igsm.reporting.page_tables import Grid, difference_grids, error_grid, evaluation_grid, measure_grids, run_grid
from igsm.reporting.results import read_provenance
from igsm.reporting.samples import first_errors, solution_html
from igsm.reporting.summary import summarize
from igsm.reporting.table import AVERAGE, Table
from igsm.reporting.text import notes
from igsm.reporting.trade_off import trade_off_points, trade_off_seeds

if TYPE_CHECKING:
    from igsm.reporting.report import Report

TEMPLATES = Path(__file__).parent / "templates"
Draw = Callable[[], list[tuple[str, bytes]]]
"""(What it shows, PNG) of each picture, for a page without the library of figures."""


def page(report: Report, folder: Path, curves: Mapping[str, Sequence[Curve]], draw: Draw) -> str:
    """The whole page, for ``folder``/index.html.

    Args:
        curves: key of ``metrics.jsonl`` -> a curve a run.
        draw: makes the pictures that stand in for figures where vl-convert-python is not installed.
    """
    charts: list[Spec] = []

    def chart(spec: Spec) -> int:
        charts.append(spec)
        return len(charts) - 1

    interactive = importlib.util.find_spec("vl_convert") is not None
    tables = [
        {
            "caption": table.caption,
            "short": table.measure.name.replace("_", " ").capitalize(),
            "charts": [(name, chart(spec)) for name, spec in _measure_charts(table)] if interactive else [],
            "legend": _legend(table) if interactive else "",
            "grids": measure_grids(table, folder),
            "notes": notes(table),
        }
        for table in report.tables
        if table.rows and table.columns
    ]
    iso = report.iso_cost
    price = _trade_off(report) if interactive else None
    against = [
        (along.title(table), chart(along_chart(table, along)), LEGEND)
        for table, along in report.drawn_along
        if interactive
    ]
    training = [(quantity(key).title, chart(learning_chart(key, own))) for key, own in curves.items() if interactive]
    rows = list(dict.fromkeys(row for table in report.tables for row in table.rows))
    errors = {row: dict(first_errors([result for result in report.results if result.row == row])) for row in rows}
    origins = {str(result.run): read_provenance(result.run) for result in report.results}
    pictures = [] if interactive else [(name, base64.b64encode(png).decode()) for name, png in draw()]
    shown = [part.strip() for part in report.request.introduction.split("\n\n") if part.strip()]
    return (
        environment()
        .get_template("page.html")
        .render(
            title=report.request.title,
            paragraphs=shown,
            summary=summarize(report),
            tables=tables,
            against=against,
            price=chart(price) if price else None,
            compute=iso_cost_shown.grids(iso) if iso else [],
            compute_chart=chart(iso_cost_shown.chart(iso)) if iso and interactive else None,
            compute_notes=iso_cost_shown.EXPLAINED,
            training=training,
            runs=len(origins),
            differences=difference_grids(report.differences),
            difference_notes=difference_notes(report.differences),
            errors=error_grid(errors),
            examples=choose_examples(report.tables[0]) if report.tables else [],
            sources=_sources(report, origins, folder),
            budgets=grid(report.request.budgets) if report.request.budgets else None,
            about_budgets=FORMULA,
            pictures=pictures,
            charts=charts,
            library=Markup(_library()) if charts else "",
        )
    )


def _measure_charts(table: Table) -> list[tuple[str, Spec]]:
    """Every seed of small tables, family by family; of larger ones heat maps, ours and the paper's."""
    if not table.measured and table.paper is None:
        return []
    if table.measured and len(table.rows) <= ROWS:
        families = [(family, [column for column in columns if column != AVERAGE]) for family, columns in table.blocks]
        return [(family_title(family), measure_chart(table, own)) for family, own in families if own]
    drawn = [("ours", heat_map(table))] if table.measured else []
    if table.paper is not None and any(cell.paper is not None for cell in table.cells.values()):
        drawn.append((f"the paper's ({table.paper.source})", heat_map(table, theirs=True)))
    return drawn


def _legend(table: Table) -> str:
    """What the marks of a table's figures are."""
    if not table.measured:
        return ""
    if len(table.rows) > ROWS:
        return "Point at a number for n, its intervals and its seeds."
    marks = ["Squares: the number", "lines: 95 % over training seeds, or over test problems where seeds show no spread"]
    if any(len(cell.results) > 1 for cell in table.cells.values()):
        marks.append("small points: training seeds")
    if any(cell.paper is not None for cell in table.cells.values()):
        marks.append("diamonds: the paper")
    if table.measure.share and table.always_zero:
        marks.append("grey lines: always answering 0")
    hint = "Point at any of them for n, intervals and seeds; click on a name in the legend to see it alone."
    return f"{'; '.join(marks)}. {hint}"


def _trade_off(report: Report) -> Spec | None:
    points = trade_off_points(report.tables)
    if len(points) < 2:
        return None
    measure = next(table.measure for table in report.tables if table.measure.name == "accuracy")
    return trade_off_chart(points, measure, trade_off_seeds(report.tables, points))


def _sources(report: Report, origins: Mapping[str, dict[str, Any]], folder: Path) -> list[Grid]:
    if not report.results:
        return []
    return [run_grid(report.results, origins, folder), evaluation_grid(report.results, folder)]


@cache
def environment() -> Any:
    """The templates, with what they share."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {
        "style": Markup((TEMPLATES / "page.css").read_text()),
        "script": Markup((TEMPLATES / "page.js").read_text()),
        "solution": lambda sample: Markup(solution_html(sample.text, sample.wrong_step)),
        "model_name": model_name,
        "where": full_title,
    }
    return found


@cache
def _library() -> str:
    """Vega-Lite with what it needs, as JavaScript: the function `vegaEmbed` of the page."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
