"""Grading and solving of records whose problems are texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from igsm.errors import InputError
from igsm.grading.grade import grade
from igsm.grading.reader import IllPosedError, Reader
from igsm.grading.records import TextRecord
from igsm.grading.summary import Graded
from igsm.problems.problem import Problem


def grade_records(
    records: Iterable[TextRecord], reader: Reader, rule: str = "strict", modulus: int = 23
) -> Iterator[Graded]:
    """A verdict for each record, or what is wrong with its problem; `modulus` if the record has none."""

    @lru_cache(maxsize=1024)  # files often hold several solutions of one problem in a row
    def read(text: str, modulus: int) -> Problem | IllPosedError:
        try:
            return reader.read(text, modulus)
        except IllPosedError as error:
            return error

    for record in records:
        problem = read(record.problem, record.modulus or modulus)
        if isinstance(problem, IllPosedError):
            yield Graded(record.line, record.op, None, problem)
        else:
            verdict = grade(problem, record.solution or "", record.answer, rule)
            yield Graded(record.line, problem.op if record.op is None else record.op, verdict)


def solve_records(records: Iterable[TextRecord], reader: Reader, modulus: int = 23) -> Iterator[dict[str, Any]]:
    """The records with solution, answer and op, or with an `error` when the problem is ill-posed."""
    for record in records:
        solved: dict[str, Any]
        try:
            problem = reader.read(record.problem, record.modulus or modulus)
            solved = {"answer": problem.answer, "op": problem.op, "solution": problem.solution_text}
        except InputError as error:
            solved = {"error": str(error)}
        yield record.fields | solved
