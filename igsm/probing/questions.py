"""can_next questions: before each step of a solution, can this parameter be computed next? One for every parameter.

A row holds a problem, its solution (the trunk) and as many questions as fit, each a branch that continues the trunk
from the point where it is asked (`igsm.probing.tree`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from igsm.corpus.vocabulary import END, PROBLEM_START, SOLUTION_START, Vocabulary
from igsm.probing.probe import CAN, CANNOT
from igsm.probing.tree import PADDING, TRUNK
from igsm.problems.problem import Problem

NO_ANSWER = -100
"""Target of a token at which nothing is asked."""


class QuestionRow(NamedTuple):
    """One problem and questions about it. All are int64 [length]; the middle three are as in `igsm.probing.tree`."""

    ids: np.ndarray
    positions: np.ndarray
    branch: np.ndarray
    visible: np.ndarray
    targets: np.ndarray
    """CANNOT or CAN (WRONG or RIGHT) at the last token of a question, else NO_ANSWER."""


NOTHING = QuestionRow(ids=0, positions=0, branch=PADDING, visible=0, targets=NO_ANSWER)  # type: ignore[arg-type]
"""What each column holds where the row has no token."""


class Asked(NamedTuple):
    """One question and the right answer."""

    point: int
    """How many tokens of the trunk it comes after."""
    ids: np.ndarray
    """int [n], of the words asked with, as a model numbers them."""
    label: int
    targets: np.ndarray | None = None
    """int [n], those of all its tokens, of a question that asks at several; None: the label, at the last."""


def question_rows(
    problem: Problem, vocabulary: Vocabulary, length: int, random: np.random.Generator
) -> Iterator[QuestionRow]:
    """Rows that together hold every question about a problem once, in random order.

    There is a question for each step of the error-free solution and each parameter (the instances of the problem and
    all abstract ones). The right answer is `Problem.can_next` after the steps before.

    Yields:
        Rows of `length` tokens, all but the last as full as they get; none if the problem and its solution leave no
        room for the longest question.
    """
    trunk, points = _trunk(problem, vocabulary)
    asked = {
        p: vocabulary.from_gpt2[vocabulary.encode_text(f" Define {problem.name(p)} as")] for p in problem.parameters
    }
    questions = [(step, p) for step in range(len(points)) for p in problem.parameters]
    defined = [frozenset(problem.solution[:step]) for step in range(len(points))]

    def ask(number: int) -> Asked:
        step, parameter = questions[number]
        label = CAN if problem.can_next(parameter, defined[step]) else CANNOT
        return Asked(points[step], asked[parameter], label)

    yield from pack(trunk, len(questions), ask, max(map(len, asked.values())), length, random)


def pack(
    trunk: np.ndarray,
    n_questions: int,
    ask: Callable[[int], Asked],
    longest: int,
    length: int,
    random: np.random.Generator,
) -> Iterator[QuestionRow]:
    """Rows that together hold the questions in random order.

    Args:
        trunk: int [n], ids of the problem and its solution, as a model numbers them.
        ask: makes the question of a number below `n_questions`; called when its turn comes, so that they need not all
            be held at once.
        longest: most tokens of a question.
        length: tokens of a row.
    """
    if n_questions == 0 or len(trunk) + longest > length:
        return
    row: list[Asked] = []
    room = length - len(trunk)
    for number in random.permutation(n_questions):
        question = ask(number)
        if len(question.ids) > room:
            yield lay_out(trunk, row, length)
            row, room = [], length - len(trunk)
        row.append(question)
        room -= len(question.ids)
    yield lay_out(trunk, row, length)


def _trunk(problem: Problem, vocabulary: Vocabulary) -> tuple[np.ndarray, list[int]]:
    """Ids of problem and solution, and after how many of them each step of the solution starts."""
    ids = [END, PROBLEM_START, *vocabulary.encode_text(problem.text), SOLUTION_START]
    points = []
    for sentence in problem.solution_text.split(".")[:-1]:
        points.append(len(ids))
        ids += [*vocabulary.encode_text(sentence + ".")]
    # Nothing is asked after the last step, so it need not be read.
    return vocabulary.from_gpt2[ids[: points[-1]]], points


def lay_out(trunk: np.ndarray, questions: list[Asked], length: int) -> QuestionRow:
    """The row of a trunk and some questions, which must fit."""
    row = QuestionRow(*(np.full(length, filler, np.int64) for filler in NOTHING))
    end = len(trunk)
    row.ids[:end], row.positions[:end], row.branch[:end] = trunk, np.arange(end), TRUNK
    row.visible[:end] = np.arange(1, end + 1)
    for number, (point, ids, label, targets) in enumerate(questions, start=1):
        start, end = end, end + len(ids)
        row.ids[start:end], row.positions[start:end] = ids, point + np.arange(len(ids))
        row.branch[start:end], row.visible[start:end] = number, point
        if targets is None:
            row.targets[end - 1] = label
        else:
            row.targets[start:end] = targets
    return row
