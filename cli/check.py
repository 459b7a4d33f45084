"""`mistakes check`: grade solutions of any source, from their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import Json, console, print_json


def command(
    file: Annotated[
        Path, typer.Argument(help="JSON lines: ours, or outputs of lm-eval, Inspect, a chat API, prompt/response, ...")
    ],
    lexicon: Annotated[
        str | None, typer.Option(help="full, nano, or a file of names; default: the record's 'lexicon', or full.")
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            help="strict; lenient: reads past the form that chat models write in; authors: the published grader's."
        ),
    ] = "strict",
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    problem: Annotated[str | None, typer.Option(help="Field of the problem, if it is not found: doc.text.")] = None,
    solution: Annotated[str | None, typer.Option(help="Field of the solution, if it is not found.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write one verdict a line to this new file.")] = None,
    examples: Annotated[int, typer.Option(help="Examples of each kind of first error.", min=0)] = 2,
    as_json: Json = False,
) -> None:
    """Grade every step of the solutions in FILE and say what went wrong first.

    Fields are found by the names in common use; the first line of the output says which were used. A record with
    several outputs counts as that many solutions.
    """
    import json

    from igsm.errors import InputError, suggest
    from igsm.grading.check import grade_records
    from igsm.grading.grade import RULES
    from igsm.grading.outputs import Outputs
    from igsm.grading.summary import Summary, render
    from igsm.rundir import atomic_write

    if rule not in RULES:
        raise InputError(f"unknown rule '{rule}'{suggest(rule, RULES)}")
    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; give --out a new name")
    summary = Summary(examples)
    lines = []
    outputs = Outputs(file, problem, solution)
    for graded in grade_records(outputs, lexicon, rule, modulus):
        summary.add(graded)
        if out is not None:
            lines.append(json.dumps(graded.to_json()) + "\n")
    if outputs.fields is None:
        raise InputError(f"{file}: has no records; one JSON object a line is expected")
    if out is not None:
        atomic_write(out, "".join(lines))
    if as_json:
        print_json({"file": str(file), "fields": outputs.fields._asdict(), **summary.content()})
        return
    screen = console()
    screen.print(f"{file}, fields used: {outputs.fields}", markup=False, soft_wrap=True)
    screen.print(render(summary))
