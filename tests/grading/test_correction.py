"""Confidence, critique and the relative score on made-up answers with known values."""

from __future__ import annotations

import pytest

from igsm.grading.correction import correction, relative_interval


def test_one_answer_a_question() -> None:
    """4 right and 6 wrong before; 3 stay right, 2 become right."""
    before = [1] * 4 + [0] * 6
    after = [1, 1, 1, 0] + [1, 1, 0, 0, 0, 0]
    both = [b * a for b, a in zip(before, after, strict=True)]
    found = correction(before, after, both)
    assert (found.before, found.after) == (0.4, 0.5)
    assert found.confidence == pytest.approx(3 / 4)
    assert found.critique == pytest.approx(2 / 6)
    assert found.after == pytest.approx(0.4 * 0.75 + 0.6 / 3)
    assert found.relative == pytest.approx((0.5 - 0.16) / 0.48)
    low, high = relative_interval(before, after, both) or (9, -9)
    assert low < (0.5 - 0.16) / 0.48 < high


def test_several_answers_a_question() -> None:
    """Question 1: right before in 1 of 2, then stays and the other is not repaired. Question 2: never right before."""
    found = correction([0.5, 0.0], [0.5, 0.5], [0.5, 0.0])
    assert (found.before, found.after, found.confidence) == (0.25, 0.5, 1)
    assert found.critique == pytest.approx(0.5 / 1.5)


@pytest.mark.parametrize(("right", "confidence", "critique"), [(1, 1, None), (0, None, 0)])
def test_what_cannot_be_measured(right, confidence, critique) -> None:
    found = correction([right] * 3, [right] * 3, [right] * 3)
    assert (found.confidence, found.critique, found.relative) == (confidence, critique, None)
    assert relative_interval([right] * 3, [right] * 3, [right] * 3) is None


def test_no_change_is_one_half() -> None:
    assert correction([1, 1, 0], [1, 1, 0], [1, 1, 0]).relative == pytest.approx(0.5)
