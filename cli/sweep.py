"""`mistakes sweep`: everything a figure needs, from pretraining to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from igsm.sweeps.plan import Job
    from igsm.sweeps.speed import Speeds


def command(
    file: Annotated[Path, typer.Argument(help="A sweep's name, e.g. figure4, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Over the file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would run, and its cost.")] = False,
    commands: Annotated[bool, typer.Option("--commands", help="With --dry-run: the commands, too.")] = False,
    root: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    speed: Annotated[
        Path | None,
        typer.Option(help="YAML of measured speeds, for the hours; default: speed.yaml in the root, if any."),
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="Pin jobs: 0,1,2,3 runs four, one a GPU; 0+1,2+3 two, two GPUs each.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Jobs at once, where they are not pinned.", min=1)] = 1,
    prefix: Annotated[
        str, typer.Option("--run", envvar="RUN", help="Put before every command, e.g. 'srun --gpus=1'.")
    ] = "",
    only: Annotated[str, typer.Option(help="Only jobs whose name contains this, and what they need.")] = "",
) -> None:
    """Run a sweep: pretrain, fine-tune or probe, evaluate, report.

    What is finished is skipped, what was interrupted goes on, and the failure of one arm does not stop the others.
    Exit code 1: a job failed; 75: stopped on request, and the same command goes on.
    """
    import shlex
    import signal
    import sys
    from collections import Counter
    from dataclasses import replace

    from rich.console import Console

    from igsm.config import load_config
    from igsm.errors import InputError
    from igsm.reporting.report import build_report, check_request, write_report
    from igsm.sweeps.cautions import cautions
    from igsm.sweeps.execute import REQUEUE_EXIT_CODE, Executor
    from igsm.sweeps.plan import plan, report_request, select
    from igsm.sweeps.power import power_lines
    from igsm.sweeps.speed import Speed, Speeds
    from igsm.sweeps.sweep import load_sweep

    console = Console(highlight=False)
    sweep = load_sweep(file, overrides)
    slots = _slots(gpus, jobs)
    try:
        words = shlex.split(prefix)
    except ValueError as error:
        raise InputError(f"--run {prefix!r}: cannot be split into words: {error}") from None
    everything = plan(sweep, root)
    planned = select(everything, only)
    check_request(report_request(sweep, root))  # an unknown measure, figure or baseline must not show after days only
    if dry_run:
        path = speed or root / "speed.yaml"
        given = load_config(Speed, path) if speed is not None or path.is_file() else None
        console.print(listing(planned, Speeds(everything, given, given_first=speed is not None)))
        request = replace(report_request(sweep, root), measures=sweep.measures[:1])
        for line in power_lines(build_report(request).tables[0], len(sweep.seeds)):
            console.print(line, markup=False)
        if commands:
            for job in planned:
                console.print(shlex.join(["mistakes", *job.command]), soft_wrap=True, markup=False)
    for line in cautions(planned):
        console.print(f"warning: {line}", markup=False, style="yellow", soft_wrap=True)
    if dry_run:
        return
    folder = root / sweep.folder
    executor = Executor(slots, words, folder / "logs", lambda line: print(line, flush=True))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda *_: executor.stop())
    outcomes = executor.run(planned)
    counts = Counter(outcome.status for outcome in outcomes)
    for outcome in outcomes:
        if outcome.status in ("failed", "blocked"):
            console.print(f"{outcome.status}: {outcome.job.name}: {outcome.message}", markup=False, style="red")
    console.print(", ".join(f"{number} {status}" for status, number in sorted(counts.items())))
    target = folder / "reports" / file.stem
    try:
        write_report(build_report(report_request(sweep, root)), target)
        console.print(f"report: {target / 'index.html'}")
    except InputError as error:  # a damaged result of one arm; what the others have done stays said
        counts["failed"] += 1
        console.print(f"no report: {error}; mend it or move it away: mistakes report {file}", markup=False, style="red")
    if "failed" in counts or "blocked" in counts:
        sys.exit(1)
    if "stopped" in counts:
        sys.exit(REQUEUE_EXIT_CODE)


def _slots(gpus: str | None, jobs: int) -> list[str | None]:
    """What may run at once: the GPUs of each slot, or None where jobs are not pinned."""
    import re

    from igsm.errors import InputError

    if gpus is None:
        return [None] * jobs
    names = gpus.split(",")
    for name in names:
        if not re.fullmatch(r"\d+(\+\d+)*", name, re.ASCII):
            raise InputError(f"--gpus {gpus}: '{name}' is no GPU; slots read 0,1,2,3 or 0+1,2+3")
        if len(set(name.split("+"))) < len(name.split("+")):
            raise InputError(f"--gpus {gpus}: '{name}' gives one run the same GPU twice")
    return [name.replace("+", ",") for name in names]


def listing(planned: list[Job], speeds: Speeds) -> Table:
    """The jobs with state, tokens, hours and disk, and the totals of what is left to do: of begun jobs, the rest."""
    from rich.table import Table

    from igsm.sweeps.cost import Cost, cost, start_settings
    from igsm.sweeps.state import missing, state

    table = Table(title=f"{len(planned)} jobs")
    for name in ("job", "state", "tokens", "hours", "disk"):
        table.add_column(name, justify="left" if name in ("job", "state") else "right", overflow="fold")
    left: list[tuple[Cost, float]] = []
    for job in planned:
        known, detail = state(job)
        price = cost(job, start_settings(job, planned), speeds.rate(job))
        if known == "to run":
            left.append((price, missing(job)))
        what = f"{known}: {detail}" if detail else known
        table.add_row(job.name, what, f"{price.tokens:.3g}", _hours(price.hours), _size(price.bytes))
    known_hours = [price.hours * share for price, share in left if price.hours is not None]
    total = _hours(sum(known_hours) if known_hours else None)
    table.add_section()
    tokens, size = sum(price.tokens * share for price, share in left), sum(price.bytes for price, _ in left)
    table.add_row(f"left to do: {len(left)} jobs", "", f"{tokens:.3g}", total, _size(size))
    unmeasured = len(left) - len(known_hours)
    sources = [f"of one GPU at the speeds of {speeds.given.measured}"] if speeds.given else []
    if speeds.measured:
        own = "of a job at the speeds that runs of this sweep have measured, on their devices"
        sources = [*sources, own] if speeds.given_first else [own, *sources]
    notes = [f"Hours: {'; what is not known from there: '.join(sources)}."] if sources else []
    if unmeasured:
        notes.append(
            f"{unmeasured} jobs have no measured speed and no hours: give --speed FILE, or look when one runs."
        )
    if speeds.given and speeds.given_first and (unused := speeds.given.unused(planned)):
        notes.append(f"Speeds of what is not planned here: {', '.join(unused)}.")
    table.caption = " ".join(notes)
    return table


def _hours(hours: float | None) -> str:
    if hours is None:
        return "-"
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.3g}"


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
