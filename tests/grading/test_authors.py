"""The authors' rule: their holes are there, and nothing else is."""

from __future__ import annotations

import random

import pytest

from igsm.grading import Kind, grade
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import Problem

A, B, C = (Parameter(False, 0, 0, k) for k in range(3))
LOST = Parameter(False, 0, 1, 0)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(
        ["Zoo", "Animal"],
        [["Zoo", "Park"], ["Cat", "Dog", "Fox"]],
        {A: Expression((), 5), B: Expression((A,), 2, multiply=True), C: Expression((A, B), subtract=True)},
        C,
    )


CAT = "Define Zoo's Cat as a; so a = 5."
DOG = "Define Zoo's Dog as b; so b = 2 * a = 2 * 5 = 10."
FOX = "Define Zoo's Fox as c; so c = a - b = 5 - 10 = 18."
RIGHT = f" {CAT} {DOG} {FOX}"


@pytest.mark.parametrize(
    "text",
    [
        RIGHT.replace("so b", "so q"),  # the letter after "so"
        RIGHT.replace("so b", "xx b"),
        f" {CAT} Define Zoo's Cat as e; so e = 7. {DOG} {FOX}",  # defined twice, with any number
        f" {CAT} Define Park's Cat as e; so e = 7. {DOG} {FOX}",  # does not exist, as long as it uses nothing
        f" {CAT} Define Park's Animal as e; so e = 7. {DOG} {FOX}",  # an empty category with any number
        f" {CAT.replace('5', '16')} Define Zoo's Dog as b; so b = 9 + a = 9 + 16 = 2. "
        "Define Zoo's Fox as c; d = b + a = 2 + 16 = 18; so c = 0 + d = 0 + 18 = 18.",  # constants and operators
        RIGHT.replace("2 * a = 2 * 5 = 10", "9 * a = 2 * 5 = 10"),  # a constant unlike its number
        RIGHT.replace("Define Zoo's Dog", "Define each Zoo's Dog"),
        RIGHT.replace("= 10.", "= 10 = rubbish."),
    ],
)
def test_holes(problem, text):
    # guards: a stricter verdict than theirs under "authors", or their holes under "strict"
    assert grade(problem, text, 18, rule="authors").correct
    assert not grade(problem, text, 18).correct


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Kind.MALFORMED),
        ("Define Zoo's Cat as BACK.", Kind.STOPS_EARLY),
        (f"{RIGHT} That is all.", Kind.MALFORMED),
        (RIGHT.replace("as b;", "as bb;"), Kind.MALFORMED),
        (RIGHT.replace("= 10.", "= 33."), Kind.MALFORMED),
        (RIGHT.replace("= 5 - 10 ", ""), Kind.MALFORMED),
        (RIGHT.replace("a - b", "a - x"), Kind.UNDEFINED_SYMBOL),
        (RIGHT.replace("as b;", "as a;"), Kind.SYMBOL_REUSED),
        (RIGHT.replace("Zoo's Dog", "Zoo's Ant"), Kind.UNKNOWN_PARAMETER),
        (RIGHT.replace("2 * a = 2 * 5 = 10", "10"), Kind.WRONG_INPUTS),
        (RIGHT.replace("5 - 10 = 18", "6 - 10 = 19"), Kind.WRONG_REFERENCE),
        (RIGHT.replace("= 18", "= 17"), Kind.WRONG_ARITHMETIC),
        (f"{CAT} {DOG}", Kind.STOPS_EARLY),
        (f"{RIGHT} Define Park's Cat as e; so e = 18.", Kind.ANSWERS_ANOTHER),
        (f"{RIGHT.replace('a = 5', 'a = 5', 1)} Define Zoo's Animal as e; so e = 18.", Kind.WRONG_INPUTS),
        (RIGHT.replace("so a = 5", "so a = 6").replace("5", "6"), Kind.WRONG_ARITHMETIC),
    ],
)
def test_what_they_find(problem, text, kind):
    # guards: an error that their grader finds let through
    verdict = grade(problem, text, rule="authors")
    assert verdict.error is not None
    assert verdict.error.kind == kind


def test_hidden_items(problem_of, reader):
    # guards: items without children, which a problem's text does not show, taken for unknown by this rule
    lexicon_names = {"Zoo", "Park"}
    problem = Problem(
        ["Zoo", "Animal"],
        [["Zoo"], ["Cat", "Dog", "Fox"]],
        {A: Expression((), 5), B: Expression((A,), 2, multiply=True), C: Expression((A, B), subtract=True)},
        C,
        hidden_items=lexicon_names - {"Zoo"},
    )
    text = f" Define Park's Cat as e; so e = 7.{RIGHT}"
    assert grade(problem, text, rule="authors").correct
    assert not grade(problem, text).correct
    assert not grade(problem, text.replace("Park's Cat", "Inn's Cat"), rule="authors").correct


def test_strict_is_stricter(problem_of):
    # guards: strict letting something pass that the authors' grader finds
    rng = random.Random(5)
    for seed in range(300):
        problem = problem_of(seed)
        words = problem.solution_text.split(" ")
        for _ in range(30):
            new = list(words)
            for _ in range(rng.randint(1, 2)):
                at, other = rng.randrange(1, len(new)), rng.randrange(1, len(new))
                new[at] = new[other].rstrip(".;") + new[at][len(new[at].rstrip(".;")) :]
            text = " ".join(new)
            if grade(problem, text).correct:
                assert grade(problem, text, rule="authors").correct, text
