"""From evaluations to a table: every cell with its evidence, the paper's number and a test against the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from igsm.grading.evaluations import ALL_PARAMETERS, FIRST_MISTAKES
from igsm.grading.metrics import Metric
from igsm.reporting.lineage import n_seeds
from igsm.reporting.paper import PaperTable, sort_columns, split_cell
from igsm.reporting.pooling import combine_results
from igsm.reporting.results import Result
from igsm.reporting.seeds import Comparison, compare, counted, seed_interval, values_by_seed
from igsm.significance import holm_of_decidable

Combine = Literal["best", "pooled"]
AVERAGE = "average"
"""Name of the column of means over all others."""
PROBED = (FIRST_MISTAKES, ALL_PARAMETERS)
"""What a probe is asked about, in place of a decoder; the last is written last."""


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: ours; None when nothing was measured.
        n: test problems behind it, each counted once however many seeds have answered it.
        interval: 95 % interval over the test problems: Wilson for shares, `mean_interval` for means; None when unknown.
        paper: the paper's number; None when it has none.
        comparison: test against the baseline row, over training seeds or over problems; None when not comparable.
        results: the evaluations the number comes from.
        n_choices: how many evaluations the best was chosen from (1: no choice).
        n_seeds: training seeds behind it, those it was chosen from included.
        by_seed: the number of each of `results`.
        seed_interval: 95 % interval over training seeds; None with one, or where all have the same number.
    """

    value: float | None = None
    n: int = 0
    interval: tuple[float, float] | None = None
    paper: float | None = None
    comparison: Comparison | None = None
    results: tuple[Result, ...] = ()
    n_choices: int = 1
    n_seeds: int = 0
    by_seed: tuple[float, ...] = ()
    seed_interval: tuple[float, float] | None = None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.value is None or self.paper is None else self.value - self.paper

    @property
    def seeds(self) -> str:
        """How many evaluations are taken together, e.g. "3 seeds" ("runs" where seeds repeat or are not known)."""
        known = {result.seed for result in self.results} - {None}
        return f"{len(self.results)} {'seeds' if len(known) == len(self.results) else 'runs'}"


@dataclass(frozen=True)
class Table:
    """Rows (what a model was trained on, how it was decoded) by columns (test cells)."""

    measure: Metric
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    baseline: str | None
    combine: Combine
    paper: PaperTable | None
    always_zero: dict[str, float] = field(default_factory=dict)

    def cell(self, row: str, column: str) -> Cell:
        """What stands in a row and a column; in the column `AVERAGE` only our number and the paper's."""
        if column == AVERAGE:
            return Cell(
                _mean([self.cell(row, column).value for column in self.columns]), paper=self._paper_average(row)
            )
        return self.cells.get((row, column), Cell())

    def _paper_average(self, row: str) -> float | None:
        """The paper's average column, which is comparable only when our columns are the paper's."""
        if self.paper is None or set(self.columns) != set(self.paper.columns):
            return None
        return self.paper.averages.get(row)

    def floor(self, column: str) -> float | None:
        """What always answering 0 would score there; it is no row, so that it has no average."""
        return self.always_zero.get(column)

    @property
    def blocks(self) -> list[tuple[str, tuple[str, ...]]]:
        """The columns by family, e.g. ("med_pq", (its cells)); of shares with the average, beside the only family."""
        families: dict[str, list[str]] = {}
        for column in self.columns:
            families.setdefault(split_cell(column)[0], []).append(column)
        if self.measure.share and len(self.columns) > 1:
            last = next(iter(families)) if len(families) == 1 else "all cells"
            families.setdefault(last, []).append(AVERAGE)
        return [(family, tuple(columns)) for family, columns in families.items()]

    @property
    def shown_columns(self) -> list[str]:
        """The columns of all blocks in order, averages included."""
        return [column for _, columns in self.blocks for column in columns]

    @property
    def caption(self) -> str:
        """What it shows, and of how many training seeds."""
        seeds = counted(cell.n_seeds for cell in self.cells.values())
        return f"{self.measure.title}, {seeds}" if seeds else self.measure.title

    @property
    def comparisons(self) -> list[Comparison]:
        """All tests of the table: the family over which their p-values are adjusted."""
        return [cell.comparison for cell in self.cells.values() if cell.comparison is not None]

    @property
    def measured(self) -> bool:
        """Whether there is any number of ours."""
        return any(cell.value is not None for cell in self.cells.values())


def build_table(
    results: Sequence[Result],
    measure: Metric,
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
        combine: "pooled" takes the mean over the seeds; "best" the evaluation with the highest accuracy, as the
            paper does in Figures 4 and 8 (its interval knows nothing of the choice).
        paper: the paper's numbers for this measure.
    """
    # A probe's answers are no solutions, and the other way round.
    results = [result for result in results if (result.decoder in PROBED) == (measure.name == "detection")]
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
            value, n, interval = combine_results(group, measure)
            by_seed = values_by_seed(group, measure)
            comparable = measure.share and base and group
            cells[row, column] = Cell(
                value,
                n,
                interval,
                paper.values.get(row, {}).get(column) if paper else None,
                compare(base, group, measure) if comparable else None,
                tuple(group),
                len(groups.get((row, column), [])) if combine == "best" else 1,
                n_seeds(groups.get((row, column), [])),
                by_seed,
                seed_interval(by_seed, measure),
            )
    return Table(measure, rows, columns, _adjusted(cells), baseline, combine, paper, _always_zero(results))


def _adjusted(cells: dict[tuple[str, str], Cell]) -> dict[tuple[str, str], Cell]:
    """The cells with Holm's correction over all their tests that could come below 0.05."""
    tested = {key: cell.comparison for key, cell in cells.items() if cell.comparison is not None}
    p_values = holm_of_decidable([(comparison.p_value, comparison.least) for comparison in tested.values()], 0.05)
    changed = {
        key: replace(cells[key], comparison=replace(comparison, adjusted=p_value))
        for (key, comparison), p_value in zip(tested.items(), p_values, strict=True)
    }
    return cells | changed


def split_decoders(results: Sequence[Result]) -> list[Result]:
    """Give each decoder a row of its own ("retry 0.5, beam4") where a row was evaluated with several."""
    decoders: dict[str, set[str]] = {}
    for result in results:
        decoders.setdefault(result.row, set()).add(result.decoder)
    return [
        replace(result, row=f"{result.row}, {result.decoder}") if len(decoders[result.row]) > 1 else result
        for result in results
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    """None as long as one is missing."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None


def _best(group: Sequence[Result]) -> Result:
    return max(group, key=lambda result: result.correct / result.n)


def _always_zero(results: Sequence[Result]) -> dict[str, float]:
    """What always answering 0 would score, per cell: the floor that an accuracy must be read against."""
    floor = {}
    for result in results:
        share = result.numbers.mean("always_zero")
        if share is not None:
            floor[result.cell] = share
    return floor


def stars(comparison: Comparison | None) -> str:
    """Marks of significance: * below 0.05, ** below 0.01, *** below 0.001, after Holm's correction."""
    if comparison is None:
        return ""
    adjusted = 1.0 if comparison.adjusted is None else comparison.adjusted
    return "*" * sum(adjusted < level for level in (0.05, 0.01, 0.001))
