"""Rows to a new file, whole or not at all, or to standard output."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from igsm.corpus.export import must_be_new, must_be_possible
from igsm.corpus.shards import whole_file
from igsm.errors import InputError
from igsm.text.record import Row

STANDARD = "-"
"""The name of standard input and output."""
_GROUP = 1000  # rows of a Parquet group


def must_be_writable(out: Path, endings: tuple[str, ...], what: str) -> None:
    """Raise InputError for a file that exists, or whose name does not end as ``what`` is written."""
    if str(out) == STANDARD and ".jsonl" in endings:
        return
    if not out.name.endswith(endings) or out.name in endings:
        raise InputError(f"{out}: {what} writes a file whose name ends in {' or '.join(endings)}")
    if out.suffix == ".parquet":
        must_be_possible("parquet")
    must_be_new(out, make_folder=False)


def line_of(row: Row) -> str:
    """A row as a line of JSON."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def write_rows(
    out: Path, rows: Iterable[Row | str | None], check: Callable[[], None], schema: Callable[[], Any] | None = None
) -> Iterator[None]:
    """Write rows, given as such or as lines, to a file; yields after each, or after a thousand of a Parquet file.

    Args:
        check: called before the file takes its name; what it raises leaves no file.
        schema: of a .parquet file, pyarrow's.
    """
    if str(out) == STANDARD:
        yield from _lines(sys.stdout.buffer, rows)
        check()
        return
    with whole_file(out) as partial:
        if out.suffix == ".parquet" and schema is not None:
            yield from _tables(partial, rows, schema())
        else:
            with open(partial, "wb") as file:
                yield from _lines(file, rows)
        check()


def _lines(file: Any, rows: Iterable[Row | str | None]) -> Iterator[None]:
    for row in rows:
        if row is not None:
            file.write((row if isinstance(row, str) else line_of(row)).encode())
        yield


def _tables(partial: Path, rows: Iterable[Row | str | None], schema: Any) -> Iterator[None]:
    import pyarrow
    import pyarrow.parquet

    used = (row for row in rows if row is not None)
    with pyarrow.parquet.ParquetWriter(partial, schema) as file:
        while group := list(itertools.islice(used, _GROUP)):
            file.write_table(pyarrow.Table.from_pylist(group, schema=schema))
            yield
