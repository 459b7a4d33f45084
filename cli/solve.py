"""`mistakes solve`: answer problems given as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.given import must_be_new


def command(
    file: Annotated[Path, typer.Argument(help="JSON lines with problem (and question, if it stands apart).")],
    lexicon: Annotated[
        str | None, typer.Option(help="full, nano, or a file of names; default: the record's 'lexicon', or full.")
    ] = None,
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    out: Annotated[Path | None, typer.Option(help="Write the records with solution, answer and op here.")] = None,
) -> None:
    """Solve the problems in FILE: a shortest solution, the answer, the number of operations.

    Exit codes: 0 all are solved; 1 some are not, their records say why in `error`; 2 bad input.
    """
    import json

    from igsm.errors import InputError
    from igsm.grading.check import solve_records
    from igsm.grading.records import read_records
    from igsm.rundir import atomic_write

    must_be_new(out)
    total, failed, lines = 0, [], []
    for record in solve_records(read_records(file, solutions=False), lexicon, modulus):
        total += 1
        if "error" in record:
            failed.append((total, record["error"]))
        if out is None:
            typer.echo(json.dumps(record))
        else:
            lines.append(json.dumps(record) + "\n")
    if total == 0:
        raise InputError(f"{file}: holds no problem")
    if out is not None:
        atomic_write(out, "".join(lines))
        typer.echo(f"{out}: {total - len(failed)} of {total} problems solved")
    if failed:
        number, reason = failed[0]
        typer.echo(f"mistakes: {len(failed)} of {total} not solved, first record {number}: {reason}", err=True)
        raise typer.Exit(1)
