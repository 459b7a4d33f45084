"""What the commands that train share: how processes are started, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from igsm.corpus.config import DataConfig
    from igsm.training.config import TrainingConfig
    from igsm.training.distributed import Ranks
    from igsm.training.loop import Outcome


def tracking_override(tracker: str | None) -> list[str]:
    """`--tracker` as an override of a config."""
    return [] if tracker is None else [f"tracking.mode={'disabled' if tracker == 'none' else tracker}"]


def accuracy_hook(data: DataConfig, training: TrainingConfig) -> Callable[[Any, int], dict[str, float]] | None:
    """Graded generation between training steps, on `training.evaluate_problems` problems; None for none."""
    if training.evaluate_problems == 0:
        return None

    def evaluate(model: Any, step: int) -> dict[str, float]:
        from igsm.evaluation.evaluate import generation_accuracy

        return generation_accuracy(model, data, training.evaluate_problems)

    return evaluate


def run_training(body: Callable[[Ranks], Outcome], device: str, gpus: int | None) -> None:
    """Run `body` in this process, or give the command line to `gpus` processes; ends with the exit code.

    Exit codes: 0 finished; 75 stopped by SIGTERM or SIGUSR1 and saved: the same command goes on; 1 failed.
    """
    from igsm.training.distributed import join, launch, leave
    from igsm.training.loop import TrainingError
    from igsm.training.signals import REQUEUE_EXIT_CODE

    if gpus is not None and gpus > 1:
        raise typer.Exit(launch(gpus, "cli.main", _without_gpus(sys.argv[1:])))
    ranks = join(device)
    try:
        outcome = body(ranks)
    except TrainingError as error:
        if ranks.first:
            print(f"mistakes: error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    finally:
        leave()
    if outcome.status == "requeue":
        raise typer.Exit(REQUEUE_EXIT_CODE)


def _without_gpus(arguments: list[str]) -> list[str]:
    kept = []
    words = iter(arguments)
    for word in words:
        if word == "--gpus":
            next(words, None)
        elif not word.startswith("--gpus="):
            kept.append(word)
    return kept
