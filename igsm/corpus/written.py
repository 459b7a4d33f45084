"""A problem written out in fragments: its solution and perhaps an attempt, from which documents are put together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.compilation import compiled
from igsm.mistakes.attempts import MAX_CONSEQUENCES, write_attempt
from igsm.mistakes.document import Document
from igsm.mistakes.rows import (
    MAX_MISTAKES,
    MISTAKE_COLUMNS,
    SPAN_COLUMNS,
    SPAN_END,
    SPAN_NAME_END,
    SPAN_NAME_START,
    SPAN_START,
)
from igsm.mistakes.writing import write_document
from igsm.problems.lexicon import Tables
from igsm.problems.record import Record
from igsm.problems.wording import FIRST_NUMBER, MAX_FRAGMENTS

# places of `Written.ends`
STATEMENT_END, SOLUTION_END, ANSWER_END, MISTAKES, ATTEMPT_END, CONSEQUENCES = range(6)


class Written(NamedTuple):
    """A written problem and solution, and where there is one an attempt: what documents are put together from.

    Attributes:
        codes: int32 [MAX_FRAGMENTS], statement, solution, answer, attempt, its answer, one after the other.
        mistakes, spans: as of `writing.write_document`.
        mistake, span, consequences: of the attempt, as of `attempts.write_attempt`.
        ends: int64 [6], where statement, solution, answer and attempt end in `codes`, and the numbers of the
            solution's mistakes and of the attempt's consequences.
    """

    codes: np.ndarray
    mistakes: np.ndarray
    spans: np.ndarray
    mistake: np.ndarray
    span: np.ndarray
    consequences: np.ndarray
    ends: np.ndarray


def new_written() -> Written:
    """Buffers."""
    return Written(
        codes=np.zeros(MAX_FRAGMENTS, np.int32),
        mistakes=np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32),
        spans=np.zeros((MAX_MISTAKES, SPAN_COLUMNS), np.int32),
        mistake=np.zeros(MISTAKE_COLUMNS, np.int32),
        span=np.zeros(SPAN_COLUMNS, np.int32),
        consequences=np.zeros(MAX_CONSEQUENCES, np.int32),
        ends=np.zeros(6, np.int64),
    )


@compiled
def write_solution(record: Record, n_mistakes: int, tables: Tables, written: Written) -> None:
    """Write statement, solution with its first ``n_mistakes`` mistakes, and answer."""
    ends = write_document(record, written.mistakes[:n_mistakes], tables, written.codes, written.spans)
    note_ends(written, ends, n_mistakes)


@compiled
def note_ends(written: Written, ends: tuple[int, int, int], n_mistakes: int) -> None:
    """Note where statement, solution and answer end."""
    written.ends[STATEMENT_END], written.ends[SOLUTION_END], written.ends[ANSWER_END] = ends
    written.ends[MISTAKES] = n_mistakes


@compiled
def write_wrong_solution(record: Record, tables: Tables, written: Written) -> None:
    """Write the attempt with ``written.mistake``, and its answer."""
    start = written.ends[ANSWER_END]
    end, n_consequences, answer = write_attempt(
        record, written.mistake, False, tables, written.codes, start, written.span, written.consequences
    )
    written.codes[end] = FIRST_NUMBER + answer
    written.ends[ATTEMPT_END], written.ends[CONSEQUENCES] = end, n_consequences


def written_of(document: Document) -> Written:
    """A document as what its tokens are put together from, without an attempt."""
    written = new_written()
    written.codes[: len(document.codes)] = document.codes
    for row, span in zip(written.spans, document.spans, strict=False):
        row[SPAN_START], row[SPAN_END] = span.start, span.end
        row[SPAN_NAME_START], row[SPAN_NAME_END] = span.name_start, span.name_end
    ends = (document.problem_end, document.solution_end, len(document.codes), len(document.spans))
    written.ends[: len(ends)] = ends
    return written
