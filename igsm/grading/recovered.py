"""The rule "recovered": is a solution right although one of its sentences was planted in it?"""

from __future__ import annotations

from typing import NamedTuple

from igsm.errors import InputError
from igsm.grading.attempts import last_marks
from igsm.grading.grade import grade
from igsm.grading.steps import earlier_taken_back, is_taken_back, split_solution, stated_name
from igsm.grading.stepwise import Grade, StepGrader
from igsm.problems.problem import Problem

AT_ONCE, LATER, NEVER = "at once", "later", "never"


class Recovery(NamedTuple):
    """What a solution does about its planted sentence."""

    recovered: bool
    """The solution is right by the rule "strict", as it stands or without the planted sentence. A sentence that uses
    what the planted one defines is wrong without it."""
    taken_back: str
    """AT_ONCE: in the planted sentence itself; LATER; or NEVER."""
    replaced: bool
    """It is never taken back, and a later sentence defines its parameter rightly."""
    repeated: bool | None
    """The sentence after it was taken back states the same parameter and is wrong, or taken back as wrong, again; None
    where it is not taken back, or is the last."""
    undone: int | None
    """Number of the sentence that takes it back or replaces it, from 1."""


def recovery(problem: Problem, text: str, answer: str | None, planted: int) -> Recovery:
    """The verdict on a solution whose sentence number `planted` (from 1) was put there.

    Raises:
        InputError: the text has fewer sentences.
    """
    solution = split_solution(text)
    if not 1 <= planted <= len(solution.sentences):
        raise InputError(f"sentence {planted} cannot be the planted one: the solution has {len(solution.sentences)}")
    standing, undone = _standing(solution.sentences, planted)
    right = grade(problem, text, answer).correct
    name = stated_name(solution.sentences[planted - 1])
    if undone is not None:
        repeated = (
            _repeated(problem, solution.sentences[: undone + 1], name) if undone < len(solution.sentences) else None
        )
        return Recovery(right, AT_ONCE if undone == planted else LATER, False, repeated, undone)
    del standing[planted]
    if not right and standing:
        rest = ". ".join(standing.values()) + ("." if solution.finished else "")
        right = grade(problem, f"{rest} {solution.closing}".rstrip(), answer).correct
    replaced = _replaced(problem, standing, planted, name)
    return Recovery(right, NEVER, replaced is not None, None, replaced)


def _standing(sentences: list[str], planted: int) -> tuple[dict[int, str], int | None]:
    """The sentences that stand in the end by their numbers, and which one took the planted one back."""
    numbers: list[int] = []
    texts: dict[int, str] = {}
    undone = None
    for number, sentence in enumerate(sentences, 1):
        texts[number], kept = last_marks(sentence)
        if kept is not None:
            del numbers[kept:]
        if is_taken_back(texts[number]):
            del numbers[max(len(numbers) - earlier_taken_back(texts[number]), 0) :]
        else:
            numbers.append(number)
        left = planted not in numbers or (number == planted and kept is not None)
        if undone is None and number >= planted and left:
            undone = number
    return {number: texts[number] for number in numbers}, undone


def _repeated(problem: Problem, sentences: list[str], name: str | None) -> bool:
    """Whether the last sentence states this parameter and something is wrong with it."""
    grader = StepGrader(problem)
    last = [grader.add(f"{sentence}.") for sentence in sentences][-1]
    wrong = last.grade is Grade.WRONG or (last.grade is Grade.TAKEN_BACK and last.kind is not None)
    return wrong and stated_name(last_marks(sentences[-1])[0]) == name


def _replaced(problem: Problem, standing: dict[int, str], planted: int, name: str | None) -> int | None:
    """The number of the sentence after the planted one that defines this parameter rightly."""
    grader = StepGrader(problem)
    for number, sentence in standing.items():
        right = grader.add(f"{sentence}.").grade is Grade.RIGHT
        if number > planted and right and stated_name(sentence) == name:
            return number
    return None
