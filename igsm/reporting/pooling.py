"""Several evaluations of one cell (training seeds) as one number; two rows compared. The test problem is the unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from igsm.reporting.measures import Measure
from igsm.reporting.results import Result
from igsm.statistics import effective_problems, mean_interval, sign_flip_test, wilson

Combined = tuple[float | None, int, tuple[float, float] | None]


def combine_results(group: Sequence[Result], measure: Measure) -> Combined:
    """Value, number of problems and 95 % interval of the evaluations in ``group`` taken together.

    A share is the mean over the seeds, then over the problems. Another mean is that of all answers that count (for
    retries on correct solutions: the correct ones, at whichever seed). Where it is not known that all seeds were given
    the same problems, n is that of the smallest test set: as few as can be behind the mean of the seeds.
    """
    group = [result for result in group if result.n]
    if not group:
        return None, 0, None
    if measure.share:
        return _share(group)
    problems: dict[tuple[object, int], list[float]] = {}
    for result in group:
        for verdict in result.verdicts():
            if (value := measure.of_problem(verdict)) is not None:
                problems.setdefault((result.test_set, verdict["index"]), []).append(value)
    if problems and all(result.has_verdicts for result in group):
        values = [value for own in problems.values() for value in own]
        return math.fsum(values) / len(values), len(problems), mean_interval(list(problems.values()))
    means = [(mean, result.n) for result in group if (mean := measure.of_summary(result.summary)) is not None]
    if len(means) != 1:  # means over unknown numbers of problems cannot be pooled
        return None, 0, None
    return means[0][0], means[0][1], None


def _share(group: Sequence[Result]) -> Combined:
    if len(group) == 1:
        correct, n = group[0].correct, group[0].n
        return correct / n, n, wilson(correct, n)
    right = _right_counts(group)
    if right is not None and all(len(right) == result.n for result in group):
        n, seeds, total = len(right), len(group), sum(right.values())
        effective = effective_problems(list(right.values()), seeds)
        return total / (n * seeds), n, wilson(effective * (total / (n * seeds)), effective)
    n = min(result.n for result in group)
    value = math.fsum(result.correct / result.n for result in group) / len(group)
    return value, n, wilson(n * value, n)


def paired_test(base: Sequence[Result], other: Sequence[Result]) -> float | None:
    """Exact paired test between two rows of one cell; None unless all evaluations were given the same problems.

    The sign-flip test on the problems that all evaluations have: of each the accuracy over the seeds of one row less
    that of the other: McNemar's test with one seed each. Rows with training seeds in common are compared at these.
    """
    common = {result.seed for result in base} & {result.seed for result in other} - {None}
    if common:
        base, other = ([result for result in row if result.seed in common] for row in (base, other))
    if not base or not other or len({result.test_set for result in (*base, *other)}) > 1:
        return None
    first, second = _right_counts(base), _right_counts(other)
    shared = first.keys() & second.keys() if first and second else set()
    if first is None or second is None or not shared:
        return None
    differences = [len(base) * second[index] - len(other) * first[index] for index in shared]
    unit = math.gcd(*differences) or 1  # the test's work grows with the sizes of the differences
    return sign_flip_test([difference // unit for difference in differences])


def _right_counts(group: Sequence[Result]) -> dict[int, int] | None:
    """Problem -> how many of ``group`` have it right, of the problems that all have; None if their test sets differ."""
    if group[0].test_set is None or len({result.test_set for result in group}) > 1:
        return None
    right = [{verdict["index"]: int(verdict["correct"]) for verdict in result.verdicts()} for result in group]
    shared = set.intersection(*(set(own) for own in right))
    return {index: sum(own[index] for own in right) for index in sorted(shared)}
