"""Records of a JSONL file to grade or to solve: problem, solution, and what else a line says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.grading.sources import read_objects


class TextRecord(NamedTuple):
    """One line of the file."""

    line: int
    """Its number, from 1."""
    problem: str
    """Statement and question."""
    solution: str | None
    answer: int | str | None
    op: int | None
    modulus: int | None
    lexicon: str | None
    fields: dict[str, Any]
    """The whole JSON object."""


def read_records(path: str | Path, *, solutions: bool) -> Iterator[TextRecord]:
    """The records of a file, which may be packed (.gz); bytes that are not UTF-8 become U+FFFD.

    A byte-order mark before a line is passed over. Whole numbers may be written 14.0, as pandas does in a column with
    gaps; a gap (NaN) counts as null.

    Args:
        solutions: whether every record must have a solution.

    Raises InputError naming the line that is not such a record.
    """
    for number, where, fields in read_objects(path):
        yield text_record(fields, number, where, solutions)


def text_record(fields: dict[str, Any], number: int, where: str, solutions: bool) -> TextRecord:
    """A record with the fields problem, solution, question, answer, op, modulus, lexicon. InputError if it is none."""
    wanted: dict[str, tuple[type, ...]] = {
        "problem": (str,),
        "solution": (str,) if solutions else (str, type(None)),
        "question": (str, type(None)),
        "answer": (int, str, type(None)),
        "op": (int, type(None)),
        "modulus": (int, type(None)),
        "lexicon": (str, type(None)),
    }
    given: dict[str, Any] = {}
    for name, types in wanted.items():
        value = fields.get(name)
        if int in types and isinstance(value, float):
            value = _whole(value, f"{where}: the field '{name}'")
        given[name] = value
        if not isinstance(value, types) or isinstance(value, bool):
            expected = "text" if str in types and int not in types else "a number"
            found = f"not {expected}"
            if name not in fields:
                found = f"missing; there are the fields {', '.join(map(str, fields)) or '-'}"
            raise InputError(f"{where}: the field '{name}' is {found}")
    if given["modulus"] is not None and given["modulus"] < 2:
        raise InputError(f"{where}: the modulus must be at least 2, not {given['modulus']}")
    problem, question = given["problem"], given["question"]
    if question and "How many " not in problem:
        problem = f"{problem} {question}"
    solution, answer = given["solution"], given["answer"]
    return TextRecord(
        number,
        _printable(problem),
        None if solution is None else _printable(solution),
        _printable(answer) if isinstance(answer, str) else answer,
        given["op"],
        given["modulus"],
        given["lexicon"],
        fields,
    )


def _whole(value: float, what: str) -> int | None:
    if math.isnan(value):
        return None
    if not value.is_integer():
        raise InputError(f"{what} is {value}; a whole number is expected")
    return int(value)


def _printable(text: str) -> str:
    """Lone surrogates, which JSON can hold and no file or terminal takes, replaced by question marks."""
    return text.encode(errors="replace").decode()
