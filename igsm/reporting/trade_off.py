"""Accuracy against generated tokens: the points of the figure, of rows and of their training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from igsm.reporting.table import Table


def trade_off_points(tables: Sequence[Table]) -> dict[str, tuple[float, float]]:
    """Row -> (generated tokens a problem, accuracy), both as the tables have them.

    Means over the cells that every row with results has; nothing unless both measures are tabulated.
    """
    by_name = {table.measure.name: table for table in tables}
    if not {"accuracy", "generated_tokens"} <= by_name.keys():
        return {}
    pair = by_name["generated_tokens"], by_name["accuracy"]
    measured = {
        row: {column for column in pair[0].columns if all(table.cell(row, column).value is not None for table in pair)}
        for row in pair[0].rows
    }
    measured = {row: columns for row, columns in measured.items() if columns}
    common = sorted(set.intersection(*measured.values())) if measured else []
    if not common:
        return {}
    tokens, accuracy = (
        {row: fmean(table.cell(row, column).value or 0.0 for column in common) for row in measured} for table in pair
    )
    return {row: (tokens[row], accuracy[row]) for row in measured}


def trade_off_seeds(
    tables: Sequence[Table], points: dict[str, tuple[float, float]]
) -> dict[str, list[tuple[float, float]]]:
    """Of the rows of `trade_off_points` the same point of each training seed, where all cells have the same seeds."""
    by_name = {table.measure.name: table for table in tables}
    pair = by_name["generated_tokens"], by_name["accuracy"]
    shown = [(table, row) for table in pair for row in points]
    common = [one for one in pair[0].columns if all(table.cell(row, one).value is not None for table, row in shown)]
    found = {}
    for row in points:
        tokens, accuracy = ([table.cell(row, column).by_seed for column in common] for table in pair)
        if len({len(own) for own in (*tokens, *accuracy)}) == 1 and len(tokens[0]) > 1:
            means = ([fmean(own) for own in zip(*cells, strict=True)] for cells in (tokens, accuracy))
            found[row] = list(zip(*means, strict=True))
    return found
