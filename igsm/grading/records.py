"""Records of a JSONL file to grade or to solve: problem, solution, and what else a line says."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.rundir import BYTE_ORDER_MARK


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


def read_objects(path: str | Path, errors: str = "replace") -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Line, place for messages and content of the JSON objects in a file, as `read_records`.

    A file called .json (not .jsonl) is one document: a list of objects, or an object with a list `samples`; the numbers
    are then those of the objects. `errors`: what becomes of bytes that are not UTF-8, see `codecs`.
    """
    try:
        opener = gzip.open if Path(path).suffix == ".gz" else open
        file = opener(path, "rt", encoding="utf-8", errors=errors)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        try:
            if Path(path).suffix == ".json":
                for number, record in enumerate(_documents(_parsed(file.read(), str(path))), 1):
                    yield number, (where := f"{path}, record {number}"), _object(record, where)
                return
            for number, line in enumerate(file, 1):
                if line.removeprefix(BYTE_ORDER_MARK).strip():
                    yield number, (where := f"{path}, line {number}"), _object(_parsed(line, where), where)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a whole gzip file: {error}") from None


def _documents(whole: Any) -> list[Any]:
    samples = whole.get("samples") if isinstance(whole, dict) else whole
    return samples if isinstance(samples, list) else [whole]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object with problem and solution, found {str(value)[:40]!r}")
    return value


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
            found = "missing" if name not in fields else f"not {expected}"
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
