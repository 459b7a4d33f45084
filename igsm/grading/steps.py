"""The text of a solution, cut into sentences and equations. Linear in its length; never raises."""

from __future__ import annotations

import re
from typing import NamedTuple

from igsm.grading.answers import ANSWER_MARK, before_end_mark

_NUMBER = "(?:0|[1-9][0-9]{0,5})"
_TERM = f"(?:[A-Za-z]|{_NUMBER})"
# groups: the fields of `Equation`
_EQUATION = re.compile(
    rf"(so )?([A-Za-z]) = (?:({_NUMBER})|([A-Za-z]) = ({_NUMBER})"
    rf"|({_TERM}) ([+*-]) ({_TERM}) = ({_NUMBER}) \7 ({_NUMBER}) = ({_NUMBER}))"
).fullmatch
_HEAD = re.compile("Define (.+) as ([A-Za-z])").fullmatch
_BACK = re.compile(r"(?<![A-Za-z])BACK(?![A-Za-z])").search
_BARE_BACK = re.compile(r"\W*BACK(?: [0-9]+)?\W*").fullmatch
_BACK_AT_THE_END = re.compile(r" BACK(?: ([0-9]{1,6}))?$").search
# what chat models write an answer in, glued to the last full stop
_GLUED = re.compile(r"\.(?=####|\$|\*\*|\\boxed|<answer>)").sub
_ANSWER = re.compile(r"\banswer\b|####|\\boxed", re.IGNORECASE).search

BREAKS_OFF = "the text ends within a sentence, before the question is answered"
"""What is said of a last sentence that cannot be read."""


class Equation(NamedTuple):
    """One equation; what a form does not have is None. Numbers are texts of at most six digits."""

    so: str | None
    name: str
    constant: str | None
    symbol: str | None
    symbol_value: str | None
    left: str | None
    sign: str | None
    right: str | None
    left_value: str | None
    right_value: str | None
    value: str | None


class Definition(NamedTuple):
    """A sentence "Define `name` as `symbol`; equations"."""

    name: str
    symbol: str
    equations: list[tuple[str, ...]]
    """Of each the fields of `Equation`, as a plain tuple: grading would spend a tenth of its time on the names."""


class Unreadable(NamedTuple):
    """Where and why a sentence cannot be read: characters start..end of it."""

    start: int
    end: int
    message: str


class Solution(NamedTuple):
    """A solution's text in parts."""

    text: str
    """As it was written, but for what its end marks and answer mark cut off."""
    sentences: list[str]
    """The steps, without their full stops; of a text without any step, all its sentences."""
    finished: bool
    """Whether the last sentence ended in a full stop."""
    closing: str
    """Where the text may state its final answer: what follows the last step, or that step if it breaks off there."""


def split_solution(text: str) -> Solution:
    """The text cut at its first end mark, then at its first answer mark, and into sentences.

    White space is made single. What follows the last sentence that starts with "Define" (or is BACK alone) is no step,
    unless there is no such sentence.
    """
    text = before_end_mark(text)
    steps, mark, answer = text.partition(ANSWER_MARK)
    if mark:
        text = steps = steps.rstrip()
    if "  " in steps or not steps.isprintable():  # all white space but the blank is not "printable"
        steps = " ".join(steps.split())
    steps = _GLUED(". ", steps.strip())
    finished = steps.endswith(".") or not steps
    steps = steps.removesuffix(".")
    sentences = steps.split(". ") if steps else []
    n = len(sentences)
    while n and not sentences[n - 1].startswith("Define") and not _BARE_BACK(sentences[n - 1]):
        n -= 1
    closing = sentences[n:]
    if n == len(sentences) and not finished and _ANSWER(sentences[-1]):
        closing = sentences[-1:]
    if mark:
        closing = [*closing, mark + answer]
    if 0 < n < len(sentences):
        sentences, finished = sentences[:n], True
    finished = finished or bool(_BARE_BACK(sentences[-1]))
    return Solution(text, sentences, finished, ". ".join(closing))


def is_taken_back(sentence: str) -> bool:
    """Whether the sentence takes itself back: the word BACK stands in it. BACK alone takes nothing back."""
    return "BACK" in sentence and _BACK(sentence) is not None and _BARE_BACK(sentence) is None


def earlier_taken_back(sentence: str) -> int:
    """How many sentences before it a sentence that takes itself back takes back, too: 2 if it ends in "BACK 3"."""
    found = _BACK_AT_THE_END(sentence)
    return max(int(found[1] or 1) - 1, 0) if found else 0


def taken_back(sentences: list[str]) -> dict[int, int]:
    """Number of a sentence that is taken back, from 1 -> number of the one that takes it back.

    "BACK 3" takes back the last three sentences that still stand, its own among them; "BACK" its own.
    """
    found: dict[int, int] = {}
    standing: list[int] = []
    for number, sentence in enumerate(sentences, 1):
        if not is_taken_back(sentence):
            standing.append(number)
            continue
        found[number] = number
        for _ in range(min(earlier_taken_back(sentence), len(standing))):
            found[standing.pop()] = number
    return found


def attempts(sentences: list[str]) -> list[int]:
    """Of each sentence, how many were tried in its place before it, and taken back.

    What is taken back with the sentences before it ("BACK 3") leaves the place of the first of them.
    """
    found = []
    tried = [0]  # in the place of each sentence that stands, and in the next one
    for sentence in sentences:
        found.append(tried[-1])
        if is_taken_back(sentence):
            del tried[max(len(tried) - earlier_taken_back(sentence), 1) :]
            tried[-1] += 1
        else:
            tried.append(0)
    return found


def definition_taken_back(sentence: str) -> Definition | None:
    """The definition that was written whole before a final BACK, if there is one."""
    end = _BACK_AT_THE_END(sentence) if "; " in sentence else None
    if end is None:
        return None
    definition = read_definition(sentence[: end.start()])
    return definition if isinstance(definition, Definition) else None


def stated_name(sentence: str) -> str | None:
    """The parameter named after "Define", or None; also of unfinished sentences and those taken back."""
    if not sentence.startswith("Define "):
        return None
    name, found, _ = sentence[7:].partition(" as ")
    return (name if found else name.removesuffix(" as")).strip()


def read_definition(sentence: str) -> Definition | Unreadable:
    """Name, symbol and equations of a sentence that is not taken back; the last equation must be the "so"."""
    head, *clauses = sentence.split("; ")
    named = _HEAD(head)
    if named is None:
        return _unreadable_head(head)
    equations: list[tuple[str, ...]] = []
    last = len(clauses) - 1
    for number, clause in enumerate(clauses):
        match = _EQUATION(clause)
        if match is None or clause.startswith("so ") != (number == last):
            start = len("; ".join((head, *clauses[:number]))) + 2
            return Unreadable(start, start + len(clause), _complaint(clause, number == last))
        equations.append(match.groups())
    if not equations:
        return Unreadable(len(head), len(head), 'expected "; so x = ..." after the symbol')
    return Definition(named[1], named[2], equations)


def _unreadable_head(head: str) -> Unreadable:
    name, found, symbol = head[7:].rpartition(" as ")
    if not head.startswith("Define ") or not found or not name:
        return Unreadable(0, len(head), 'expected "Define A\'s B as x"')
    return Unreadable(len(head) - len(symbol), len(head), "expected a symbol: one letter")


def _complaint(clause: str, last: bool) -> str:
    if last and not clause.startswith("so "):
        return 'expected the sentence\'s last equation to start with "so"'
    if not last and clause.startswith("so "):
        return 'expected nothing after the "so" equation'
    return 'expected an equation such as "x = a + b = 1 + 2 = 3", "x = a = 1" or "x = 1"'
