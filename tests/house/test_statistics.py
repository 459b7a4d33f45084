"""Intervals and tests against the textbook, against counting every case, and against each other."""

from __future__ import annotations

import itertools
import random

import pytest

from igsm.statistics import effective_problems, mcnemar, mean_interval, sign_flip_test, wilson


def test_one_seed_is_mcnemar_exactly() -> None:
    """Guards against another test than the one that was used for one seed."""
    for only_first, only_second in ((0, 0), (1, 0), (3, 3), (7, 2), (40, 90), (0, 400)):
        differences = [-1] * only_first + [1] * only_second + [0] * 50
        assert sign_flip_test(differences) == mcnemar(only_first, only_second)


def test_sign_flips_agree_with_trying_them_all() -> None:
    """Guards against a lost half of the distribution, a tail that leaves out the value seen, and an uncounted size."""
    draw = random.Random(1)
    for _ in range(60):
        differences = [draw.randint(-3, 3) for _ in range(draw.randint(1, 10))]
        sums = [abs(sum(flipped)) for flipped in itertools.product(*((d, -d) for d in differences))]
        expected = sum(value >= abs(sum(differences)) for value in sums) / len(sums)
        assert sign_flip_test(differences) == pytest.approx(expected, rel=1e-11)


def test_small_p_values_are_not_rounding_errors() -> None:
    """Guards against 1e-17 or a negative number where the probability is 2^-299."""
    assert sign_flip_test([1] * 100 + [2] * 200) == pytest.approx(2.0**-299, rel=1e-9)
    assert 0 <= sign_flip_test([1] * 4000 + [3] * 4000) < 1e-300


def test_effective_problems_are_those_of_independent_trials() -> None:
    """Guards against seeds that agree counted as new problems, and against their agreement not seen at all."""
    once = [1] * 30 + [0] * 70
    assert effective_problems(once, 1) == 100
    assert effective_problems([3 * right for right in once], 3) == 100
    # Variance of the mean by hand: shares of two seeds 0, 1/2, 1 of 25, 50, 25 problems: 0.125 / 100.
    assert effective_problems([0] * 25 + [1] * 50 + [2] * 25, 2) == pytest.approx(0.25 / (0.125 / 100))
    for equal in ([0] * 9, [2] * 9, [1] * 9):
        assert effective_problems(equal, 2) == 9
    assert effective_problems([1] * 99 + [2], 2) == 200  # no more than the trials


def test_wilson_takes_an_effective_number() -> None:
    """Guards against an interval that is cut to whole problems."""
    assert wilson(12.5, 50.0)[0] < wilson(13, 50)[0]
    assert wilson(133.3, 133.3)[1] == 1.0


def test_counts_that_never_vary_have_an_interval() -> None:
    """Guards against 0 +/- 0: none in 995 problems leaves up to 3.69 / 995 a problem (Poisson, exp(-3.69) = 0.025)."""
    assert mean_interval([[0.0]] * 995) == pytest.approx((0, 3.6889 / 995), rel=1e-4)
    assert mean_interval([[2.0, 2.0]] * 100) == pytest.approx((2 - 0.036889, 2 + 0.036889), rel=1e-5)


def test_values_of_one_problem_are_one_piece_of_evidence() -> None:
    """Guards against an interval that shrinks with copies of the same seed."""
    values = [3.0, 4.0, 5.0, 8.0]
    once = mean_interval([[value] for value in values])
    assert once == pytest.approx((5 - 1.959964 * (14 / 3 / 4) ** 0.5, 5 + 1.959964 * (14 / 3 / 4) ** 0.5))
    assert mean_interval([[value] * 3 for value in values]) == pytest.approx(once)
    assert mean_interval([[1.0, 2.0]]) is None
    assert mean_interval([[0.0], [0.0], [3.0]])[0] == 0, "counts below 0"
