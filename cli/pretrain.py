"""`mistakes pretrain`: a model from random weights."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igsm.training.distributed import Ranks
    from igsm.training.task import Outcome


def command(
    config: Annotated[Path, typer.Argument(help="A preset's name, e.g. lite, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Over the preset.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<preset> if left out.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Train this run longer, in a new folder, under this config's schedule."),
    ] = None,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Pretrain a model; the same command again goes on where it stopped.

    Exit codes: 0 finished; 75 stopped by SIGTERM or SIGUSR1, 130 by Ctrl-C, and saved: the same command goes on; 2 bad
    input; 1 failed, e.g. because the loss exploded. A second Ctrl-C ends at once, without saving.
    """
    from cli.training import accuracy_hook, check_run, run_training, say_end, tracking_override
    from igsm.config import load_config
    from igsm.presets import find_preset
    from igsm.training.config import PretrainConfig
    from igsm.training.settings import resolve

    changes = [*(overrides or []), *tracking_override(tracker)]
    if start is not None:
        changes.append(f"continue_from={start}")
    folder = out or Path("runs") / config.stem
    resolved = resolve(load_config(PretrainConfig, find_preset(config, "pretrain"), changes), folder)
    settings = resolved.config
    run = check_run(settings, folder, gpus)
    hook = accuracy_hook(settings.data, settings.training, resolved.vocabulary)

    def body(ranks: Ranks) -> Outcome:
        from igsm.training.windows import train_windows

        return train_windows(resolved, folder, ranks, evaluate=hook)

    steps = "training.steps="
    words = [word for word in changes if not word.startswith((steps, "continue_from="))]
    words.append(f"{steps}{2 * settings.training.steps}")
    longer = shlex.join(["mistakes", "pretrain", str(config), *words, "--from", str(folder), "--out", "NEW"])
    say_end(run_training(body, run, gpus), folder, f"mistakes eval {folder}", longer)
