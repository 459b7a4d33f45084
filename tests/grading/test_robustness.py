"""Any text gets a verdict, in linear time."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igsm.grading import RULES, IllPosedError, Verdict, grade

PIECES = [
    "Define ",
    " as ",
    "; ",
    "so ",
    " = ",
    ". ",
    ".",
    " BACK",
    "a",
    "b",
    "5",
    "22",
    " + ",
    " * ",
    " - ",
    "'s ",
    "\u0663",
]
SLOW = [
    "Define ",
    " + a",
    ". ",
    "; so a = ",
    " BACK.",
    "Define a as b; so b = 1. ",
    "BACK",
    "9",
    "'s ",
    " as ",
    "a = b; ",
    "\n",
    "<|endoftext|>",
    "Define x as a; b = 1; so a = 1. ",
]


@pytest.mark.parametrize("piece", SLOW)
@pytest.mark.parametrize("rule", RULES)
def test_garbage_takes_linear_time(problem_of, piece, rule):
    # guards: quadratic splitting or backtracking on what a broken model repeats
    problem = problem_of(1)
    start = time.process_time()
    verdict = grade(problem, piece * (100_000 // len(piece)), rule=rule)
    assert time.process_time() - start < 1
    assert not verdict.correct


@pytest.mark.parametrize("rule", RULES)
def test_long_valid_prefix_takes_linear_time(problem_of, rule):
    # guards: work that grows with what was defined before
    problem = problem_of(1)
    name = problem.name(problem.question)
    text = problem.solution_text + f" Define {name} as BACK." * 3_000
    start = time.process_time()
    assert grade(problem, text, rule=rule).correct
    assert time.process_time() - start < 1


@given(text=st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_a_verdict(problem_of, text):
    # guards: exceptions on unforeseen text
    for rule in RULES:
        assert isinstance(grade(problem_of(2), text, rule=rule), Verdict)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_solutions_get_a_verdict(problem_of, data):
    # guards: exceptions on text that is nearly right; a cut solution must not count as correct
    problem = problem_of(data.draw(st.integers(0, 30)))
    text = problem.solution_text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    piece = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)))
    for rule in RULES:
        assert isinstance(grade(problem, text[:start] + piece + text[end:], rule=rule), Verdict)
    last = text.rindex(". Define") if ". Define" in text else 0
    assert not grade(problem, text[: min(start, last)]).correct


STATEMENT = ["The number of each ", "How many ", " does ", " have?", " equals ", "each ", "'s ", ". ", "7"]
STATEMENT += [" more than ", "the sum of ", " and each "]


@given(text=st.one_of(st.text(), st.lists(st.sampled_from(STATEMENT)).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_problem_text_is_read_or_refused(reader, text):
    # guards: exceptions other than IllPosedError from the reader
    with contextlib.suppress(IllPosedError):
        reader.read(text)
