"""`mistakes sweep`: everything a figure needs, from pretraining to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cli.terminal import Json, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from igsm.sweeps.cost import Cost
    from igsm.sweeps.jobs import Job
    from igsm.sweeps.speed import Speeds


def command(
    file: Annotated[Path, typer.Argument(help="A sweep's name, e.g. figure4, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Over the file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would run, and its cost.")] = False,
    commands: Annotated[bool, typer.Option("--commands", help="With --dry-run: the commands, too.")] = False,
    with_budgets: Annotated[
        bool, typer.Option("--budgets", help="With --dry-run: tokens, tokens with loss and FLOPs of every row, too.")
    ] = False,
    as_json: Json = False,
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

    from cli.terminal import console as screen
    from igsm.config import load_config
    from igsm.errors import InputError
    from igsm.interruption import handled
    from igsm.progress import waiting
    from igsm.reporting.budgets import terminal_table
    from igsm.reporting.figures import check_installed
    from igsm.reporting.report import build_report, check_request, write_report
    from igsm.sweeps.budget import budgets
    from igsm.sweeps.budget import notes as about_budgets
    from igsm.sweeps.cautions import cautions
    from igsm.sweeps.execute import REQUEUE_EXIT_CODE, Executor
    from igsm.sweeps.plan import plan, report_request, select
    from igsm.sweeps.power import power_lines
    from igsm.sweeps.speed import Speed, Speeds
    from igsm.sweeps.sweep import load_sweep

    looks = {"--json": as_json, "--commands": commands, "--budgets": with_budgets, "--speed": speed is not None}
    if not dry_run and (only_looking := [name for name, value in looks.items() if value]):
        raise InputError(f"{only_looking[0]} goes with --dry-run: without that the sweep is run")
    if as_json and with_budgets:
        raise InputError("--budgets and --json: the document has no budgets; leave one of them out")
    console = screen()
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
        speeds = Speeds(everything, given, given_first=speed is not None)
        if as_json:
            print_json([_content(job, planned, speeds) for job in planned])
            return
        total, table, notes = listing(planned, speeds)
        console.print(f"{file.stem}: {total}", markup=False)
        console.print(table)
        for note in notes:
            console.print(note, style="dim", markup=False)
        if with_budgets:
            with waiting("counting the tokens with loss"):
                found = budgets(sweep, root, planned=True)
            console.print(terminal_table(found))
            for note in about_budgets(found):
                console.print(note, style="dim", markup=False)
        request = replace(report_request(sweep, root), measures=sweep.measures[:1])
        tuned = any(arm.finetune is not None for arm in sweep.arms)
        for line in power_lines(build_report(request).tables[0], len(sweep.seeds), pairs=tuned):
            console.print(line, markup=False)
        if commands:
            for job in planned:
                console.print(shlex.join(["mistakes", *job.command]), soft_wrap=True, markup=False)
    for line in cautions(planned):
        console.print(f"warning: {line}", markup=False, style="yellow", soft_wrap=True)
    if dry_run:
        return
    check_installed()  # the pictures come last
    folder = root / sweep.folder
    executor = Executor(slots, words, folder / "logs", lambda line: print(line, flush=True))
    with handled((signal.SIGTERM, signal.SIGINT, signal.SIGUSR1), lambda *_: executor.stop()):
        outcomes = executor.run(planned)
        counts = Counter(outcome.status for outcome in outcomes)
        for outcome in outcomes:
            if outcome.status in ("failed", "blocked"):
                console.print(f"{outcome.status}: {outcome.job.name}: {outcome.message}", markup=False, style="red")
        console.print(", ".join(f"{number} {status}" for status, number in sorted(counts.items())))
        target = folder / "reports" / file.stem
        try:
            request = replace(report_request(sweep, root), budgets=budgets(sweep, root, planned=False))
            write_report(build_report(request), target)
            console.print(f"report: {target / 'index.html'}")
        except InputError as error:  # a damaged result of one arm; what the others have done stays said
            counts["failed"] += 1
            line = f"no report: {error}; mend it or move it away: mistakes report {file}"
            console.print(line, markup=False, style="red")
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


def _content(job: Job, planned: list[Job], speeds: Speeds) -> dict[str, Any]:
    """A job for programs; tokens, hours and bytes are of the whole of it."""
    from igsm.sweeps.cost import cost, start_settings
    from igsm.sweeps.state import missing, state

    known, detail = state(job)
    price = cost(job, start_settings(job, planned), speeds.rate(job))
    begun = {"name": job.name, "stage": job.stage, "run": str(job.run), "command": ["mistakes", *job.command]}
    share = missing(job) if known == "to run" else 0.0
    return begun | {"state": known, "detail": detail, "left": share} | vars(price)


class Listing(NamedTuple):
    """What a sweep would do, as it is printed."""

    total: str
    table: Table
    notes: list[str]


def listing(planned: list[Job], speeds: Speeds) -> Listing:
    """What is left to do, of begun jobs the rest; then a line for each group: the runs that differ in the seed only."""
    from rich import box
    from rich.table import Table

    from igsm.sweeps.cost import cost, start_settings
    from igsm.sweeps.state import missing, state

    groups: dict[str, _Group] = {}
    notes = []
    for job in planned:
        known, detail = state(job)
        price = cost(job, start_settings(job, planned), speeds.rate(job))
        share = missing(job) if known == "to run" else 0.0
        for group in (groups.setdefault(_group_name(job), _Group()), groups.setdefault("", _Group())):
            group.add(known, share, price)
        if known == "conflict":
            notes.append(f"conflict: {job.name}: {detail}")
    whole = groups.pop("")
    families = {name.partition("-")[0] for name in groups}
    family = f"{families.pop()}-" if len(families) == 1 else ""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    of = f" of {family.removesuffix('-')}" if family else ""
    for name in (f"runs{of}, all seeds", "jobs", "left", "tokens", "hours", "disk"):
        table.add_column(name, justify="left" if name.startswith("runs") else "right", overflow="fold")
    for name, group in groups.items():
        table.add_row(name.removeprefix(family), str(group.jobs), *group.texts())
    left, tokens, hours, disk = whole.texts()
    time = "hours not known" if hours == "-" else f"{hours} hours"
    total = f"{whole.jobs:,} jobs, left to do: {left}; {tokens} tokens, {time}, {disk}"
    return Listing(total, table, [*notes, *_sources(planned, speeds, whole.unmeasured)])


class _Group:
    """Jobs counted together; tokens and hours are of what is left to do, disk of the jobs that have something left."""

    def __init__(self) -> None:
        self.jobs = self.left = self.conflicts = self.unmeasured = 0
        self.tokens = self.hours = self.bytes = 0.0

    def add(self, state: str, share: float, price: Cost) -> None:
        self.jobs += 1
        self.conflicts += state == "conflict"
        if state != "to run":
            return
        self.left += 1
        self.unmeasured += price.hours is None
        self.tokens += share * price.tokens
        self.hours += share * (price.hours or 0.0)
        self.bytes += price.bytes

    def texts(self) -> tuple[str, str, str, str]:
        """Left, tokens, hours and disk, as they are printed."""
        left = f"{self.left:,}" + (f" and {self.conflicts} in conflict" if self.conflicts else "")
        hours = _hours(self.hours if self.hours or not self.unmeasured else None)
        return left, f"{self.tokens:.3g}", hours, _size(self.bytes)


def _group_name(job: Job) -> str:
    """Of the run folder, without the seed."""
    import re

    return re.sub(r"-seed\d+", "", job.run.name)


def _sources(planned: list[Job], speeds: Speeds, unmeasured: int) -> list[str]:
    """Where the hours come from, and what has none."""
    sources = [f"of one GPU at the speeds of {speeds.given.measured}"] if speeds.given else []
    if speeds.measured:
        own = "of a job at the speeds that runs of this sweep have measured, on their devices"
        sources = [*sources, own] if speeds.given_first else [own, *sources]
    notes = [f"Hours: {'; what is not known from there: '.join(sources)}."] if sources else []
    if unmeasured:
        notes.append(
            f"The hours of {unmeasured} jobs are known once one of a kind has trained some steps (repeat --dry-run "
            "then), or with --speed FILE (docs/reproducing.md)."
        )
    if speeds.given and speeds.given_first and (unused := speeds.given.unused(planned)):
        notes.append(f"Speeds of what is not planned here: {', '.join(unused)}.")
    return notes


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
