"""`mistakes finetune`: LoRA or continued pretraining of a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igsm.training.distributed import Ranks
    from igsm.training.task import Outcome


def command(
    config: Annotated[Path, typer.Argument(help="A preset's name, e.g. lora, or a YAML file.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="from=RUN KEY=VALUE", help="The model to start from; settings.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<preset> if left out.")] = None,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Fine-tune a trained model; the same command again goes on where it stopped.

    Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import accuracy_hook, check_run, run_training, say_end, tracking_override
    from igsm.config import load_config
    from igsm.presets import find_preset
    from igsm.training.config import FinetuneConfig
    from igsm.training.settings import resolve

    changes = [*(overrides or []), *tracking_override(tracker)]
    folder = out or Path("runs") / config.stem
    resolved = resolve(load_config(FinetuneConfig, find_preset(config, "finetune"), changes), folder)
    settings = resolved.config
    run = check_run(settings, folder, gpus)
    hook = accuracy_hook(settings.data, settings.training, resolved.vocabulary)

    def body(ranks: Ranks) -> Outcome:
        from igsm.training.windows import train_windows

        return train_windows(resolved, folder, ranks, evaluate=hook)

    say_end(run_training(body, run, gpus), folder, f"mistakes eval {folder}")
