"""A solution graded while it is being written: one sentence after another."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from igsm.grading.attempts import last_marks
from igsm.grading.expected import expectations
from igsm.grading.state import State
from igsm.grading.steps import (
    BREAKS_OFF,
    Unreadable,
    definition_taken_back,
    earlier_taken_back,
    is_taken_back,
    read_definition,
    stated_name,
)
from igsm.grading.verdict import Kind
from igsm.problems.problem import Problem


class Grade(StrEnum):
    """What a sentence is."""

    RIGHT = "right"
    WRONG = "wrong"
    TAKEN_BACK = "taken back"
    NOT_GRADED = "not graded"
    """An earlier step is wrong: this one may follow from it."""


class GradedStep(NamedTuple):
    """A sentence and its grade."""

    number: int
    """In the text, from 1."""
    sentence: str
    """As it was written, without white space around it."""
    grade: Grade
    kind: Kind | None = None
    """Of a wrong step, or of what was wrong with one that was taken back."""
    why: str | None = None


class StepGrader:
    """Grades the sentences of one solution in turn, by the rule "strict".

    The first wrong sentence is the first error of `igsm.grading.grade` on the whole text, unless that text ends or
    answers wrongly. An attempt that is given up, or judged from a step on, leaves nothing behind.
    """

    def __init__(self, problem: Problem) -> None:
        self._expected = expectations(problem)
        self._problem, self._question = problem, problem.question
        self._number = 0
        self._start()

    def _start(self) -> None:
        self._state, self._wrong = State(self._problem, self._expected), False
        self._standing: list[tuple[State, bool]] = []
        """Before each sentence that stands: the state, and whether a step was wrong."""

    def add(self, sentence: str) -> GradedStep:
        """The grade of the next sentence, with its full stop; without one it is where the text breaks off."""
        self._number += 1
        shown = sentence.strip()
        text, back_to = last_marks(shown)
        if back_to is not None:
            self._go_back(back_to)
        text = text.removesuffix(".")
        cut_off = not shown.endswith(".")
        if is_taken_back(text):
            kind, why = self._taken_back(text)
            self._go_back(len(self._standing) - earlier_taken_back(text))
            return GradedStep(self._number, shown, Grade.TAKEN_BACK, kind, why)
        self._standing.append((self._state.copy(), self._wrong))
        if self._wrong:
            return GradedStep(self._number, shown, Grade.NOT_GRADED)
        definition = read_definition(text)
        if isinstance(definition, Unreadable):
            if cut_off and self._state.last == self._question:
                return GradedStep(self._number, shown, Grade.NOT_GRADED, None, "begun after the answer")
            self._wrong = True
            if cut_off:
                return GradedStep(self._number, shown, Grade.WRONG, Kind.STOPS_EARLY, BREAKS_OFF)
            return GradedStep(self._number, shown, Grade.WRONG, Kind.MALFORMED, definition.message)
        complaint = self._state.define(definition)
        if complaint is None:
            info = self._expected[definition.name]
            why = None if info is not None and info.needed else "the question does not need it"
            return GradedStep(self._number, shown, Grade.RIGHT, None, why)
        self._wrong = True
        return GradedStep(self._number, shown, Grade.WRONG, complaint[0], complaint[2])

    def can_be_next(self, name: str) -> bool | None:
        """Whether the parameter of this name could be defined now; None once a step was wrong."""
        return None if self._wrong else self._state.cannot_be_next(name) is None

    def _go_back(self, n: int) -> None:
        """To where n sentences stood."""
        if n <= 0:
            self._start()
        elif n < len(self._standing):
            self._state, self._wrong = self._standing[n]
            del self._standing[n:]

    def _taken_back(self, text: str) -> tuple[Kind | None, str | None]:
        if self._wrong:  # what could be computed here depends on the wrong step
            return None, None
        name, whole = stated_name(text), definition_taken_back(text)
        complaint = None
        if whole is not None:
            complaint = self._state.complaint(whole)
        elif name is not None:
            complaint = self._state.cannot_be_next(name)
        return (None, "nothing was wrong with it") if complaint is None else (complaint[0], complaint[2])
