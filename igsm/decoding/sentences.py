"""Sentences and answers in generated tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igsm.corpus.vocabulary import ANSWER_START, Vocabulary
from igsm.grading.answers import ANSWER_MARK
from igsm.grading.attempts import split_marked


@dataclass(frozen=True)
class Markers:
    """Token ids that structure a solution.

    Attributes:
        define: the ids of " Define".
        closing: " as", which ends the name.
        sentence_end: ".".
    """

    define: tuple[int, ...]
    closing: int
    sentence_end: int


def markers_of(vocabulary: Vocabulary) -> Markers:
    """The ids of " Define", " as" and "." in a model's numbering."""
    (define, closing, stop) = (
        tuple(int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(text)) for text in (" Define", " as", ".")
    )
    return Markers(define, closing[0], stop[0])


def next_question(tokens: list[int], start: int, markers: Markers) -> int | None:
    """Where the first name that closes at or after `start` ends: number of tokens up to and including " as"."""
    for place in range(start, len(tokens)):
        if tokens[place] == markers.closing and _opened(tokens, place, markers):
            return place + 1
    return None


def next_kept(tokens: list[int], start: int, markers: Markers, back: list[int]) -> int | None:
    """`next_question`, but for definitions that go on with BACK (its ids)."""
    place = next_question(tokens, start, markers)
    while place is not None and tokens[place : place + len(back)] == back:
        place = next_question(tokens, place, markers)
    return place


def kept_definitions(tokens: list[int], markers: Markers, back: list[int]) -> list[int]:
    """Where the names of all definitions end that do not go on with BACK: numbers of tokens up to their " as"."""
    found: list[int] = []
    while (place := next_kept(tokens, found[-1] if found else 0, markers, back)) is not None:
        found.append(place)
    return found


def _opened(tokens: list[int], place: int, markers: Markers) -> bool:
    begin = sentence_start(tokens, place, markers)
    size = len(markers.define)
    return any(tuple(tokens[i : i + size]) == markers.define for i in range(begin, place))


def sentence_start(tokens: list[int], place: int, markers: Markers) -> int:
    """Number of tokens up to the end of the sentence before the one `place` stands in."""
    while place > 0 and tokens[place - 1] != markers.sentence_end:
        place -= 1
    return place


def split_answer(tokens: Sequence[int], vocabulary: Vocabulary) -> tuple[str, str]:
    """The texts of solution and answer of generated tokens; a missing answer is "".

    Of several attempts, the answer is that of the one that counts (`igsm.grading.attempts`).
    """
    end, mark = vocabulary.end, int(vocabulary.from_gpt2[ANSWER_START])
    tokens = [token for token in tokens if token != end]
    if not vocabulary.further_marks.isdisjoint(tokens):
        pieces = (ANSWER_MARK if token == mark else vocabulary.decode([token]) for token in tokens)
        return split_marked("".join(pieces))
    place = tokens.index(mark) if mark in tokens else len(tokens)
    return vocabulary.decode(tokens[:place]), vocabulary.decode(tokens[place + 1 :])
