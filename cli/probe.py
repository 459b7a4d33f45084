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
    problems: Annotated[
        int, typer.Option(help="Test problems (of each cell) that the trained probe is measured on.", min=1)
    ] = 1024,
    cells: Annotated[
        str | None,
        typer.Option(
            help="Measure on these cells (as `mistakes eval`; figure: the paper's): all parameters, and the first "
            "mistakes of the model's greedy solutions, which are made where they are missing."
        ),
    ] = None,
    test_seed: Annotated[int, typer.Option(help="With --cells: of the test problems.")] = 0,
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

    With --cells it is measured on those instead (eval/ in the run folder): Results 0 and 1 of the paper in one command.

    Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import run_training, tracking_override
    from igsm.config import load_config
    from igsm.errors import InputError
    from igsm.probing.config import ProbeConfig
    from igsm.probing.train import resolve, train_probe

    settings = load_config(ProbeConfig, config, [*(overrides or []), *tracking_override(tracker)])
    folder = out or Path("runs") / config.stem
    measures = os.environ.get("RANK", "0") == "0"
    if cells is not None and (generations or seen):
        raise InputError("--cells: leave out --generations (found by itself) and --seen (part of a cell's name)")
    if cells is not None and measures:
        from igsm.evaluation.probed import probed_cells

        probed_cells(settings, cells)
    if generations and measures:  # what cannot be read must not show after training only
        from igsm.probing.evaluate import read_solutions

        for _ in read_solutions(generations, resolve(settings)[0]):
            pass
    run_training(lambda ranks: train_probe(settings, folder, ranks), settings.training.device, gpus)
    if not measures:
        return
    from rich.console import Console

    device = settings.training.device
    if cells is None:
        from igsm.probing.evaluate import evaluate_probe, render

        Console().print(render(evaluate_probe(folder, problems, generations or [], device, seen)))
        return
    from tqdm import tqdm

    from igsm.evaluation.probed import measure_cells
    from igsm.evaluation.probed import render as render_cells
    from igsm.training.signals import leaving_on_request

    with leaving_on_request(), tqdm(unit="problem") as bar:

        def tell(cell: str, graded: int, correct: int) -> None:
            if bar.desc != (description := f"{cell} greedy: "):
                bar.reset(problems)
                bar.set_description_str(description)
            bar.update(graded - bar.n)

        summaries = measure_cells(folder, cells, problems, test_seed, device, tell)
    Console().print(render_cells(folder, summaries))
