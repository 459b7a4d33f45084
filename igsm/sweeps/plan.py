"""From a sweep to its jobs, in the order in which they can run, and to the report they end in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from igsm.config import build_config
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError, suggest
from igsm.evaluation.cells import parse_cells
from igsm.evaluation.shipped import trained_model
from igsm.problems.difficulty import ProblemConfig
from igsm.reporting.along import Along
from igsm.reporting.claims import check_rows
from igsm.reporting.report import ReportRequest
from igsm.reporting.results import Source
from igsm.reporting.table import PROBED
from igsm.sweeps.rows import Row, next_seed, rows_of, starts_of
from igsm.sweeps.settings import Settings, conflict, resolve, what_differs
from igsm.sweeps.sweep import FineTuning, Probing, Sweep, Variables, fill, folder_name, grid_names


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: unique, for people: stage and run folder, e.g. "pretrain med_pq-original-seed1".
        stage: "pretrain", "finetune", "probe" or "eval".
        command: arguments of `mistakes`.
        run: the run folder it makes, or evaluates.
        needs: names of the jobs that must have succeeded before.
        config: path of the config file; of the evaluated run's for "eval".
        settings: resolved settings; empty for "eval".
        cells, decoder, problems, test_seed: what an "eval" job measures.
        generated_tokens: expected number of generated tokens of an "eval" job.
    """

    name: str
    stage: str
    command: tuple[str, ...]
    run: Path
    needs: tuple[str, ...]
    config: str
    settings: Settings
    cells: tuple[str, ...] = ()
    decoder: str = ""
    problems: int = 0
    test_seed: int = 0
    generated_tokens: float = 0.0


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
        job = _training_job(sweep, root, row, starts)
        _add(jobs, job)
        needs.append(job.name)
        if row.arm.probe is not None:
            probe = _probe_job(row, row.arm.probe, run, job)
            _add(jobs, probe)
            needs.append(probe.name)
            if row.arm.probe.measure:
                greedy = replace(row, arm=row.arm.model_copy(update={"decoders": ["greedy"]}))
                (solve,) = _evaluation_jobs(sweep, greedy, run, (job.name,), job)
                _add(jobs, solve)
                _add(jobs, _measuring_job(sweep, probe, solve))
        if any("{next_run}" in text for text in row.arm.decoders or ()):
            following = _training_job(sweep, root, replace(row, seed=next_seed(sweep, row)), starts)
            _add(jobs, following)
            needs.append(following.name)
        if row.arm.evaluate:
            for evaluation in _evaluation_jobs(sweep, row, run, tuple(needs), job):
                _add(jobs, evaluation)
    return list(jobs.values())


def training_jobs(sweep: Sweep, root: Path) -> list[tuple[str, str, Job]]:
    """(row, family, job) of the run of each row that is evaluated, once a run, seed by seed."""
    rows = list(rows_of(sweep))
    starts = starts_of(rows)
    jobs: dict[Path, tuple[str, str, Job]] = {}
    for row in rows:
        if row.arm.evaluate:
            jobs.setdefault(row.folder(sweep, root), (row.row, row.family, _training_job(sweep, root, row, starts)))
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


def _training_job(sweep: Sweep, root: Path, row: Row, starts: dict[tuple[str, str, int], Row]) -> Job:
    """The job that makes the row's run: pretraining, or fine-tuning from another arm's run."""
    run = row.folder(sweep, root)
    family = sweep.families[row.family]
    where = f"arm '{row.arm.row}'"
    seeds = [f"seed={row.seed}", f"data.seed={row.seed}"]
    if row.arm.finetune is None:
        overrides = [fill(text, row.variables, where) for text in (*family.overrides, *row.arm.overrides)]
        return _stage_job("pretrain", family.config, [*overrides, *seeds], run, ())
    tuning: FineTuning = row.arm.finetune
    model, needs = _start(sweep, root, row, starts)
    overrides = [f"from={model}"] + [fill(text, row.variables, where) for text in tuning.overrides]
    config = fill(tuning.config, row.variables, where)
    return _stage_job(tuning.stage, config, [*overrides, *seeds], run, needs)


def _start(sweep: Sweep, root: Path, row: Row, starts: dict[tuple[str, str, int], Row]) -> tuple[Path, tuple[str, ...]]:
    """The model that a row's fine-tuning goes on from, and the jobs that make it."""
    where, tuning = f"arm '{row.arm.row}'", row.arm.finetune
    assert tuning is not None
    if tuning.model is not None:
        return trained_model(fill(tuning.model, row.variables, where)), ()
    assert tuning.start is not None
    start = folder_name(fill(tuning.start, row.variables, where))
    base = starts.get((start, row.family, row.seed))
    if base is None:
        raise InputError(f"{where}: no arm '{tuning.start}' to start from{suggest(start, {key[0] for key in starts})}")
    before = _training_job(sweep, root, base, starts)
    return before.run, (before.name,)


def _probe_job(row: Row, probe: Probing, run: Path, training: Job) -> Job:
    where = f"arm '{row.arm.row}'"
    config = fill(probe.config, row.variables, where)
    overrides = [f"from={run}"] + [fill(text, row.variables, where) for text in probe.overrides]
    overrides.append(f"seed={row.seed}")
    return _stage_job("probe", config, overrides, probe_folder(run, probe, row.variables, where), (training.name,))


def probe_folder(run: Path, probe: Probing, variables: Variables, where: str) -> Path:
    """Where a detector trained on ``run`` lies: beside it, named after its config."""
    name = folder_name(fill(probe.name or Path(probe.config).stem, variables, where))
    return run.with_name(f"{run.name}-{name}")


def _measuring_job(sweep: Sweep, probe: Job, solve: Job) -> Job:
    """Measures a trained probe over cells, an evaluation without generation: ``solve`` makes the solutions it reads."""
    what = ["--cells", ",".join(solve.cells), "--problems", str(sweep.problems), "--test-seed", str(sweep.test_seed)]
    return Job(
        f"measure {probe.run.name}",
        "eval",
        (*probe.command, *what),
        probe.run,
        (probe.name, solve.name),
        probe.config,
        {},
        solve.cells,
        PROBED[-1],
        sweep.problems,
        sweep.test_seed,
    )


def _stage_job(stage: str, config: str, overrides: list[str], run: Path, needs: tuple[str, ...]) -> Job:
    settings = resolve(stage, config, tuple(overrides))
    command = (stage, config, *overrides, "--out", str(run))
    return Job(f"{stage} {run.name}", stage, command, run, needs, config, settings)


def _evaluation_jobs(sweep: Sweep, row: Row, run: Path, needs: tuple[str, ...], training: Job) -> Iterator[Job]:
    family = sweep.families[row.family]
    cells = _cells(sweep, row, training)
    for decoder, arguments in _decoders(sweep, row, run):
        what = ["--cells", ",".join(cells), "--decoder", arguments]
        what += ["--n", str(sweep.problems), "--seed", str(sweep.test_seed)]
        if sweep.keep_samples and parse_decoder(arguments).samples > 1:
            what.append("--keep-samples")
        yield Job(
            f"eval {run.name} {decoder}",
            "eval",
            ("eval", str(run), *what),
            run,
            needs,
            training.config,
            {},
            cells,
            decoder,
            sweep.problems,
            sweep.test_seed,
            family.generated_tokens * sweep.problems * len(cells),
        )


def _cells(sweep: Sweep, row: Row, training: Job) -> tuple[str, ...]:
    """Full names of the row's cells, as its evaluations are filed under. Raises :class:`InputError`."""
    problem = build_config(ProblemConfig, training.settings["data"]["problem"], training.name)
    cells = parse_cells(",".join(sweep.families[row.family].cells), problem)
    learnt = problem.problem_class.lexicon
    for cell in cells:
        names = cell.problems(problem).problem_class.lexicon  # raises for operations that no problem of the class has
        if names != learnt:
            raise InputError(
                f"cell '{cell.name}': has the names of lexicon '{names}', {training.run.name} learns those of "
                f"'{learnt}'; choose cells of {problem.difficulty}, or set data.problem.lexicon={names}"
            )
    return tuple(cell.name for cell in cells)


def _decoders(sweep: Sweep, row: Row, run: Path) -> list[tuple[str, str]]:
    """The row's decoders as (name in the results, argument of `mistakes eval --decoder`) pairs."""
    arm, where = row.arm, f"arm '{row.arm.row}'"
    known: Variables = {"run": str(run), **row.variables}
    if arm.probe is not None:
        known["probe"] = str(probe_folder(run, arm.probe, row.variables, where))
    if any("{next_run}" in text for text in arm.decoders or ()):
        known["next_run"] = str(run.with_name(f"{row.family}-{row.name}-seed{next_seed(sweep, row)}"))
    texts = [fill(text, known, where) for text in arm.decoders or sweep.decoders]
    return [(parse_decoder(text).name, text) for text in texts]


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
        training = _training_job(sweep, root, row, starts)
        cells = _cells(sweep, row, training)
        columns[row.family] |= dict.fromkeys(cells)
        shown.append(row.row)
        found: list[tuple[Job, tuple[str, ...]]] = []
        if row.arm.evaluate:
            names = tuple(name for name, _ in _decoders(sweep, row, run))
            found.append((training, names))
        if probe is not None:
            found.append((_probe_job(row, probe, run, training), PROBED))
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
