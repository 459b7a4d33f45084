"""Corrections: the verdict in them is the grader's, and only what follows it is learnt."""

from __future__ import annotations

from collections import Counter

import pytest

from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.grading import grade
from igsm.methods.correct import Correct
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.mistakes.layout import ERROR_MARKS, Mark
from igsm.mistakes.rows import MISTAKE_STEP
from igsm.problems.difficulty import ProblemConfig
from tests.methods.written import laid, readable, some_block, with_loss

MED = ProblemConfig(difficulty="med", op=15)


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_step_and_kind_are_the_graders_verdict_on_the_wrong_solution(kind: str) -> None:
    """For each kind of mistake, on easy problems (constants, empty sums) and on long ones."""
    n = 0
    for problem, number in ((ProblemConfig(difficulty="easy"), 120), (MED, 40)):
        for one in laid(Correct(weights=((kind, 1.0),)), n=number, problem=problem):
            wrong, _, judged = one.text.removeprefix("<|bad|>").partition("<|judge|>")
            error = grade(one.problem, wrong).error
            assert error is not None
            mark = f"<|{error.kind.value.replace(' ', '_')}|>"
            assert judged.startswith(f" {error.step}{mark}"), (kind, judged, error, wrong)
            assert mark in {one.text for one in ERROR_MARKS}
            n += 1
    assert n > 20


def test_it_is_right_after_the_correction() -> None:
    seen = Counter[bool]()
    for problem in (ProblemConfig(difficulty="easy"), MED):
        for ends in ("run_on", "stopped"):
            for one in laid(Correct(ends=ends), n=40, problem=problem):
                verdict = one.verdict
                assert verdict.correct, (one.text, verdict.error)
                assert (verdict.corrections, verdict.restarts, verdict.taken_back) == (1, 0, 0)
                assert len(verdict.steps) == one.problem.solution_text.count("Define")
                wrong = one.text.partition("<|judge|>")[0]
                if ends == "stopped":
                    assert wrong.count(".") == one.written.mistake[MISTAKE_STEP] + 1
                assert wrong.endswith(".")
                seen[one.text.count("Define") > 4] += 1
    assert seen[True] > 20


def test_loss_token_by_token() -> None:
    """From the judgement on; problem, tag and wrong solution are only read, whatever the recipe says."""
    for one in laid(Correct(), n=8):
        correction = one.text.partition("<|judge|>")[2]
        for recipe in ({}, {"loss_on": "solution"}):
            assert with_loss(Correct(), one, **recipe) == f"_<|judge|>{correction}<|end|>"
        solution = one.text.removeprefix("<|bad|>")
        assert with_loss(Correct(loss="all"), one, loss_on="solution") == f"_{solution}<|end|>"
        assert with_loss(Correct(loss="all"), one).startswith(f"_{one.problem.text}<|solution|><|bad|>")
    (plain, *_) = laid(Correct(), variant=1, n=1)
    assert with_loss(Correct(), plain) == f"_{plain.problem.text}<|solution|>{plain.text}<|end|>"


def test_what_is_said_can_be_less() -> None:
    for one in laid(Correct(say_step=False), n=3):
        assert f"{Mark.JUDGE.text}<|" in one.text
    for one in laid(Correct(say_kind=False), n=3):
        assert one.verdict.correct
        assert "<|wrong" not in one.text
    for one in laid(Correct(say_step=False, say_kind=False), n=3):
        assert f"{Mark.JUDGE.text} Define" in one.text
    assert Correct(say_kind=False).marks.isdisjoint(ERROR_MARKS)
    assert Correct().marks >= {*ERROR_MARKS, Mark.BAD, Mark.JUDGE}


def test_blocks_have_it_in_its_share() -> None:
    made = some_block(Correct(share=0.28), windows=48)
    assert abs((made == Mark.JUDGE).sum() / (made == 50256).sum() - 0.28) < 0.1


def test_no_step_is_named_by_a_number_that_texts_do_not_have() -> None:
    """Guards: a name of the lexicon in the place of step 23. Longer solutions come without a correction."""
    problem = ProblemConfig(difficulty="hard", op=32)
    data = DataConfig(problem=problem, context=2048, windows_per_block=32, method=Correct(share=1.0))
    with_and_without = Counter[bool]()
    for window in block(data, 0).tokens:
        for text in readable(window.tolist()).split("<|end|>")[:-1]:
            solution = text.partition("<|solution|>")[2]
            wrong, judged, right = solution.partition("<|judge|>")
            assert bool(judged) == (wrong.count(" Define") < 23)
            assert not judged or right[1:].partition("<")[0].isdigit()
            with_and_without[bool(judged)] += 1
    assert min(with_and_without.values()) > 3
    assert len(with_and_without) == 2
