"""Tests of differences, over test problems and over training seeds, and what they can show."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from igsm.seeds import numpy_generator
from igsm.statistics import student_quantile


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar test: do two systems differ in accuracy on the same problems?

    Args:
        only_first: problems that the first system alone has right.
        only_second: problems that the second system alone has right.

    Returns:
        The p-value under "each disagreement is a fair coin"; 1.0 when they never disagree.
    """
    disagreements = only_first + only_second
    fewer = min(only_first, only_second)
    term = tail = 1
    for k in range(fewer):
        term = term * (disagreements - k) // (k + 1)
        tail += term
    return min(1.0, 2 * tail / 2**disagreements) if disagreements else 1.0


def sign_flip_test(differences: Sequence[int]) -> float:
    """Exact two-sided paired test: do two systems differ on the same problems, each solved at several seeds?

    If the systems are alike, a problem's difference could as well have the other sign. The p-value is the share of all
    2^n choices of signs whose sum is at least as far from 0 as the one seen. They need not be tried one by one: m
    differences of size v add up to v * (2 * Binomial(m, 1/2) - m), and the sums of different sizes are convolved. Where
    all have one size, as with one seed each, this is McNemar's test.

    Args:
        differences: one integer a problem: at how many seeds more the second system has it right than the first.

    Returns:
        The p-value; 1.0 when no problem differs.
    """
    sizes, counts = np.unique(np.abs(np.array([d for d in differences if d], dtype=np.int64)), return_counts=True)
    if len(sizes) <= 1:
        positive = sum(d > 0 for d in differences)
        return mcnemar(sum(d < 0 for d in differences), positive)
    total = abs(sum(differences))
    law = np.ones(1)  # law[k]: probability that the problems won by the second system have sizes that add up to k
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        step = np.zeros(size * count + 1)
        step[::size] = _fair_coins(count)
        law = np.convolve(law, step)  # not by Fourier transform, whose rounding errors exceed small p-values
    tail = math.fsum(law[: (len(law) - 1 - total) // 2 + 1])
    return min(1.0, 2 * tail) if total else 1.0


def _fair_coins(count: int) -> np.ndarray:
    """Binomial(count, 1/2) at 0 to ``count``, [count + 1]; each probability to about 11 digits."""
    logs = np.array([math.lgamma(k + 1) for k in range(count + 1)])
    return np.exp(logs[-1] - logs - logs[::-1] - count * math.log(2))


SPLITS, DRAWS = 200_000, 50_000
"""Most ways to part the seeds (or choices of signs) that are all tried; how many are drawn where there are more."""


def permutation_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Exact two-sided test: do two ways of training differ, each trained at several seeds?

    If they are alike, every way to deal the values out to the two sides is as likely. The p-value is the share of these
    whose means lie at least as far apart as those seen. Nothing is assumed of how the values are spread.

    Args:
        first, second: one value a training seed, such as an accuracy; the sides may have different numbers of them.

    Returns:
        The p-value, never below :func:`smallest_p_value`; 1.0 where a side is empty.
    """
    values = np.array([*first, *second], dtype=np.float64)
    n, k = len(values), min(len(first), len(second))
    if k == 0:
        return 1.0
    # The difference of the means is a linear function of the smaller side's sum, and 0 where that has its share.
    smaller = first if len(first) == k else second
    seen = abs(math.fsum(smaller) - k * values.mean())
    tolerance = 1e-9 * max(1.0, float(np.abs(values).max()))  # splits that are equal but for rounding are as far
    if math.comb(n, k) <= SPLITS:
        return float(np.mean(np.abs(values[_splits(n, k)].sum(1) - k * values.mean()) >= seen - tolerance))
    order = np.argsort(numpy_generator("permutation test", n, k).random((DRAWS, n)), axis=1)[:, :k]
    as_far = int((np.abs(values[order].sum(1) - k * values.mean()) >= seen - tolerance).sum())
    return (1 + as_far) / (1 + DRAWS)


@functools.lru_cache(maxsize=4)
def _splits(n: int, k: int) -> np.ndarray:
    """All choices of k out of n, int [comb(n, k), k]."""
    return np.array(list(itertools.combinations(range(n), k)), dtype=np.int64)


def paired_permutation_test(differences: Sequence[float]) -> float:
    """Exact two-sided sign-flip test of values in pairs, one pair a training seed.

    If the two sides are alike, each difference is as likely to have the other sign. The p-value is the share of all
    choices of signs whose sum lies at least as far from 0 as the one seen; never below
    :func:`smallest_paired_p_value`.
    """
    values = np.array(differences, dtype=np.float64)
    n, seen = len(values), abs(values.sum()) - 1e-9 * max(1.0, float(np.abs(values).max(initial=0.0)))
    if 2**n <= SPLITS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ values) >= seen))
    signs = 1 - 2 * numpy_generator("paired permutation test", n).integers(0, 2, (DRAWS, n))
    return (1 + int((np.abs(signs @ values) >= seen).sum())) / (1 + DRAWS)


def smallest_p_value(first: int, second: int) -> float:
    """The least p-value that :func:`permutation_test` can give for so many seeds on the two sides."""
    return min(1.0, (2 if first == second else 1) / math.comb(first + second, first))


def smallest_paired_p_value(pairs: int) -> float:
    """The least p-value that :func:`paired_permutation_test` can give."""
    return min(1.0, 2.0 ** (1 - pairs))


class SeedTest(NamedTuple):
    """A test over training seeds: its p-value, and the least one that so many seeds can give."""

    p_value: float
    least: float


def seed_test(first: Sequence[float], second: Sequence[float], *, paired: bool) -> SeedTest:
    """Do two ways of training differ? One value a training seed; of pairs, both sides in one order."""
    if paired:
        changes = [after - before for before, after in zip(first, second, strict=True)]
        return SeedTest(paired_permutation_test(changes), smallest_paired_p_value(len(changes)))
    return SeedTest(permutation_test(first, second), smallest_p_value(len(first), len(second)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given: below 0.05, the chance of any false alarm is 5 % at most."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def holm_of_decidable(tests: Sequence[tuple[float | None, float]], level: float) -> list[float | None]:
    """:func:`holm` over the tests that can reach the level at all.

    The others cannot be false alarms, so they need not count in the correction (Tarone 1990, Biometrics 46, 515).

    Args:
        tests: the p-value, None where there is no test, and the least that the test could have given.

    Returns:
        Adjusted p-values in the order given; None for what does not count.
    """
    counting = [i for i, (p_value, least) in enumerate(tests) if p_value is not None and least <= level]
    adjusted = dict(zip(counting, holm([tests[i][0] or 0.0 for i in counting]), strict=True))
    return [adjusted.get(i) for i in range(len(tests))]


def detectable_difference(spread: float, seeds: int, power: float = 0.8, level: float = 0.05) -> float | None:
    """The difference between two ways of training that so many seeds a side show with probability ``power``.

    By Student's t, to which the permutation test comes close: (t_level + t_power) * spread * sqrt(2 / seeds).

    Args:
        spread: standard deviation over training seeds.
        seeds: seeds of each side.
        power: probability with which a true difference of that size is found.
        level: two-sided level of the one test.

    Returns:
        The difference, in the unit of ``spread``; None where no difference can reach the level
        (:func:`smallest_p_value`), as with 3 seeds a side.
    """
    if seeds < 1 or smallest_p_value(seeds, seeds) > level:
        return None
    freedom = 2 * seeds - 2
    both = student_quantile(1 - level / 2, freedom) + student_quantile(power, freedom)
    return both * spread * math.sqrt(2 / seeds)


def fisher_greater(first: int, first_of: int, second: int, second_of: int) -> float:
    """Fisher's exact one-sided test: is the first share, first / first_of, the larger one?

    Returns:
        The chance of at least so many on the first side if both have one share, given how many there are together.
    """
    total, together = first_of + second_of, first + second
    kept = np.arange(first, min(together, first_of) + 1)
    logs = np.cumsum([0.0, *np.log(np.arange(1, total + 1))])

    def choose(n: int, k: np.ndarray) -> np.ndarray:
        return logs[n] - logs[k] - logs[n - k]

    kept = kept[together - kept <= second_of]
    law = choose(first_of, kept) + choose(second_of, together - kept) - choose(total, np.array(together))
    return min(1.0, math.fsum(np.exp(law)))


def mantel_haenszel_greater(strata: Iterable[tuple[int, int, int, int]]) -> float:
    """Mantel and Haenszel's one-sided test (1959): is the first share the larger one within strata?

    Args:
        strata: (first, first_of, second, second_of) of each, as of :func:`fisher_greater`.

    Returns:
        The p-value by the normal law with continuity correction; 1.0 where no stratum can tell.
    """
    above = spread = 0.0
    for first, first_of, second, second_of in strata:
        total, together = first_of + second_of, first + second
        if min(first_of, second_of) and total > 1:
            above += first - first_of * together / total
            spread += first_of * second_of * together * (total - together) / (total**2 * (total - 1))
    return 1 - NormalDist().cdf((above - 0.5) / math.sqrt(spread)) if spread else 1.0
