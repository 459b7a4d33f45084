"""From a sweep to its jobs, in the order in which they can run, and to the report they end in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from igsm.errors import InputError, suggest
from igsm.reporting.along import Along
from igsm.reporting.claims import check_rows
from igsm.reporting.report import ReportRequest
from igsm.reporting.results import Source
from igsm.reporting.table import PROBED
from igsm.sweeps.jobs import Job, cells_of, decoders_of, evaluation_jobs, measuring_job, probe_job, training_job
from igsm.sweeps.rows import Row, next_seed, rows_of, starts_of
from igsm.sweeps.settings import conflict, what_differs
from igsm.sweeps.sweep import Sweep, fill, grid_names


def plan(sweep: Sweep, root: Path) -> list[Job]:
    """All jobs of the sweep; each stands behind those it needs.

    Args:
        sweep: what to run.
        root: folder that holds the runs of all sweeps.

    Raises:
        InputError: settings that do not go together, an unknown name (cells and decoders among them), two different
            runs in one folder.
    """
    jobs: dict[str, Job] = {}
    rows = list(rows_of(sweep))
    check_rows(sweep.claims, list(dict.fromkeys(row.row for row in rows)))
    starts = starts_of(rows)
    for row in rows:
        run, needs = row.folder(sweep, root), []
        job = training_job(sweep, root, row, starts)
        _add(jobs, job)
        needs.append(job.name)
        if row.arm.probe is not None:
            probe = probe_job(row, row.arm.probe, run, job)
            _add(jobs, probe)
            needs.append(probe.name)
            if row.arm.probe.measure:
                greedy = replace(row, arm=row.arm.model_copy(update={"decoders": ["greedy"]}))
                (solve,) = evaluation_jobs(sweep, greedy, run, (job.name,), job)
                _add(jobs, solve)
                _add(jobs, measuring_job(sweep, probe, solve))
        if any("{next_run}" in text for text in row.arm.decoders or ()):
            following = training_job(sweep, root, replace(row, seed=next_seed(sweep, row)), starts)
            _add(jobs, following)
            needs.append(following.name)
        if row.arm.evaluate:
            for evaluation in evaluation_jobs(sweep, row, run, tuple(needs), job):
                _add(jobs, evaluation)
    ordered: dict[str, Job] = {}
    for one in jobs.values():
        _after_needs(one, jobs, ordered)
    return list(ordered.values())


def _after_needs(job: Job, jobs: dict[str, Job], ordered: dict[str, Job]) -> None:
    """Append a job behind those it needs: an arm may start from one that stands below it."""
    if job.name not in ordered:
        for name in job.needs:
            _after_needs(jobs[name], jobs, ordered)
        ordered[job.name] = job


def training_jobs(sweep: Sweep, root: Path) -> list[tuple[str, str, Job]]:
    """(row, family, job) of the run of each row that is evaluated, once a run, seed by seed."""
    rows = list(rows_of(sweep))
    starts = starts_of(rows)
    jobs: dict[Path, tuple[str, str, Job]] = {}
    for row in rows:
        if row.arm.evaluate:
            jobs.setdefault(row.folder(sweep, root), (row.row, row.family, training_job(sweep, root, row, starts)))
    return list(jobs.values())


def _add(jobs: dict[str, Job], job: Job) -> None:
    """Take up a job; one that is there already must be the same."""
    known = jobs.setdefault(job.name, job)
    if known.command == job.command:
        if set(job.needs) - set(known.needs):
            jobs[job.name] = replace(known, needs=tuple(dict.fromkeys((*known.needs, *job.needs))))
        return
    lines = what_differs(job.settings, known.settings) or what_differs(known.settings, job.settings)
    raise InputError(
        f"two arms would share the run folder {job.run} with different settings ({'; '.join(lines[:2])}); "
        "give one of them another name"
    )


def report_request(sweep: Sweep, root: Path) -> ReportRequest:
    """The report of a sweep, whatever part of it is finished; runs of other settings in its folders are left out."""
    sources: list[Source] = []
    left_out: list[str] = []
    shown: list[str] = []
    columns: dict[str, dict[str, None]] = {family: {} for family in sweep.families}
    rows = list(rows_of(sweep))
    starts = starts_of(rows)
    for row in rows:
        probe = row.arm.probe if row.arm.probe is not None and row.arm.probe.measure else None
        if not row.arm.evaluate and probe is None:
            continue
        run = row.folder(sweep, root)
        training = training_job(sweep, root, row, starts)
        cells = cells_of(sweep, row, training)
        columns[row.family] |= dict.fromkeys(cells)
        shown.append(row.row)
        found: list[tuple[Job, tuple[str, ...]]] = []
        if row.arm.evaluate:
            names = tuple(name for name, _ in decoders_of(sweep, row, run))
            found.append((training, names))
        if probe is not None:
            found.append((probe_job(row, probe, run, training), PROBED))
        for job, names in found:
            try:
                reason = conflict(job.run, job.settings)
            except InputError as error:  # a damaged folder is that row's trouble, not the others'
                reason = str(error)
            if reason is not None:
                left_out.append(reason)
            else:
                sources.append(Source(row.row, job.run, row.seed, names, cells, sweep.test_seed, sweep.problems))
    return ReportRequest(
        title=sweep.title,
        sources=sources,
        shows=sweep.shows,
        rows=tuple(dict.fromkeys(shown)),
        left_out=tuple(dict.fromkeys(left_out)),
        measures=sweep.measures,
        figure=sweep.figure,
        baseline=sweep.baseline,
        combine=sweep.combine,
        columns=tuple(dict.fromkeys(cell for cells in columns.values() for cell in cells)),
        claims=sweep.claims,
        along=[_along(name, rows) for name in sweep.along],
    )


def _along(name: str, rows: list[Row]) -> Along:
    """The rows whose grid has the name; a series is what is left of their names without it: "fix, delay 0" -> "fix"."""
    series: dict[str, dict[str, str]] = {}
    for row in rows:
        if name in grid_names(row.arm.grid):
            rest = fill(row.arm.row, row.variables | {name: ""}, name).strip().removesuffix(name).rstrip(" ,")
            series.setdefault(rest, {})[str(row.variables[name])] = row.row
    return Along(name, series)


def select(jobs: list[Job], text: str) -> list[Job]:
    """The jobs whose names contain ``text``, and those they need."""
    wanted = {job.name for job in jobs if text in job.name}
    if not wanted:
        raise InputError(f"no job's name contains '{text}'{suggest(text, [job.name for job in jobs])}")
    for job in reversed(jobs):  # needs stand before the jobs that need them
        if job.name in wanted:
            wanted.update(job.needs)
    return [job for job in jobs if job.name in wanted]
