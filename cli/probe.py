"""`mistakes probe`: does a trained model know which parameters can be computed next?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Argument(help="Preset, e.g. configs/probe/version1.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="from=RUN [KEY=VALUE]...", help="The model to probe; settings.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<preset> if left out.")] = None,
    problems: Annotated[int, typer.Option(help="Test problems that the trained probe is measured on.", min=1)] = 1024,
    generations: Annotated[
        list[Path] | None, typer.Option(help="generations.jsonl.gz of the model: detect its first mistakes, too.")
    ] = None,
    seen: Annotated[
        bool, typer.Option("--seen", help="Measure on new problems with templates of the training split (for nano).")
    ] = False,
    gpus: Annotated[int | None, typer.Option(help="Start so many processes with torchrun.", min=1)] = None,
    tracker: Annotated[str | None, typer.Option(help="wandb: auto, online, offline or none.")] = None,
) -> None:
    """Train a probe on a frozen model, then measure it on test problems (probe.json in the run folder).

    Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import run_training, tracking_override
    from igsm.config import load_config
    from igsm.probing.config import ProbeConfig
    from igsm.probing.train import resolve, train_probe

    settings = load_config(ProbeConfig, config, [*(overrides or []), *tracking_override(tracker)])
    folder = out or Path("runs") / config.stem
    measures = os.environ.get("RANK", "0") == "0"
    if generations and measures:  # what cannot be read must not show after training only
        from igsm.probing.evaluate import read_solutions

        for _ in read_solutions(generations, resolve(settings)[0]):
            pass
    run_training(lambda ranks: train_probe(settings, folder, ranks), settings.training.device, gpus)
    if measures:
        from rich.console import Console

        from igsm.probing.evaluate import evaluate_probe, render

        device = settings.training.device
        Console().print(render(evaluate_probe(folder, problems, generations or [], device, seen)))
