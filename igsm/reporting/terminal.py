"""Tables that stay whole on a terminal: whole words, and row names in every part."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table

_BETWEEN = 2  # spaces between columns


def fitted(head: Sequence[str], lines: Sequence[Sequence[str]], labels: int, width: int) -> Iterator[Table]:
    """Tables that are at most `width` characters wide; each begins with the first `labels` columns.

    Cells may have several lines. A number is never broken; names give way between their parts, down to a third of the
    width, and so do the last words of a column that is too wide alone.
    """
    columns = [list(column) for column in zip(head, *lines, strict=True)]
    names, numbers = columns[:labels], columns[labels:]
    spare = width - _BETWEEN * len(names) - min(width // 2, max(map(_width, numbers), default=0))
    for column in sorted(names, key=_width, reverse=True)[:1]:  # the widest one gives way
        room = spare - sum(_width(other) for other in names if other is not column)
        _narrow(column, max(room, width // 3))
    left = width - sum(_width(column) + _BETWEEN for column in names)
    for column in numbers:
        if _width(column) > max(left, 1):
            _narrow(column, max(left, 12))
    part: list[list[str]] = []
    for column in numbers:
        if part and sum(_width(one) + _BETWEEN for one in [*part, column]) - _BETWEEN > left:
            yield _table(names, part)
            part = []
        part.append(column)
    yield _table(names, part)


def _width(column: Sequence[str]) -> int:
    return max(cell_len(line) for text in column for line in text.split("\n"))


def _narrow(column: list[str], room: int) -> None:
    for i, text in enumerate(column):
        column[i] = "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, room) or [""])


def _table(names: list[list[str]], numbers: list[list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in names:
        table.add_column(column[0], no_wrap=True)
    for column in numbers:
        number = all(text[:1].isdigit() or text in ("", "-") for text in column[1:])
        table.add_column(column[0], no_wrap=True, justify="right" if number else "left")
    for row in zip(*(column[1:] for column in (*names, *numbers)), strict=True):
        table.add_row(*row)
    return table
