"""Mistakes in the solutions of other people's data, each taken back by a marker.

The law is that of Part 2.2 (arXiv 2408.16293), section 4: before a step a mistake is put in with a chance, the rate,
and after each mistake a further one with the same chance, drawn without replacement. Nothing is put in after the last
step, and the final answer is neither changed nor told early. All draws for a row come from a stream keyed by the seed
and the row's number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from igsm.errors import InputError, suggest
from igsm.seeds import numpy_generator
from igsm.text.numbers import Changed, arithmetic, numbers_of, wrong_results
from igsm.text.record import BACK, MISTAKE, RIGHT, Record, Span, Step

KINDS = {
    "weak": "a later step of the same solution (the paper's retry_weak)",
    "weak-checked": "a later step that needs a number not known yet",
    "shuffle": "a step of another row's solution",
    "number": "the step itself with a wrong result",
}
OTHERS = 1_000
"""So many rows at the head of the data give the steps that `shuffle` draws."""
_ATTEMPTS = 100

Pool = Callable[[int], "list[Changed]"]


class Other(NamedTuple):
    """A step of another row."""

    row: int
    text: str


@dataclass(frozen=True)
class Injection:
    """Which mistakes, how often, and what takes them back.

    Attributes:
        kind: one of `KINDS`.
        rate: chance of a mistake before a step, and of a further one after each.
        marker: follows a mistake, after a space.
        seed: of the draws.
        others: steps that `shuffle` draws from, see `other_steps`.

    Raises:
        InputError: an unknown kind, a rate outside [0, 1), a marker without a character.
    """

    kind: str = "weak"
    rate: float = 0.2
    marker: str = "[BACK]"
    seed: int = 0
    others: tuple[Other, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown kind '{self.kind}'{suggest(self.kind, KINDS)}")
        if not 0.0 <= self.rate < 1.0:
            raise InputError(f"--rate must be at least 0 and below 1, not {self.rate:g}")
        if not self.marker.strip() or self.marker != self.marker.strip():
            raise InputError("--marker needs a text without white space around it, such as [BACK]")


def inject(record: Record, injection: Injection, row: int) -> Record:
    """The record with mistakes; the same one where none is drawn.

    Args:
        row: its number in the data.

    Raises:
        InputError: its solution cannot be cut into two steps, holds mistakes or has the marker in it.
    """
    must_be_clean(record, injection.marker)
    stream = numpy_generator("inject", injection.seed, row)
    pool = _pools(record, injection, row, stream)
    drawn: dict[int, list[Changed]] = {}
    for place in range(len(record.steps)):
        if record.steps[place].start > record.answer_start:
            break
        choices: list[Changed] | None = None
        while stream.random() < injection.rate:
            if choices is None:
                choices = pool(place)
            if not choices:
                break
            drawn.setdefault(place, []).append(choices.pop(int(stream.integers(len(choices)))))
    return _with_mistakes(record, drawn, injection.marker) if drawn else record


def must_be_clean(record: Record, marker: str) -> None:
    """Raise InputError if a record cannot have mistakes put into it."""
    if len(record.steps) < 2:
        raise InputError(f"its solution cannot be cut into two steps or more (found {len(record.steps)})")
    for number, step in enumerate(record.steps, 1):
        if step.kind != RIGHT:
            raise InputError(f"step {number} is labelled wrong: a right solution is expected")
    if marker in record.text:
        raise InputError(f"its solution has the marker '{marker}' already; choose another --marker")


def other_steps(record: Record, row: int) -> list[Other]:
    """The steps of a record that others may be given: all but those that state its final answer."""
    return [Other(row, record.of(record.steps[place])) for place in _sources(record)]


def _sources(record: Record) -> list[int]:
    """Steps that may be shown elsewhere or changed."""
    return [
        place
        for place, step in enumerate(record.steps)
        if step.start < step.end <= record.answer_start and step.start < record.answer_start
    ]


def _pools(record: Record, injection: Injection, row: int, stream: np.random.Generator) -> Pool:
    """What can be put in before a step, by the step's place."""
    sources = _sources(record)
    later_ones = _that_tell_no_answer(record, sources)
    if injection.kind == "weak":
        return lambda place: [_whole(record.of(record.steps[later])) for later in later_ones if later > place]
    if injection.kind == "weak-checked":
        unknown = not_known_yet(record)
        return lambda place: [
            _whole(record.of(record.steps[later])) for later in later_ones if later > place and unknown(place, later)
        ]
    if injection.kind == "number":
        answer = numbers_of(record.answer)
        return lambda place: (
            [one for one in wrong_results(record.of(record.steps[place])) if answer.isdisjoint(_wrong_numbers(one))]
            if place in sources
            else []
        )
    return lambda place: _of_others(injection.others, record, row, stream)


def _wrong_numbers(changed: Changed) -> frozenset[str]:
    return numbers_of(" ".join(changed.text[span.start : span.end] for span in changed.wrong))


def _that_tell_no_answer(record: Record, sources: Sequence[int]) -> list[int]:
    """Without the last step and those that make its number: it is the answer, stated again behind them or not."""
    last = len(record.steps) - 1
    makes = [arithmetic(record.of(step)).makes for step in record.steps]
    answer = numbers_of(record.answer) or makes[last]
    return [place for place in sources if place < last and answer.isdisjoint(makes[place])]


def _of_others(others: Sequence[Other], record: Record, row: int, stream: np.random.Generator) -> list[Changed]:
    """A few steps of other rows; what this solution says itself is left out."""
    own = {record.of(step) for step in record.steps}
    found: dict[str, None] = {}
    for _ in range(_ATTEMPTS if others else 0):
        other = others[int(stream.integers(len(others)))]
        if other.row != row and other.text not in own:
            found[other.text] = None
        if len(found) == 8:  # more in one place are not drawn at any rate in use
            break
    return [_whole(text) for text in found]


def not_known_yet(record: Record) -> Callable[[int, int], bool]:
    """Whether a later step (second argument) truly cannot be computed before a step (first): an approximate can_next.

    It needs a number that a step from there on makes, and that neither the question nor an earlier step has.
    """
    lines = [arithmetic(record.of(step)) for step in record.steps]
    given = set[str]().union(*(numbers_of(turn.content) for turn in record.turns))
    known = [given]
    for line in lines:
        known.append(known[-1] | line.all)

    def unknown(place: int, later: int) -> bool:
        wanted = lines[later].needs - known[place]
        return any(not wanted.isdisjoint(line.makes) for line in lines[place:later])

    return unknown


def _whole(text: str) -> Changed:
    return Changed(text, (Span(0, len(text)),))


def _with_mistakes(record: Record, drawn: dict[int, list[Changed]], marker: str) -> Record:
    parts: list[str] = []
    steps: list[Step] = []
    length = done = 0
    answer_start: int | None = None

    def add(text: str) -> Span:
        nonlocal length
        parts.append(text)
        length += len(text)
        return Span(length - len(text), length)

    for place, step in enumerate(record.steps):
        add(record.text[done : step.start])
        for text, wrong in drawn.get(place, ()):
            start, end = add(text)
            steps.append(Step(start, end, MISTAKE, tuple(Span(start + first, start + last) for first, last in wrong)))
            add(" ")
            steps.append(Step(*add(marker), BACK))
            add(separator(record, place))
        start, end = add(record.of(step))
        steps.append(replace(step, start=start, end=end))
        if step.start == record.answer_start:
            answer_start = start
        done = step.end
    if answer_start is None:
        answer_start = length + record.answer_start - done
    add(record.text[done:])
    return replace(record, text="".join(parts), steps=tuple(steps), answer_start=answer_start)


def separator(record: Record, place: int) -> str:
    """What stands before a step and the one before it; before the first step, what stands after it."""
    first = max(place - 1, 0)
    return record.text[record.steps[first].end : record.steps[first + 1].start]
