"""Slices that looked bad, on fresh problems: do they fail more than the rest of the class?

A slice was chosen because it looked bad, so its rate there is too high. The test is on problems that no search has
seen, those of the slice against those of the class outside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from igsm.problems.slices import COUNTS, Slice
from igsm.significance import fisher_greater, holm, mantel_haenszel_greater

FEWEST = 10
"""Problems elsewhere that tell the rate at a number of operations."""
LEVEL = 0.05
"""Chance, at most, that any slice of a model without weaknesses is confirmed."""


class Confirmation(NamedTuple):
    """A slice on fresh problems. Rates are failures / n."""

    n: int
    failed: int
    elsewhere_n: int
    elsewhere_failed: int
    elsewhere_same_op: float | None
    """The failure rate elsewhere if the problems there had the slice's numbers of operations; None where elsewhere has
    too few of them."""
    p: float
    p_holm: float
    p_same_op: float
    """Of Mantel and Haenszel's test within numbers of operations, after Holm's correction too."""

    @property
    def confirmed(self) -> bool:
        return self.p_holm < LEVEL


def confirm(
    slices: Sequence[Slice],
    inside: Sequence[tuple[np.ndarray, np.ndarray]],
    everywhere: tuple[np.ndarray, np.ndarray],
) -> list[Confirmation]:
    """Test each slice on fresh problems, with Holm's correction over all of them.

    Args:
        inside: of each slice, counts and failures of fresh problems drawn from it.
        everywhere: the same of problems of the whole class; those that lie in a slice count there.
    """
    found, within, op = [], [], list(COUNTS).index("op")
    for where, (own_counts, own_failed) in zip(slices, inside, strict=True):
        lies_in = where.holds(everywhere[0])
        counts = np.concatenate([own_counts, everywhere[0][lies_in]])
        failed = np.concatenate([own_failed, everywhere[1][lies_in]])
        other_counts, other_failed = everywhere[0][~lies_in], everywhere[1][~lies_in]
        sides = (len(failed), int(failed.sum()), len(other_failed), int(other_failed.sum()))
        p = fisher_greater(sides[1], sides[0], sides[3], sides[2])
        strata = [(counts[:, op] == k, other_counts[:, op] == k) for k in np.unique(counts[:, op])]
        within.append(
            mantel_haenszel_greater(
                (int(failed[own].sum()), int(own.sum()), int(other_failed[others].sum()), int(others.sum()))
                for own, others in strata
            )
        )
        found.append((*sides, _at_same_op(counts[:, op], other_counts[:, op], other_failed), p))
    adjusted = zip(found, holm([one[-1] for one in found]), holm(within), strict=True)
    return [Confirmation(*one, *corrected) for one, *corrected in adjusted]


def _at_same_op(ops: np.ndarray, other_ops: np.ndarray, other_failed: np.ndarray) -> float | None:
    total = covered = 0.0
    for op, n in zip(*np.unique(ops, return_counts=True), strict=True):
        there = other_failed[other_ops == op]
        if len(there) >= FEWEST:
            total += n * there.mean()
            covered += n
    return total / covered if covered >= 0.9 * len(ops) > 0 else None


def ratio_interval(first: int, first_of: int, second: int, second_of: int) -> tuple[float, float, float] | None:
    """The ratio of two shares with its 95 % interval (Katz et al. 1978); None where a share is 0."""
    if not first or not second:
        return None
    ratio = (first / first_of) / (second / second_of)
    spread = 1.96 * math.sqrt(1 / first - 1 / first_of + 1 / second - 1 / second_of)
    return ratio, ratio * math.exp(-spread), ratio * math.exp(spread)
