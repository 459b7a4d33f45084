"""can_next questions: guards against wrong labels, questions asked at the wrong place, and lost questions."""

from __future__ import annotations

import numpy as np
import pytest

from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.probing.probe import CAN
from igsm.probing.questions import NO_ANSWER, QuestionRow, question_rows
from igsm.probing.tree import PADDING, TRUNK
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator

CONFIG = ProblemConfig(difficulty="med")


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    source = ProblemSource(CONFIG, 1)
    return [source.problem(i) for i in range(12)]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary(CONFIG)


def questions_in(row: QuestionRow, vocabulary: Vocabulary) -> list[tuple[str, str, int]]:
    """(text of the solution so far, name asked about, label) of every question of a row, read back from its ids."""
    trunk = row.ids[row.branch == TRUNK]
    found = []
    for number in range(1, int(row.branch.max()) + 1):
        own = row.branch == number
        point = int(row.visible[own][0])
        assert (row.visible[own] == point).all()
        assert row.positions[own].tolist() == list(range(point, point + int(own.sum())))
        targets = row.targets[own]
        assert (targets[:-1] == NO_ANSWER).all()
        asked = vocabulary.decode(row.ids[own])
        assert asked.startswith(" Define ")
        assert asked.endswith(" as")
        solution = vocabulary.decode(trunk[:point]).rpartition("?")[2]
        found.append((solution, asked[len(" Define ") : -len(" as")], int(targets[-1])))
    return found


def test_every_question_once_with_its_true_label(problems: list[Problem], vocabulary: Vocabulary) -> None:
    for index, problem in enumerate(problems):
        rows = list(question_rows(problem, vocabulary, 1024, numpy_generator(index)))
        found = [question for row in rows for question in questions_in(row, vocabulary)]
        assert len(found) == len(problem.solution) * len(problem.parameters)
        assert len({(solution, name) for solution, name, _ in found}) == len(found)
        for solution, name, label in found:
            done = solution.count("Define")
            parameter = problem.find(name)
            assert parameter is not None
            assert (label == CAN) == problem.can_next(parameter, set(problem.solution[:done]))
            assert problem.solution_text.startswith(solution.lstrip("\ufffd"))


def test_the_next_step_of_the_solution_can_be_computed(problems: list[Problem], vocabulary: Vocabulary) -> None:
    for problem in problems:
        rows = question_rows(problem, vocabulary, 1024, numpy_generator(0))
        labels = {(s, name): label for row in rows for s, name, label in questions_in(row, vocabulary)}
        for (solution, name), label in labels.items():
            done = solution.count("Define")
            if name == problem.name(problem.solution[done]):
                assert label == CAN


def test_rows_are_random_but_repeatable_and_full(problems: list[Problem], vocabulary: Vocabulary) -> None:
    problem = max(problems, key=lambda one: len(one.solution))
    first, again, other = (list(question_rows(problem, vocabulary, 1024, numpy_generator(seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))
    assert not np.array_equal(first[0].ids, other[0].ids)
    longest = max(len(vocabulary.encode_text(f" Define {problem.name(p)} as")) for p in problem.parameters)
    assert all((row.branch == PADDING).sum() < longest for row in first[:-1])


def test_a_problem_too_long_for_a_row_has_none(problems: list[Problem], vocabulary: Vocabulary) -> None:
    assert list(question_rows(problems[0], vocabulary, 40, numpy_generator(0))) == []
