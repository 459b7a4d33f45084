"""The rule `lenient`: right solutions in the form in which chat models write them; wrong ones stay wrong."""

from __future__ import annotations

import time

import pytest

from igsm.grading.check import grade_records
from igsm.grading.grade import grade
from igsm.grading.lenient import strict_text
from igsm.grading.records import TextRecord
from igsm.grading.summary import Summary
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource

LEXICON = ProblemConfig(difficulty="mini").problem_class.lexicon


@pytest.fixture(scope="module")
def problem() -> Problem:
    source = ProblemSource(ProblemConfig(difficulty="mini", op=5), 3)
    return Problem.from_record(source.record(0), source.lexicon)


def sentences(problem: Problem) -> list[str]:
    return problem.solution_text.strip().removesuffix(".").split(". ")


FORMS = {
    "a first line": lambda steps: "Sure! Here is the solution:\n\n" + ". ".join(steps) + ".",
    "numbered": lambda steps: "\n".join(f"{i}. {step}." for i, step in enumerate(steps, 1)),
    "numbered without full stops": lambda steps: "\n".join(f"{i}) {step}" for i, step in enumerate(steps, 1)),
    "headings": lambda steps: "\n".join(f"### Step {i}\n{step}." for i, step in enumerate(steps, 1)),
    "step by name": lambda steps: "\n".join(f"**Step {i}:** {step}." for i, step in enumerate(steps, 1)),
    "list": lambda steps: "\n".join(f"- {step}." for step in steps),
    "curly apostrophes": lambda steps: ". ".join(steps).replace("'", "\u2019") + ".",
    "minus signs and crosses": lambda steps: (
        ". ".join(steps).replace(" - ", " \u2212 ").replace(" * ", " \u00d7 ") + "."
    ),
    "words before": lambda steps: ". ".join(f"Next, we define {step.removeprefix('Define ')}" for step in steps) + ".",
    "a plan": lambda steps: "First we define what we know: all of it.\n" + ". ".join(steps) + ".",
    "words between": lambda steps: ". Now we go on. ".join(steps) + ".",
    "formulas": lambda steps: ". ".join(step.replace("so ", "so $", 1) + "$" for step in steps) + ".",
    "code": lambda steps: "```\n" + "\n".join(f"{step}." for step in steps) + "\n```",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_solution_is_right_in_any_form(problem: Problem, form: str) -> None:
    """Guards: form punished as reasoning."""
    text = FORMS[form](sentences(problem))
    assert grade(problem, text, rule="lenient").error is None
    assert grade(problem, f"{text}\nSo the final answer is **{problem.answer}**.", rule="lenient").error is None
    wrong = grade(problem, f"{text}\nSo the final answer is **{problem.answer + 1}**.", rule="lenient")
    assert wrong.error is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_step_stays_wrong(problem: Problem, form: str) -> None:
    """Guards: a rule that reads past mistakes: one left out, one number changed, one step that says something else."""
    steps = sentences(problem)
    head, equals, value = steps[-1].rpartition(" = ")
    for wrong in (steps[:-2] + steps[-1:], [*steps[:-1], f"{head}{equals}{int(value) + 1}"]):
        assert grade(problem, FORMS[form](wrong), rule="lenient").error is not None
    other = [*steps[:1], "So x = 3 + 4 = 7", *steps[1:]]
    assert grade(problem, FORMS[form](other), rule="lenient").error is not None


def test_strict_solutions_are_unchanged(problem: Problem) -> None:
    text = problem.solution_text.strip()
    assert strict_text(text) == text
    assert strict_text(text + " Answer: 3") == text + " Answer: 3"
    assert strict_text("") == ""
    assert strict_text("Define x as") == "Define x as"


def test_it_is_linear() -> None:
    """Guards: minutes for a text that repeats one word."""
    began = time.perf_counter()
    for word in ("define ", "define;", "**a*", "1. ", "\\text{", "Define a as b. "):
        strict_text(word * 50_000)
    assert time.perf_counter() - began < 20


def test_final_answers_are_counted_beside_solutions(problem: Problem) -> None:
    """Guards: a right answer by wrong steps that nothing shows; an answer that is not there counted as wrong."""
    steps = sentences(problem)
    wrong_steps = ". ".join(steps[1:]) + "."
    summary = Summary()
    texts = (problem.solution_text, f"{wrong_steps} The answer is {problem.answer}.", "No idea. The answer is 999.")
    for number, text in enumerate(texts, 1):
        record = TextRecord(number, problem.text, text, None, problem.op, problem.modulus, LEXICON, {})
        for graded in grade_records([record]):
            summary.add(graded)
    assert (summary.correct, summary.answers) == (1, {None: 1, True: 1, False: 1})
    assert summary.content()["answers_right"] == 1
