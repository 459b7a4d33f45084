"""Several evaluations of one cell (training seeds) as one number; two rows compared. The test problem is the unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from igsm.grading.metrics import Metric
from igsm.reporting.results import Result
from igsm.statistics import effective_problems, mean_interval, sign_flip_test, wilson

Combined = tuple[float | None, int, tuple[float, float] | None]


def combine_results(group: Sequence[Result], measure: Metric) -> Combined:
    """Value, number of problems and 95 % interval of the evaluations in ``group`` taken together.

    A share is the mean over the seeds, then over the problems. Another mean is that of all answers that count (for
    retries on correct solutions: the correct ones, at whichever seed). Where it is not known that all seeds were given
    the same problems, n is that of the smallest test set: as few as can be behind the mean of the seeds.
    """
    if not group:
        return None, 0, None
    if measure.share:
        return _share(group)
    problems: dict[tuple[int, int], list[float]] = {}
    for result, problem_set in zip(group, _problem_sets(group), strict=True):
        for index, value in result.numbers.of_problems(measure.name).items():
            problems.setdefault((problem_set, index), []).append(value)
    values = [value for own in problems.values() for value in own]
    return (math.fsum(values) / len(values) if values else None), len(problems), mean_interval(list(problems.values()))


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
    if not base or not other or len({*_problem_sets([*base, *other])}) > 1:
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
    if len({*_problem_sets(group)}) > 1:
        return None
    shared = min(result.n for result in group)
    right = [result.numbers.of_problems("accuracy") for result in group]
    return {index: sum(int(own[index]) for own in right) for index in range(shared)}


def _problem_sets(group: Sequence[Result]) -> list[int]:
    """A number for each result; equal ones for results on the same problems (see `Result.same_problems`)."""
    numbers: list[int] = []
    for i, result in enumerate(group):
        same = (numbers[k] for k in range(i) if group[k].same_problems(result))
        numbers.append(next(same, i))
    return numbers
