"""Confidence and critique of self-correction (arXiv 2412.19513): what an answer becomes that may be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from igsm.seeds import numpy_generator

_DRAWS = 1000


class Correction(NamedTuple):
    """Shares from 0 to 1 (`relative`: about that); None where nothing can be measured."""

    before: float
    """Acc1: right without self-correction."""
    after: float
    """Acc2: right with it; before * confidence + (1 - before) * critique."""
    confidence: float | None
    """CL: of what is right before, the share that is right after."""
    critique: float | None
    """CS: of what is wrong before, the share that is right after."""
    relative: float | None
    """RSS: (after - before^2) / (2 before (1 - before)). 0.5: nothing gained. Outside 0..1 where critique is above or
    confidence below `before`."""


def correction(before: Sequence[float], after: Sequence[float], both: Sequence[float]) -> Correction:
    """The measures over questions.

    Args:
        before, after, both: for each question the share of its answers that are right before, after, and at both.
    """
    if not before:
        raise ValueError("there are no questions")
    measures = _measures(*(np.array([column], float) for column in (before, after, both)))
    return Correction(*(None if np.isnan(one[0]) else float(one[0]) for one in measures))  # type: ignore[arg-type]


def relative_interval(
    before: Sequence[float], after: Sequence[float], both: Sequence[float]
) -> tuple[float, float] | None:
    """95 % interval of `Correction.relative`: a bootstrap over the questions; None where it cannot be measured."""
    n = len(before)
    draws = numpy_generator("correction bootstrap").integers(n, size=(_DRAWS, n))
    *_, relative = _measures(*(np.array(column, float)[draws] for column in (before, after, both)))
    usable = relative[~np.isnan(relative)]
    if correction(before, after, both).relative is None or not len(usable):
        return None
    low, high = np.quantile(usable, [0.025, 0.975])
    return float(low), float(high)


def _measures(before: np.ndarray, after: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each row of questions; NaN where nothing can be measured."""
    first, second, kept = before.mean(1), after.mean(1), both.mean(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence = np.where(first > 0, kept / first, np.nan)
        critique = np.where(first < 1, (second - kept) / (1 - first), np.nan)
        spread = 2 * first * (1 - first)
        relative = np.where(spread > 0, (second - first**2) / spread, np.nan)
    return first, second, confidence, critique, relative
