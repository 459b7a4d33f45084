"""A report: tables, figures and the page of a set of runs, written into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.errors import InputError, suggest
from igsm.grading.metrics import METRICS, RENAMED
from igsm.reporting import figures, page, text
from igsm.reporting.differences import Difference, differences, markdown
from igsm.reporting.paper import PaperTable, paper_table, split_cell
from igsm.reporting.results import Result, Source, curves, other_settings, read_provenance, read_results
from igsm.reporting.samples import choose_samples, first_errors
from igsm.reporting.seed_chart import seed_chart
from igsm.reporting.table import Combine, Table, build_table, split_decoders
from igsm.reporting.trade_off import trade_off_points, trade_off_seeds
from igsm.rundir import atomic_write

CURVES = 3
"""Panels of training curves at most."""
SAMPLES_PER_ROW = 6
PAGE = "index.html"
_PICTURES = (
    *(f"{name}{kind}" for name in METRICS for kind in ("", "_bars", "_seeds")),
    "training_curves",
    "accuracy_by_tokens",
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
    """The tables of a request and the evaluations behind them."""

    request: ReportRequest
    results: list[Result]
    tables: list[Table]
    differences: list[Difference]
    """Between runs that were given by their folders; a sweep says itself what is compared."""

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
    results = read_results(request.sources, request.evaluations)
    split = split_decoders(results)
    check_request(request, split)
    rows = _rows(request, results)
    found = differences(results, request.baseline) if request.rows is None else []
    baseline = request.baseline or ("original" if "original" in rows else None)
    papers = {name: paper_table(request.figure, name) if request.figure else None for name in request.metrics}
    if request.combine == "pooled":
        shown: dict[str, list[str]] = {row: [] for row in rows}
        for before, after in zip(results, split, strict=True):
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
    return Report(request, results, tables, found)


def _rows(request: ReportRequest, results: Sequence[Result]) -> list[str]:
    """The request's rows, each before those of its evaluations under other settings."""
    measured = list(dict.fromkeys(result.row for result in results))
    if request.evaluations != "default":
        return measured
    rows = request.all_rows
    others = {row: [name for name in measured if name.startswith(f"{row}, ") and name not in rows] for row in rows}
    return list(dict.fromkeys(name for row in rows for name in (row, *others[row])))


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
    write("report.md", f"# {title}\n\n{report.request.introduction}\n\n" + "\n".join(parts))
    write("tables.csv", text.csv_text(report.tables))
    write("report.tex", "\n".join(map(text.latex, report.tables)))
    drawings = []
    for table in report.tables:
        if not table.rows or not table.columns or not (table.measured or table.paper):
            continue
        heading = f"{title}: {table.caption}"
        drawn = [(table.measure.name, figures.heat_map(table, heading))]
        if table.measured and len(table.columns) <= 8 and len(table.rows) <= 8:
            drawn.insert(0, (f"{table.measure.name}_bars", figures.bar_chart(table, heading)))
        elif any(len(cell.by_seed) > 1 for cell in table.cells.values()):
            drawn.insert(0, (f"{table.measure.name}_seeds", seed_chart(table, heading)))
        for name, figure in drawn:
            written += figures.save_picture(figure, folder / name)
            drawings.append((heading, figure))
    training = figures.training_curves(_training_series(report))
    if training is not None:
        written += figures.save_picture(training, folder / "training_curves")
    points = trade_off_points(report.tables)
    price = None
    if len(points) > 1:
        caption = next(table.caption for table in report.tables if table.measure.name == "accuracy")
        price = figures.trade_off(points, METRICS["accuracy"], trade_off_seeds(report.tables, points), caption)
    if price is not None:
        written += figures.save_picture(price, folder / "accuracy_by_tokens")
    write(PAGE, _page(report, drawings, training, price))
    for name in _PICTURES:
        for path in (folder / f"{name}.png", folder / f"{name}.pdf"):
            if path not in written:
                path.unlink(missing_ok=True)
    return written


def _page(report: Report, drawings: list[tuple[str, Any]], training: Any | None, price: Any | None) -> str:
    def shown(figure: Any, heading: str) -> str:
        width = figure.get_size_inches()[0]
        return page.picture(figures.picture_bytes(figure, "png", 130), heading, 6.2 * width)

    rows = list(dict.fromkeys(result.row for result in report.results))
    errors = {row: dict(first_errors([r for r in report.results if r.row == row])) for row in rows}
    origins = {str(result.run): read_provenance(result.run) for result in report.results}
    sections = [("Figures", "".join(shown(figure, heading) for heading, figure in drawings))]
    sections += [(table.caption, page.table_html(table)) for table in report.tables]
    sections += [
        ("Accuracy against generated tokens", shown(price, "accuracy against tokens") if price else ""),
        (f"Training curves of {len(origins)} runs", shown(training, "training curves") if training else ""),
        ("Kinds of first errors", page.error_table(errors)),
        ("Generated solutions", page.samples_html(_samples(report))),
        ("Where every number comes from", page.provenance_html(report.results, origins) if rows else ""),
    ]
    return page.page(report.request.title, report.request.introduction, sections)


def _samples(report: Report) -> list[Any]:
    """Samples of the hardest cell of every row that has any."""
    chosen = []
    order = list(report.tables[0].columns) if report.tables else []
    for row in dict.fromkeys(result.row for result in report.results):
        own = [result for result in report.results if result.row == row and result.cell in order]
        for result in sorted(own, key=lambda result: result.correct / result.n):
            if samples := choose_samples(result):
                chosen += samples[:SAMPLES_PER_ROW]
                break
    return chosen


def _training_series(report: Report) -> dict[str, list[figures.Curve]]:
    """metric -> a curve a run, for losses and accuracies of the runs' ``metrics.jsonl``."""
    series: dict[str, list[figures.Curve]] = {}
    runs: dict[Path, Source] = {}
    for source in report.request.sources:
        runs.setdefault(source.run, source)  # further rows of a run are decoders, not trainings
    for run, source in runs.items():
        cells = source.cells or [result.cell for result in report.results if result.run == run]
        family = " ".join(sorted({split_cell(cell)[0] for cell in cells}))
        for name, points in curves(run).items():
            if "loss" in name or "accuracy" in name:
                series.setdefault(name, []).append(figures.Curve(source.row, family, points))
    return dict(list(series.items())[:CURVES])
