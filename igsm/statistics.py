"""Uncertainty of proportions and of their differences, from counts alone (standard library only)."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a proportion.

    Unlike "p plus or minus 1.96 standard errors" it is honest at 0 and 1: 0 of 8 gives (0, 0.32), not (0, 0).

    Args:
        correct: successes, 0 to ``total``.
        total: trials, at least 0; without trials nothing is known and the interval is (0, 1).
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


def mean_interval(values: list[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Normal interval of a mean, from the values themselves; None with fewer than two of them."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(variance / len(values))
    return mean - spread, mean + spread
