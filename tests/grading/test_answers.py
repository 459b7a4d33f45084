"""The end of a solution's text: chat models' end marks, stated final answers, a bare BACK."""

from __future__ import annotations

import time

import pytest

from igsm.grading import RULES, Kind, grade
from igsm.grading.answers import END_MARKS, plain_answer, stated_answer
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import Problem

CAT, DOG = (Parameter(False, 0, 0, k) for k in range(2))
STEPS = " Define Zoo's Cat as a; so a = 5. Define Zoo's Dog as b; so b = 2 * a = 2 * 5 = 10."


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Zoo's Cat = 5; Zoo's Dog = 2 times Cat, asked for."""
    expressions = {CAT: Expression((), 5), DOG: Expression((CAT,), 2, multiply=True)}
    return Problem(["Zoo", "Animal"], [["Zoo"], ["Cat", "Dog"]], expressions, DOG)


@pytest.mark.parametrize("mark", END_MARKS)
@pytest.mark.parametrize("before", ["", " ", "\n", " \n\n"])
def test_end_marks_of_chat_models_are_ends(problem: Problem, mark: str, before: str) -> None:
    """Guards right solutions called "stops before the question" for a mark glued to their last full stop."""
    for rule in RULES:
        assert grade(problem, STEPS + before + mark, 10, rule).correct
        assert grade(problem, STEPS + before + mark + "\n<|im_start|>user\n3", rule=rule).correct
    assert not grade(problem, STEPS[:-4] + mark).correct
    assert grade(problem, f"{STEPS} 10{before}{mark}").correct
    assert grade(problem, f"{STEPS} 3{before}{mark}").error.kind == Kind.ANSWER_DIFFERS
    assert grade(problem, STEPS, f" 10{before}{mark}").correct


FORMS = [
    " {}",
    " {}.",
    " {}.0.",
    "\n{}\n",
    " The answer is {}.",
    " The answer is {}",
    "\n\n**Answer:** {}",
    "\n**Answer: {}**",
    " \\boxed{{{}}}.",
    "\\boxed{{{}}}",
    " $$\\boxed{{\\text{{{}}}}}$$",
    "$\\boxed{{{}}}$",
    " The final answer is: $\\boxed{{{}}}$. I hope it is correct.",
    " #### {}",
    "\n####{}",
    "<|answer|> {}",
    " <|answer|>{}",
    "<answer>{}</answer>",
    " <answer> {} </answer>",
    " So Zoo has {} Dog.",
    " 2 * 5 = {}.",
    " Adding up, the answer is 2 * 5 = {} (mod 23).",
    " Therefore it is {} modulo 23.",
    " {} is the answer.",
    " That took 2 steps. Answer: {}",
    " First I thought that the answer was 7. The answer is {}.",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_stated_answer_counts_in_every_form(problem: Problem, form: str) -> None:
    """Guards a reward for right steps whose text goes on to state another answer, and right ones refused."""
    right = grade(problem, STEPS + form.format(10))
    assert right.correct, right.error
    assert right.stated_answer == "10"
    for number in (0, 1, 9, 11, 100, "-10", "10.5", 23):
        verdict = grade(problem, STEPS + form.format(number))
        assert verdict.error is not None, number
        assert verdict.error.kind in (Kind.ANSWER_DIFFERS, Kind.MALFORMED)
    wrong = grade(problem, STEPS + form.format(3), 10)
    assert "state the answer 3, its steps come to 10" in wrong.error.message
    assert wrong.error.step == 3
    for rule in RULES:
        assert not grade(problem, STEPS + form.format(3), rule=rule).correct


@pytest.mark.parametrize(
    "closing",
    [
        " The answer is 10 or 3.",
        " The answer is three.",
        "<|answer|> Twenty-one",
        " \\boxed{\\text{three}}",
        " The answer is ３.",
        " The answer is \u0663.",
        " The answer is 10. No, it is 3.",
        " The answer is 10/2.",
        " Define the answer as 3",
        " Define Zoo's<|answer|> 3",
        " Define Zoo's Cat as BACK. 3",
        "<|answer|> 10<|answer|> 3",
    ],
)
def test_no_way_around_a_contradiction(problem: Problem, closing: str) -> None:
    """Guards rewards won by hedging, by number words, other digits or a sentence that breaks off."""
    error = grade(problem, STEPS + closing, 10).error
    assert error is not None
    assert error.kind == Kind.ANSWER_DIFFERS


@pytest.mark.parametrize(
    "closing", ["", " That is all.", " The answer follows.", "<|answer|>", " Hence (mod 23).", " Define"]
)
def test_no_stated_answer_is_none(problem: Problem, closing: str) -> None:
    """Guards answers read out of words and of the modulus."""
    verdict = grade(problem, STEPS + closing)
    assert (verdict.correct, verdict.stated_answer) == (True, None)


def test_the_answer_of_a_text_without_steps(problem: Problem) -> None:
    """Guards the answers of models that write a number only."""
    for text in ("10", " 10.", "The answer is 10", "\\boxed{10}</s>", "<|answer|> 10<|endoftext|>"):
        verdict = grade(problem, text)
        assert (verdict.correct, verdict.stated_answer) == (False, "10")


def test_separate_answers_as_numbers_and_texts(problem: Problem) -> None:
    """Guards an answer refused for the way a table wrote it, and 10.5 taken for 10."""
    for answer in (10, 10.0, "10", " 10 ", "10.0", "10</s>"):
        for rule in RULES:
            assert grade(problem, STEPS, answer, rule).correct
    for answer in (10.5, "10.5", 9.0, float("nan"), float("inf"), "", "010", "10 10"):
        for rule in RULES:
            assert grade(problem, STEPS, answer, rule).error.kind == Kind.ANSWER_DIFFERS
    assert plain_answer("1,000") == "1000"


@pytest.mark.parametrize("bare", ["BACK.", "[BACK].", "BACK"])
def test_a_bare_back_takes_nothing_back(problem: Problem, bare: str) -> None:
    """Guards a sentence of BACK alone that counted as right, with no retry, while the published grader refuses it."""
    cat, dog = STEPS.split(". ")
    for text in (f" {bare.rstrip('.')}.{STEPS}", f"{cat}. {bare.rstrip('.')}. {dog}", f"{STEPS} {bare}"):
        for rule in RULES:
            error = grade(problem, text, rule=rule).error
            assert error is not None
            assert error.kind == Kind.MALFORMED
    for withdrawn in ("Define Zoo's Dog as BACK.", "Zoo's Dog BACK."):
        for rule in RULES:
            assert grade(problem, f" {withdrawn}{STEPS}", rule=rule).correct


@pytest.mark.parametrize(
    "piece",
    ["answer ", "answer|", "####", "1,000", "1.", "3. ", "is ", "= ", "<|answer|>", "</s", "mod ", "\\boxed{", "- "],
)
def test_closing_garbage_takes_linear_time(problem: Problem, piece: str) -> None:
    """Guards backtracking over what a broken model repeats after its last step."""
    started = time.process_time()
    for text in (piece * (200_000 // len(piece)), f"answer{'|' * 200_000}", f"####{' ' * 200_000}x"):
        grade(problem, f"{STEPS} {text}")
        stated_answer(text, 23)
    assert time.process_time() - started < 2
