"""`mistakes confidence`: what taking back is worth to a model, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import evaluation_options
from cli.terminal import Json, print_json, print_tables


def command(
    runs: evaluation_options.Runs,
    cells: evaluation_options.Cells = "figure",
    bias: Annotated[
        str, typer.Option(help="Added to the logit of BACK, comma-separated; 0 is the model as it is.")
    ] = "-2,0,2,4",
    n: evaluation_options.Problems = 1024,
    seed: Annotated[int, typer.Option(help="Of the test set.")] = 0,
    batch: evaluation_options.Batch = None,
    context: evaluation_options.Context = None,
    precision: evaluation_options.Precision = "auto",
    devices: evaluation_options.Devices = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the tables to OUT.csv and OUT.md, of several runs OUT-seeds.csv and OUT-seeds.md, too."
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables what their columns mean.")] = False,
    as_json: Json = False,
) -> None:
    """Solve the same problems with BACK forbidden and allowed; say what that changes, right to wrong and back.

    With a bias on BACK it is a curve: what more or less taking back gains and costs. The solutions are evaluations by
    the decoders no_back, greedy and force_backN, which `mistakes eval` and `mistakes report` read too.

    Several runs are taken together over their training seeds: ways of training side by side, with intervals.
    """
    from cli.eval_progress import CellProgress
    from cli.terminal import console as screen
    from igsm.decoding.decoders import parse_decoder
    from igsm.errors import InputError
    from igsm.preflight.evaluation import check_evaluation
    from igsm.preflight.resources import check_writable
    from igsm.progress import waiting
    from igsm.reporting import arms, back_curve, correction_seeds
    from igsm.reporting.correction_table import EXPLAINED, WITHOUT, numbers, terminal, to_markdown
    from igsm.reporting.figures import check_installed, save_picture
    from igsm.rundir import atomic_write, distinct_names
    from igsm.training.signals import leaving_on_request

    try:
        biases = sorted({float(part) for part in bias.split(",")})
    except ValueError:
        raise InputError(f"--bias {bias}: numbers with commas between them are expected, as in -2,0,2") from None
    names = [WITHOUT, *("greedy" if one == 0 else f"force_back{one:g}" for one in biases)]
    wanted = [parse_decoder(name) for name in names]
    distinct_names(runs)
    if out is not None:
        check_writable(out.parent)
        check_installed()
    options = evaluation_options.of_decoding(batch, context, precision, devices)
    check_evaluation(runs, cells, wanted, n, **options)
    arm_of = arms.arms_of(runs)
    with waiting("loading torch"):
        from igsm.evaluation.cells import parse_cells
        from igsm.evaluation.evaluate import evaluate
        from igsm.evaluation.runs import load_run

    lines = []
    with leaving_on_request("every finished solution is kept"):
        for path, name in zip(runs, distinct_names(runs), strict=True):
            with waiting(f"loading {path}"):
                run = load_run(path)
            found: dict[str, list[Any]] = {}
            for one in wanted:
                with run.decoding(one, **options) as decoding:
                    for cell in parse_cells(cells, run.data.problem):
                        with CellProgress(f"{name}, {one.name}", cell.short, n, decoding.context) as shown:
                            made = evaluate(run, cell, decoding, n, seed, progress=shown.update, waiting=shown.waiting)
                        found.setdefault(cell.name, []).append(made)
            with waiting(f"{name}: grading the steps"):
                for evaluations in found.values():
                    lines += numbers(name, evaluations)
    together = correction_seeds.numbers(lines, arm_of) if len(runs) > 1 else []
    if out is not None:
        curve = back_curve.markdown(together or lines)
        written = {f"{out}.csv": arms.to_csv(lines), f"{out}.md": f"{to_markdown(lines)}\n{curve}"}
        if together:
            written |= {
                f"{out}-seeds.csv": arms.to_csv(together),
                f"{out}-seeds.md": correction_seeds.to_markdown(together),
            }
        for file, text in written.items():
            atomic_write(Path(file), text)
        save_picture(back_curve.figure(together or lines), out)
    if as_json:
        print_json({"runs": lines, "over_seeds": together})
        return
    console = screen()
    tables = correction_seeds.terminal(together, console.width) if together else terminal(lines, console.width)
    print_tables(console, [*tables, *back_curve.terminal(together or lines, console.width)])
    for line in (*EXPLAINED, back_curve.EXPLAINED, *(arms.EXPLAINED if together else ())) if explain else ():
        console.print(line, style="dim", markup=False)
