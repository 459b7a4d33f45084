"""What the commands that train share: what is checked first, how processes are started, and how they end."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.preflight.work import Training
    from igsm.training.config import RunConfig, TrainingConfig
    from igsm.training.distributed import Ranks
    from igsm.training.task import Outcome

Body = Callable[["Ranks"], "Outcome"]
STARTED = int(os.environ.get("WORLD_SIZE", "1")) > 1
"""Whether torchrun has started this process and others, for `--gpus` or for the user: then it starts none."""
FIRST = os.environ.get("RANK", "0") == "0"
"""Whether this process says what all processes of a run would say."""


def tracking_override(tracker: str | None) -> list[str]:
    """`--tracker` as an override of a config."""
    return [] if tracker is None else [f"tracking.mode={'disabled' if tracker == 'none' else tracker}"]


def accuracy_hook(
    data: DataConfig, training: TrainingConfig, vocabulary: Vocabulary
) -> Callable[[Any, int], dict[str, float]] | None:
    """Graded generation between training steps, on `training.evaluate_problems` problems; None for none.

    Raises:
        InputError: documents whose solutions nobody can grade.
    """
    from igsm.errors import InputError

    if training.evaluate_problems == 0:
        return None
    if data.corpus == "boxes":
        raise InputError("training.evaluate_problems: boxes are not graded; set it to 0")

    def evaluate(model: Any, step: int) -> dict[str, float]:
        from igsm.evaluation.evaluate import generation_accuracy

        return generation_accuracy(model, data, vocabulary, training.evaluate_problems)

    return evaluate


def check_run(config: RunConfig, folder: Path, gpus: int | None) -> Training:
    """Refuse, before torch is imported, a run that cannot succeed; its config is resolved.

    Raises:
        InputError: the folder is another run's, or see `igsm.preflight.check.check`.
    """
    from igsm.preflight.check import check
    from igsm.preflight.fit import reads_too_much
    from igsm.preflight.work import Training
    from igsm.progress import say
    from igsm.rundir import RunFolder
    from igsm.training.folder import is_resumed

    resumed = is_resumed(RunFolder(folder), config)
    # Other processes that torchrun has started may have taken their memory already: this one looks at its own only.
    processes, world_size = (1, int(os.environ["WORLD_SIZE"])) if STARTED else (gpus or 1, gpus or 1)
    run = Training.of(config, processes, world_size)
    if not RunFolder(folder).done.exists():
        warnings = check(run.work(folder, config.rows if FIRST else None, config.length_setting))
        if FIRST and processes == 1:  # of several the first one tells
            if told := reads_too_much(config):
                warnings.append(told)
            for warning in warnings:
                print(f"mistakes: warning: {warning}", file=sys.stderr)
            for line in _what_is_trained(config, folder, resumed):
                say(line)
    return run


def _what_is_trained(config: RunConfig, folder: Path, resumed: bool) -> Iterator[str]:
    from igsm.former_keys import PLAIN_METHOD
    from igsm.preflight.estimates import n_trained, n_weights
    from igsm.rundir import RunFolder

    shape, recipe, rows = config.shape, config.training, config.rows
    of = f" of {n_weights(shape):,}" if config.updates is not None else ""
    tokens = recipe.steps * recipe.batch * rows.context
    problems, mistakes = rows.problem, rows.mistakes
    named = [] if rows.method.name == PLAIN_METHOD else [f"method {rows.method.name}"]
    named += [] if mistakes.kind == "none" else [f"{mistakes.kind} {mistakes.rate:g}"]
    kind = ", ".join(named) or "error-free"
    source = f", from {config.start}" if config.start is not None else ""
    if config.start is not None and (steps := RunFolder(config.start).checkpoint_steps()):
        source += "" if RunFolder(config.start).done.exists() else f" (not finished: its step {steps[-1]})"
    yield f"{folder}: {'goes on with' if resumed else 'begins'} {config.stage}{source}"
    yield f"  {n_trained(shape, config.updates):,}{of} weights, {shape.layers} layers of width {shape.width}"
    yield f"  {tokens:,} tokens: {recipe.steps:,} steps of {recipe.batch} windows of {rows.context}"
    learned = rows.corpus if rows.corpus == "boxes" else f"{problems.difficulty}_{problems.format}, {kind}"
    yield f"  {learned}; a checkpoint every {recipe.checkpoint_every:,} steps"
    if config.continued is not None:
        yield f"  its first steps are those of {config.continued}"


def run_training(body: Body, run: Training, gpus: int | None) -> Outcome | None:
    """Run `body` in this process, or give the command line to `gpus` processes.

    Returns:
        How it ended; None where other processes have done it.

    Raises:
        typer.Exit: with the exit code, where it did not come to its end: 75 stopped by SIGTERM or SIGUSR1, 130 by
            Ctrl-C, and saved: the same command goes on; 1 failed.
    """
    from igsm.preflight.check import must_be_enough
    from igsm.progress import waiting

    with waiting("loading torch"):
        from igsm.decoding.devices import free_memory
        from igsm.training.distributed import join, launch, leave
    from igsm.training.signals import INTERRUPT_EXIT_CODE, REQUEUE_EXIT_CODE

    free_unused()
    if gpus is not None and gpus > 1 and not STARTED:
        check_devices(run.training.device, gpus)
        code = launch(gpus, "cli.main", sys.argv[1:])
        if code:
            raise typer.Exit(code)
        return None
    ranks = join(run.training.device)
    try:
        if ranks.device.type == "cuda":
            must_be_enough(run.on_device, free_memory(ranks.device), f"on {ranks.device}")
        with failure_told(ranks):
            outcome = body(ranks)
    finally:
        leave()
    if outcome.status != "done":
        raise typer.Exit(INTERRUPT_EXIT_CODE if outcome.status == "interrupted" else REQUEUE_EXIT_CODE)
    return outcome


@contextlib.contextmanager
def failure_told(ranks: Ranks) -> Iterator[None]:
    """Training that fails by itself ends in one line and exit code 1."""
    from igsm.training.task import TrainingError

    try:
        yield
    except TrainingError as error:
        if ranks.first:
            print(f"mistakes: error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def check_devices(device: str, gpus: int) -> None:
    """Raise InputError if `gpus` processes would not find as many GPUs, before they are started."""
    import torch

    from igsm.errors import InputError

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found < gpus and (device == "cuda" or (device == "auto" and found)):
        raise InputError(f"--gpus {gpus}: {found} GPUs are visible; give fewer, or training.device=cpu")


def say_end(outcome: Outcome | None, folder: Path, next_command: str, longer: str | None = None) -> None:
    """Say what a finished run has left, where, and what one would do next.

    Args:
        longer: the command that would train it longer, if there is one.
    """
    from igsm.rundir import RunFolder

    if outcome is None or not FIRST:
        return
    if outcome.began_at == outcome.step:
        done = f"was finished before, after {outcome.step:,} steps: nothing to do"
    else:
        done = f"finished, {outcome.step:,} steps"
    last = RunFolder(folder).checkpoint(outcome.step)
    typer.echo(f"{folder}: {done}")
    typer.echo(f"  model: {last if last.is_dir() else 'its checkpoint has been removed'}")
    typer.echo(f"  curves: mistakes inspect {folder}")
    if longer is not None:
        typer.echo(f"  longer: {longer}")
    typer.echo(f"  next: {next_command}")


def free_unused() -> None:
    """Give back to the GPUs what torch keeps of them from decoding in this process, such as a verifier's samples."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
