"""`mistakes search`: at which problems does a model fail more than elsewhere?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import evaluation_options
from cli.terminal import Json, print_json, print_tables

if TYPE_CHECKING:
    from igsm.problems.difficulty import ProblemClass


def command(
    runs: evaluation_options.Runs,
    budget: Annotated[int, typer.Option(help="Problems graded a run, half of them to confirm.", min=120)] = 4000,
    cell: Annotated[
        str | None, typer.Option(help="Where to look, e.g. 'op=20'; default: the class trained on, unseen templates.")
    ] = None,
    decoder: Annotated[str, typer.Option(help="One of those of `mistakes eval`.")] = "greedy",
    seed: Annotated[int, typer.Option(help="Of the problems, of the searches and of sampling.")] = 0,
    batch: evaluation_options.Batch = None,
    context: evaluation_options.Context = None,
    precision: evaluation_options.Precision = "auto",
    devices: evaluation_options.Devices = None,
    examples: Annotated[bool, typer.Option("--examples", help="Print two failures of each weakness.")] = False,
    graphs: Annotated[
        bool, typer.Option("--graphs", help="Draw the graphs of these failures beside the results (.svg).")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables what their columns mean.")] = False,
    as_json: Json = False,
) -> None:
    """Look for kinds of problems at which a model fails more than elsewhere, and confirm them on fresh ones.

    A kind is a slice such as "depth>=4 and times>=1", of what can be counted in a problem. It can be used as a cell
    (--cells 'op<=15 where depth>=4') and to draw data (data.problem.where).
    """
    from cli.terminal import console as screen
    from igsm.decoding.decoders import parse_decoder
    from igsm.errors import InputError
    from igsm.preflight.evaluation import check_evaluation
    from igsm.reporting.figures import check_installed
    from igsm.rundir import atomic_write, distinct_names
    from igsm.training.signals import leaving_on_request

    if graphs:
        check_installed()
    names = distinct_names(runs)
    if cell is not None and ("," in cell or cell.strip() == "figure"):
        raise InputError(f"--cell {cell}: one cell is expected, such as op=20")
    options = evaluation_options.of_decoding(batch, context, precision, devices)
    wanted = parse_decoder(decoder)
    check_evaluation(runs, cell or "figure", [wanted], budget, **options)

    from igsm.progress import Progress, waiting

    with waiting("loading torch"):
        from igsm.evaluation.cells import Cell, parse_cells
        from igsm.evaluation.runs import load_run
        from igsm.evaluation.search import RESULT, Plan, search
    from igsm.reporting.weakness_table import EXPLAINED, sentences, terminal, title, to_markdown, usage
    from igsm.reporting.weakness_table import examples as failures
    from igsm.rundir import read_json

    console, found = screen(), []
    with leaving_on_request("every graded problem is kept"):
        for path, name in zip(runs, names, strict=True):
            with waiting(f"loading {path}"):
                run = load_run(path)
            law = run.data.problem
            known = Cell(law.difficulty, law.format, law.problem_class.max_op, exact=False)
            where = parse_cells(cell, law)[0] if cell else known
            with Progress(desc=f"{name}, {where.short}", unit="problems", leave=False) as bar:

                def shown(done: int, total: int, bar: Any = bar) -> None:
                    bar.total = total
                    bar.set_postfix_str("", refresh=False)
                    bar.update(done - bar.n)

                def waits(what: str, bar: Any = bar) -> None:
                    bar.set_postfix_str(what, refresh=not bar.plain)

                folder = search(run, where, wanted, Plan(budget, seed), progress=shown, waiting=waits, **options)
            result = read_json(folder / RESULT)
            atomic_write(folder / "search.md", to_markdown(name, result))
            if graphs:
                _draw(folder, result, where.problems(law).problem_class)
            found.append({"run": name, **result})
            if as_json:
                continue
            console.print(title(name, result), style="bold", markup=False)
            for line in (*sentences(result), *usage(result)):
                console.print(line, markup=False)
            console.print()
            print_tables(console, terminal(result, console.width))
            for head, text in failures(result) if examples else ():
                console.print(head, style="bold", markup=False)
                console.print(text, markup=False)
                console.print()
            console.print(f"written: {folder}/search.json, search.md", markup=False, soft_wrap=True)
    if as_json:
        print_json(found)
    for line in EXPLAINED if explain and not as_json else ():
        console.print(line, style="dim", markup=False)


def _draw(folder: Path, found: dict[str, Any], problem_class: ProblemClass) -> None:
    """The examples of each confirmed slice as FOLDER/slice1-1.svg, slice1-2.svg, ..., in the order of the slices."""
    from igsm.grading.reader import read_problem
    from igsm.problems.lexicon import load_lexicon
    from igsm.reporting.graph_drawing import draw

    lexicon = load_lexicon(problem_class.lexicon)
    for number, line in enumerate((one for one in found["slices"] if one["confirmed"]), 1):
        for place, one in enumerate(line["examples"], 1):
            problem = read_problem(one["problem"], lexicon, problem_class.modulus)
            draw(problem, folder / f"slice{number}-{place}.svg")
