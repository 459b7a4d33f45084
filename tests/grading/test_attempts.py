"""Texts with several attempts, steps taken back together, tags and verdicts: what is graded, what is counted."""

from __future__ import annotations

import re
import time

import pytest

from igsm.grading import grade
from igsm.grading.attempts import last_attempt
from igsm.grading.reader import read_problem
from igsm.grading.stepwise import Grade, StepGrader
from igsm.grading.verdict import Kind
from igsm.mistakes.layout import ERROR_MARKS
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem

PROBLEM = (
    "The number of each Kitchen's Ball equals 3. The number of each Kitchen's Doll equals each Library's Toy. "
    "The number of each Library's Robot equals 4 more than each Kitchen's Ball. How many Toy does Kitchen have?"
)
BALL, ROBOT, TOY, DOLL, ASKED = (
    " Define Kitchen's Ball as a; so a = 3.",
    " Define Library's Robot as b; so b = 4 + a = 4 + 3 = 2.",
    " Define Library's Toy as c; so c = b = 2.",
    " Define Kitchen's Doll as d; so d = c = 2.",
    " Define Kitchen's Toy as e; so e = a + d = 3 + 2 = 0.",
)
RIGHT = BALL + ROBOT + TOY + DOLL + ASKED
WRONG_ROBOT = " Define Library's Robot as b; so b = 4 + a = 4 + 3 = 1."
WRONG_TOY = " Define Library's Toy as c; so c = b = 1."
WRONG_DOLL = " Define Kitchen's Doll as d; so d = c = 1."
WRONG_ASKED = " Define Kitchen's Toy as e; so e = a + d = 3 + 1 = 4."
WRONG = BALL + WRONG_ROBOT + WRONG_TOY + WRONG_DOLL + WRONG_ASKED
OTHER = re.sub(r"\b[a-e]\b", lambda letter: "vwxyz"["abcde".index(letter[0])], RIGHT)
RULES = pytest.mark.parametrize("rule", ["strict", "authors"])


@pytest.fixture
def problem() -> Problem:
    return read_problem(PROBLEM, load_lexicon("nano"), 5)


def open_end(*sentences: str) -> str:
    """Without the last full stop."""
    return "".join(sentences).removesuffix(".")


@RULES
def test_a_restart_empties_the_state_and_the_last_attempt_counts(problem: Problem, rule: str) -> None:
    """Guards: letters and parameters of the attempt given up that are "in use" or "defined twice"."""
    begun = open_end(BALL, WRONG_ROBOT)
    for text in (f"{begun}<|restart|>{RIGHT}", f"{begun}<|restart|>{OTHER}", f"{RIGHT}<|again|>{RIGHT}"):
        verdict = grade(problem, text, 0, rule)
        assert verdict.correct, verdict.error
        assert (verdict.restarts, verdict.taken_back, verdict.corrections) == (1, 0, 0)
        assert [step.number for step in verdict.steps] == [1, 2, 3, 4, 5]
    assert grade(problem, f"{begun}<|restart|>{begun}<|restart|>{RIGHT}", 0, rule).restarts == 2
    assert not grade(problem, f"{RIGHT}<|restart|>{WRONG}", 4, rule).correct
    error = grade(problem, f"{RIGHT}<|restart|>", None, rule).error
    assert error is not None
    assert error.kind is Kind.STOPS_EARLY or rule == "authors"
    assert grade(problem, f"{RIGHT}<|endoftext|><|restart|>", 0, rule).restarts == 0


def test_the_answer_of_the_last_attempt_is_the_stated_one(problem: Problem) -> None:
    text = f"{WRONG}<|answer|> 4<|again|>{RIGHT}<|answer|> 0"
    verdict = grade(problem, text)
    assert verdict.correct
    assert verdict.stated_answer == "0"
    assert not grade(problem, f"{RIGHT}<|answer|> 0<|again|>{RIGHT}<|answer|> 4").correct


@RULES
def test_back_with_a_number_takes_so_many_sentences_back(problem: Problem, rule: str) -> None:
    """A late BACK: the wrong step and those that follow from it are gone, with their letters."""
    for later in ((WRONG_ROBOT,), (WRONG_ROBOT, WRONG_TOY), (WRONG_ROBOT, WRONG_TOY, WRONG_DOLL, WRONG_ASKED)):
        text = f"{BALL}{open_end(*later)} BACK {len(later)}.{ROBOT}{TOY}{DOLL}{ASKED}"
        verdict = grade(problem, text, 0, rule)
        assert verdict.correct, verdict.error
        assert verdict.taken_back == len(later)
        taken = [step for step in verdict.steps if step.taken_back]
        assert all(step.can_next for step in taken), "each followed from those before it"
        assert [step.mistake for step in taken] == [Kind.WRONG_ARITHMETIC] * len(later)
        assert verdict.needlessly_taken_back == 0
    too_few = grade(problem, f"{BALL}{open_end(WRONG_ROBOT, WRONG_TOY)} BACK.{ROBOT}{TOY}{DOLL}{ASKED}", 0, rule)
    assert not too_few.correct
    too_many = grade(problem, f"{BALL}{open_end(WRONG_ROBOT)} BACK 2.{ROBOT}{TOY}{DOLL}{ASKED}", 0, rule)
    assert too_many.error is not None
    assert too_many.error.step == 3
    assert grade(problem, f"{open_end(WRONG_ROBOT)} BACK 99.{RIGHT}", 0, rule).correct, "more than there are: all"


def test_back_with_a_number_passes_over_what_is_taken_back_already(problem: Problem) -> None:
    text = f"{BALL}{WRONG_ROBOT} Define Kitchen's Doll as BACK.{open_end(WRONG_TOY)} BACK 2.{ROBOT}{TOY}{DOLL}{ASKED}"
    verdict = grade(problem, text, 0)
    assert verdict.correct, verdict.error
    assert verdict.taken_back == 3
    assert verdict.needlessly_taken_back == 0


def test_right_steps_taken_back_together_are_needless(problem: Problem) -> None:
    verdict = grade(problem, f"{BALL}{open_end(ROBOT, TOY)} BACK 2.{ROBOT}{TOY}{DOLL}{ASKED}", 0)
    assert verdict.correct
    assert verdict.needlessly_taken_back == verdict.taken_back == 2
    assert verdict.unnecessary_parameters == 0


def test_back_alone_takes_nothing_back_with_a_number_neither(problem: Problem) -> None:
    for back in (" BACK.", " BACK 2."):
        error = grade(problem, f"{BALL}{ROBOT}{back}{ROBOT}{TOY}{DOLL}{ASKED}").error
        assert error is not None
        assert (error.kind, error.step) == (Kind.MALFORMED, 3)


@RULES
def test_a_second_solution_behind_a_tag_is_another_attempt_and_one_tagged_bad_does_not_count(
    problem: Problem, rule: str
) -> None:
    """Of a chain of two solutions the one that it does not call bad, in either order."""
    good, bad = f"<|good|>{RIGHT}<|answer|> 0", f"<|bad|> 2<|wrong_arithmetic|>{WRONG}<|answer|> 4"
    for text, restarts in ((bad + good, 1), (good + bad, 0)):
        verdict = grade(problem, text, None, rule)
        assert verdict.correct, verdict.error
        assert (verdict.restarts, verdict.corrections, verdict.stated_answer) == (restarts, 0, "0")
    assert not grade(problem, bad, None, rule).correct


@RULES
def test_tags_and_verdicts_are_passed_over(problem: Problem, rule: str) -> None:
    for text in (f"<|good|>{RIGHT}", f"<|bad|>{RIGHT}", f"{RIGHT}<|answer|> 0<|judge|><|good|>", f"{RIGHT}<|good|>"):
        verdict = grade(problem, text, 0, rule)
        assert verdict.correct, verdict.error
        assert (verdict.restarts, verdict.corrections) == (0, 0)
    assert not grade(problem, f"<|good|>{WRONG}", 4, rule).correct


@RULES
@pytest.mark.parametrize("tag", ["", *(mark.text for mark in ERROR_MARKS)])
def test_a_verdict_on_a_step_takes_back_all_from_there_on(problem: Problem, rule: str, tag: str) -> None:
    judged = f"<|bad|>{WRONG}<|judge|> 2{tag}"
    verdict = grade(problem, f"{judged}{ROBOT}{TOY}{DOLL}{ASKED}", 0, rule)
    assert verdict.correct, verdict.error
    assert (verdict.corrections, verdict.taken_back) == (1, 0)
    assert [step.number for step in verdict.steps] == [1, 2, 3, 4, 5]
    error = grade(problem, f"<|bad|>{WRONG}<|judge|> 3{tag}{TOY}{DOLL}{ASKED}", 0, rule).error
    assert error is not None
    assert error.step in (2, 3)  # "authors" finds the number where it is used
    assert grade(problem, f"<|bad|>{WRONG}<|answer|> 4<|judge|> 1{tag}{OTHER}", 0, rule).correct


def test_texts_without_marks_are_left_as_they_are() -> None:
    for text in ("", RIGHT, " BACK 3.", "a < b | c", "<b>"):
        assert last_attempt(text) == (text, 0, 0)
    assert last_attempt("<|restart|>" * 5000 + "x").restarts == 5000
    assert last_attempt("<|judge|> 0" * 5000).corrections == 5000
    start = time.perf_counter()
    for piece in (
        "<|judge|> 999999 Define.",
        "<|good|> 5",
        "<|judge|> <|bad|>",
        "a. BACK 999999. ",
        "<|answer|><|good|>",
    ):
        last_attempt(piece * 20_000)
    assert time.perf_counter() - start < 20, "linear in the length"


def test_step_by_step_it_is_the_same(problem: Problem) -> None:
    """Guards: `mistakes try` that goes on from the state of an attempt given up."""
    cases = {
        f"{BALL}{WRONG_ROBOT}{WRONG_TOY} BACK 2.{ROBOT}{TOY}{DOLL}{ASKED}".replace(". BACK", " BACK"): 3,
        f"{open_end(BALL, WRONG_ROBOT)}<|restart|>{RIGHT}": 2,
        f"<|bad|>{WRONG}<|judge|> 2<|wrong_arithmetic|>{ROBOT}{TOY}{DOLL}{ASKED}": 6,
        f"{WRONG}<|again|>{RIGHT}": 6,
    }
    for text, first in cases.items():
        grader = StepGrader(problem)
        steps = [grader.add(sentence + ".") for sentence in text.removesuffix(".").split(".")]
        assert grade(problem, text).correct
        assert [step.grade for step in steps[first:]] == [Grade.RIGHT] * (len(steps) - first)
        assert Grade.WRONG in [step.grade for step in steps] or "restart" in text
