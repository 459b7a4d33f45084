"""Tests of differences against the textbook and against counting every case."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import scipy.stats

from igsm.seeds import numpy_generator
from igsm.significance import (
    DRAWS,
    detectable_difference,
    holm,
    holm_of_decidable,
    mcnemar,
    paired_permutation_test,
    permutation_test,
    sign_flip_test,
    smallest_p_value,
    smallest_paired_p_value,
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


def test_signs_of_many_pairs_are_drawn_at_random() -> None:
    """Guards against 2^30 choices in memory, and a p-value of 0."""
    for pairs in (1, 6, 17):
        assert paired_permutation_test([0.1] * pairs) == smallest_paired_p_value(pairs)
    assert 0 < paired_permutation_test([0.1] * 30) <= 2 / DRAWS
    assert paired_permutation_test([0.1, -0.1] * 15) == 1.0


def test_what_cannot_reach_the_level_does_not_count() -> None:
    assert holm_of_decidable([(0.016, 0.016), (0.06, 0.06), (None, 0.01), (0.02, 0.016)], 0.05) == [
        0.032,
        None,
        None,
        0.032,
    ]


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
