"""From evaluations to a table: every cell with its evidence, the paper's number and a paired test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from igsm.reporting.measures import Measure
from igsm.reporting.paper import PaperTable, sort_columns
from igsm.reporting.results import Result
from igsm.statistics import mcnemar, mean_interval, wilson

Combine = Literal["best", "pooled"]


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: ours; None when nothing was measured.
        n: problems behind it (with several seeds pooled: of all of them).
        interval: 95 % interval: Wilson for shares, normal for means; None when it cannot be computed.
        paper: the paper's number; None when it has none.
        p_value: exact McNemar test against the baseline row on the same problems; None when not comparable.
        results: the evaluations the number comes from.
        n_choices: how many evaluations the best was chosen from (1: no choice).
    """

    value: float | None = None
    n: int = 0
    interval: tuple[float, float] | None = None
    paper: float | None = None
    p_value: float | None = None
    results: tuple[Result, ...] = ()
    n_choices: int = 1

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.value is None or self.paper is None else self.value - self.paper


@dataclass(frozen=True)
class Table:
    """Rows (what a model was trained on, how it was decoded) by columns (test cells)."""

    measure: Measure
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    baseline: str | None
    combine: Combine
    paper: PaperTable | None
    always_zero: dict[str, float] = field(default_factory=dict)

    def cell(self, row: str, column: str) -> Cell:
        return self.cells.get((row, column), Cell())

    def average(self, row: str) -> float | None:
        """Mean over all columns; None as long as one is missing."""
        values = [value for column in self.columns if (value := self.cell(row, column).value) is not None]
        return math.fsum(values) / len(values) if values and len(values) == len(self.columns) else None

    def paper_average(self, row: str) -> float | None:
        """The paper's average column, which is comparable only when our columns are the paper's."""
        if self.paper is None or set(self.columns) != set(self.paper.columns):
            return None
        return self.paper.averages.get(row)

    @property
    def measured(self) -> bool:
        """Whether there is any number of ours."""
        return any(cell.value is not None for cell in self.cells.values())


def build_table(
    results: Sequence[Result],
    measure: Measure,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    baseline: str | None = None,
    combine: Combine = "pooled",
    paper: PaperTable | None = None,
) -> Table:
    """Arrange ``results`` into a table.

    Args:
        results: evaluations; several of one row and cell (seeds, decoders) are combined.
        measure: what to show.
        rows: the rows in order, also those without results; default: in order of appearance.
        columns: the cells in order, also those without results; default: those that have results.
        baseline: the row others are tested against (the error-free one).
        combine: "pooled" takes all seeds together; "best" the evaluation with the highest accuracy, as the
            paper does in Figures 4 and 8 (its interval knows nothing of the choice).
        paper: the paper's numbers for this measure.
    """
    rows = tuple(dict.fromkeys(rows if rows is not None else (result.row for result in results)))
    columns = tuple(columns) if columns is not None else sort_columns(result.cell for result in results)
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.row, result.cell), []).append(result)
    chosen = {key: [_best(group)] if combine == "best" else group for key, group in groups.items()}
    cells = {}
    for row in rows:
        for column in columns:
            group = chosen.get((row, column), [])
            base = chosen.get((baseline, column), []) if baseline not in (None, row) else []
            value, n, interval = _combined(group, measure)
            cells[row, column] = Cell(
                value,
                n,
                interval,
                paper.values.get(row, {}).get(column) if paper else None,
                paired_test(base, group) if measure.share else None,
                tuple(group),
                len(groups.get((row, column), [])) if combine == "best" else 1,
            )
    return Table(measure, rows, columns, cells, baseline, combine, paper, _always_zero(results))


def split_decoders(results: Sequence[Result]) -> list[Result]:
    """Give each decoder a row of its own ("retry 0.5, beam4") where a row was evaluated with several."""
    decoders: dict[str, set[str]] = {}
    for result in results:
        decoders.setdefault(result.row, set()).add(result.decoder)
    return [
        replace(result, row=f"{result.row}, {result.decoder}") if len(decoders[result.row]) > 1 else result
        for result in results
    ]


def _best(group: Sequence[Result]) -> Result:
    return max(group, key=lambda result: result.correct / max(result.n, 1))


def _combined(group: Sequence[Result], measure: Measure) -> tuple[float | None, int, tuple[float, float] | None]:
    """Value, problems behind it and interval of the evaluations in ``group`` taken together."""
    if not group:
        return None, 0, None
    n = sum(result.n for result in group)
    if measure.share:
        correct = sum(result.correct for result in group)
        return (correct / n, n, wilson(correct, n)) if n else (None, 0, None)
    values = [value for result in group for value in result.values(measure)]
    if values:
        return math.fsum(values) / len(values), len(values), mean_interval(values)
    means = [(mean, result.n) for result in group if (mean := measure.of_summary(result.summary)) is not None]
    if len(means) != 1:  # means over unknown numbers of problems cannot be pooled
        return None, 0, None
    return means[0][0], means[0][1], None


def paired_test(base: Sequence[Result], other: Sequence[Result]) -> float | None:
    """Exact McNemar test between two rows of one cell; None unless both were given the same problems.

    Runs of the same training seed are paired; only where the rows have no seed in common, or none is known, the k-th
    run of one with the k-th of the other.
    """
    only_base = only_other = pairs = 0
    for first, second in _pairs(base, other):
        if first.test_seed is None or first.test_seed != second.test_seed:
            continue
        right = {verdict["index"]: bool(verdict["correct"]) for verdict in first.verdicts()}
        for verdict in second.verdicts():
            if verdict["index"] in right:
                pairs += 1
                ours, theirs = bool(verdict["correct"]), right[verdict["index"]]
                only_other += ours and not theirs
                only_base += theirs and not ours
    return mcnemar(only_base, only_other) if pairs else None


def _pairs(base: Sequence[Result], other: Sequence[Result]) -> Iterator[tuple[Result, Result]]:
    common = {result.seed for result in base} & {result.seed for result in other} - {None}
    groups: list[tuple[Sequence[Result], Sequence[Result]]] = [
        ([one for one in base if one.seed == seed], [one for one in other if one.seed == seed]) for seed in common
    ]
    for first, second in groups or [(base, other)]:
        yield from zip(_by_seed(first), _by_seed(second), strict=False)


def _by_seed(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=lambda result: (result.seed is None, result.seed or 0, result.decoder))


def _always_zero(results: Sequence[Result]) -> dict[str, float]:
    """What always answering 0 would score, per cell: the floor that an accuracy must be read against."""
    floor = {}
    for result in results:
        share = result.summary.get("always_zero")
        if share is not None:
            floor[result.cell] = float(share)
    return floor


def stars(p_value: float | None) -> str:
    """Marks of significance: * below 0.05, ** below 0.01, *** below 0.001."""
    if p_value is None:
        return ""
    return "*" * sum(p_value < level for level in (0.05, 0.01, 0.001))
