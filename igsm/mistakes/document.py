"""A problem with its solution, written out: fragments, texts and where its mistakes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from igsm.mistakes.kinds import KINDS
from igsm.mistakes.rows import MISTAKE_COLUMNS, SPAN_COLUMNS, SPAN_KIND, SPAN_PARAMETER, SPAN_STEP
from igsm.mistakes.writing import write_document
from igsm.problems.lexicon import Lexicon
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem
from igsm.problems.record import BIN, OP, Record
from igsm.problems.wording import FIRST_NUMBER, HAVE, HOW_MANY, MAX_FRAGMENTS, FragmentTable


class MistakeSpan(NamedTuple):
    """One mistake. Positions are those of fragments in ``Document.codes``.

    Fragments [start, end) are what is taken back, from "Define" up to, not including, "BACK". [name_start, name_end)
    in it are the wrong words: the name of the parameter, or, where a whole step is written, the one wrong number,
    symbol or sign, of which the rest is a consequence.
    """

    kind: str
    step: int
    """The position in the solution of the step before which it stands."""
    parameter: Parameter
    start: int
    end: int
    name_start: int
    name_end: int


@dataclass(frozen=True, eq=False)
class Document:
    """What a model reads: a problem, a solution with its mistakes, the answer.

    Attributes:
        problem: the problem; None for box over box.
        codes: int32[n] fragments of problem, solution and answer, in this order.
        problem_end, solution_end: where these two end in ``codes``.
        spans: the mistakes, in order.
        table: the strings of the fragments.
        op: operations of the solution; None for box over box.
        bin: template hash bin, 0..22; None for box over box.
    """

    problem: Problem | None
    codes: np.ndarray
    problem_end: int
    solution_end: int
    spans: tuple[MistakeSpan, ...]
    table: FragmentTable
    op: int | None = None
    bin: int | None = None

    @classmethod
    def of_record(cls, record: Record, lexicon: Lexicon, mistakes: np.ndarray | None = None) -> Document:
        """Write a record with mistakes (int32[n, MISTAKE_COLUMNS], in order of their steps), or without."""
        mistakes = np.zeros((0, MISTAKE_COLUMNS), np.int32) if mistakes is None else mistakes
        codes = np.empty(MAX_FRAGMENTS, np.int32)
        spans = np.empty((len(mistakes), SPAN_COLUMNS), np.int32)
        ends = write_document(record, mistakes, lexicon.tables, codes, spans)
        return cls.of_fragments(record, lexicon, codes, ends, spans)

    @classmethod
    def of_fragments(
        cls,
        record: Record,
        lexicon: Lexicon,
        codes: np.ndarray,
        ends: Sequence[int] | np.ndarray,
        spans: np.ndarray,
    ) -> Document:
        """A record's document from what `writing.write_document` wrote and returned; copies what it keeps.

        Args:
            spans: int32[n, SPAN_COLUMNS], exactly one row for each mistake.
        """
        problem = Problem.from_record(record, lexicon)
        problem_end, solution_end, end = (int(position) for position in ends[:3])
        return cls(
            problem,
            codes[:end].copy(),
            problem_end,
            solution_end,
            tuple(
                MistakeSpan(
                    KINDS[int(row[SPAN_KIND])],
                    int(row[SPAN_STEP]),
                    problem.parameters[int(row[SPAN_PARAMETER])],
                    *(int(position) for position in row[SPAN_PARAMETER + 1 :]),
                )
                for row in spans
            ),
            _fragment_table(lexicon),
            int(record.head[OP]),
            int(record.head[BIN]),
        )

    @classmethod
    def of_boxes(cls, lexicon: Lexicon, codes: np.ndarray, ends: Sequence[int] | np.ndarray) -> Document:
        """A box-over-box document from what `boxes.write_boxes` wrote and returned."""
        problem_end, solution_end, end = (int(position) for position in ends[:3])
        return cls(None, codes[:end].copy(), problem_end, solution_end, (), _fragment_table(lexicon))

    def text(self, start: int, end: int) -> str:
        """The text of fragments [start, end)."""
        return self.table.text(self.codes[start:end])

    @property
    def fragments(self) -> list[str]:
        """The strings of ``codes``."""
        return [self.table.strings[code] for code in self.codes]

    @property
    def problem_text(self) -> str:
        """The statement with its question, with a leading space."""
        return self.text(0, self.problem_end)

    @property
    def question_text(self) -> str:
        """The question, without a leading space."""
        codes = self.codes[: self.problem_end]
        if self.problem is None:
            return self.text(self.problem_end - 3, self.problem_end).lstrip()
        start = int(np.flatnonzero(codes == HOW_MANY)[0])
        return self.text(start, int(np.flatnonzero(codes == HAVE)[0]) + 1).lstrip()

    @property
    def solution_text(self) -> str:
        """The solution with its mistakes, with a leading space."""
        return self.text(self.problem_end, self.solution_end)

    @property
    def answer(self) -> int:
        """The number asked for."""
        return int(self.codes[self.solution_end]) - FIRST_NUMBER


@lru_cache(maxsize=8)
def _fragment_table(lexicon: Lexicon) -> FragmentTable:
    return FragmentTable(lexicon.names)
