"""`mistakes copilot`: a Copilot beside a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igsm.training.distributed import Ranks
    from igsm.training.task import Outcome


def command(
    config: Annotated[Path, typer.Argument(help="A preset's name, e.g. trio, or a YAML file.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="from=RUN KEY=VALUE", help="The model to start from; settings.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/copilot-<preset> if left out.")] = None,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Train a Copilot on the errors of a model that learns on beside it (docs/copilot.md).

    The same command again goes on where it stopped. Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import FIRST, accuracy_hook, check_run, run_training, say_end, tracking_override
    from igsm.config import load_config
    from igsm.evaluation.chosen import validation_cell
    from igsm.preflight.resources import readable
    from igsm.presets import find_preset
    from igsm.progress import say
    from igsm.training.copilot_config import CopilotRunConfig
    from igsm.training.settings import resolve

    changes = [*(overrides or []), *tracking_override(tracker)]
    folder = out or Path("runs") / f"copilot-{config.stem}"
    resolved = resolve(load_config(CopilotRunConfig, find_preset(config, "copilot"), changes), folder)
    settings = resolved.config
    validation_cell(settings.validation, settings.data.problem)  # a wrong one must not show after hours of training
    if FIRST and settings.log.rounds > 1:
        size = readable(settings.log_bytes(settings.training.batch))
        what = "dense" if settings.log.top_k is None else f"the {settings.log.top_k} most probable ids of each error"
        say(f"mistake log: {size} in memory ({settings.log.rounds} rounds, {what})")
    run = check_run(settings, folder, gpus)
    hook = accuracy_hook(settings.data, settings.training, resolved.vocabulary)

    def body(ranks: Ranks) -> Outcome:
        from igsm.training.copilot import train_copilot

        return train_copilot(resolved, folder, ranks, evaluate=hook)

    outcome = run_training(body, run, gpus)
    say_end(outcome, folder, f"mistakes eval {folder} --decoder greedy,greedy+copilot@{folder}:auto")
