"""What a sweep can show: the difference between two rows that its training seeds find, at the spread seen so far."""

from __future__ import annotations

from igsm.reporting.seeds import spread
from igsm.reporting.table import Table
from igsm.significance import detectable_difference, smallest_p_value, smallest_paired_p_value

POWER, LEVEL = 0.8, 0.05


def power_lines(table: Table, seeds: int, *, pairs: bool = False) -> list[str]:
    """One line a cell of the table in which some row has two seeds already; none where no spread is known.

    Args:
        table: of the finished runs.
        seeds: training seeds that the sweep plans for every row.
        pairs: whether rows are fine-tuned from the same runs.
    """
    if table.combine == "best":  # a best of few is not tested
        return []
    show = table.measure.difference
    lines = []
    for column in table.columns:
        known = spread(_trainings(table, column))
        if known is None or known[0] == 0:
            continue
        deviation, freedom = known
        seen = f"standard deviation over seeds so far {show(deviation).lstrip('+')} (of {freedom} degrees of freedom)"
        difference = detectable_difference(deviation, seeds, POWER, LEVEL)
        if difference is None:
            least = smallest_p_value(seeds, seeds)
            lines.append(f"{column}: {seen}; {seeds} seeds can show no difference: no p-value is below {least:.2g}")
        else:
            lines.append(f"{column}: {seen}; {seeds} seeds show a difference of {show(difference).lstrip('+')}")
    if lines:
        lines.insert(
            0,
            f"Power, {table.measure.title}: differences found with probability {100 * POWER:g} % by one exact "
            f"permutation test over {seeds} seeds a row at the {100 * LEVEL:g} % level; Holm's correction asks for "
            "more.",
        )
        if pairs:
            lines.append(
                "That is of rows as two samples. Rows that are fine-tuned from the same runs are tested in pairs: the "
                f"spread of their starts does not count, and no p-value of {seeds} pairs is below "
                f"{smallest_paired_p_value(seeds):.2g}."
            )
    return lines


def _trainings(table: Table, column: str) -> list[tuple[float, ...]]:
    """Each row's values by seed; rows of models that an earlier row has, decoded otherwise, say nothing new."""
    found: list[tuple[set[object], tuple[float, ...]]] = []
    for row in table.rows:
        cell = table.cell(row, column)
        runs: set[object] = {one.run for one in cell.results}
        if not any(runs <= earlier for earlier, _ in found):
            found.append((runs, cell.by_seed))
    return [values for _, values in found]
