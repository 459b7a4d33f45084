"""Verdicts: what is right stays right, and each kind of error is named."""

from __future__ import annotations

import gc
import json
import random
import weakref
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.grading import IllPosedError, Kind, grade
from igsm.problems import prose
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import Problem

A, B, C, D = (Parameter(False, 0, 0, k) for k in range(4))
ALL = Parameter(True, 0, 0, 1)


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Zoo's Cat = 5; Zoo's Dog = 3 more than (Cat - Fox); Zoo's Fox = 2 times Cat; Zoo's Owl = 7, not needed."""
    return Problem(
        ["Zoo", "Animal"],
        [["Zoo"], ["Cat", "Dog", "Fox", "Owl"]],
        {
            A: Expression((), 5),
            C: Expression((A,), 2, multiply=True),
            B: Expression((A, C), 3, subtract=True),
            D: Expression((), 7),
        },
        B,
    )


CAT = "Define Zoo's Cat as a; so a = 5."
FOX = "Define Zoo's Fox as b; so b = 2 * a = 2 * 5 = 10."
DOG = "Define Zoo's Dog as c; d = a - b = 5 - 10 = 18; so c = 3 + d = 3 + 18 = 21."
OWL = "Define Zoo's Owl as e; so e = 7."
RIGHT = f" {CAT} {FOX} {DOG}"


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        RIGHT.strip().removesuffix("."),
        RIGHT.replace(" ", "  ") + "\n",
        RIGHT + " That is all.",
        RIGHT + "\n\nAnswer: 21",
        RIGHT + "<|endoftext|> Define nonsense.",
        RIGHT + " Define Zoo's",
        f" {OWL}{RIGHT}",
        f" {CAT} {OWL} {FOX} {DOG}",
        f" Define Zoo's Dog as BACK.{RIGHT}",
        f" {CAT} Define Zoo's Dog as c; so c = 9 BACK. {FOX} Define Zoo's Owl as BACK. Define x BACK. {DOG}",
        f"{RIGHT} Define Zoo's Owl as BACK.",
        RIGHT.replace("BACK", "[BACK]"),
        RIGHT.replace("2 * a = 2 * 5", "a * 2 = 5 * 2"),
        RIGHT.replace("3 + d = 3 + 18", "d + 3 = 18 + 3"),
    ],
)
def test_right_solutions(problem, text):
    # guards: a correct solution refused for its wording, order, retries or what follows it
    verdict = grade(problem, text, 21)
    assert verdict.correct, verdict.error
    assert verdict.error is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Kind.STOPS_EARLY),
        ("nothing of the kind", Kind.STOPS_EARLY),
        (f"{CAT} {FOX}", Kind.STOPS_EARLY),
        (f"{CAT} Define Zoo's", Kind.STOPS_EARLY),
        (f"{CAT} {FOX} {DOG} {OWL}", Kind.ANSWERS_ANOTHER),
        (f"{CAT} Well. {FOX} {DOG}", Kind.MALFORMED),
        (RIGHT.replace("Define Zoo's Fox", "Zoo's Fox"), Kind.MALFORMED),
        (RIGHT.replace("as b;", "as bb;"), Kind.MALFORMED),
        (RIGHT.replace("so b", "b"), Kind.MALFORMED),
        (RIGHT.replace("d = a", "so d = a"), Kind.MALFORMED),
        (RIGHT.replace("= 3 + 18 ", ""), Kind.MALFORMED),
        (RIGHT.replace("2 * 5", "2 + 5"), Kind.MALFORMED),
        (RIGHT.replace("10.", "10.5."), Kind.MALFORMED),
        (RIGHT.replace("5.", "05."), Kind.MALFORMED),
        (f"{CAT} Define Zoo's Ant as x; so x = a = 5. {FOX} {DOG}", Kind.UNKNOWN_PARAMETER),
        (RIGHT.replace("Define Zoo's", "Define each Zoo's", 1), Kind.UNKNOWN_PARAMETER),
        (f"{CAT} Define Zoo's Cat as x; so x = 5. {FOX} {DOG}", Kind.DEFINED_TWICE),
        (f"{FOX} {CAT} {DOG}", Kind.NOT_COMPUTABLE_YET),
        (RIGHT.replace("a - b", "a - x"), Kind.UNDEFINED_SYMBOL),
        (RIGHT.replace("3 + d", "3 + c"), Kind.UNDEFINED_SYMBOL),
        (f" {OWL.replace(' e', ' b')}{RIGHT}", Kind.SYMBOL_REUSED),
        (RIGHT.replace("d = a", "b = a"), Kind.SYMBOL_REUSED),
        (RIGHT.replace("d = a", "c = a"), Kind.SYMBOL_REUSED),
        (RIGHT.replace("so b", "so f"), Kind.SO_SYMBOL_MISMATCH),
        (RIGHT.replace("2 * a = 2 * 5 = 10", "5"), Kind.WRONG_INPUTS),
        (f" {OWL}{RIGHT.replace('a - b = 5 - 10 = 18', 'a - e = 5 - 7 = 21')}", Kind.WRONG_INPUTS),
        (RIGHT.replace("so a = 5", "so a = 6"), Kind.WRONG_OPERATOR),
        (RIGHT.replace("a - b = 5 - 10 = 18", "b - a = 10 - 5 = 5"), Kind.WRONG_OPERATOR),
        (RIGHT.replace("a - b = 5 - 10 = 18", "a + b = 5 + 10 = 15"), Kind.WRONG_OPERATOR),
        (RIGHT.replace("3 + d = 3 + 18 = 21", "4 + d = 4 + 18 = 22"), Kind.WRONG_OPERATOR),
        (RIGHT.replace("3 + d = 3 + 18 = 21", "d = 18"), Kind.WRONG_OPERATOR),
        (RIGHT.replace("5 - 10 = 18", "5 - 11 = 17"), Kind.WRONG_REFERENCE),
        (RIGHT.replace("2 * 5 = 10", "3 * 5 = 15"), Kind.WRONG_REFERENCE),
        (RIGHT.replace("= 18;", "= 19;"), Kind.WRONG_ARITHMETIC),
        (RIGHT.replace("= 21", "= 44"), Kind.WRONG_ARITHMETIC),
    ],
)
def test_each_kind_of_error(problem, text, kind):
    # guards: errors that pass, and errors blamed on something else
    verdict = grade(problem, text)
    assert verdict.error is not None
    assert verdict.error.kind == kind
    assert not verdict.correct
    assert 0 <= verdict.error.start <= verdict.error.end <= len(verdict.error.sentence)
    json.dumps(verdict.to_json())


@pytest.mark.parametrize("answer", [20, "20", "", "21 or so", -1])
def test_answer_differs(problem, answer):
    # guards: the answer after the solution never looked at
    for rule in ("strict", "authors"):
        assert grade(problem, RIGHT, answer, rule).error.kind == Kind.ANSWER_DIFFERS
        assert grade(problem, RIGHT, " 21", rule).correct


def test_error_points_at_the_words(problem):
    # guards: highlighting of the wrong sentence or words
    error = grade(problem, RIGHT.replace("so b = 2 * a = 2 * 5 = 10", "so b = 2 * a = 2 * 5 = 11")).error
    assert error.step == 2
    assert error.sentence[error.start : error.end] == "2 * 5 = 11"


def test_what_happened_on_the_way(problem):
    # guards: retries, their need and unnecessary steps miscounted
    text = f"Define Zoo's Dog as BACK. {OWL} {CAT} Define Zoo's Fox as BACK. Define Zoo's Ant as BACK. {FOX} {DOG}"
    verdict = grade(problem, text)
    assert [(s.number, s.name, s.can_next, s.taken_back, s.needed) for s in verdict.steps] == [
        (1, "Zoo's Dog", False, True, True),
        (2, "Zoo's Owl", True, False, False),
        (3, "Zoo's Cat", True, False, True),
        (4, "Zoo's Fox", True, True, True),
        (5, "Zoo's Ant", None, True, False),
        (6, "Zoo's Fox", True, False, True),
        (7, "Zoo's Dog", True, False, True),
    ]
    assert (verdict.correct, verdict.taken_back, verdict.needlessly_taken_back) == (True, 3, 1)
    assert (verdict.unnecessary_parameters, verdict.unnecessary_operations) == (1, 1)


def test_bytes_and_unknown_rule(problem):
    # guards: bytes of a broken file; a misspelt rule taken for strict
    assert grade(problem, RIGHT.encode()).correct
    assert not grade(problem, b"Define \xff\xfe").correct
    with pytest.raises(InputError, match="did you mean 'authors'"):
        grade(problem, RIGHT, rule="author")


def test_the_authors_solutions_are_right(samples, official):
    # guards: any part of the authors' wording refused by either rule
    for sample in samples:
        problem = official.read(sample["prob"])
        for rule in ("strict", "authors"):
            verdict = grade(problem, sample["solution"], sample["answer"], rule)
            assert verdict.correct, verdict.error
            assert verdict.taken_back == sample["solution"].count("BACK")
            assert verdict.unnecessary_parameters == 0


def _valid_variants(problem: Problem, rng: random.Random) -> list[str]:
    """Solutions that are right: another order, unnecessary steps, BACK sentences."""
    order: list[Parameter] = []
    wanted = set(problem.needed)
    wanted |= {p for p in problem.parameters if rng.random() < 0.2 and set(problem.inputs(p)) <= wanted}
    todo = wanted - {problem.question}
    while todo:
        ready = sorted(p for p in todo if set(problem.inputs(p)) <= set(order))
        if not ready:  # an unnecessary one that needs the question
            break
        order.append(rng.choice(ready))
        todo.remove(order[-1])
    order.append(problem.question)
    try:
        sentences = [s for s in prose.solution(problem, order).strip().removesuffix(".").split(". ") if s]
    except InputError:  # more letters than there are
        sentences = problem.solution_text.strip().removesuffix(".").split(". ")
    with_back = []
    for sentence in sentences:
        while rng.random() < 0.3:
            with_back.append(f"Define {problem.name(rng.choice(problem.parameters))} as BACK")
        with_back.append(sentence)
    return [" " + ". ".join(s) + "." for s in (sentences, with_back)]


def test_valid_variants_are_accepted_by_both_rules(problem_of):
    # guards: reordering, unnecessary steps or retries taken for errors
    rng = random.Random(0)
    unnecessary = 0
    for seed in range(300):
        problem = problem_of(seed)
        for text in _valid_variants(problem, rng):
            for rule in ("strict", "authors"):
                verdict = grade(problem, text, problem.answer, rule)
                assert verdict.correct, (rule, text, verdict.error)
            unnecessary += verdict.unnecessary_parameters
    assert unnecessary > 50


def test_swapped_operands(problem_of):
    # guards: sums and products tied to one order; differences not tied to theirs
    seen = set()
    for seed in range(200):
        problem = problem_of(seed)
        tokens = problem.solution_text.split(" ")
        for at in range(1, len(tokens) - 5):
            if tokens[at] in "+-*" and tokens[at - 1].isalpha() and tokens[at - 1] != tokens[at + 1]:
                new = list(tokens)
                new[at - 1], new[at + 1] = tokens[at + 1], tokens[at - 1]
                new[at + 3], new[at + 5] = tokens[at + 5], tokens[at + 3]
                verdict = grade(problem, " ".join(new))
                seen.add((tokens[at], verdict.correct))
                assert verdict.correct == (tokens[at] != "-"), (" ".join(new), verdict.error)
    assert {sign for sign, _ in seen} >= {"+", "-"}


def test_documentation_lists_every_kind():
    # guards: a kind of error that no one can look up
    text = (Path(__file__).resolve().parents[2] / "docs" / "grading.md").read_text()
    for kind in (*Kind, *IllPosedError.KINDS):
        assert kind in text


def test_a_graded_problem_can_be_forgotten() -> None:
    """Guards a leak: the tables kept for a problem must not keep the problem, or a large file fills the memory."""
    problem = Problem(["Zoo", "Animal"], [["Zoo"], ["Cat"]], {A: Expression((), 5)}, A)
    assert grade(problem, CAT).correct
    forgotten = weakref.ref(problem)
    del problem
    gc.collect()
    assert forgotten() is None
