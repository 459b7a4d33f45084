"""What two ways of training came to, for somebody who has not read the paper: a table, a sentence, three solutions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from igsm.errors import InputError
from igsm.grading.metrics import Json
from igsm.reporting.lineage import in_pairs, of_one_start
from igsm.reporting.paper import OPERATIONS, is_harder, split_cell
from igsm.reporting.report import ReportRequest
from igsm.reporting.results import Result, read_results
from igsm.reporting.samples import generations
from igsm.significance import SeedTest, seed_test

LEVEL = 0.05
NOT_COMPUTABLE = "not computable yet"
Graded = tuple[Json, Json]
"""A generation and its verdict."""
_SENTENCE = re.compile(r"[^.]+\.?")


@dataclass(frozen=True)
class Side:
    """One way of training.

    Attributes:
        row: its name, e.g. "retry 0.2".
        results: cell -> its evaluations, one a training seed.
    """

    row: str
    results: dict[str, list[Result]]

    def accuracies(self, cells: Sequence[str]) -> dict[int, float]:
        """Training seed -> accuracy, the mean over the cells; of the seeds that have all of them."""
        found: dict[int, list[float]] = {}
        for cell in cells:
            for result in self.results.get(cell, []):
                if result.seed is not None:
                    found.setdefault(result.seed, []).append(result.correct / result.n)
        return {seed: fmean(values) for seed, values in sorted(found.items()) if len(values) == len(cells)}


@dataclass(frozen=True)
class Line:
    """One sentence of a solution: "" for a right one, "taken back", or what is wrong with it."""

    text: str
    mark: str


@dataclass(frozen=True)
class Example:
    """A solution to show, with a heading that says what to look at."""

    heading: str
    problem: str
    lines: list[Line]


@dataclass(frozen=True)
class Findings:
    """Two ways of training compared.

    Attributes:
        base, other: without and with mistakes in the training data.
        cells: of both, in order.
        harder: those with more operations than any problem trained on.
        n: test problems of a cell.
        p_value: of the permutation test over training seeds, on the mean over the harder cells; in pairs where the
            runs of one side started from those of the other.
        sentence: what it shows.
        certainty: how sure that is.
        examples: solutions to problems of the harder cells.
    """

    base: Side
    other: Side
    cells: list[str]
    harder: list[str]
    n: int
    p_value: float
    sentence: str
    certainty: str
    examples: list[Example]

    def content(self) -> Json:
        """As written to `findings.json`."""
        sides = (self.base, self.other)
        return {
            "class": split_cell(self.cells[0])[0],
            "problems_a_cell": self.n,
            "seeds": {side.row: sorted(side.accuracies(self.harder)) for side in sides},
            "cells": self.cells,
            "harder_than_trained": self.harder,
            "accuracy": {
                side.row: {
                    cell: {str(seed): value for seed, value in side.accuracies([cell]).items()} for cell in self.cells
                }
                for side in sides
            },
            "p_value_over_seeds": self.p_value,
            "sentence": self.sentence,
            "certainty": self.certainty,
        }


def find(request: ReportRequest) -> Findings:
    """Compare the baseline of a sweep with its first other row that has greedy evaluations.

    Raises:
        InputError: one of them has not been evaluated on a cell that is harder than what was trained.
    """
    rows = request.all_rows
    base = request.baseline or rows[0]
    results = [one for one in read_results(request.sources) if one.decoder == "greedy"]
    decoded = {one.row for one in results}
    other = next((row for row in rows if row != base and row in decoded), "")
    first, second = sides = [_side(row, results) for row in (base, other)]
    known = [cell for cell in request.columns or () if all(cell in side.results for side in sides)]
    harder = [cell for cell in known if is_harder(cell)]
    if not harder:
        raise InputError(
            f"{request.title}: nothing to compare yet; run the sweep first (it needs '{base}' and a second row)"
        )
    n = min(result.n for side in sides for cell in known for result in side.results[cell])
    evaluated = [([one for cell in harder for one in side.results[cell]], side.accuracies(harder)) for side in sides]
    *by_seed, paired = in_pairs(*evaluated)
    for side, values in zip(sides, by_seed, strict=True):
        if not values:
            raise InputError(f"{side.row}: no training seed has been evaluated on all of {', '.join(harder)} yet")
    without, with_mistakes = (list(values.values()) for values in by_seed)
    test = seed_test(without, with_mistakes, paired=paired)
    one_start = all(of_one_start(results) for results, _ in evaluated)
    kind = "fine-tuning run" if one_start else "training run"
    sentence, certainty = _words(without, with_mistakes, harder, test, paired, kind)
    if one_start:
        certainty += " All go on from one model: of others it says nothing."
    examples = list(_examples(first, second, harder))
    return Findings(first, second, known, harder, n, test.p_value, sentence, certainty, examples)


def _side(row: str, results: Sequence[Result]) -> Side:
    cells: dict[str, list[Result]] = {}
    for result in results:
        if result.row == row:
            cells.setdefault(result.cell, []).append(result)
    return Side(row, cells)


def _words(
    first: Sequence[float], second: Sequence[float], harder: Sequence[str], test: SeedTest, paired: bool, kind: str
) -> tuple[str, str]:
    """What the accuracies of two sides show, one a training seed (a run of this kind), and how sure that is."""
    low, high = (100 * fmean(values) for values in (first, second))
    ops = [int(found[2]) for cell in harder if (found := OPERATIONS.match(split_cell(cell)[1]))]
    verb = "more" if high > low else "fewer"
    span = f"{min(ops)}" if min(ops) == max(ops) else f"{min(ops)} to {max(ops)}"
    sentence = (
        f"On problems of {span} operations, more than any in training, models that had seen mistakes "
        f"and their correction solved {high:.1f} %, models that had seen right solutions only {low:.1f} %: "
        + (f"{abs(high - low):.1f} points {verb}." if f"{high:.1f}" != f"{low:.1f}" else "no difference.")
    )
    counts = f"{len(first)} and {len(second)} {kind}s"
    if len(first) == len(second):
        counts = f"{len(first)} {kind}{'s' if len(first) > 1 else ''} a side"
    if paired:
        counts += ", in pairs of one start"
        changes = [after - before for before, after in zip(first, second, strict=True)]
        apart = min(changes) > 0 or max(changes) < 0
        shown = "one side is ahead in every pair" if apart else "neither side is ahead in every pair"
    else:
        apart = min(second) > max(first) or max(second) < min(first)
        shown = "every run of one side is ahead of every run of the other" if apart else "the runs overlap"
    if test.p_value <= LEVEL:
        return sentence, f"Chance in training would do this in {100 * test.p_value:.2g} % of cases ({counts})."
    unsure = f"with {counts} no difference could be surer"
    reason = unsure if test.least > LEVEL else f"p = {test.p_value:.2f} with {counts}"
    return sentence, f"Not settled: {shown}, but {reason}."


def _examples(base: Side, other: Side, harder: Sequence[str]) -> Iterator[Example]:
    """A step skipped without mistakes in training; the same problem solved with; a mistake taken back."""
    solved = {int(record["index"]): (record, verdict) for record, verdict in _of(other, harder) if verdict["correct"]}
    skipped = [
        (record, verdict)
        for record, verdict in _of(base, harder)
        if (verdict.get("error") or {}).get("kind") == NOT_COMPUTABLE
    ]
    both = _shortest([one for one in skipped if int(one[0]["index"]) in solved])
    if one := both or _shortest(skipped):
        yield _example(f"{base.row}: a step comes too early", *one)
    if both:
        yield _example(f"{other.row}: the same problem, solved", *solved[int(both[0]["index"])])
    noticed = [one for one in solved.values() if one[1].get("taken_back") and not one[1].get("needlessly_taken_back")]
    if one := _shortest(noticed):
        yield _example(f"{other.row}: a mistake is noticed and taken back", *one)


def _of(side: Side, cells: Sequence[str]) -> list[Graded]:
    """The graded generations of the first of the cells that has any, of all training seeds."""
    for cell in cells:
        found: list[Graded] = []
        for result in side.results[cell]:
            verdicts = list(result.evaluation.verdicts())
            found += [(one, verdicts[i]) for one in generations(result) if (i := int(one["index"])) < len(verdicts)]
        if found:
            return found
    return []


def _shortest(graded: Sequence[Graded]) -> Graded | None:
    return min(graded, key=lambda one: len(str(one[0]["text"])), default=None)


def _example(heading: str, record: Json, verdict: Json) -> Example:
    error = verdict.get("error") or {}
    lines = []
    for number, sentence in enumerate(_SENTENCE.findall(str(record.get("solution", record["text"]))), start=1):
        mark = "taken back" if "BACK" in sentence else str(error["kind"]) if number == error.get("step") else ""
        lines.append(Line(sentence.strip(), mark))
    return Example(heading, str(record.get("problem", "")).strip(), lines)
