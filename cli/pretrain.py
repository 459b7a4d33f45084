"""`mistakes pretrain`: a model from random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Argument(help="Preset, e.g. configs/pretrain/lite.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Over the preset.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<preset> if left out.")] = None,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Pretrain a model; the same command again goes on where it stopped.

    Exit codes: 0 finished; 75 stopped by SIGTERM or SIGUSR1 and saved: the same command goes on; 2 bad input;
    1 failed, e.g. because the loss exploded.
    """
    from cli.training import accuracy_hook, run_training, tracking_override
    from igsm.config import load_config
    from igsm.training.config import PretrainConfig
    from igsm.training.pretrain import pretrain, resolve

    folder = out or Path("runs") / config.stem
    settings = resolve(load_config(PretrainConfig, config, [*(overrides or []), *tracking_override(tracker)]), folder)
    hook = accuracy_hook(settings.data, settings.training)
    run_training(lambda ranks: pretrain(settings, folder, ranks, evaluate=hook), settings.training.device, gpus)
