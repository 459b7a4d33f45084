"""`mistakes recover`: does a model get over a wrong sentence, planted or its own?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import evaluation_options
from cli.terminal import Json, print_json, print_tables


def command(
    runs: evaluation_options.Runs,
    cells: Annotated[
        str | None, typer.Option(help="Comma-separated, e.g. 'op=15,op=20'; default: the hardest op trained on.")
    ] = None,
    n: evaluation_options.Problems = 256,
    samples: Annotated[
        int, typer.Option(help="Continuations at temperature 1 of each beginning, beside the greedy one.", min=0)
    ] = 16,
    kinds: Annotated[
        str | None, typer.Option(help="Of planted sentences, comma-separated; default: all that are listed below.")
    ] = None,
    places: Annotated[str | None, typer.Option(help="first, 15 %, half, last but one; default: all.")] = None,
    own: Annotated[bool, typer.Option("--own/--no-own", help="Also behind the model's own first mistakes.")] = True,
    seed: Annotated[int, typer.Option(help="Of the problems, of what is planted and of sampling.")] = 0,
    batch: evaluation_options.Batch = None,
    context: evaluation_options.Context = None,
    precision: evaluation_options.Precision = "auto",
    devices: evaluation_options.Devices = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the tables to OUT.csv and OUT.md, of several runs OUT-seeds.csv and OUT-seeds.md beside them; "
            "default: each run's to its eval/recover/table."
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables what their columns mean.")] = False,
    as_json: Json = False,
) -> None:
    """Put a wrong sentence into a solution and see how the model goes on.

    Kinds: name only ("Define A's B as" that cannot be computed yet), not computable (the same, the whole step), wrong
    inputs, wrong arithmetic; controls: unneeded (right, but the question does not need it) and right.

    Before it stand right sentences: those of the model's own greedy solution where that is right. The planted sentence
    ends where the model can say BACK. Finished cells are read, not repeated; an interrupted one goes on.

    Several runs are taken together over their training seeds: ways of training side by side, with intervals. The
    tables of each run are in its folder.
    """
    from cli.terminal import console as screen
    from igsm.decoding.decoders import parse_decoder
    from igsm.errors import InputError, suggest
    from igsm.evaluation.planted import KINDS, PLACES
    from igsm.preflight.evaluation import check_evaluation
    from igsm.preflight.resources import check_writable
    from igsm.reporting import arms
    from igsm.rundir import atomic_write, distinct_names
    from igsm.training.signals import leaving_on_request

    distinct_names(runs)
    if out is not None:
        check_writable(out.parent)
    options = evaluation_options.of_decoding(batch, context, precision, devices)
    wanted = [parse_decoder(name) for name in (("greedy", "sample") if samples else ("greedy",))]

    def chosen(text: str | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
        parts = {part.strip() for part in text.split(",")} if text is not None else {*known}
        for part in sorted(parts - {*known}):
            raise InputError(f"unknown {what} '{part}'{suggest(part, known)}")
        return tuple(one for one in known if one in parts)

    planted = chosen(kinds, KINDS, "kind"), chosen(places, PLACES, "place")
    check_evaluation(runs, cells or "figure", wanted, n, **options)
    arm_of = arms.arms_of(runs)

    from igsm.progress import Progress, waiting

    with waiting("loading torch"):
        from igsm.evaluation.cells import Cell, parse_cells
        from igsm.evaluation.recover import Plan, recover
        from igsm.evaluation.runs import load_run
    from igsm.reporting import recovery_seeds
    from igsm.reporting.recovery_table import EXPLAINED, numbers, terminal, to_csv, to_markdown

    plan = Plan(n, samples, seed, *planted, own)
    lines: list[dict[str, Any]] = []
    tables = {}
    notes: list[str] = []
    with leaving_on_request("every finished continuation is kept"):
        for path, name in zip(runs, distinct_names(runs), strict=True):
            with waiting(f"loading {path}"):
                run = load_run(path)
            law = run.data.problem
            hardest = [Cell(law.difficulty, law.format, law.problem_class.max_op, exact=True)]
            found = []
            for cell in parse_cells(cells, law) if cells else hardest:
                with Progress(desc=f"{name}, {cell.short}", unit="continuations", leave=False) as bar:

                    def shown(done: int, total: int, bar: Any = bar) -> None:
                        bar.total = total
                        bar.update(done - bar.n)

                    done = recover(run, cell, plan, progress=shown, **options)
                with waiting(f"{name}, {cell.short}: comparing {len(done.records):,} continuations"):
                    found += numbers(name, cell.name, done.records)
                if done.settings["left_out"]:
                    reasons = ", ".join(f"{what} {count}" for what, count in sorted(done.settings["left_out"].items()))
                    notes.append(f"{name}, {cell.short}: own first mistakes that are not planted: {reasons}")
            tables[out or run.folder.evaluations / "recover" / "table"] = lines if out else found
            lines += found
    together = recovery_seeds.numbers(lines, arm_of) if len(runs) > 1 else []
    written = {f"{base}.csv": to_csv(content) for base, content in tables.items()}
    written |= {f"{base}.md": to_markdown(content) for base, content in tables.items()}
    if out is not None and together:
        written[f"{out}-seeds.csv"] = arms.to_csv(together)
        written[f"{out}-seeds.md"] = recovery_seeds.to_markdown(together)
    for file, text in written.items():
        atomic_write(Path(file), text)
    if as_json:
        print_json({"runs": lines, "over_seeds": together})
        return
    console = screen()
    print_tables(
        console, recovery_seeds.terminal(together, console.width) if together else terminal(lines, console.width)
    )
    explained = (*EXPLAINED, *(recovery_seeds.EXPLAINED if together else ()))
    for line in (*notes, *(explained if explain else ())):
        console.print(line, style="dim", markup=False)
    for file in written:
        console.print(f"written: {file}", markup=False, soft_wrap=True)
