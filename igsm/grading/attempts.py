"""What a text says of itself with marks: tags, verdicts on its steps, and attempts that it gives up for another one."""

from __future__ import annotations

import re
from typing import NamedTuple

from igsm.grading.answers import ANSWER_MARK, before_end_mark
from igsm.mistakes.layout import NEW_ATTEMPT, TAGS, Mark


def _any_of(marks: tuple[Mark, ...]) -> str:
    return "(?:" + "|".join(re.escape(mark.text) for mark in marks) + ")"


_TAGS = rf"(?:{_any_of(TAGS)}(?: [0-9]{{1,6}})?)"
_MARKED = re.compile(
    rf"{re.escape(Mark.JUDGE.text)}(?: [0-9]{{1,6}})?{_TAGS}*"
    rf"|(?P<given_up>{_any_of(NEW_ATTEMPT)})|(?P<tags>{_TAGS}+)"
).finditer
_WORDS = re.compile(r"\S").search
_STEP = re.compile(r"\s*Define").match
_TAGGED = re.compile(rf"\s*{_TAGS}+").match
_TAG = re.compile(_any_of(TAGS)).sub
_JUDGED = re.compile(rf"{re.escape(Mark.JUDGE.text)}\s*(?:([0-9]{{1,6}})(?![0-9]))?").split
_SENTENCES = re.compile(r"(?<=\.)(?=\s)").split


class Attempt(NamedTuple):
    """The solution that a text comes to."""

    text: str
    restarts: int
    """How many attempts stand before it."""
    corrections: int
    """How many times it judged one of its own steps wrong and put others in its place."""


class _Place(NamedTuple):
    """Characters start..end of a text, from behind the tags, and how many attempts stand before."""

    start: int
    end: int
    number: int


def last_attempt(text: str) -> Attempt:
    """The attempt of a text that counts, as it stands in the end; texts without marks are left as they are. Linear.

    "<|restart|>" and "<|again|>" begin another attempt, and so does a tag before a step that is not the first. The last
    attempt counts that is not tagged "<|bad|>", if there is one. Other tags are passed over. "<|judge|> 5" takes
    back all from step 5 of the attempt on, for the steps that follow it; without a number it takes nothing back.
    """
    if "<|" not in text:
        return Attempt(text, 0, 0)
    text = before_end_mark(text)
    place = _that_counts(text)
    first, *judged = _JUDGED(_TAG("", text[place.start : place.end]))
    steps, pieces = judged[::2], [first, *judged[1::2]]
    sentences = []
    for step, piece in zip([*steps, None], pieces, strict=True):
        if step is None:
            sentences += _SENTENCES(piece)
        else:
            sentences += _SENTENCES(piece.partition(ANSWER_MARK)[0])
            del sentences[max(int(step) - 1, 0) :]
    return Attempt("".join(sentences), place.number, sum(step is not None for step in steps))


def split_marked(text: str) -> tuple[str, str]:
    """A text up to the answer of the attempt that counts, and that answer; a missing one is ""."""
    place = _that_counts(text)
    steps, _, answer = text[place.start : place.end].partition(ANSWER_MARK)
    return text[: place.start] + steps, answer.partition("<|")[0]


def _that_counts(text: str) -> _Place:
    found: list[_Place] = []
    start = 0
    for mark in _MARKED(text):
        if mark["given_up"]:
            found.append(_Place(start, mark.start(), len(found)))
            start = mark.end()
        elif mark["tags"] and _STEP(text, mark.end()) and _WORDS(text, start, mark.start()):
            found.append(_Place(start, mark.start(), len(found)))
            start = mark.start()
    found.append(_Place(start, len(text), len(found)))
    for place in reversed(found):
        tags = _TAGGED(text, place.start, place.end)
        if tags is None or Mark.BAD.text not in tags[0]:
            break
    else:
        place = found[-1]
    tags = _TAGGED(text, place.start, place.end)
    return place._replace(start=tags.end()) if tags else place


def last_marks(sentence: str) -> tuple[str, int | None]:
    """What a sentence says after the marks in it, and how many sentences before it they leave of the attempt.

    The number is None where they leave all, and 0 for another attempt.
    """
    if "<|" not in sentence:
        return sentence, None
    place = _that_counts(sentence)
    *judged, after = _JUDGED(_TAG("", sentence[place.start : place.end]))
    steps = [int(step) for step in judged[1::2] if step is not None]
    return after.strip(), 0 if place.number else max(min(steps) - 1, 0) if steps else None
