"""`mistakes solve`: answer problems given as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[Path, typer.Argument(help="JSON lines with problem (and question, if it stands apart).")],
    lexicon: Annotated[
        str | None, typer.Option(help="full, nano, or a file of names; default: the record's 'lexicon', or full.")
    ] = None,
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    out: Annotated[Path | None, typer.Option(help="Write the records with solution, answer and op here.")] = None,
) -> None:
    """Solve the problems in FILE: a shortest solution, the answer, the number of operations."""
    import json

    from igsm.errors import InputError
    from igsm.grading.check import solve_records
    from igsm.grading.records import read_records
    from igsm.rundir import atomic_write

    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; give --out a new name")
    records = read_records(file, solutions=False)
    solved = solve_records(records, lexicon, modulus)
    if out is None:
        for record in solved:
            typer.echo(json.dumps(record))
        return
    lines = [json.dumps(record) + "\n" for record in solved]
    atomic_write(out, "".join(lines))
    typer.echo(f"{out}: {len(lines)} records")
