"""Solutions graded sentence by sentence, as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from igsm.grading.grade import grade
from igsm.grading.reader import read_problem
from igsm.grading.stepwise import Grade, StepGrader
from igsm.grading.verdict import Kind
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem

STORED = Path(__file__).parents[1] / "evaluation" / "data" / "stored_verdicts.jsonl"
AT_THE_END = {Kind.STOPS_EARLY, Kind.ANSWERS_ANOTHER, Kind.ANSWER_DIFFERS}
PROBLEM = (
    "The number of each Kitchen's Ball equals 3. The number of each Kitchen's Doll equals each Library's Toy. "
    "The number of each Library's Robot equals 4 more than each Kitchen's Ball. How many Toy does Kitchen have?"
)
BALL, ROBOT = "Define Kitchen's Ball as a; so a = 3.", "Define Library's Robot as b; so b = 4 + a = 4 + 3 = 2."


@pytest.fixture
def problem() -> Problem:
    return read_problem(PROBLEM, load_lexicon("nano"), 5)


def sentences(text: str) -> list[str]:
    """With their full stops; the last one may have none."""
    parts = text.split(". ")
    return [part + "." for part in parts[:-1]] + [part for part in parts[-1:] if part.strip()]


def test_the_first_wrong_sentence_is_the_verdicts_first_error() -> None:
    """Guards against a screen that says another thing than the tables."""
    seen: set[Kind | None] = set()
    for line in STORED.read_text().splitlines():
        record = json.loads(line)["record"]
        problem = read_problem(record["problem"], load_lexicon("nano"), record["modulus"])
        grader = StepGrader(problem)
        steps = [grader.add(sentence) for sentence in sentences(record["solution"].strip())]
        verdict = grade(problem, record["solution"])
        wrong = next((step for step in steps if step.grade is Grade.WRONG), None)
        error = verdict.error
        if wrong is None:
            assert error is None or error.kind in AT_THE_END
        else:
            assert error is not None
            assert (wrong.number, wrong.kind) == (error.step, error.kind)
            assert wrong.why == error.message or wrong.kind is Kind.STOPS_EARLY
        assert sum(step.grade is Grade.TAKEN_BACK for step in steps) == verdict.taken_back
        seen.add(wrong.kind if wrong else None)
    assert len(seen) >= 4


def test_right_steps_go_on_behind_one_that_is_taken_back(problem: Problem) -> None:
    grader = StepGrader(problem)
    early = grader.add(" Define Kitchen's Doll as BACK.")
    assert (early.number, early.sentence, early.grade) == (1, "Define Kitchen's Doll as BACK.", Grade.TAKEN_BACK)
    assert early.kind is Kind.NOT_COMPUTABLE_YET
    assert early.why == "Kitchen's Doll depends on Library's Toy, not yet defined"
    assert grader.add(f" {BALL}")[2:] == (Grade.RIGHT, None, None)
    assert grader.add("Define Kitchen's Ball as BACK.").kind is Kind.DEFINED_TWICE
    needless = grader.add("Define Library's Robot as BACK.")
    assert (needless.kind, needless.why) == (None, "nothing was wrong with it")
    whole = grader.add("Define Library's Robot as b; so b = 4 + a = 4 + 3 = 1 BACK.")
    assert (whole.grade, whole.kind) == (Grade.TAKEN_BACK, Kind.WRONG_ARITHMETIC)
    assert grader.add(ROBOT).grade is Grade.RIGHT


def test_nothing_is_said_of_what_follows_a_wrong_step(problem: Problem) -> None:
    """Guards against a list of errors that all come from the first one."""
    grader = StepGrader(problem)
    assert grader.can_be_next("Library's Robot") is False
    assert grader.add(ROBOT).grade is Grade.WRONG
    assert grader.can_be_next("Library's Robot") is None
    assert grader.add(BALL)[2:] == (Grade.NOT_GRADED, None, None)
    assert grader.add("Define Kitchen's Toy as BACK.")[2:] == (Grade.TAKEN_BACK, None, None)


def test_a_sentence_that_breaks_off_is_wrong_unless_the_question_is_answered(problem: Problem) -> None:
    cut = "Define Kitchen's"
    step = StepGrader(problem).add(cut)
    error = grade(problem, cut).error
    assert error is not None
    assert (step.grade, step.kind, error.kind) == (Grade.WRONG, Kind.STOPS_EARLY, Kind.STOPS_EARLY)
    grader = StepGrader(problem)
    text = problem.solution_text.strip()
    assert all(grader.add(sentence).grade is Grade.RIGHT for sentence in sentences(text))
    assert grader.add(cut).grade is Grade.NOT_GRADED
    assert grade(problem, f"{text} {cut}").correct


def test_a_right_step_that_the_question_does_not_need_says_so() -> None:
    unneeded = PROBLEM.replace("How many Toy does Kitchen have", "How many Ball does Kitchen have")
    grader = StepGrader(read_problem(unneeded, load_lexicon("nano"), 5))
    assert grader.add(BALL)[2:] == (Grade.RIGHT, None, None)
    assert grader.add(ROBOT)[2:] == (Grade.RIGHT, None, "the question does not need it")
