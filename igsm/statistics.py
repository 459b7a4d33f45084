"""Uncertainty of proportions, of means and of differences, the test problem being the unit.

Several training seeds answer the same problems: their answers to one problem are no independent trials, so they are
taken together before anything is said about the problems.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


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


def mean_interval(values: Sequence[Sequence[float]], confidence: float = 0.95) -> tuple[float, float] | None:
    """Normal interval of the mean of counts, where those of one problem (at several seeds) are not independent.

    Where nothing varies the standard error is 0 and says nothing. Then it is the mean plus or minus the exact Poisson
    bound of what was never seen in n problems, -log((1 - confidence) / 2) / n (3.69 / n for 95 %), as if the problems
    not seen differed by one. It is cut off at 0.

    Args:
        values: the counts of each problem, at least one each.
        confidence: probability that the interval covers the true mean.

    Returns:
        Lower and upper end; None with fewer than two problems.
    """
    n, total = len(values), sum(map(len, values))
    if n < 2:
        return None
    mean = math.fsum(value for own in values for value in own) / total
    variance = n / (n - 1) * math.fsum(math.fsum(value - mean for value in own) ** 2 for own in values) / total**2
    if variance == 0:
        never_seen = -math.log((1 - confidence) / 2) / n
        return max(0.0, mean - never_seen), mean + never_seen
    spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance)
    return max(0.0, mean - spread), mean + spread
