"""`mistakes probe`: does a trained model know which parameters can be computed next, and which solutions are right?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import Json, console, print_json

if TYPE_CHECKING:
    from igsm.probing.config import ProbeConfig
    from igsm.training.distributed import Ranks
    from igsm.training.task import Outcome


def command(
    config: Annotated[Path, typer.Argument(help="A preset's name, e.g. version1, or a YAML file.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="from=RUN KEY=VALUE", help="The model to probe; settings.")
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
    as_json: Json = False,
) -> None:
    """Train a probe on a frozen model, then measure it on test problems (probe.json in the run folder).

    With --cells it is measured on those instead (eval/ in the run folder): Results 0 and 1 of the paper in one command.

    Exit codes: those of `mistakes pretrain`.
    """
    from cli.training import FIRST, check_run, run_training, say_end, tracking_override
    from igsm.config import load_config
    from igsm.decoding.decoders import parse_decoder
    from igsm.errors import InputError
    from igsm.preflight.evaluation import check_evaluation
    from igsm.presets import find_preset
    from igsm.probing.config import ProbeConfig, check_question
    from igsm.probing.solutions import read_solutions
    from igsm.training.settings import resolve

    changes = [*(overrides or []), *tracking_override(tracker)]
    folder = out or Path("runs") / config.stem
    resolved = resolve(load_config(ProbeConfig, find_preset(config, "probe"), changes), folder)
    settings = resolved.config
    if cells is not None and (generations or seen):
        raise InputError("--cells: leave out --generations (found by itself) and --seen (part of a cell's name)")
    if FIRST:  # what cannot be read or measured must not show after training only
        for _ in read_solutions(generations or [], settings):
            pass
        if cells is not None:
            check_question(settings)
            greedy, model = [parse_decoder("greedy")], [Path(settings.from_)]
            check_evaluation(model, cells, greedy, problems, batch=None, context=None, precision="auto", devices=None)
    run = check_run(settings, folder, gpus)
    if FIRST and settings.samples is not None:
        if generations or seen:
            raise InputError("--generations and --seen: a verifier is measured on held-out samples (samples.held_out)")
        _make_samples(settings)

    def body(ranks: Ranks) -> Outcome:
        from igsm.probing.train import train_probe

        return train_probe(resolved, folder, ranks)

    outcome = run_training(body, run, gpus)
    if outcome is None or not FIRST:
        return
    from igsm.training.signals import leaving_on_request

    with leaving_on_request("the probe is trained, its measures are not written"):
        if cells is None:
            _measure(folder, problems, generations or [], settings.training.device, seen, as_json)
        else:
            _measure_cells(folder, cells, problems, test_seed, settings.training.device, as_json)
    if as_json:
        return
    decoder = {"can_next": "regret", "step": None}.get(settings.question, "best8")
    use = f"mistakes eval {settings.from_} --decoder {decoder}-{folder.name}@{folder}"
    say_end(outcome, folder, use if decoder else f"mistakes inspect {folder}")


def _make_samples(config: ProbeConfig) -> None:
    """Draw what a verifier learns from, or find it, and say which."""
    from igsm.progress import Progress, say, waiting

    with waiting("loading torch"):
        from igsm.evaluation.samples import make_samples
        from igsm.training.signals import leaving_on_request
    assert config.samples is not None
    total = (config.samples.problems + config.samples.held_out) * config.samples.each
    with leaving_on_request("no sample is kept"), Progress(total=total, unit="samples", desc=config.sampled) as bar:
        found = make_samples(config, lambda drawn: bar.update(drawn - bar.n))
    for split, held in (("train", "to learn from"), ("test", "held out")):
        counts = found[split]
        say(f"  {counts['samples']:,} samples {held}, {100 * counts['right'] / counts['samples']:.1f} % right")


def _measure(folder: Path, problems: int, generations: list[Path], device: str, seen: bool, as_json: bool) -> None:
    """On test problems: tell and write what comes out."""
    from igsm.probing.evaluate import REPORT, evaluate_probe
    from igsm.progress import waiting
    from igsm.reporting.probes import FIGURE, by_operations, draw_answers

    with waiting(f"measuring the probe on {problems:,} test problems"):
        report, found = evaluate_probe(folder, problems, generations, device, seen)
    drawn = draw_answers(report, found.probabilities, found.cannot, folder / FIGURE)
    if as_json:
        print_json(report)
        return
    console().print(by_operations(report))
    typer.echo(f"written: {folder / REPORT}" + (f", {folder / FIGURE}" if drawn else "; no picture without matplotlib"))


def _measure_cells(folder: Path, cells: str, problems: int, test_seed: int, device: str, as_json: bool) -> None:
    """On cells: tell and write what comes out."""
    from igsm.evaluation.probed import measure_cells
    from igsm.progress import Progress
    from igsm.reporting.probes import by_cell
    from igsm.rundir import RunFolder

    with Progress(unit="problems") as bar:

        def tell(cell: str, graded: int) -> None:
            if bar.desc != (description := f"{cell} greedy: "):
                bar.reset(problems)
                bar.set_description_str(description)
            bar.update(graded - bar.n)

        summaries = measure_cells(folder, cells, problems, test_seed, device, tell)
    if as_json:
        print_json(summaries)
        return
    console().print(by_cell(folder, summaries))
    typer.echo(f"written: {RunFolder(folder).evaluations}")
