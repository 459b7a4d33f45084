"""Planted sentences: each is what its kind says, by the grader; where they stand; a model's own first mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from igsm.evaluation.planted import (
    ARITHMETIC,
    CORRECT,
    HALF,
    INPUTS,
    KINDS,
    NAME,
    OWN,
    PLACES,
    UNNEEDED,
    WHOLE,
    own_mistake,
    place_in,
    plant,
    right_steps,
)  # fmt: skip
from igsm.grading.grade import grade
from igsm.grading.steps import stated_name
from igsm.grading.stepwise import Grade, StepGrader
from igsm.grading.verdict import Kind
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from tests.mistakes.hand_made import LEXICON, PROBLEM, RECORD, SOLUTION

GRADES = {
    NAME: (Grade.WRONG, Kind.NOT_COMPUTABLE_YET),
    WHOLE: (Grade.WRONG, Kind.NOT_COMPUTABLE_YET),
    INPUTS: (Grade.WRONG, Kind.WRONG_INPUTS),
    ARITHMETIC: (Grade.WRONG, Kind.WRONG_ARITHMETIC),
    UNNEEDED: (Grade.RIGHT, None),
    CORRECT: (Grade.RIGHT, None),
}

PETS = " Define Ark's Pet as"


def own_text() -> str:
    """The hand-made solution with steps exchanged and other letters."""
    text = "".join((*SOLUTION[:3], SOLUTION[5], *SOLUTION[3:5], *SOLUTION[6:]))
    return re.sub(r"\b[a-m]\b", lambda found: chr(ord("z") + ord("a") - ord(found[0])), text)


def check(problem: Problem, before: Sequence[str], kind: str, sentence: str) -> None:
    """By the grader."""
    grader = StepGrader(problem)
    assert all(grader.add(one).grade is Grade.RIGHT for one in before)
    graded = grader.add(f"{sentence} k; so k = 1." if kind == NAME else f"{sentence}.")
    assert (graded.grade, graded.kind) == GRADES[kind], sentence
    assert (graded.why == "the question does not need it") == (kind == UNNEEDED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["".join(SOLUTION), own_text()], ids=["generator", "own"])
def test_each_sentence_is_what_its_kind_says(kind: str, text: str) -> None:
    """Guards against plants that are right by chance, or wrong in another way, also behind a model's own words."""
    steps, own = right_steps(PROBLEM, RECORD, text, None)
    assert own
    assert "".join(steps.sentences) == text
    found = 0
    for n in range(len(SOLUTION) - 1):
        for seed in range(5):
            one = plant(RECORD, PROBLEM, LEXICON, steps, kind, HALF, n, np.random.default_rng(seed))
            if one is not None:
                assert (one.number, one.prefix) == (n + 1, "".join(steps.sentences[:n]))
                check(PROBLEM, steps.sentences[:n], kind, one.sentence)
                found += 1
    assert found > 20 or kind == UNNEEDED and not found  # the question needs all of this problem


def test_each_sentence_is_what_its_kind_says_in_drawn_problems() -> None:
    source = ProblemSource(ProblemConfig(difficulty="trio", op=5), 3)
    found = dict.fromkeys(KINDS, 0)
    for index in range(10):
        record = source.record(index)
        problem = Problem.from_record(record, source.lexicon)
        steps, own = right_steps(problem, record, "nonsense", None)
        assert not own
        assert "".join(steps.sentences) == problem.solution_text
        for kind in KINDS:
            for n in range(len(steps.sentences)):
                one = plant(record, problem, source.lexicon, steps, kind, HALF, n, np.random.default_rng(index))
                if one is not None:
                    check(problem, steps.sentences[:n], kind, one.sentence)
                    found[kind] += 1
    assert min(found.values()) > 3, found


def test_places() -> None:
    """15 % and half are of the tokens, not of the sentences; nothing is planted before the last sentence."""
    lengths = [10, 10, 40, 20, 20]
    assert [place_in(lengths, place) for place in PLACES] == [0, 2, 3, 3]
    assert [place_in([30, 30, 10, 10], place) for place in PLACES] == [0, 1, 2, 2]
    assert [place_in([10], place) for place in PLACES] == [0, 0, 0, 0]
    assert [place_in([10, 90], place) for place in PLACES] == [0, 0, 0, 0]


def test_sentences_that_were_taken_back_are_no_right_ones() -> None:
    text = "".join(
        (SOLUTION[0], " Define Ark's Pet as BACK.", SOLUTION[2], " Define Ark's Pet as BACK 2.", *SOLUTION[1:])
    )
    steps, own = right_steps(PROBLEM, RECORD, text, None)
    assert own
    assert steps.sentences == SOLUTION
    written_otherwise = SOLUTION[3].replace("e = b + c = 1 + 20 = 21", "x = b = 1; e = b + c = 1 + 20 = 21")
    text = "".join((*SOLUTION[:3], written_otherwise, *SOLUTION[4:]))
    assert grade(PROBLEM, text).correct
    assert right_steps(PROBLEM, RECORD, text, None)[1] is False


CAT_WRONG = " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 2"
OWN_MISTAKES = {
    "name, taken back": (
        "".join((SOLUTION[0], " Define Ark's Pet as BACK.", *SOLUTION[1:])),
        NAME,
        " Define Ark's Pet as",
    ),
    "name, gone on from": (f"{SOLUTION[0]}{PETS} k; so k = a = 4.", NAME, PETS),
    "arithmetic": ("".join((SOLUTION[0], CAT_WRONG, ".")), ARITHMETIC, CAT_WRONG),
    "arithmetic, taken back": ("".join((SOLUTION[0], CAT_WRONG, " BACK.", *SOLUTION[1:])), ARITHMETIC, CAT_WRONG),
}


@pytest.mark.parametrize("case", OWN_MISTAKES)
def test_a_models_own_first_mistake_and_its_twin(case: str) -> None:
    text, kind, sentence = OWN_MISTAKES[case]
    for seed in range(20):
        found = own_mistake(RECORD, PROBLEM, LEXICON, text, np.random.default_rng(seed))
        assert isinstance(found, tuple)
        own, injected = found
        assert (own.source, own.kind, own.number, own.prefix, own.sentence) == (OWN, kind, 2, SOLUTION[0], sentence)
        assert injected[1:5] == own[1:5]
        assert injected.sentence != own.sentence
        if kind == NAME:
            assert stated_name(injected.sentence.strip()) != stated_name(own.sentence.strip())
        check(PROBLEM, SOLUTION[:1], kind, injected.sentence)


def test_solutions_without_a_mistake_to_plant() -> None:
    def of(text: str) -> object:
        return own_mistake(RECORD, PROBLEM, LEXICON, text, np.random.default_rng(0))

    assert of("".join(SOLUTION)) is None
    assert of("".join((SOLUTION[0], " Define Barn's Cat as BACK.", *SOLUTION[1:]))) is None  # nothing was wrong with it
    assert of("".join((SOLUTION[0], SOLUTION[0]))) == "defined twice"
    assert of("".join((*SOLUTION[:2], " <|judge|> 2", *SOLUTION[1:]))) == "has marks"
