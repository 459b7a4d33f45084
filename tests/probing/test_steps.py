"""Questions "is this step right?": guards against wrong labels, an unfair mix, and questions at the wrong place."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.errors import InputError
from igsm.grading import grade
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.mistakes.source import DocumentSource
from igsm.probing.evaluate import first_wrong_steps
from igsm.probing.probe import RIGHT
from igsm.probing.questions import NO_ANSWER, QuestionRow
from igsm.probing.steps import step_rows
from igsm.probing.tree import TRUNK
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.record import Record
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator

CONFIG = ProblemConfig(difficulty="med")


@pytest.fixture(scope="module")
def source() -> ProblemSource:
    return ProblemSource(CONFIG, 1)


@pytest.fixture(scope="module")
def problems(source: ProblemSource) -> list[tuple[Record, Problem]]:
    return [(source.record(i), source.problem(i)) for i in range(15)]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary(CONFIG)


def asked(row: QuestionRow, vocabulary: Vocabulary) -> list[tuple[str, str, int]]:
    """(solution so far, step asked about, label) of every question of a row, read back from its ids."""
    trunk = row.ids[row.branch == TRUNK]
    found = []
    for number in range(1, int(row.branch.max()) + 1):
        own = row.branch == number
        point = int(row.visible[own][0])
        assert (row.visible[own] == point).all()
        assert row.positions[own].tolist() == list(range(point, point + int(own.sum())))
        assert (row.targets[own][:-1] == NO_ANSWER).all()
        solution = vocabulary.decode(trunk[:point]).rpartition("have?")[2].lstrip("\ufffd")
        found.append((solution, vocabulary.decode(row.ids[own]), int(row.targets[own][-1])))
    return found


@pytest.mark.parametrize("kinds", [WRONG_STEPS, WRONG_STEPS[:1], WRONG_STEPS[1:]])
def test_labels_are_the_graders(
    problems: list[tuple[Record, Problem]], source: ProblemSource, vocabulary: Vocabulary, kinds: tuple[str, ...]
) -> None:
    """The step, put after the solution so far, is right for the grader exactly when the label says so."""
    labels: Counter[int] = Counter()
    for index, (record, problem) in enumerate(problems):
        rows = step_rows(record, source.lexicon, vocabulary, 1536, numpy_generator(index), kinds)
        for solution, step, label in (question for row in rows for question in asked(row, vocabulary)):
            assert problem.solution_text.startswith(solution)
            assert step.startswith(" Define ")
            assert not step.endswith((".", "BACK"))
            error = grade(problem, f"{solution}{step}.").error
            number = solution.count(".") + 1
            assert (label == RIGHT) == (error is None or error.step > number)
            assert (label == RIGHT) == problem.solution_text.startswith(f"{solution}{step}.")
            labels[label] += 1
    assert len(set(labels.values())) == 1, "as many right as wrong"
    assert labels[RIGHT] > 40
    if "wrong_result" in kinds:
        assert labels[RIGHT] == sum(len(problem.solution) for _, problem in problems)


def test_both_kinds_are_asked(
    problems: list[tuple[Record, Problem]], source: ProblemSource, vocabulary: Vocabulary
) -> None:
    """One kind alone would be answered by arithmetic, or by the names."""
    kinds: Counter[str] = Counter()
    for index, (record, problem) in enumerate(problems):
        rows = step_rows(record, source.lexicon, vocabulary, 1536, numpy_generator(index), WRONG_STEPS)
        for solution, step, label in (question for row in rows for question in asked(row, vocabulary)):
            error = grade(problem, f"{solution}{step}.").error
            if label != RIGHT and error is not None:
                kinds[error.kind] += 1
    assert kinds["wrong arithmetic"] > 5
    assert kinds["wrong inputs"] > 5


def test_rows_are_repeatable_and_problems_too_long_have_none(
    problems: list[tuple[Record, Problem]], source: ProblemSource, vocabulary: Vocabulary
) -> None:
    record, _ = max(problems, key=lambda one: len(one[1].solution))

    def rows(seed: int, length: int = 1024) -> list[QuestionRow]:
        return list(step_rows(record, source.lexicon, vocabulary, length, numpy_generator(seed), WRONG_STEPS))

    first, again, other = rows(1), rows(1), rows(2)
    assert all(np.array_equal(a, b) for x, y in zip(first, again, strict=True) for a, b in zip(x, y, strict=True))
    assert not np.array_equal(first[0].ids, other[0].ids)
    assert rows(1, 100) == []


def test_a_models_first_wrong_step_is_asked_about_at_its_end(source: ProblemSource, vocabulary: Vocabulary) -> None:
    """Steps the model took back are part of the text so far, not what is asked about."""
    wrong = DocumentSource(CONFIG, MistakeConfig(kind="wrong_result", rate=0.7), 1)
    document = next(d for d in map(wrong.document, range(50)) if len(d.spans) > 1)
    problem, text = document.problem, document.solution_text
    assert problem is not None
    place = text.rfind(" BACK")
    spoiled = text[:place] + text[place + len(" BACK") :]
    stopped = text[: text.rfind(" Define")]
    found = list(first_wrong_steps([(problem, text), (problem, stopped), (problem, spoiled)], vocabulary))
    assert [(question.index, first) for question, first in found] == [(2, True)]
    assert vocabulary.decode(found[0][0].tokens) == text[:place]
    assert list(first_wrong_steps([(problem, spoiled.replace("Define", "Compute"))], vocabulary)) == []
    given_up = f"{text[: text.find('.') + 1]}<|restart|>{spoiled}"
    ((asked, _),) = first_wrong_steps([(problem, given_up)], vocabulary)
    assert vocabulary.decode(asked.tokens) == text[:place]


def test_wrong_kinds_are_checked() -> None:
    from igsm.config import load_config
    from igsm.probing.config import ProbeConfig

    config = load_config(ProbeConfig, "configs/probe/step.yaml", ["wrong_kinds=[wrong_result]"])
    assert (config.question, config.wrong_kinds) == ("step", ("wrong_result",))
    with pytest.raises(InputError, match="'retry' is no kind of mistake that writes a whole step"):
        load_config(ProbeConfig, "configs/probe/step.yaml", ["wrong_kinds=[retry]"])
