"""`mistakes eval`: generate solutions of test problems and grade every step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import evaluation_options
from cli.terminal import Json, print_json, print_tables
from igsm.decoding.decoders import decoder_lines

if TYPE_CHECKING:
    from igsm.reporting.evaluation_table import Row

EPILOG = "\n".join(["Decoders:", *decoder_lines()])


def command(
    runs: evaluation_options.Runs,
    cells: evaluation_options.Cells = "figure",
    decoder: Annotated[
        str,
        typer.Option(help="Comma-separated: greedy, beam4, search4, regret-p, regret_beam4-p50, vote8, ... (below)"),
    ] = "greedy",
    n: evaluation_options.Problems = 4096,
    seed: Annotated[int, typer.Option(help="Of the test set and of sampling.")] = 0,
    batch: evaluation_options.Batch = None,
    context: evaluation_options.Context = None,
    precision: evaluation_options.Precision = "auto",
    devices: evaluation_options.Devices = None,
    part: Annotated[
        str | None, typer.Option(help="k/n: every n-th cell of every run and decoder, from the k-th on (array jobs).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the tables to OUT.csv and OUT.md; default: all that a run has, to its eval/table."),
    ] = None,
    keep_samples: Annotated[
        bool,
        typer.Option("--keep-samples", help="Of vote and best, in RUN/samples: the next such decoder draws only more."),
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables what their columns mean.")] = False,
    as_json: Json = False,
) -> None:
    """Generate and grade; finished cells are read, not repeated, an interrupted one goes on where it stopped.

    A larger --n goes on where a smaller one ended. Another checkpoint, --context, --precision or --seed is filed
    beside it.

    Exit codes: 0 finished; 75 stopped by SIGTERM or SIGUSR1, 130 by Ctrl-C: the same command goes on; 2 bad input.
    """
    from itertools import cycle

    from cli.terminal import console as screen
    from igsm.corpus.generate import parse_part
    from igsm.decoding.decoders import parse_decoder
    from igsm.preflight.evaluation import check_evaluation
    from igsm.preflight.resources import check_writable
    from igsm.rundir import atomic_write, distinct_names
    from igsm.training.signals import leaving_on_request

    wanted = [parse_decoder(name.strip()) for name in decoder.split(",")]
    own, parts = parse_part(part)
    distinct_names(runs)
    if out is not None:
        check_writable(out.parent)
    options = evaluation_options.of_decoding(batch, context, precision, devices)
    check_evaluation(runs, cells, wanted, n, **options)  # before torch is imported, which takes seconds

    from cli.eval_progress import CellProgress
    from igsm.progress import waiting

    with waiting("loading torch"):
        from igsm.evaluation.cells import parse_cells
        from igsm.evaluation.evaluate import evaluate, finished
        from igsm.evaluation.runs import load_run
        from igsm.probing.detector import probe_of
    from igsm.reporting.evaluation_table import EXPLAINED, cut_off, flat, named, terminal, to_csv, to_markdown

    turn = cycle(range(1, parts + 1))
    rows: list[Row] = []
    folders = {}

    with leaving_on_request("every finished solution is kept"):
        for path, name in zip(runs, distinct_names(runs), strict=True):
            with waiting(f"loading {path}"):
                run = load_run(path)
            folders[run.folder.path] = run.folder
            for one in wanted:  # a wrong folder or model must not show after hours of other decoders only
                one.check_marks(run.vocabulary)
                probe_of(one, run.vocabulary)
                run.model_for(one)
            for one in wanted:
                chosen = [cell for cell in parse_cells(cells, run.data.problem) if next(turn) == own]
                told = f"{name}, {one.name}, {n:,} problems a cell"
                with run.decoding(one, **options) as decoding:
                    for cell in chosen:
                        most = decoding.context * one.samples  # steps of a problem
                        with CellProgress(told, cell.short, n, most) as shown:
                            ways: dict[str, Any] = {"progress": shown.update, "waiting": shown.waiting}
                            found = evaluate(run, cell, decoding, n, seed, keep_samples=keep_samples, **ways)
                        told = told if not shown.begun else ""
                        rows.append((named(name, found), found))
    if not rows:
        typer.echo(f"part {part}: there are fewer cells than parts, none is left for this one")
        return
    console = screen()
    if as_json:
        print_json([flat(name, one) for name, one in rows])
    else:
        print_tables(console, terminal(rows, console.width))
    for line in () if as_json else cut_off(rows):
        console.print(line, markup=False)
    for line in EXPLAINED if explain and not as_json else ():
        console.print(line, style="dim", markup=False)

    def write(base: Path, content: list[Row]) -> None:
        atomic_write(base.with_name(base.name + ".csv"), to_csv(content))
        atomic_write(base.with_name(base.name + ".md"), to_markdown(content))
        if not as_json:
            console.print(f"written: {base}.csv, {base.name}.md", markup=False, soft_wrap=True)

    if out is not None:
        write(out, rows)
        return
    for folder in folders.values():  # read now: another part may have finished cells in the meantime
        write(folder.evaluations / "table", [(named(folder.path.name, one), one) for one in finished(folder)])
