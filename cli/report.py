"""`mistakes report`: tables, figures and one HTML page from finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.terminal import Json, console, print_json, print_tables


def command(
    what: Annotated[
        list[Path],
        typer.Argument(help="Run folders to compare, or one sweep (name or YAML file) with KEY=VALUE over it."),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for the report; replaces one that is there.")] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="What to tabulate (repeat): accuracy, taken_back, unnecessary_operations, ..."),
    ] = None,
    figure: Annotated[str | None, typer.Option(help="Figure of the paper to compare with, e.g. figure4.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Row that others are tested against.")] = None,
    best: Annotated[bool, typer.Option("--best", help="Best of seeds and decoders instead of pooled.")] = False,
    evaluations: Annotated[
        str,
        typer.Option(help="default, all, or the end of evaluation folders' names: step_4000, context512, seed2, ..."),
    ] = "default",
    title: Annotated[str | None, typer.Option(help="Heading.")] = None,
    root: Annotated[Path, typer.Option(help="Folder that holds the sweeps' runs.")] = Path("runs"),
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables all about their numbers.")] = False,
    as_json: Json = False,
) -> None:
    """Tabulate finished runs beside the paper: terminal, Markdown, CSV, LaTeX, PNG, PDF and HTML.

    Every number comes with its n, 95 % intervals over training seeds and test problems, the paper's number and a test
    against the error-free row (over seeds where the training differs); what has not been measured is "-".
    """
    from dataclasses import replace

    from igsm.errors import InputError
    from igsm.progress import waiting
    from igsm.reporting import differences, iso_cost_shown
    from igsm.reporting.budgets import FORMULA, terminal_table
    from igsm.reporting.content import report_content
    from igsm.reporting.report import ReportRequest, build_report, write_report
    from igsm.reporting.results import sources_of_runs
    from igsm.reporting.text import brief_notes, notes, terminal_tables

    if not what[0].is_dir():
        overrides = [str(word) for word in what[1:]]
        if lacking := [word for word in overrides if "=" not in word]:
            raise InputError(f"{what[0]}: no run folder, and {lacking[0]} is no KEY=VALUE for a sweep of that name")
        from igsm.sweeps.budget import budgets
        from igsm.sweeps.plan import report_request
        from igsm.sweeps.sweep import load_sweep

        sweep = load_sweep(what[0], overrides)
        request = replace(report_request(sweep, root), budgets=budgets(sweep, root, planned=False))
    else:
        if missing := [path for path in what if not path.is_dir()]:
            raise InputError(f"{missing[0]}: no run folder; mistakes report takes run folders, or one sweep")
        request = ReportRequest("Evaluations", sources_of_runs(what))
    changes: dict[str, Any] = {
        "measures": measure,
        "figure": figure,
        "baseline": baseline,
        "combine": "best" if best else None,
        "title": title,
        "evaluations": evaluations,
    }
    request = replace(request, **{key: value for key, value in changes.items() if value})
    report = build_report(request)
    with waiting("drawing the figures"):
        paths = write_report(report, out) if out is not None else []
    if as_json:
        print_json({**report_content(report), "written": [str(path) for path in paths]})
        return
    screen = console()
    tables = report.tables if any(table.measured for table in report.tables) else []
    if not tables:
        how = f"mistakes sweep {what[0]}" if not what[0].is_dir() else f"mistakes eval {what[0]}"
        screen.print(f"{request.title}: nothing has been evaluated yet; {how}", markup=False, soft_wrap=True)
    for table in tables:
        if not table.measured:
            screen.print(f"{table.measure.title}: nothing has been evaluated yet")
            continue
        for drawn in terminal_tables(table, screen.width):
            screen.print(drawn)
    for reason in request.left_out:
        screen.print(f"left out: {reason}", style="yellow", markup=False)
    if report.not_shown:
        screen.print(f"other settings, not shown: {', '.join(report.not_shown)} (--evaluations)", style="dim")
    tell = notes if explain else brief_notes
    for note in dict.fromkeys(note for table in tables if table.measured for note in tell(table)):
        screen.print(note, style="dim", markup=False)
    if report.iso_cost is not None:
        print_tables(screen, iso_cost_shown.terminal(report.iso_cost, screen.width))
        for note in iso_cost_shown.EXPLAINED if explain else ():
            screen.print(note, style="dim", markup=False)
    for difference in differences.terminal_tables(report.differences):
        screen.print(difference)
    for note in differences.notes(report.differences):
        screen.print(note, style="dim", markup=False)
    if request.budgets:
        screen.print(terminal_table(request.budgets))
        screen.print(FORMULA, style="dim", markup=False)
    if out is not None:
        screen.print(f"wrote {len(paths)} files to {out}: " + ", ".join(path.name for path in paths))
