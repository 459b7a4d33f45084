"""One number of a cell from several training seeds, and a test between two rows. The test problem is the unit."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from statistics import fmean

from igsm.grading.metrics import Metric
from igsm.reporting.results import Result
from igsm.significance import sign_flip_test
from igsm.statistics import effective_problems, mean_interval, paired_interval, share_interval, wilson

Interval = tuple[float, float]
Combined = tuple[float | None, int, Interval | None]
"""Value, number of problems behind it, 95 % interval over problems; None for what is not known."""


def combine_results(group: Sequence[Result], measure: Metric) -> Combined:
    """The evaluations of a group, one a training seed, taken together.

    The value is the mean of the seeds' values. A seed's value is the mean over the solutions that the measure counts,
    such as the correct ones; a seed that has none of these is left out. The number of problems is that of all that
    count at any seed. For an accuracy whose seeds may have been given different problems it is the size of the
    smallest test set, so that the interval is not too narrow.
    """
    if not group:
        return None, 0, None
    if measure.name == "accuracy":
        return _accuracy(group)
    answers = [own for own in _counts(group, measure) if own]
    if not answers:
        return None, 0, None
    value = math.fsum(fmean(own.values()) for own in answers) / len(answers)
    interval = share_interval(answers) if measure.share else mean_interval(answers)
    return value, len(set().union(*answers)), interval


def _counts(group: Sequence[Result], measure: Metric) -> list[dict[Hashable, float]]:
    """Of each result: problem -> value, of the problems that count."""
    return [
        {(problem_set, index): value for index, value in result.numbers.of_problems(measure.name).items()}
        for result, problem_set in zip(group, _problem_sets(group), strict=True)
    ]


def _accuracy(group: Sequence[Result]) -> Combined:
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
    """p-value of the sign-flip test between two rows of one cell; with one seed a row it is McNemar's test.

    The rows are at the same models (`seeds.at_the_same_models`). A problem's difference is at how many seeds one row
    has it right, less at how many the other has; the problems are those that all evaluations have.

    Returns:
        None unless all evaluations were given the same problems, at as many seeds a row. With different numbers of
        seeds a problem's difference is not as likely to have the other sign, even if the rows are alike (6 to 8 % false
        alarms of a one-sided test near 100 %).
    """
    if not base or len(base) != len(other) or len({*_problem_sets([*base, *other])}) > 1:
        return None
    first, second = _right_counts(base), _right_counts(other)
    shared = first.keys() & second.keys() if first and second else set()
    if first is None or second is None or not shared:
        return None
    return sign_flip_test([second[index] - first[index] for index in shared])


def paired_difference(base: Sequence[Result], other: Sequence[Result]) -> tuple[float, int, Interval] | None:
    """How much more of the same problems `other` has right: mean over problems and seeds, problems, interval over them.

    Returns:
        None unless all evaluations were given the same problems.
    """
    if not base or not other or len({*_problem_sets([*base, *other])}) > 1:
        return None
    first, second = _right_counts(base), _right_counts(other)
    shared = sorted(first.keys() & second.keys()) if first and second else []
    if first is None or second is None or not shared:
        return None
    differences = [second[index] / len(other) - first[index] / len(base) for index in shared]
    interval = paired_interval(differences)
    assert interval is not None
    return fmean(differences), len(shared), interval


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
