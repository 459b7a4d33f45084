"""The jobs of a sweep's rows: training, a detector, evaluations; each is one command of `mistakes`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from igsm.config import build_config
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError, suggest
from igsm.evaluation.cells import parse_cells
from igsm.evaluation.shipped import trained_model
from igsm.problems.difficulty import ProblemConfig
from igsm.reporting.table import PROBED
from igsm.sweeps.rows import Row, next_seed
from igsm.sweeps.settings import Settings, resolve
from igsm.sweeps.sweep import FineTuning, Probing, Sweep, Variables, fill, folder_name


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: unique, for people: stage and run folder, e.g. "pretrain med_pq-original-seed1".
        stage: "pretrain", "finetune", "copilot", "probe" or "eval".
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


def training_job(sweep: Sweep, root: Path, row: Row, starts: dict[tuple[str, str, int], Row]) -> Job:
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
    before = training_job(sweep, root, base, starts)
    return before.run, (before.name,)


def probe_job(row: Row, probe: Probing, run: Path, training: Job) -> Job:
    """The job that trains a row's detector."""
    where = f"arm '{row.arm.row}'"
    config = fill(probe.config, row.variables, where)
    overrides = [f"from={run}"] + [fill(text, row.variables, where) for text in probe.overrides]
    overrides.append(f"seed={row.seed}")
    return _stage_job("probe", config, overrides, _probe_folder(run, probe, row.variables, where), (training.name,))


def _probe_folder(run: Path, probe: Probing, variables: Variables, where: str) -> Path:
    """Where a detector trained on ``run`` lies: beside it, named after its config."""
    name = folder_name(fill(probe.name or Path(probe.config).stem, variables, where))
    return run.with_name(f"{run.name}-{name}")


def measuring_job(sweep: Sweep, probe: Job, solve: Job) -> Job:
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


def evaluation_jobs(sweep: Sweep, row: Row, run: Path, needs: tuple[str, ...], training: Job) -> Iterator[Job]:
    """The row's evaluations, one a decoder."""
    family = sweep.families[row.family]
    cells = cells_of(sweep, row, training)
    for decoder, arguments in decoders_of(sweep, row, run):
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


def cells_of(sweep: Sweep, row: Row, training: Job) -> tuple[str, ...]:
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


def decoders_of(sweep: Sweep, row: Row, run: Path) -> list[tuple[str, str]]:
    """The row's decoders as (name in the results, argument of `mistakes eval --decoder`) pairs."""
    arm, where = row.arm, f"arm '{row.arm.row}'"
    known: Variables = {"run": str(run), **row.variables}
    if arm.probe is not None:
        known["probe"] = str(_probe_folder(run, arm.probe, row.variables, where))
    if any("{next_run}" in text for text in arm.decoders or ()):
        known["next_run"] = str(run.with_name(f"{row.family}-{row.name}-seed{next_seed(sweep, row)}"))
    texts = [fill(text, known, where) for text in arm.decoders or sweep.decoders]
    return [(parse_decoder(text).name, text) for text in texts]
