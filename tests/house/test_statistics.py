"""Intervals against the textbook and against each other."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from igsm.seeds import numpy_generator
from igsm.statistics import (
    effective_problems,
    effective_trials,
    mean_interval,
    share_interval,
    student_quantile,
    t_interval,
    wilson,
)


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


def test_questions_of_one_problem_are_no_independent_trials() -> None:
    """Guards against a probe's interval over thousands of questions about a few problems."""
    assert effective_trials([10] * 30 + [0] * 70, [10] * 100) == pytest.approx(99)
    assert effective_trials([9, 8, 10, 9, 9], [10] * 5) == 50  # they differ by less than chance: no more than asked
    assert effective_trials([10] * 7, [10] * 7) == effective_trials([0] * 7, [10] * 7) == 7
    random = numpy_generator("test", "questions")
    independent = [effective_trials(random.binomial(20, 0.9, 200).tolist(), [20] * 200) for _ in range(50)]
    assert np.median(independent) == pytest.approx(4000, rel=0.1)


def test_wilson_takes_an_effective_number() -> None:
    """Guards against an interval that is cut to whole problems."""
    assert wilson(12.5, 50.0)[0] < wilson(13, 50)[0]
    assert wilson(133.3, 133.3)[1] == 1.0


def _same(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def test_counts_that_never_vary_have_an_interval() -> None:
    """Guards against 0 +/- 0: none in 995 problems leaves up to 3.69 / 995 a problem (Poisson, exp(-3.69) = 0.025)."""
    assert mean_interval([_same(*[0.0] * 995)]) == pytest.approx((0, 3.6889 / 995), rel=1e-4)
    assert mean_interval([_same(*[2.0] * 100)] * 2) == pytest.approx((2 - 0.036889, 2 + 0.036889), rel=1e-5)


def test_values_of_one_problem_are_one_piece_of_evidence() -> None:
    """Guards against an interval that shrinks with copies of the same seed, and problems at some seeds only."""
    once = _same(3.0, 4.0, 5.0, 8.0)
    low, high = mean_interval([once])
    assert 0 < low < 5 < high
    assert mean_interval([once] * 3) == pytest.approx((low, high))
    assert mean_interval([_same(1.0)]) is None
    assert mean_interval([once, {}]) is None
    wide = mean_interval([_same(*range(10)), _same(*range(10))])
    narrow = mean_interval([_same(*range(10)), _same(*range(10, 0, -1))])  # what one seed adds the other takes away
    assert narrow[1] - narrow[0] < 0.5 * (wide[1] - wide[0])
    missing = mean_interval([_same(1.0, 2.0, 9.0), _same(1.0, 2.0)])
    assert missing[0] < (4.0 + 1.5) / 2 < missing[1]


def test_many_counts_have_the_normal_interval() -> None:
    """Guards against a rule for rare counts that moves all others."""
    values = numpy_generator("test", "tokens").normal(90, 20, 4000)
    low, high = mean_interval([dict(enumerate(values.tolist()))])
    error = 1.96 * values.std(ddof=1) / 4000**0.5
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.02 * error)


@pytest.mark.parametrize(("n", "mean"), [(600, 0.003), (1000, 0.01), (4096, 0.003), (4096, 0.01)])
@pytest.mark.parametrize("size", ["one", "geometric"])
def test_intervals_of_rare_counts_cover(n: int, mean: float, size: str) -> None:
    """Guards against normal intervals of means from 0.003 to 0.01, which covered 90 to 94 %; counts come one by one or
    in bursts of 1.5 on average, as steps taken back do."""
    random = numpy_generator("test", "rare counts", n, size)
    covered, trials = 0, 1000
    each = 1.5 if size == "geometric" else 1.0
    for _ in range(trials):
        counts = dict.fromkeys(range(n), 0.0)
        for i in range(random.binomial(n, mean / each)):
            counts[i] = float(random.geometric(1 / each))
        low, high = mean_interval([counts])
        covered += low <= mean <= high
    assert covered / trials > 0.95 - 2 * (0.95 * 0.05 / trials) ** 0.5


def test_intervals_of_shares_look_at_what_is_rare() -> None:
    """Guards against intervals that end above 1, and that are skewed the wrong way near it (a probe right in 99 %)."""
    few = [dict(enumerate([1.0] * 97 + [0.0, 0.5, 0.9]))]
    low, high = share_interval(few)
    assert 0.9 < low < high < 1
    assert 0.984 - low > high - 0.984
    mirrored = share_interval([{problem: 1 - value for problem, value in few[0].items()}])
    assert mirrored == pytest.approx((1 - high, 1 - low))
    assert share_interval([dict.fromkeys(range(50), 1.0)]) == pytest.approx((1 - 3.6889 / 50, 1), abs=1e-4)
    assert share_interval([{0: 1.0}]) is None


def test_student_quantiles_are_those_of_scipy() -> None:
    """Guards the intervals over seeds against a wrong formula for odd or even degrees of freedom."""
    for freedom in (1, 2, 3, 4, 7, 14, 29, 100):
        for probability in (0.8, 0.975, 0.9995):
            expected = scipy.stats.t.ppf(probability, freedom)
            assert student_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


def test_t_interval_is_the_textbook_one() -> None:
    """Guards against the normal quantile for three seeds, and an interval without width for seeds that agree."""
    low, high = t_interval([0.80, 0.90, 0.85])
    assert (low, high) == pytest.approx((0.85 - 4.302653 * 0.05 / 3**0.5, 0.85 + 4.302653 * 0.05 / 3**0.5))
    assert t_interval([0.9]) is None
    assert t_interval([1.0, 1.0, 1.0]) is None
