"""Tags: which solution stands behind which, what carries loss, and what the prompt ends in."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.grading import grade
from igsm.methods.registry import make_method
from igsm.methods.tagged import Tagged
from igsm.mistakes.layout import ERROR_MARKS, Mark
from tests.methods.written import laid, some_block, with_loss

BAD, GOOD = 0, 1


def test_good_is_right_and_bad_is_wrong() -> None:
    for one in laid(Tagged(), GOOD):
        assert one.text == f"<|good|>{one.problem.solution_text}<|answer|> {one.problem.answer}"
        assert one.verdict.correct
    chances = 0
    for one in laid(Tagged(), BAD):
        solution, _, answer = one.text.partition("<|answer|>")
        assert solution.startswith("<|bad|> Define")
        assert not grade(one.problem, solution).correct
        assert not one.verdict.correct
        chances += answer == f" {one.problem.answer}"
    assert chances < 8
    for one in laid(Tagged(ends="stopped"), BAD):
        assert one.text.endswith(".")
        assert "<|answer|>" not in one.text


def test_the_kind_of_the_first_error_as_a_tag() -> None:
    for one in laid(Tagged(tags="kinds"), BAD):
        error = grade(one.problem, one.text).error
        assert error is not None
        assert one.text.startswith(f"<|{error.kind.value.replace(' ', '_')}|> Define")
    assert Tagged(tags="kinds").marks >= set(ERROR_MARKS)


def test_behind_the_answer_or_not_at_all() -> None:
    for one in laid(Tagged(place="after"), GOOD):
        assert one.text == f"{one.problem.solution_text}<|answer|> {one.problem.answer}<|good|>"
        assert one.verdict.correct
    for one in laid(Tagged(place="after"), BAD):
        assert one.text.endswith("<|bad|>")
    for variant in (GOOD, BAD):
        for one in laid(Tagged(tags="none"), variant, n=5):
            assert one.text.startswith(" Define")
    assert Tagged().prompt == Tagged(tags="kinds").prompt == (Mark.GOOD,)
    assert Tagged(place="after").prompt == Tagged(tags="none").prompt == ()


def test_loss_token_by_token() -> None:
    for one in laid(Tagged(), BAD, n=5):
        solution = one.text.removeprefix("<|bad|>")
        assert with_loss(Tagged(), one) == f"_{one.problem.text}<|solution|><|bad|>{solution}<|end|>"
        assert with_loss(Tagged(), one, loss_on="solution") == f"_{solution}<|end|>"
        assert with_loss(Tagged(loss="solution"), one) == f"_{solution}<|end|>"
        assert with_loss(Tagged(loss="right"), one) == "_"
    for one in laid(Tagged(), GOOD, n=5):
        solution = one.text.removeprefix("<|good|>")
        for loss in ("solution", "right"):
            assert with_loss(Tagged(loss=loss), one) == f"_{solution}<|end|>"
    for one in laid(Tagged(place="after", loss="solution"), BAD, n=3):
        assert with_loss(Tagged(place="after", loss="solution"), one) == f"_{one.text.removesuffix('<|bad|>')}_<|end|>"


def test_judged_solutions_have_loss_on_the_verdict_only() -> None:
    method = Tagged(judged=0.2)
    for variant, verdict in ((1, "<|good|>"), (2, "<|bad|>")):
        for one in laid(method, variant, n=10):
            assert one.text.startswith("<|good|> Define"), "as the solutions that it is to judge are generated"
            assert one.text.endswith(f"<|judge|>{verdict}")
            assert grade(one.problem, one.text).correct == (verdict == "<|good|>")
            assert with_loss(method, one) == f"_{verdict}_"
    made = some_block(method, windows=48)
    documents = (made == 50256).sum()
    assert abs((made == Mark.JUDGE).sum() / documents - 0.2) < 0.1
    with pytest.raises(InputError, match=r"share \(0\.9\) and judged \(0\.2\) must not exceed 1 together"):
        make_method({"name": "tagged", "share": 0.9, "judged": 0.2})
