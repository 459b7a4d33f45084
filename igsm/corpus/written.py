"""A problem written out in fragments: its solution and perhaps an attempt, from which documents are put together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.compilation import compiled
from igsm.mistakes.attempts import MAX_CONSEQUENCES, write_attempt
from igsm.mistakes.document import Document
from igsm.mistakes.first_errors import first_error
from igsm.mistakes.layout import Part
from igsm.mistakes.other_order import write_in_other_order
from igsm.mistakes.rows import (
    MAX_MISTAKES,
    MISTAKE_COLUMNS,
    MISTAKE_STEP,
    SPAN_COLUMNS,
    SPAN_END,
    SPAN_NAME_END,
    SPAN_NAME_START,
    SPAN_START,
)
from igsm.problems.law import Law
from igsm.problems.lexicon import Tables
from igsm.problems.record import Record
from igsm.problems.wording import FIRST_NUMBER, MAX_FRAGMENTS

_STATEMENT, _SOLUTION, _ANSWER = int(Part.STATEMENT), int(Part.SOLUTION), int(Part.ANSWER)
_ATTEMPT, _REST, _WRONG_ANSWER = int(Part.ATTEMPT), int(Part.REST), int(Part.WRONG_ANSWER)
_OTHER_ORDER, _WRONG_STEP = int(Part.OTHER_ORDER), int(Part.WRONG_STEP)
# places of `Written.counts`
MISTAKES, CONSEQUENCES, FIRST_ERROR, OWN = range(4)


class Written(NamedTuple):
    """A written problem and solution, and where there is one an attempt: what documents are put together from.

    Attributes:
        codes: int32 [MAX_FRAGMENTS], statement, solution, answer, attempt, its answer, the number of its wrong step,
            the solution in another order, one after the other.
        mistakes, spans: as of `writing.write_document`.
        mistake, span, consequences: of the attempt, as of `attempts.write_attempt`.
        parts: int64 [parts, 2], where each `layout.Part` begins and ends in `codes`; words are not in there.
        counts: int64 [4], how many mistakes the solution has, how many consequences the attempt's, what the verdict
            on the attempt is (a position in `layout.ERROR_MARKS`), and which of a model's own solutions the attempt is,
            from 1, with its problem; 0: none of them.
    """

    codes: np.ndarray
    mistakes: np.ndarray
    spans: np.ndarray
    mistake: np.ndarray
    span: np.ndarray
    consequences: np.ndarray
    parts: np.ndarray
    counts: np.ndarray


def new_written() -> Written:
    """Buffers."""
    return Written(
        codes=np.zeros(MAX_FRAGMENTS, np.int32),
        mistakes=np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32),
        spans=np.zeros((MAX_MISTAKES, SPAN_COLUMNS), np.int32),
        mistake=np.zeros(MISTAKE_COLUMNS, np.int32),
        span=np.zeros(SPAN_COLUMNS, np.int32),
        consequences=np.zeros(MAX_CONSEQUENCES, np.int32),
        parts=np.zeros((len(Part), 2), np.int64),
        counts=np.zeros(4, np.int64),
    )


@compiled
def note_parts(parts: np.ndarray, statement_end: int, solution_end: int, answer_end: int) -> None:
    """Note in `Written.parts` where statement, solution and answer are."""
    parts[_STATEMENT, 1] = parts[_SOLUTION, 0] = statement_end
    parts[_SOLUTION, 1] = parts[_ANSWER, 0] = solution_end
    parts[_ANSWER, 1] = answer_end


def ends_of(written: Written) -> tuple[int, int, int]:
    """Where statement, solution and answer end, as `writing.write_document` returns it."""
    statement, solution, answer = (int(written.parts[part, 1]) for part in (_STATEMENT, _SOLUTION, _ANSWER))
    return statement, solution, answer


@compiled
def write_wrong_solution(record: Record, tables: Tables, written: Written) -> None:
    """Write the attempt with ``written.mistake``, its answer, and what there is to say about it."""
    start = written.parts[_ANSWER, 1]
    end, n_consequences, answer = write_attempt(
        record, written.mistake, tables, written.codes, start, written.span, written.consequences
    )
    written.counts[CONSEQUENCES] = n_consequences
    written.counts[FIRST_ERROR] = first_error(record, written.mistake)
    note_wrong_solution(written, start, end, answer, int(written.mistake[MISTAKE_STEP]) + 1)


@compiled
def note_wrong_solution(written: Written, start: int, end: int, answer: int, wrong_step: int) -> None:
    """Write behind an attempt, the fragments start..end, its answer and the number of its wrong step; note where."""
    codes, parts = written.codes, written.parts
    codes[end] = FIRST_NUMBER + answer
    parts[_ATTEMPT, 0], parts[_ATTEMPT, 1] = start, end
    parts[_WRONG_ANSWER, 0], parts[_WRONG_ANSWER, 1] = end, end + 1
    codes[end + 1] = FIRST_NUMBER + wrong_step  # beyond 22: see `documents`
    parts[_WRONG_STEP, 0], parts[_WRONG_STEP, 1] = end + 1, end + 2
    # attempt and solution are the same up to the wrong step
    parts[_REST, 0], parts[_REST, 1] = parts[_SOLUTION, 0] + written.span[SPAN_START] - start, parts[_SOLUTION, 1]


@compiled
def write_other_order(record: Record, law: Law, tables: Tables, state: np.ndarray, written: Written) -> None:
    """Write the solution in another order, drawn from the random stream ``state``, behind all that is written."""
    parts = written.parts
    start = max(parts[_ANSWER, 1], parts[_WRONG_STEP, 1])
    parts[_OTHER_ORDER, 0] = start
    parts[_OTHER_ORDER, 1] = write_in_other_order(record, law, tables, state, written.codes, start)


def written_of(document: Document) -> Written:
    """A document as what its tokens are put together from, without an attempt."""
    written = new_written()
    written.codes[: len(document.codes)] = document.codes
    for row, span in zip(written.spans, document.spans, strict=False):
        row[SPAN_START], row[SPAN_END] = span.start, span.end
        row[SPAN_NAME_START], row[SPAN_NAME_END] = span.name_start, span.name_end
    note_parts(written.parts, document.problem_end, document.solution_end, len(document.codes))
    written.counts[MISTAKES] = len(document.spans)
    return written
