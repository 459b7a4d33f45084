"""`mistakes finetune`: LoRA or continued pretraining of a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Argument(help="Preset, e.g. configs/finetune/lora.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="from=RUN [KEY=VALUE]...", help="The model to start from; settings.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<preset> if left out.")] = None,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Fine-tune a trained model; the same command again goes on where it stopped.

    Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import accuracy_hook, run_training, tracking_override
    from igsm.config import load_config
    from igsm.training.finetune import FinetuneConfig, finetune

    settings = load_config(FinetuneConfig, config, [*(overrides or []), *tracking_override(tracker)])
    folder = out or Path("runs") / config.stem
    hook = accuracy_hook(settings.data, settings.training)
    run_training(lambda ranks: finetune(settings, folder, ranks, evaluate=hook), settings.training.device, gpus)
