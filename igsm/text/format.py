"""What a format is, and what its readers and writers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.text.cut import cut_text
from igsm.text.record import Record, Row, Turn


class Format(NamedTuple):
    """How a format is known, read and written.

    `read` raises InputError where a row is none; `write` gives a row for a record and the row it came from ({} if that
    was of another format), and raises InputError where the format has no room for what the record holds.
    """

    is_one: Callable[[Row], bool]
    read: Callable[[Row], Record]
    write: Callable[[Record, Row], Row]


def has(row: Row, **kinds: type) -> bool:
    return all(isinstance(row.get(name), kind) for name, kind in kinds.items())


def text_of(row: Row, name: str, where: str = "") -> str:
    value = row.get(name)
    if not isinstance(value, str):
        what = "not text" if value is not None else "missing" if name not in row else "null"
        raise InputError(f"the field '{where}{name}' is {what}")
    return value


def objects_of(value: Any, name: str) -> list[Row]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise InputError(f"the field '{name}' is no list of objects")
    return value


def free_text(turns: tuple[Turn, ...], solution: str, name: str, row: Row) -> Record:
    steps, answer, start = cut_text(solution)
    return Record(turns, solution, steps, answer, start, name, row)


def one_turn(record: Record, name: str) -> str:
    if len(record.turns) != 1 or record.turns[0].role != "user":
        raise InputError(f"{name} has no room for a conversation of {len(record.turns)} turns before the solution")
    return record.prompt
