"""What the grader says about a solution."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What the first error of a solution is: a closed list, described in docs/grading.md."""

    MALFORMED = "malformed"
    UNKNOWN_PARAMETER = "unknown parameter"
    DEFINED_TWICE = "defined twice"
    NOT_COMPUTABLE_YET = "not computable yet"
    UNDEFINED_SYMBOL = "undefined symbol"
    SYMBOL_REUSED = "symbol reused"
    SO_SYMBOL_MISMATCH = "so-symbol mismatch"
    WRONG_INPUTS = "wrong inputs"
    WRONG_OPERATOR = "wrong operator or constant"
    WRONG_REFERENCE = "wrong reference"
    WRONG_ARITHMETIC = "wrong arithmetic"
    STOPS_EARLY = "stops before the question"
    ANSWERS_ANOTHER = "answers another parameter"
    ANSWER_DIFFERS = "answer differs"


OF_THE_END = (Kind.STOPS_EARLY, Kind.ANSWERS_ANOTHER, Kind.ANSWER_DIFFERS)
"""Kinds of errors for which no step of the solution is wrong, only its end."""


class FirstError(NamedTuple):
    """The first wrong step."""

    kind: Kind
    step: int
    """Number of the sentence in the text, from 1; one past the last for an error of the solution's end."""
    sentence: str
    start: int
    """Offending words: characters start..end of `sentence`."""
    end: int
    message: str


class Step(NamedTuple):
    """One sentence of the solution that states a parameter."""

    number: int
    """Number of the sentence in the text, from 1."""
    name: str
    can_next: bool | None
    """Whether the parameter could be computed there; None when the problem has no such parameter."""
    taken_back: bool
    """By BACK."""
    needed: bool
    """The question depends on it."""
    mistake: Kind | None = None
    """What is wrong with a step that was written whole before it was taken back; None when nothing is, or when the
    sentence stopped after the name."""
    attempt: int = 0
    """How many sentences were tried in its place before it, and taken back."""
    taken_back_by: int | None = None
    """Number of the later sentence that takes it back ("BACK 3"); None when it does so itself, or stands."""

    def to_json(self) -> dict[str, Any]:
        """A record; `attempt` and `taken_back_by` are in it if there are any."""
        record = self._asdict()
        for name in ("attempt", "taken_back_by"):
            if not record[name]:
                del record[name]
        return record


@dataclass(frozen=True, slots=True)
class Verdict:
    """Right or wrong, why, and what the solution did on the way."""

    correct: bool
    error: FirstError | None
    steps: tuple[Step, ...]
    unnecessary_parameters: int
    """Parameters defined (not taken back) that the question does not depend on."""
    unnecessary_operations: int
    stated_answer: str | None = None
    """The final answer that the text states after its steps (`igsm.grading.answers.stated_answer`)."""
    restarts: int = 0
    """Attempts that the text gave up before this one, by RESTART or AGAIN."""
    corrections: int = 0
    """Times that the text judged a step of this attempt wrong and put others in its place."""

    @property
    def taken_back(self) -> int:
        """Sentences that the solution itself takes back; the paper's retries."""
        return sum(step.taken_back for step in self.steps)

    @property
    def needlessly_taken_back(self) -> int:
        """Sentences taken back although their parameter could be computed and nothing written of it was wrong."""
        return sum(step.taken_back and step.can_next is True and step.mistake is None for step in self.steps)

    def numbers(self) -> dict[str, Any]:
        """A flat record without the steps: what the metrics are computed from.

        Restarts and corrections are in it if there are any, as in records of before there were any.
        """
        return {
            "correct": self.correct,
            "error": None if self.error is None else self.error._asdict(),
            "taken_back": self.taken_back,
            "needlessly_taken_back": self.needlessly_taken_back,
            "unnecessary_parameters": self.unnecessary_parameters,
            "unnecessary_operations": self.unnecessary_operations,
        } | {name: number for name in ("restarts", "corrections") if (number := getattr(self, name))}

    def to_json(self) -> dict[str, Any]:
        """A record for JSON lines. Steps say no more than in records of before there was more to say of them."""
        return self.numbers() | {"steps": [step.to_json() for step in self.steps]}
