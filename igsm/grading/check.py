"""Grading and solving of records whose problems are texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from igsm.errors import InputError
from igsm.grading.answers import plain_answer
from igsm.grading.grade import grade
from igsm.grading.reader import IllPosedError, Reader
from igsm.grading.records import TextRecord
from igsm.grading.summary import Graded
from igsm.grading.verdict import Verdict
from igsm.problems.lexicon import SHIPPED, load_lexicon
from igsm.problems.problem import Problem


@lru_cache
def _reader(lexicon: str) -> Reader:
    return Reader(load_lexicon(lexicon))


def reader_for(record: TextRecord, lexicon: str | None) -> Reader:
    """The reader of a record's texts: with the names of `lexicon`; None: the record's own lexicon, or the full one.

    Raises:
        InputError: the record names a lexicon that is not a shipped one: a file of data must not say which files to
            read.
    """
    if lexicon is None and record.lexicon not in (None, *SHIPPED):
        raise InputError(
            f"line {record.line}: its lexicon '{record.lexicon}' is not one of {', '.join(SHIPPED)}; "
            "if it is a file of names, give it with --lexicon"
        )
    return _reader(lexicon or record.lexicon or "full")


@lru_cache(maxsize=1024)  # files often hold several solutions of one problem in a row
def _read(reader: Reader, text: str, modulus: int) -> Problem | IllPosedError:
    try:
        return reader.read(text, modulus)
    except IllPosedError as error:
        return error


def problem_of(record: TextRecord, lexicon: str | None = None, modulus: int = 23) -> Problem | IllPosedError:
    """The problem that a record's text states, or why it states none; arguments as of `grade_records`."""
    return _read(reader_for(record, lexicon), record.problem, record.modulus or modulus)


def grade_records(
    records: Iterable[TextRecord], lexicon: str | None = None, rule: str = "strict", modulus: int = 23
) -> Iterator[Graded]:
    """A verdict for each record, or what is wrong with its problem.

    Args:
        lexicon: see `reader_for`.
        modulus: of records that have none.
    """
    for record in records:
        problem = problem_of(record, lexicon, modulus)
        if isinstance(problem, IllPosedError):
            yield Graded(record.line, record.op, None, problem)
        else:
            verdict = grade(problem, record.solution or "", record.answer, rule)
            op = problem.op if record.op is None else record.op
            yield Graded(record.line, op, verdict, answer_right=_answer_right(problem, verdict, record.answer))


def _answer_right(problem: Problem, verdict: Verdict, answer: int | float | str | None) -> bool | None:
    """Whether the separate answer, else the one that the text states, is right; None where there is none."""
    if answer is None or not str(answer).strip():  # `mistakes eval` writes "" for a missing one
        given = verdict.stated_answer
    else:
        given = plain_answer(answer)
    return None if given is None else given == str(problem.answer)


def solve_records(
    records: Iterable[TextRecord], lexicon: str | None = None, modulus: int = 23
) -> Iterator[dict[str, Any]]:
    """The records with solution, answer and op, or with an `error` when the problem is ill-posed."""
    for record in records:
        reader = reader_for(record, lexicon)
        solved: dict[str, Any]
        try:
            problem = reader.read(record.problem, record.modulus or modulus)
            solved = {"answer": problem.answer, "op": problem.op, "solution": problem.solution_text.strip()}
        except InputError as error:
            solved = {"error": str(error)}
        yield record.fields | solved
