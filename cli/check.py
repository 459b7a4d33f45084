"""`mistakes check`: grade solutions of any source, from their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(help="JSON lines with problem, solution and, if there is one, answer.")],
    lexicon: Annotated[
        str | None, typer.Option(help="full, nano, or a file of names; default: the record's 'lexicon', or full.")
    ] = None,
    rule: Annotated[
        str, typer.Option(help="strict, or authors: the published grader's verdict, holes included.")
    ] = "strict",
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    out: Annotated[Path | None, typer.Option(help="Write one verdict a line to this new file.")] = None,
    examples: Annotated[int, typer.Option(help="Examples of each kind of first error.", min=0)] = 2,
) -> None:
    """Grade every step of the solutions in FILE and say what went wrong first."""
    import json

    from rich.console import Console

    from igsm.errors import InputError, suggest
    from igsm.grading.check import grade_records
    from igsm.grading.grade import RULES
    from igsm.grading.records import read_records
    from igsm.grading.summary import Summary, render
    from igsm.rundir import atomic_write

    if rule not in RULES:
        raise InputError(f"unknown rule '{rule}'{suggest(rule, RULES)}")
    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; give --out a new name")
    summary = Summary(examples)
    lines = []
    records = read_records(file, solutions=True)
    for graded in grade_records(records, lexicon, rule, modulus):
        summary.add(graded)
        if out is not None:
            lines.append(json.dumps(graded.to_json()) + "\n")
    if not summary.n + len(summary.ill_posed):
        raise InputError(f"{file}: has no records; one JSON object a line is expected")
    if out is not None:
        atomic_write(out, "".join(lines))
    Console(highlight=False).print(render(summary))
