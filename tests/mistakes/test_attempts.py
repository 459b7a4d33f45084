"""Whole wrong solutions, against solutions written by hand and against the grader."""

from __future__ import annotations

from igsm.grading import grade
from tests.mistakes.hand_made import CAT, NUMBER_OF, PROBLEM, SOLUTION, attempt, mistake

RUN_ON = [
    " {Define Ark's Cage as c; so c = b - a = 1 - 4 = **2**}.",
    " Define Barn's Dog as d; e = b + c = 1 + *2* = *3*; f = e + a = *3* + 4 = *7*; so d = 2 * f = 2 * *7* = *14*.",
    " Define Barn's Pet as g; so g = b + d = 1 + *14* = *15*.",
    " Define Ark's Pen as h; so h = a + c = 4 + *2* = *6*.",
    " Define Cage's Dog as i; so i = h = *6*.",
    " Define Cage's Pet as j; so j = i = *6*.",
    " Define Ark's Pet as k; l = a * g = 4 * *15* = *14*; m = c * j = *2* * *6* = *12*;"
    " so k = l + m = *14* + *12* = *3*.",
]


def plain(sentences: list[str]) -> str:
    """The text without its marks."""
    text = "".join(sentences).replace("{", "").replace("}", "").replace("**", "")
    return text.replace(" * ", " times ").replace("*", "").replace(" times ", " * ")


def test_the_right_solution_is_the_one_written_by_hand() -> None:
    assert PROBLEM.solution_text == "".join(SOLUTION)


def test_run_on_is_right_given_the_mistake() -> None:
    """Values computed anew modulo 23, down to the answer; everything that differs, and nothing else, is marked."""
    sentences, answer = attempt(mistake("wrong_result", 2, 0, 5))
    assert sentences == [*SOLUTION[:2], *RUN_ON]
    assert answer == 3


def test_a_wrong_result_within_a_step_carries_on() -> None:
    sentences, answer = attempt(mistake("wrong_result", 3, 0, 1))
    assert sentences[3] == (
        " {Define Barn's Dog as d; e = b + c = 1 + 20 = **22**; f = e + a = *22* + 4 = *3*;"
        " so d = 2 * f = 2 * *3* = *6*}."
    )
    assert sentences[4:] == [
        " Define Barn's Pet as g; so g = b + d = 1 + *6* = *7*.",
        *SOLUTION[5:8],
        " Define Ark's Pet as k; l = a * g = 4 * *7* = *5*; m = c * j = 20 * 1 = 20; so k = l + m = *5* + 20 = *2*.",
    ]
    assert answer == 2


def test_a_wrong_operand_brings_its_number() -> None:
    sentences, answer = attempt(mistake("wrong_operand", 2, 1, NUMBER_OF[CAT]))
    assert sentences[2] == " {Define Ark's Cage as c; so c = b - **b** = 1 - *1* = *0*}."
    assert answer == 21  # d = 2 * (1 + 0 + 4) = 10, g = 11, h = i = j = 4, k = 4 * 11 + 0 * 4
    sentences, _ = attempt(mistake("wrong_operand", 1, 0, 2))
    assert sentences[1] == " {Define Barn's Cat as b; so b = **2** + a = *2* + 4 = *6*}."


def test_a_chance_hit_stays_wrong() -> None:
    """Another symbol of the same value: no number differs, the answer is right, the solution is wrong by its steps."""
    sentences, answer = attempt(mistake("wrong_operand", 6, 0, NUMBER_OF[CAT]))
    assert sentences == [*SOLUTION[:6], " {Define Cage's Dog as i; so i = **b** = 1}.", *SOLUTION[7:]]
    assert answer == PROBLEM.answer
    verdict = grade(PROBLEM, plain(sentences), answer)
    assert not verdict.correct
    assert verdict.error is not None
    assert verdict.error.step == 7


def test_the_grader_finds_the_wrong_step_first() -> None:
    for step, offset in ((0, 3), (2, 5), (3, 1), (8, 22)):
        sentences, answer = attempt(mistake("wrong_result", step, 0, offset))
        verdict = grade(PROBLEM, plain(sentences), answer)
        assert verdict.error is not None
        assert verdict.error.step == step + 1
