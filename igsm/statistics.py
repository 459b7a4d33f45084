"""Uncertainty of proportions, of means and of differences, over test problems and over training seeds.

Over problems: what other problems would show of these models. Several training seeds answer the same problems: their
answers to one problem are no independent trials, so they are taken together. Over seeds: what training again would
show on these problems. A claim about a way of training needs the second.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from statistics import NormalDist, fmean, stdev

import numpy as np

from igsm.seeds import numpy_generator


def wilson(correct: float, total: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a proportion.

    Unlike "p plus or minus 1.96 standard errors" it is honest at 0 and 1: 0 of 8 gives (0, 0.32), not (0, 0).

    Args:
        correct: successes, 0 to ``total``.
        total: trials, at least 0, or the effective number of them (:func:`effective_problems`);
            without trials nothing is known and the interval is (0, 1).
        confidence: probability that the interval covers the true proportion.

    Returns:
        Lower and upper end, in [0, 1].
    """
    if not 0 <= correct <= total:
        raise ValueError(f"{correct} of {total}: the successes must lie between 0 and the number of trials")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = correct / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = 0.0 if correct == 0 else (centre - spread) / scale
    high = 1.0 if correct == total else (centre + spread) / scale
    return max(0.0, low), min(1.0, high)


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

    The problem is the unit: if the systems are alike, each problem's difference is as likely to have the other sign.
    The p-value is the share of all 2^n choices of signs whose sum is at least as far from 0 as the one seen. The sum of
    the m differences of size v is v * (2 * Binomial(m, 1/2) - m); these distributions are convolved. Differences of one
    size, as with one seed each, give McNemar's test.

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


def effective_problems(right: Sequence[int], seeds: int) -> float:
    """How many independent problems, each tried once, tell as much of the accuracy as these tried at several seeds.

    With p the accuracy and m_i the share of seeds that have problem i right, it is p (1 - p) / Var(mean), where
    Var(mean) = sum (m_i - p)^2 / n^2 over the n problems. It is n when the seeds agree on every problem (or there is
    one seed), and more the less they do; never more than n * seeds, and n when the m_i are all equal, from which
    nothing can be estimated.

    Args:
        right: at how many seeds each problem is right, 0 to ``seeds``.
        seeds: number of seeds.

    Returns:
        The number for :func:`wilson`; it covers the choice of problems, not that of the seeds.
    """
    n, total = len(right), sum(right)
    of_trials = total * (seeds * n - total)  # p (1 - p) and the variance of the m_i, both times (n * seeds)^2
    of_means = n * sum(count * count for count in right) - total * total
    return min(float(n * seeds), n * (of_trials / of_means)) if of_means else float(n)


def effective_trials(right: Sequence[int], trials: Sequence[int]) -> float:
    """How many independent questions tell as much of the accuracy as these, of which each problem has several.

    With p the accuracy it is p (1 - p) / Var(p), where Var(p) is that of a ratio of sums over the problems. It is the
    number of problems where nothing can be told of it: all are right, or all wrong, or there is one problem.

    Args:
        right: of each problem's questions, how many are right.
        trials: how many questions each problem has, at least one.

    Returns:
        The number for :func:`wilson`, at most that of the questions.
    """
    problems, total = len(trials), sum(trials)
    share = sum(right) / total if total else 0.0
    squares = math.fsum((own - share * asked) ** 2 for own, asked in zip(right, trials, strict=True))
    if problems < 2 or share in (0.0, 1.0) or squares == 0:
        return float(problems)
    variance = problems / (problems - 1) * squares / total**2
    return min(float(total), share * (1 - share) / variance)


def mean_interval(answers: Sequence[Mapping[Hashable, float]], confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean of counts over the problems; the answers of several seeds to one problem go together.

    The mean is taken for a Poisson count in units of its own: x = (mean / standard error)^2 of them, to which Byar's
    approximation of the exact interval is applied (Breslow and Day 1987, section 2.3), with Student's quantile for as
    many degrees of freedom as problems have a count above 0, which are all that the standard error knows. It is the
    normal interval where these are many. Where counts are rare (a mean of 0.003 in 1,000 problems) the normal one
    covers the truth too seldom, for an estimate that is too low has a standard error that is too small.

    Where nothing varies the standard error is 0 and says nothing. Then it is the mean plus or minus the exact Poisson
    bound of what was never seen in n problems, -log((1 - confidence) / 2) / n (3.69 / n for 95 %), as if the problems
    not seen differed by one. It is cut off at 0.

    Args:
        answers: for each seed problem -> count (at least 0), of the problems that count at that seed.
        confidence: probability that the interval covers the true mean.

    Returns:
        Lower and upper end around the mean of the seeds' means; None with fewer than two problems, or none at a seed.
    """
    deviations: dict[Hashable, float] = {}
    if not all(answers):
        return None
    means = [math.fsum(own.values()) / len(own) for own in answers]
    for own, own_mean in zip(answers, means, strict=True):
        for problem, value in own.items():
            share = (value - own_mean) / (len(answers) * len(own))
            deviations[problem] = deviations.get(problem, 0.0) + share
    n = len(deviations)
    if n < 2:
        return None
    mean = math.fsum(means) / len(means)
    variance = n / (n - 1) * math.fsum(own * own for own in deviations.values())
    if variance <= 1e-24 * mean * mean:  # rounding errors are no spread
        never_seen = -math.log((1 - confidence) / 2) / n
        return max(0.0, mean - never_seen), mean + never_seen
    seen = len({problem for own in answers for problem, value in own.items() if value})
    z, x = student_quantile(0.5 + confidence / 2, min(seen, 1000)), mean * mean / variance
    low = x * max(0.0, 1 - 1 / (9 * x) - z / (3 * math.sqrt(x))) ** 3
    high = (x + 1) * (1 - 1 / (9 * (x + 1)) + z / (3 * math.sqrt(x + 1))) ** 3
    return mean / x * low, mean / x * high


def share_interval(answers: Sequence[Mapping[Hashable, float]], confidence: float = 0.95) -> tuple[float, float] | None:
    """:func:`mean_interval` of values from 0 to 1, by way of what is rarer: near 1 the misses, near 0 the hits."""
    missed = [{problem: 1 - value for problem, value in own.items()} for own in answers]
    if sum(sum(own.values()) for own in missed) > sum(sum(own.values()) for own in answers):
        found = mean_interval(answers, confidence)
        return found and (found[0], min(1.0, found[1]))
    found = mean_interval(missed, confidence)
    return found and (max(0.0, 1 - found[1]), 1 - found[0])


def t_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's interval of the mean of independent values, one a training seed.

    Returns:
        Lower and upper end; None with fewer than two values, or when all are equal: no spread can be told from them.
    """
    if len(values) < 2 or min(values) == max(values):
        return None
    spread = student_quantile(0.5 + confidence / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - spread, fmean(values) + spread


@functools.lru_cache(maxsize=1024)
def student_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t with ``freedom`` degrees of freedom (at least 1), for a probability in [0.5, 1)."""
    low, high = 0.0, 1.0
    while _student_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(middle, freedom) < probability else (low, middle)
    return high


def _student_cdf(t: float, freedom: int) -> float:
    """Exact for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4); t at least 0."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    if odd:
        return 0.5 + (angle + (math.sin(angle) * total if freedom > 1 else 0.0)) / math.pi
    return 0.5 + math.sin(angle) * total / 2


SPLITS, DRAWS = 200_000, 50_000
"""Most ways to part the seeds that are all tried; how many are drawn where there are more."""


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
    """Exact two-sided sign-flip test of values in pairs, one pair a training seed, at most 20 of them.

    If the two sides are alike, each difference is as likely to have the other sign. The p-value is the share of all
    choices of signs whose sum lies at least as far from 0 as the one seen; never below 2 / 2^n.
    """
    values = np.array(differences, dtype=np.float64)
    signs = 1 - 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
    tolerance = 1e-9 * max(1.0, float(np.abs(values).max(initial=0.0)))
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - tolerance))


def smallest_p_value(first: int, second: int) -> float:
    """The least p-value that :func:`permutation_test` can give for so many seeds on the two sides."""
    return min(1.0, (2 if first == second else 1) / math.comb(first + second, first))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given: below 0.05, the chance of any false alarm is 5 % at most."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


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
