"""`mistakes probe`: does a trained model know which parameters can be computed next?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igsm.training.distributed import Ranks
    from igsm.training.loop import Outcome


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
    from cli.training import FIRST, check_run, preset, run_training, say_end, tracking_override
    from igsm.config import load_config
    from igsm.corpus.config import DataConfig
    from igsm.probing.config import ProbeConfig, resolve_probing
    from igsm.probing.solutions import read_solutions

    changes = [*(overrides or []), *tracking_override(tracker)]
    settings = resolve_probing(load_config(ProbeConfig, preset(config, "probe"), changes))
    folder = out or Path("runs") / config.stem
    if FIRST:  # what cannot be read must not show after training only
        for _ in read_solutions(generations or [], settings):
            pass
    assert settings.problem is not None
    rows = DataConfig(problem=settings.problem, context=min(settings.row_length, 65536))
    run = check_run(settings, folder, rows, gpus, "row_length", logits=False)

    def body(ranks: Ranks) -> Outcome:
        from igsm.probing.train import train_probe

        return train_probe(settings, folder, ranks)

    outcome = run_training(body, run, gpus)
    if outcome is None or not FIRST:
        return
    from rich.console import Console

    from igsm.probing.evaluate import FIGURE, REPORT, evaluate_probe, render
    from igsm.training.signals import leaving_on_request

    with leaving_on_request("the probe is trained, its measures are not written"):
        report = evaluate_probe(folder, problems, generations or [], settings.training.device, seen)
    Console().print(render(report))
    typer.echo(f"written: {folder / REPORT}, {folder / FIGURE}")
    use = f"mistakes eval {settings.from_} --decoder regret-{folder.name}@{folder}"
    say_end(outcome, folder, use if settings.question == "can_next" else f"mistakes inspect {folder}")
