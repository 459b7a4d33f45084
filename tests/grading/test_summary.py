"""Counts over verdicts, and the interval beside them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from igsm.grading import Kind, grade
from igsm.grading.summary import Graded, Summary, render
from igsm.statistics import wilson


@pytest.mark.parametrize(
    ("successes", "n", "interval"),
    [
        (0, 8, (0.0, 0.3244)),  # not "0 +/- 0"
        (8, 8, (0.6756, 1.0)),
        (15, 148, (0.0624, 0.1605)),  # Newcombe (1998), table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (0, 0, (0.0, 1.0)),
    ],
)
def test_wilson(successes, n, interval):
    # guards: the normal interval, which has no width at 0 of n
    assert wilson(successes, n) == pytest.approx(interval, abs=5e-5)


def test_counts(problem_of):
    # guards: first errors filed under the wrong op, sentences taken back in wrong solutions among those of correct ones
    summary = Summary(examples=1)
    problem = problem_of(0)
    back = f" Define {problem.name(problem.question)} as BACK."
    right, wrong = grade(problem, back + problem.solution_text), grade(problem, back * 2)
    for line, (op, verdict) in enumerate([(3, right), (3, wrong), (20, wrong), (20, wrong)], 1):
        summary.add(Graded(line, op, verdict))
    assert (summary.n, summary.correct) == (4, 1)
    assert [summary.numbers.mean(name) for name in ("taken_back", "taken_back_on_wrong")] == [1, 2]
    assert summary.errors == {(Kind.STOPS_EARLY, 3): 1, (Kind.STOPS_EARLY, 20): 2}
    assert len(summary.examples[Kind.STOPS_EARLY]) == 1


@pytest.mark.parametrize("ops", [[], [4], list(range(1, 33)), [1, 32]])
def test_table_counts_every_solution_once(problem_of, ops):
    # guards: ops that fall between the ranges of the table's columns
    summary = Summary()
    problem = problem_of(0)
    for line, op in enumerate(ops):
        summary.add(Graded(line, op, grade(problem, problem.solution_text)))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render(summary))
    rows = [line for line in console.export_text().splitlines() if "solutions " in line and "│" in line]
    if ops:
        *counts, total = (int(cell) for cell in rows[0].split("│")[2:-1] if cell.strip())
        assert sum(counts) == total == len(ops)
    else:
        assert not rows
