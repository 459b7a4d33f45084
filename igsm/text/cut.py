"""Where the steps of a solution begin and end, and where its final answer begins.

Steps are cut at blank lines; in a text without any, at the ends of lines; in a text of one line, at the ends of
sentences. Displayed formulas, code and LaTeX environments are never cut. White space around a step belongs to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from igsm.errors import InputError
from igsm.text.record import Span, Step

_PARAGRAPHS = re.compile(r"\s*\n[^\S\n]*\n\s*")
_LINES = re.compile(r"\s*[\n\r]\s*")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\\$\"'(\[])")
_NO_END = re.compile(r"^\d{1,3}\.$|(?:^|\s)(?:[A-Za-z]|e\.g|i\.e|etc|vs|Mr|Mrs|Ms|Dr|St|No|Fig|Eq|cf|approx)\.$")
"""Ends with a full stop and is no sentence: the number of a list, an initial, an abbreviation."""
_WHOLE = re.compile(
    r"```.*?```|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\\\[.*?\\\]|\$\$.*?\$\$|\[asy\].*?\[/asy\]", flags=re.DOTALL
)
_BOXED = re.compile(r"\\f?boxed\b\s*")
_BEGIN_THOUGHT, _END_THOUGHT = "<think>", "</think>"
GSM8K_ANSWER = "####"


class Cut(NamedTuple):
    """Steps and final answer of a solution, as in `igsm.text.record.Record`."""

    steps: tuple[Step, ...]
    answer: str
    answer_start: int


def cut_lines(text: str) -> Cut:
    """A solution in GSM8K's form: a step a line, then "#### 72".

    Raises:
        InputError: the last line does not begin with ####.
    """
    start = last_line(text)
    if start is None:
        raise InputError(f"its last line does not begin with '{GSM8K_ANSWER}'")
    return Cut(_steps(text, _pieces(text, 0, start, _LINES)), text[start + len(GSM8K_ANSWER) :].strip(), start)


def cut_text(text: str) -> Cut:
    r"""A solution in free text.

    Its final answer is what follows a thought (<think> ... </think>), a last line "#### 72", or the step with the first
    \boxed{...}; else it is the last step.
    """
    begin, end = 0, len(text)
    answer = None
    if (closed := text.find(_END_THOUGHT)) >= 0:
        opened = text.find(_BEGIN_THOUGHT, 0, closed)
        begin, end = (opened + len(_BEGIN_THOUGHT) if opened >= 0 else 0), closed
        answer = boxed(text[closed:]) or text[closed + len(_END_THOUGHT) :].strip()
    elif (last := last_line(text)) is not None:
        end, answer = last, text[last + len(GSM8K_ANSWER) :].strip()
    pieces: list[Span] = []
    for separator in (_PARAGRAPHS, _LINES, _SENTENCES):
        pieces = _pieces(text, begin, end, separator)
        if len(pieces) > 1:
            break
    steps = _steps(text, pieces)
    if answer is not None:
        return Cut(steps, answer, end)
    for step in steps:
        if (found := boxed(text[step.start : step.end])) is not None:
            return Cut(steps, found, step.start)
    return Cut(steps, "", steps[-1].start if steps else len(text))


def boxed(text: str) -> str | None:
    r"""What stands in the first \boxed{...} of a text; None where there is none."""
    found = _BOXED.search(text)
    if found is None or text[found.end() : found.end() + 1] != "{":
        return None
    depth = 0
    for place in range(found.end(), len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[found.end() + 1 : place]
    return None


def last_line(text: str) -> int | None:
    """Where a last line that begins with #### does; white space may follow it."""
    shown = text.rstrip()
    start = max(shown.rfind("\n"), shown.rfind("\r")) + 1
    return start if shown.startswith(GSM8K_ANSWER, start) else None


def _pieces(text: str, begin: int, end: int, separator: re.Pattern[str]) -> list[Span]:
    pieces = []
    start = begin
    for gap in _gaps(text, begin, end, separator):
        pieces.append(Span(start, gap.start))
        start = gap.end
    pieces.append(Span(start, end))
    return [piece for piece in pieces if text[piece.start : piece.end].strip()]


def _gaps(text: str, begin: int, end: int, separator: re.Pattern[str]) -> Iterator[Span]:
    whole = [found.span() for found in _WHOLE.finditer(text, begin, end)]
    start = begin
    for found in separator.finditer(text, begin, end):
        gap = Span(*found.span())
        if any(first < gap.start and gap.end < last for first, last in whole):
            continue
        if separator is _SENTENCES and _NO_END.search(text[max(start, gap.start - 10) : gap.start]):
            continue
        yield gap
        start = gap.end


def _steps(text: str, pieces: list[Span]) -> tuple[Step, ...]:
    steps = []
    for start, end in pieces:
        piece = text[start:end]
        steps.append(Step(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
    return tuple(steps)
