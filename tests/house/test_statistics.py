"""Intervals and tests against the textbook, against counting every case, and against each other."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import scipy.stats

from igsm.seeds import numpy_generator
from igsm.statistics import (
    DRAWS,
    detectable_difference,
    effective_problems,
    effective_trials,
    holm,
    mcnemar,
    mean_interval,
    permutation_test,
    share_interval,
    sign_flip_test,
    smallest_p_value,
    student_quantile,
    t_interval,
    wilson,
)


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


def test_permutations_agree_with_trying_them_by_hand() -> None:
    """Guards against a tail that leaves out the split seen, one side only, or sides of different sizes."""
    assert permutation_test([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert permutation_test([1], [2, 3, 4]) == pytest.approx(2 / 4)
    assert permutation_test([0.0, 1.0], [5.0, 6.0, 7.0]) == pytest.approx(1 / 10) == smallest_p_value(2, 3)
    assert permutation_test([0.1, 0.1], [0.1, 0.1]) == permutation_test([], [1.0]) == 1.0
    assert permutation_test([0.3, 0.1, 0.2], [0.1 + 0.2, 0.1, 0.2]) == 1.0  # equal but for rounding
    draw = random.Random(2)
    for _ in range(20):
        a, b = ([draw.randint(0, 9) for _ in range(draw.randint(2, 4))] for _ in range(2))
        assert permutation_test(a, b) == pytest.approx(permutation_test(b, a))
        expected = scipy.stats.permutation_test(
            (a, b), lambda x, y: abs(sum(x) / len(x) - sum(y) / len(y)), alternative="greater"
        )
        assert permutation_test(a, b) == pytest.approx(expected.pvalue)


def test_many_seeds_are_dealt_at_random() -> None:
    """Guards against an enumeration that never ends, and a p-value of 0."""
    apart = permutation_test(range(20), range(100, 120))
    assert 0 < apart <= 1 / DRAWS
    values = list(range(22))
    assert permutation_test(values[::2], values[1::2]) > 0.5


def test_alike_trainings_are_told_apart_as_often_as_the_level_says() -> None:
    """Guards stars over seeds: near the ceiling, where accuracies are skewed, with 5 seeds against 8."""
    random = numpy_generator("test", "alike")
    false = sum(
        permutation_test(*np.split(1 - random.gamma(0.5, 0.02, 13).clip(0, 1).round(3), [5])) < 0.05 for _ in range(600)
    )
    assert false / 600 < 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5


def test_holm_is_the_textbook_one() -> None:
    """Guards against Bonferroni, an order lost, and adjusted values that fall."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("seeds", [5, 8])
def test_a_detectable_difference_is_detected(seeds: int) -> None:
    """Guards the power that a dry run prints: the test that gives the stars must find that difference 4 times in 5."""
    random = numpy_generator("test", "power", seeds)
    difference = detectable_difference(2.0, seeds)
    pairs = ((random.normal(0, 2.0, seeds), random.normal(difference, 2.0, seeds)) for _ in range(400))
    found = sum(permutation_test(*pair) < 0.05 for pair in pairs) / 400
    assert 0.74 < found < 0.86
    assert detectable_difference(2.0, 3) is None
