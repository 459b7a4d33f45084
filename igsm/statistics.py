"""Intervals of proportions and means, over test problems and over training seeds.

Over problems: how far the number could be off for these models, had they been given other problems. Models of several
training seeds answer the same problems; their answers to one problem depend on each other, so the problem is the unit.

Over seeds: how far it could be off on these problems, had the models been trained again. A claim about a way of
training needs this one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from statistics import NormalDist, fmean, stdev, variance

CONFIDENCE = 0.95
"""Probability that an interval covers the truth."""


def wilson(correct: float, total: float) -> tuple[float, float]:
    """Wilson score interval of a proportion.

    Unlike "p plus or minus 1.96 standard errors" it is honest at 0 and 1: 0 of 8 gives (0, 0.32), not (0, 0).

    Args:
        correct: successes, 0 to ``total``.
        total: trials, at least 0, or the effective number of them (:func:`effective_problems`);
            without trials nothing is known and the interval is (0, 1).

    Returns:
        Lower and upper end, in [0, 1].
    """
    if not 0 <= correct <= total:
        raise ValueError(f"{correct} of {total}: the successes must lie between 0 and the number of trials")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share = correct / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = 0.0 if correct == 0 else (centre - spread) / scale
    high = 1.0 if correct == total else (centre + spread) / scale
    return max(0.0, low), min(1.0, high)


def effective_problems(right: Sequence[int], seeds: int) -> float:
    """How many independent problems, each tried once, tell as much of the accuracy as these tried at several seeds.

    It is p (1 - p) / Var(p): p is the accuracy, Var(p) = sum (m_i - p)^2 / n^2 its variance over the n problems, and
    m_i the share of seeds that have problem i right. With one seed, or seeds that agree on every problem, it is n. The
    more they disagree the larger it is, up to n * seeds. Where all m_i are equal the variance is 0 and cannot be used:
    n, to be careful.

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

    It is p (1 - p) / Var(p), where p is the accuracy and Var(p) the variance of a ratio of two sums over problems
    (right answers, questions). Where the variance cannot be estimated (all right, all wrong, or one problem) it is the
    number of problems.

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


def mean_interval(answers: Sequence[Mapping[Hashable, float]]) -> tuple[float, float] | None:
    """Interval of a mean of counts, over the problems; what several seeds answer to one problem goes together.

    The normal interval (mean plus or minus 1.96 standard errors) covers the truth too seldom where counts are rare,
    such as a mean of 0.003 in 1,000 problems: a mean that is too low by chance has too small a standard error as well.
    So the mean is read as a Poisson count of x = (mean / standard error)^2 events, each worth mean / x, and gets Byar's
    approximation of the exact Poisson interval (Breslow and Day 1987, section 2.3). Instead of 1.96 it has Student's
    quantile, with as many degrees of freedom as there are problems with a count above 0, for only these tell the
    standard error anything. With many of them this is the normal interval.

    Where nothing varies the standard error is 0. Then the interval is the mean plus or minus 3.69 / n: the exact
    Poisson bound on the share of problems of a kind that did not occur among n, taken to be off by one each.

    Args:
        answers: for each seed problem -> count (at least 0), of the problems that count at that seed.

    Returns:
        Lower end (at least 0) and upper end around the mean of the seeds' means; None with fewer than two problems, or
        none at a seed.
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
        never_seen = -math.log((1 - CONFIDENCE) / 2) / n
        return max(0.0, mean - never_seen), mean + never_seen
    seen = len({problem for own in answers for problem, value in own.items() if value})
    z, x = student_quantile(0.5 + CONFIDENCE / 2, min(seen, 1000)), mean * mean / variance
    low = x * max(0.0, 1 - 1 / (9 * x) - z / (3 * math.sqrt(x))) ** 3
    high = (x + 1) * (1 - 1 / (9 * (x + 1)) + z / (3 * math.sqrt(x + 1))) ** 3
    return mean / x * low, mean / x * high


def share_interval(answers: Sequence[Mapping[Hashable, float]]) -> tuple[float, float] | None:
    """:func:`mean_interval` of values from 0 to 1: of hits and misses it counts the rarer ones."""
    missed = [{problem: 1 - value for problem, value in own.items()} for own in answers]
    if sum(sum(own.values()) for own in missed) > sum(sum(own.values()) for own in answers):
        found = mean_interval(answers)
        return found and (found[0], min(1.0, found[1]))
    found = mean_interval(missed)
    return found and (max(0.0, 1 - found[1]), 1 - found[0])


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's interval of the mean of independent values, one a training seed.

    Returns:
        Lower and upper end; None with fewer than two values, or when all are equal: no spread can be told from them.
    """
    if len(values) < 2 or min(values) == max(values):
        return None
    spread = student_quantile(0.5 + CONFIDENCE / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - spread, fmean(values) + spread


def welch_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """Welch's interval of the difference of two means, second less first; degrees of freedom are rounded down.

    Returns:
        Lower and upper end, one point where neither side varies; None with fewer than two values on a side.
    """
    if min(len(first), len(second)) < 2:
        return None
    difference = fmean(second) - fmean(first)
    parts = [variance(values) / len(values) for values in (first, second)]
    if not sum(parts):
        return difference, difference
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    half = student_quantile(0.5 + CONFIDENCE / 2, max(1, int(freedom))) * math.sqrt(sum(parts))
    return difference - half, difference + half


def paired_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """Interval of the mean difference of two shares on the same problems.

    Agresti and Min (2005, "Simple improved confidence intervals for comparing matched proportions"): half a problem is
    added to each of the four outcomes of a pair, two problems in all, of which one differs. The plain interval is too
    narrow where few problems differ, and a point where none does.

    Args:
        differences: one a problem, from -1 to 1: the share of the second side's seeds that have it right, less that of
            the first's.

    Returns:
        Lower and upper end, in [-1, 1]; None without problems.
    """
    if not differences:
        return None
    n = len(differences) + 2
    mean = math.fsum(differences) / n
    squares = math.fsum(one * one for one in differences) + 1
    half = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * math.sqrt((squares - n * mean * mean) / n**2)
    return max(-1.0, mean - half), min(1.0, mean + half)


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
