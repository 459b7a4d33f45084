"""A report: tables, figures and the page of a set of runs, written into one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.errors import InputError, suggest
from igsm.grading.metrics import METRICS, RENAMED
from igsm.reporting import budgets, figures, iso_cost_shown, page, text
from igsm.reporting.along import Along, along_figure
from igsm.reporting.budgets import Budget
from igsm.reporting.claims import Claim
from igsm.reporting.curves import Curve, trade_off, training_curves
from igsm.reporting.differences import Difference, differences, markdown
from igsm.reporting.iso_cost import IsoCost, iso_cost
from igsm.reporting.paper import PaperTable, paper_table, split_cell
from igsm.reporting.results import Result, Source, curves, other_settings, read_results
from igsm.reporting.seed_chart import seed_chart
from igsm.reporting.table import Combine, Table, build_table, split_decoders
from igsm.reporting.trade_off import trade_off_points, trade_off_seeds
from igsm.rundir import atomic_write

CURVES = 3
"""Panels of training curves at most."""
PAGE = "index.html"
AGAINST = "_against_"
"""In the names of figures of a measure against a setting."""
_PICTURES = (
    *(f"{name}{kind}" for name in METRICS for kind in ("", "_bars", "_seeds")),
    "training_curves",
    "accuracy_by_tokens",
    "accuracy_by_compute",
)


@dataclass(frozen=True)
class ReportRequest:
    """What a report is about.

    Attributes:
        title: heading.
        shows: what to look for, as plain text.
        sources: run folders and their rows.
        rows: all rows in order, also those without sources; None for those of the sources.
        left_out: why runs that one might expect are not among the sources.
        measures: names of the metrics to tabulate, the main one first; old names are taken too.
        figure: figure of the paper to compare with; None for none.
        baseline: the error-free row; None takes "original" when it is there.
        combine: how seeds and decoders of one row are taken together.
        columns: cells in order, also those without results; None for those that have results.
        evaluations: which of the evaluations of one cell and decoder, see `read_results`.
        claims: what the page's summary judges; without any it compares each row with the baseline.
        budgets: what the rows were trained with.
        along: settings that the first measure is drawn against.
    """

    title: str
    sources: Sequence[Source]
    shows: str = ""
    rows: Sequence[str] | None = None
    left_out: Sequence[str] = ()
    measures: Sequence[str] = ("accuracy", "taken_back")
    figure: str | None = None
    baseline: str | None = None
    combine: Combine = "pooled"
    columns: Sequence[str] | None = None
    evaluations: str = "default"
    claims: Sequence[Claim] = ()
    budgets: Sequence[Budget] = ()
    along: Sequence[Along] = ()

    @property
    def metrics(self) -> list[str]:
        """The measures under the names of `METRICS`."""
        return list(dict.fromkeys(RENAMED.get(name, name) for name in self.measures))

    @property
    def all_rows(self) -> list[str]:
        """The rows in order."""
        return list(dict.fromkeys(source.row for source in self.sources) if self.rows is None else self.rows)

    @property
    def introduction(self) -> str:
        """What to look for, and what was left out; blank lines part paragraphs."""
        return "\n\n".join([self.shows.strip(), *(f"Left out: {reason}." for reason in self.left_out)])


@dataclass(frozen=True)
class Report:
    """The tables of a request and the evaluations behind them.

    Attributes:
        results: in the rows of the tables, where each decoder of a row may have one of its own.
        as_read: the same in the rows of the sources.
    """

    request: ReportRequest
    results: list[Result]
    as_read: list[Result]
    tables: list[Table]
    differences: list[Difference]
    """Between runs that were given by their folders; a sweep says itself what is compared."""
    iso_cost: IsoCost | None = None
    """Accuracy against compute, where the measure `compute_tokens` is asked for."""

    @property
    def drawn_along(self) -> list[tuple[Table, Along]]:
        """The first measure's table with each setting that it is drawn against."""
        first = self.tables[:1]
        return [(table, along) for table in first for along in self.request.along if along.measured(table)]

    @property
    def not_shown(self) -> list[str]:
        """Names of evaluations under other settings, which no table shows."""
        return other_settings(self.results)


def check_request(request: ReportRequest, results: Sequence[Result] = ()) -> None:
    """Raise :class:`InputError` for an unknown measure or figure, and for a baseline that is no row.

    Args:
        results: what has been read for it, with the rows of single decoders.
    """
    for name in request.metrics:
        if name not in METRICS:
            raise InputError(f"unknown measure '{name}'{suggest(name, METRICS)}")
        if request.figure is not None:
            paper_table(request.figure, name)
    if request.baseline is not None:
        planned = {f"{source.row}, {name}" for source in request.sources for name in source.decoders or ()}
        known = {*request.all_rows, *planned, *(result.row for result in results)}
        if request.baseline not in known:
            raise InputError(f"unknown baseline '{request.baseline}'{suggest(request.baseline, known)}")


def build_report(request: ReportRequest) -> Report:
    """Read the runs and tabulate them. Raises :class:`InputError` as `check_request`, and for damaged files."""
    results = as_read = read_results(request.sources, request.evaluations)
    split = split_decoders(results)
    check_request(request, split)
    rows = _rows(request, results)
    found = differences(results, request.baseline) if request.rows is None else []
    baseline = request.baseline or ("original" if "original" in rows else None)
    papers = {name: paper_table(request.figure, name) if request.figure else None for name in request.metrics}
    if request.combine == "pooled":
        shown: dict[str, list[str]] = {row: [] for row in rows}
        order = _decoder_order(request)
        for before, after in sorted(zip(results, split, strict=True), key=lambda pair: order(pair[0].decoder)):
            shown[before.row].append(after.row)
        rows = [name for row in rows for name in dict.fromkeys(shown[row] or [row])]
        if baseline is not None and baseline not in rows:
            its_rows = shown.get(baseline, [])
            greedy = f"{baseline}, greedy"
            baseline = greedy if greedy in its_rows else next(iter(its_rows), None)
        papers = {name: paper and _by_decoder(paper, results, split, rows) for name, paper in papers.items()}
        results = split
    tables = [
        build_table(
            results,
            METRICS[name],
            rows=rows,
            columns=request.columns,
            baseline=baseline,
            combine=request.combine,
            paper=papers[name],
        )
        for name in request.metrics
    ]
    compute = iso_cost(as_read) if "compute_tokens" in request.metrics else None
    return Report(request, results, as_read, tables, found, compute)


def _rows(request: ReportRequest, results: Sequence[Result]) -> list[str]:
    """The request's rows, each before those of its evaluations under other settings."""
    measured = list(dict.fromkeys(result.row for result in results))
    if request.evaluations != "default":
        return measured
    rows = request.all_rows
    others = {row: [name for name in measured if name.startswith(f"{row}, ") and name not in rows] for row in rows}
    return list(dict.fromkeys(name for row in rows for name in (row, *others[row])))


def _decoder_order(request: ReportRequest) -> Callable[[str], int]:
    """Places of decoders as the sources name them; of sources that name none greedy first, the rest as found."""
    named = list(dict.fromkeys(name for source in request.sources for name in source.decoders or ("greedy",)))
    return lambda decoder: named.index(decoder) if decoder in named else len(named)


def _by_decoder(
    paper: PaperTable, results: Sequence[Result], split: Sequence[Result], rows: Sequence[str]
) -> PaperTable:
    """The paper's numbers for rows that are split by decoder: they stand beside its own decoders only."""
    names = {row: row for row in rows}
    for before, after in zip(results, split, strict=True):
        names[after.row] = before.row
    if paper.decoders:
        names = {row: name for row, name in names.items() if _decoders(split, row) <= set(paper.decoders)}
    return paper.under(names)


def _decoders(results: Sequence[Result], row: str) -> set[str]:
    return {result.decoder for result in results if result.row == row}


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write Markdown, CSV, LaTeX, PNG/PDF and the page into ``folder``; returns the paths written.

    Pictures that an earlier report left there and this one does not have are deleted.
    """
    title = report.request.title
    written = []

    def write(name: str, content: str) -> None:
        atomic_write(folder / name, content)
        written.append(folder / name)

    parts = [*map(text.markdown, report.tables), *([markdown(report.differences)] if report.differences else [])]
    parts += [iso_cost_shown.to_markdown(report.iso_cost)] if report.iso_cost else []
    parts += [budgets.markdown(report.request.budgets)] if report.request.budgets else []
    write("report.md", f"# {title}\n\n{report.request.introduction}\n\n" + "\n".join(parts))
    write("tables.csv", text.csv_text(report.tables))
    if report.iso_cost is not None:
        write("iso_cost.csv", iso_cost_shown.to_csv(report.iso_cost))
    write("report.tex", "\n".join(map(text.latex, report.tables)))
    drawings: dict[str, tuple[str, Any]] = {}
    for table in report.tables:
        if not table.rows or not table.columns or not (table.measured or table.paper):
            continue
        heading = f"{title}{'' if title.endswith('?') else ':'} {table.caption}"
        if table.measured and len(table.columns) <= 8 and len(table.rows) <= 8:
            drawings[f"{table.measure.name}_bars"] = heading, figures.bar_chart(table, heading)
        elif any(len(cell.by_seed) > 1 for cell in table.cells.values()):
            drawings[f"{table.measure.name}_seeds"] = heading, seed_chart(table, heading)
        drawings[table.measure.name] = heading, figures.heat_map(table, heading)
    for table, along in report.drawn_along:
        heading = along.title(table)
        drawings[f"{table.measure.name}{AGAINST}{along.name}"] = heading, along_figure(table, along, heading)
    points = trade_off_points(report.tables)
    if len(points) > 1:
        caption = next(table.caption for table in report.tables if table.measure.name == "accuracy")
        price = trade_off(points, METRICS["accuracy"], trade_off_seeds(report.tables, points), caption)
        drawings["accuracy_by_tokens"] = "Accuracy against generated tokens", price
    if report.iso_cost is not None:
        drawings["accuracy_by_compute"] = "Accuracy against compute", iso_cost_shown.picture(report.iso_cost)
    series = _training_series(report)
    training = training_curves(series)
    if training is not None:
        drawings["training_curves"] = "Training curves", training
    for name, (_, figure) in drawings.items():
        written += figures.save_picture(figure, folder / name)

    def pictures() -> list[tuple[str, bytes]]:
        return [(heading, figures.picture_bytes(figure, "png", 110)) for heading, figure in drawings.values()]

    write(PAGE, page.page(report, folder, series, pictures))
    against = [path.stem for path in folder.glob(f"*{AGAINST}*.png")]
    for name in (*_PICTURES, *against):
        for path in (folder / f"{name}.png", folder / f"{name}.pdf"):
            if path not in written:
                path.unlink(missing_ok=True)
    return written


def _training_series(report: Report) -> dict[str, list[Curve]]:
    """metric -> a curve a run, for losses and accuracies of the runs' ``metrics.jsonl``."""
    series: dict[str, list[Curve]] = {}
    runs: dict[Path, Source] = {}
    for source in report.request.sources:
        runs.setdefault(source.run, source)  # further rows of a run are decoders, not trainings
    for run, source in runs.items():
        cells = source.cells or [result.cell for result in report.results if result.run == run]
        family = " ".join(sorted({split_cell(cell)[0] for cell in cells}))
        measured = curves(run)
        step, tokens = (measured.get("tokens_seen") or [(0.0, 0.0)])[-1]
        for name, points in measured.items():
            if "loss" in name or "accuracy" in name:
                a_step = tokens / step if step else 0.0
                series.setdefault(name, []).append(Curve(source.row, family, points, source.seed, a_step))
    return dict(list(series.items())[:CURVES])
