"""Solutions of our own problems, graded: where their steps, their mistakes and their answer stand in the text."""

from __future__ import annotations

import re
from typing import NamedTuple

from igsm.errors import InputError
from igsm.grading.answers import before_end_mark
from igsm.grading.attempts import last_attempt
from igsm.grading.expected import expectations
from igsm.grading.grade import grade
from igsm.grading.lenient import strict_text
from igsm.grading.records import TextRecord
from igsm.grading.state import State
from igsm.grading.steps import (
    Definition,
    Unreadable,
    definition_taken_back,
    earlier_taken_back,
    read_definition,
    split_solution,
    stated_name,
    taken_back,
)
from igsm.grading.verdict import Verdict
from igsm.problems.problem import Problem
from igsm.text.record import BACK, MISTAKE, RIGHT, Record, Span, Step, Turn


class Solved(NamedTuple):
    """A solution and its grade.

    The steps of `record` are its sentences, full stops included. A sentence that is taken back is a mistake, followed
    by a step "BACK."; so is the first wrong one of those that stand. What follows the sentences is the final answer.
    """

    solution: TextRecord
    problem: Problem
    verdict: Verdict
    record: Record
    labels: tuple[bool, ...]
    """Of each sentence up to the first wrong one that stands: whether what it says is right there."""
    wrong_step: int | None
    """The number of that first wrong one, from 1; None of a solution that is right, or wrong by its end alone."""


def solved(solution: TextRecord, problem: Problem, rule: str = "strict", form: str = "prompt-completion") -> Solved:
    """Grade a solution and find its steps.

    Of several attempts the last one is taken; of the rule "lenient", the text that the grader reads.

    Args:
        form: `Record.format`: "messages" or "prompt-completion".

    Raises:
        InputError: a sentence cannot be found in its text.
    """
    given = solution.solution or ""
    verdict = grade(problem, given, solution.answer, rule)
    text = before_end_mark(last_attempt(strict_text(given) if rule == "lenient" else given).text).strip()
    found = split_solution(text)
    sentences, back = found.sentences, taken_back(found.sentences)
    ended = found.finished or len(sentences) in back or not isinstance(read_definition(sentences[-1]), Unreadable)
    cut_off = verdict.correct and not ended  # a sentence begun behind the answer: no step
    if cut_off:
        sentences = sentences[:-1]
    spans = _places(text, sentences)
    if cut_off:
        text = text[: spans[-1].end]
    wrong = _wrong_words(problem, sentences, back)
    error = verdict.error if verdict.error is not None and verdict.error.step <= len(sentences) else None
    steps: list[Step] = []
    for number, (sentence, (start, end)) in enumerate(zip(sentences, spans, strict=True), 1):
        if back.get(number) == number:
            border = text.rindex("BACK", start, end)
            words = tuple(_inside(text, Span(start, border), wrong.get(number)))
            steps.append(Step(start, start + len(text[start:border].rstrip()), MISTAKE, words))
            steps.append(Step(border, end, BACK))
        elif number in back:
            steps.append(Step(start, end, MISTAKE, (Span(start, end),)))
        elif error is not None and number == error.step:
            words = tuple(_inside(text, Span(start, end), sentence[error.start : error.end].strip()))
            steps.append(Step(start, end, MISTAKE, words))
        else:
            steps.append(Step(start, end, RIGHT))
    said = len(text) if not spans else spans[-1].end
    if solution.answer is not None and said == len(text):
        text = f"{text} {str(solution.answer).strip()}".lstrip()
    answer = text[said:]
    start = said + len(answer) - len(answer.lstrip())
    record = Record((Turn("user", solution.problem.strip()),), text, tuple(steps), answer.strip(), start, form)
    wrong_step = None if error is None else error.step
    needless = {step.number for step in verdict.steps if step.can_next is True and step.mistake is None}
    labels = tuple(
        number != wrong_step and (number not in back or number in needless)
        for number in range(1, (wrong_step or len(sentences)) + 1)
    )
    return Solved(solution, problem, verdict, record, labels, wrong_step)


def without_mistakes(record: Record) -> Record:
    """The record without what it takes back."""
    parts: list[str] = []
    steps: list[Step] = []
    done = length = 0
    dropped = False
    for step in record.steps:
        if step.kind != RIGHT:
            dropped = True
            continue
        gap = record.text[done : step.start]
        parts.append(gap if not dropped else " " if parts else "")
        length += len(parts[-1])
        parts.append(record.of(step))
        steps.append(Step(length, length + len(parts[-1])))
        length += len(parts[-1])
        done, dropped = step.end, False
    last = record.steps[-1].end if record.steps else 0
    text = "".join([*parts, record.text[last:]])
    return Record(record.turns, text, tuple(steps), record.answer, record.answer_start - last + length, record.format)


def _places(text: str, sentences: list[str]) -> list[Span]:
    """Where the sentences stand in a text of which they have been cut, full stops included."""
    spans = []
    place = 0
    for number, sentence in enumerate(sentences, 1):
        start = text.find(sentence, place)
        end = start + len(sentence)
        if start < 0:
            found = re.compile(r"\s+".join(map(re.escape, sentence.split()))).search(text, place)
            if found is None:
                raise InputError(f"its sentence {number} cannot be found in the text again")
            start, end = found.span()
        place = end + text.startswith(".", end)
        spans.append(Span(start, place))
    return spans


def _inside(text: str, whole: Span, words: str | None) -> list[Span]:
    """Where the wrong words of a step stand in it; the whole step, where that is not known."""
    start = text.find(words, whole.start, whole.end) if words else -1
    if start < 0 or words is None:
        return [Span(whole.start, whole.start + len(text[whole.start : whole.end].rstrip()))]
    return [Span(start, start + len(words))]


def _wrong_words(problem: Problem, sentences: list[str], back: dict[int, int]) -> dict[int, str]:
    """The wrong words of sentences that take back themselves alone: the name, or all equations of a whole step.

    Of those the grader may name another one than the one with the slip, which follows from it.
    """
    found: dict[int, str] = {}
    state = State(problem, expectations(problem))
    for number, sentence in enumerate(sentences[: max(back, default=0)], 1):
        if number not in back:
            if isinstance(definition := read_definition(sentence), Definition):
                state.define(definition)
        elif back[number] == number and not earlier_taken_back(sentence):
            whole, name = definition_taken_back(sentence), stated_name(sentence)
            complaint = state.complaint(whole) if whole else None
            if name and (whole is None or (complaint is not None and complaint[1] == name)):
                found[number] = name
            elif complaint is not None:
                start = min(sentence.index("; ") + 2, max(sentence.find(complaint[1].strip()), 0))
                found[number] = sentence[start : sentence.rindex("BACK")].rstrip()
    return found
