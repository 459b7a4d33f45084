"""Over training seeds: each seed's number, their interval, and tests between rows that were trained differently."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from igsm.grading.metrics import Metric
from igsm.reporting.lineage import model, paired_by
from igsm.reporting.pooling import Interval, combine_results, paired_test
from igsm.reporting.results import Result
from igsm.significance import seed_test
from igsm.statistics import t_interval, welch_interval


@dataclass(frozen=True)
class Comparison:
    """Whether a row differs from the baseline in a cell.

    Attributes:
        over: "seeds": of two ways of training; "problems": of one model's two decoders.
        p_value: of this test alone.
        adjusted: after Holm, over the tests of the table that can come below 0.05; None for one that cannot. The stars
            are its.
        sides: training seeds of the baseline and of the row.
        least: over seeds, the smallest p-value that so many can give.
    """

    over: Literal["seeds", "problems"]
    p_value: float
    sides: tuple[int, int]
    least: float = 0.0
    adjusted: float | None = 1.0


def values_by_seed(group: Sequence[Result], measure: Metric) -> tuple[float, ...]:
    """The number of each evaluation, in their order; those in which nothing counts are left out."""
    values = (combine_results([result], measure)[0] for result in group)
    return tuple(value for value in values if value is not None)


def seed_interval(values: Sequence[float], measure: Metric) -> Interval | None:
    """95 % t interval over the seeds, cut off where no such number can be; None where no spread is known."""
    found = t_interval(values)
    if found is None:
        return None
    return max(0.0, found[0]), min(1.0, found[1]) if measure.share else found[1]


def compare(base: Sequence[Result], other: Sequence[Result], measure: Metric) -> Comparison | None:
    """Test a row against the baseline in one cell.

    Rows that show the same models, decoded otherwise, are tested over the problems that these models were given. Rows
    of other models claim something about training and are tested over the seeds, at least two a side: in pairs, where
    the models of both were fine-tuned from the same ones.
    """
    pair = paired_by(base, other)
    if pair is model:
        if measure.name != "accuracy":
            return None
        base, other = at_the_same_models(base, other)
        p_value = paired_test(base, other)
        return None if p_value is None else Comparison("problems", p_value, (len(base), len(other)))
    first, second = (_values(side, measure, pair) for side in (base, other))
    if pair:
        common = first.keys() & second.keys()
        first, second = ({key: side[key] for key in common} for side in (first, second))
    sides = len(first), len(second)
    if min(sides) < 2:
        return None
    p_value, least = seed_test([*first.values()], [*second.values()], paired=pair is not None)
    return Comparison("seeds", p_value, sides, least)


def at_the_same_models(base: Sequence[Result], other: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Two rows at the models, or the starts, that they have in common; all of both, where they have none."""
    pair = paired_by(base, other)
    if pair is None:
        return list(base), list(other)
    common = {pair(result) for result in base} & {pair(result) for result in other}
    first, second = ([result for result in row if pair(result) in common] for row in (base, other))
    return first, second


def over_seeds(
    base: Sequence[Result], other: Sequence[Result], measure: Metric
) -> tuple[tuple[int, int], Interval | None]:
    """How many trainings are behind two rows, and the 95 % interval over training seeds of their difference.

    The same models decoded otherwise, and models fine-tuned from the same ones, are paired; others are two samples.

    Returns:
        The interval is None with fewer than two seeds (pairs), or where they do not vary: no spread is known then.
    """
    pair = paired_by(base, other)
    first, second = (_values(side, measure, pair) for side in (base, other))
    seeds = len(first), len(second)
    if pair:
        return seeds, t_interval([second[key] - first[key] for key in first.keys() & second.keys()])
    interval = welch_interval(list(first.values()), list(second.values()))
    return seeds, None if interval is None or interval[0] == interval[1] else interval


def _values(
    group: Sequence[Result], measure: Metric, pair: Callable[[Result], Hashable] | None
) -> dict[Hashable, float]:
    """A row's number by pair, or by model where nothing pairs it; those in which nothing counts are left out."""
    found = {(pair or model)(result): values_by_seed([result], measure) for result in group}
    return {key: values[0] for key, values in found.items() if values}


def spread(cells: Sequence[Sequence[float]]) -> tuple[float, int] | None:
    """Standard deviation over training seeds, pooled over rows.

    Args:
        cells: each row's values, one a seed.

    Returns:
        The deviation and its degrees of freedom; None where no row has two seeds.
    """
    freedom = sum(len(values) - 1 for values in cells if len(values) > 1)
    if freedom == 0:
        return None
    squares = math.fsum((value - fmean(values)) ** 2 for values in cells if len(values) > 1 for value in values)
    return math.sqrt(squares / freedom), freedom


def counted(numbers: Iterable[int]) -> str:
    """How many training seeds, for a caption: "3 training seeds", "1 to 3 training seeds"; empty without any."""
    known = sorted({number for number in numbers if number})
    if not known:
        return ""
    span = f"{known[0]}" if len(known) == 1 else f"{known[0]} to {known[-1]}"
    return f"{span} training seed{'s' if known[-1] > 1 else ''}"
