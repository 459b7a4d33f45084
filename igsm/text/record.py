"""What every format is read into and written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

RIGHT, MISTAKE, BACK = "right", "mistake", "back"

Row = dict[str, Any]
"""A JSON object of a file."""


class Turn(NamedTuple):
    """What was said before the solution."""

    role: str
    """system, user, assistant, or another one of the file's."""
    content: str


class Span(NamedTuple):
    """Characters of a text, the end left out."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a solution; what stands between two steps belongs to neither.

    Attributes:
        start, end: its characters in the solution.
        kind: right, mistake, or back (the marker that takes a mistake back).
        wrong: of a mistake, the characters that make it one.
    """

    start: int
    end: int
    kind: str = RIGHT
    wrong: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A problem and its solution, cut into steps.

    Attributes:
        turns: what comes before the solution; the last one is the user's.
        text: the whole solution, as it stands.
        steps: in order, without overlap.
        answer: the final answer; "" where the text does not set it apart.
        answer_start: from this character on the text states the final answer, and nothing is put in.
        format: what it was read from (`igsm.text.formats.FORMATS`).
        meta: the row it was read from.
    """

    turns: tuple[Turn, ...]
    text: str
    steps: tuple[Step, ...]
    answer: str
    answer_start: int
    format: str
    meta: Row = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The last turn of the user's."""
        return self.turns[-1].content

    def of(self, step: Step) -> str:
        """The text of a step."""
        return self.text[step.start : step.end]
