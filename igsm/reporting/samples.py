"""Generated solutions to look at: steps taken back struck through, the first wrong step marked."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from igsm.grading.evaluations import GENERATIONS, check, records_of
from igsm.grading.metrics import Json
from igsm.reporting.results import Result

_SENTENCE = re.compile(r"[^.]*\.?")
_TAKEN_BACK = re.compile(r"(?:Define\b(?:(?!Define\b)[^.])*?)(?= ?BACK\b)")
_GENERATION: dict[str, tuple[bool, Any]] = {"index": (True, int), "text": (True, str)}


@dataclass(frozen=True)
class Sample:
    """One generated solution with its verdict; ``wrong_step`` is the number of a sentence, from 1."""

    result: Result
    index: int
    problem: str
    text: str
    correct: bool
    first_error: str | None
    wrong_step: int | None


def generations(result: Result) -> Iterator[Json]:
    """The records of ``generations.jsonl.gz`` of an evaluation; none without the file."""
    path = result.folder / GENERATIONS
    for number, record in enumerate(records_of(path) if path.is_file() else (), start=1):
        check(record, _GENERATION, f"{path}, record {number}: not a generation")
        yield record


def first_errors(results: Sequence[Result]) -> Counter[str]:
    """How often each kind of first error occurs, over all."""
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.numbers.first_errors)
    return counts


def solution_html(text: str, wrong_step: int | None = None) -> str:
    """The solution as HTML: "Define A's B as" before BACK struck through, sentence ``wrong_step`` marked.

    Sentences are numbered from 1, as in the grader's verdicts.
    """
    pieces = []
    for number, sentence in enumerate(filter(None, _SENTENCE.findall(text)), start=1):
        shown = []
        end = 0
        for match in _TAKEN_BACK.finditer(sentence):
            shown += [html.escape(sentence[end : match.start()]), f"<s>{html.escape(match.group())}</s>"]
            end = match.end()
        shown.append(html.escape(sentence[end:]))
        piece = "".join(shown)
        pieces.append(f"<mark>{piece}</mark>" if number == wrong_step else piece)
    return "".join(pieces)
