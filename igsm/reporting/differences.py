"""Runs compared: how much they differ on the same test problems, and over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from igsm.grading.metrics import METRICS, Json, Metric
from igsm.reporting.markdown import table as markdown_table
from igsm.reporting.paper import sort_columns, split_cell
from igsm.reporting.pooling import combine_results, paired_difference
from igsm.reporting.results import Result
from igsm.reporting.seeds import Interval, at_the_same_models, over_seeds
from igsm.rundir import distinct_names

if TYPE_CHECKING:
    from rich.table import Table

ACCURACY = METRICS["accuracy"]
NOTES = {
    "problems": "over problems: 95 % interval of the paired difference on the same test problems (Agresti and Min "
    "2005): what other problems would show of these models.",
    "seeds": "over seeds: 95 % t interval over training seeds, in pairs where the same models are decoded otherwise or "
    "were fine-tuned from the same runs: what training again would show.",
    "one": "No interval over seeds: it takes two training seeds a side, and says nothing where all seeds are equal.",
    "others": "No interval over problems: the runs were evaluated on different test problems.",
}


@dataclass(frozen=True)
class Difference:
    """One cell of two rows.

    Attributes:
        base, row: names; the difference is that of `row` less `base`.
        values: of the two, each over all its problems and seeds; of pairs (`at_the_same_models`), over those in common.
        difference: on the problems that both have; where these are not the same problems, of the two values.
        n: problems that both have; None if they have not the same.
        over_problems, over_seeds: 95 % intervals of the difference.
        seeds: training seeds of the two.
    """

    base: str
    row: str
    cell: str
    values: tuple[float, float]
    difference: float
    n: int | None
    over_problems: Interval | None
    seeds: tuple[int, int]
    over_seeds: Interval | None

    def content(self) -> Json:
        """All numbers, for JSON."""
        return {
            "measure": ACCURACY.name,
            "base": self.base,
            "row": self.row,
            "cell": self.cell,
            "base_value": self.values[0],
            "value": self.values[1],
            "difference": self.difference,
            "same_problems": self.n,
            "interval_over_problems": self.over_problems,
            "training_seeds": list(self.seeds),
            "interval_over_seeds": self.over_seeds,
        }


def differences(results: Sequence[Result], baseline: str | None = None) -> list[Difference]:
    """The accuracy of each row less that of the first one (or of ``baseline``), at the same decoder, cell by cell.

    Further decoders of the first row are compared with its first one. Runs that are all of one row and decoder, and so
    differ in their seeds only, are compared one by one.
    """
    results = _run_by_run(results)
    groups: dict[tuple[str, str], dict[str, list[Result]]] = {}
    for result in results:
        groups.setdefault((result.row, result.decoder), {}).setdefault(result.cell, []).append(result)
    several = {row for row in dict.fromkeys(row for row, _ in groups) if sum(row == one for one, _ in groups) > 1}
    names = {(row, how): f"{row}, {how}" if row in several else row for row, how in groups}
    first = _first(names, baseline)
    found = []
    for row, decoder in groups:
        base = first if row == first[0] else (first[0], decoder)
        if (row, decoder) != base and base in groups:
            sides = groups[base], groups[row, decoder]
            for cell in sort_columns(sides[0].keys() & sides[1].keys()):
                found.append(_difference(names[base], names[row, decoder], cell, sides[0][cell], sides[1][cell]))
    return found


def _first(names: dict[tuple[str, str], str], baseline: str | None) -> tuple[str, str]:
    """The row and decoder that others are compared with."""
    rows = list(dict.fromkeys(row for row, _ in names))
    order = sorted(names, key=lambda key: (rows.index(key[0]), key[1] != "greedy"))
    wanted = [key for name in (baseline, "original") for key in order if name in (names[key], key[0])]
    return (wanted or order or [("", "")])[0]


def _run_by_run(results: Sequence[Result]) -> list[Result]:
    runs = list(dict.fromkeys(result.run for result in results))
    if len({(result.row, result.decoder) for result in results}) > 1 or len(runs) < 2:
        return list(results)
    names = dict(zip(runs, distinct_names(runs), strict=True))
    return [replace(result, row=names[result.run]) for result in results]


def _difference(base: str, row: str, cell: str, first: Sequence[Result], second: Sequence[Result]) -> Difference:
    first, second = at_the_same_models(first, second)
    before, after = (combine_results(side, ACCURACY)[0] or 0.0 for side in (first, second))
    difference, n, over_problems = paired_difference(first, second) or (after - before, None, None)
    seeds, interval = over_seeds(first, second, ACCURACY)
    return Difference(base, row, cell, (before, after), difference, n, over_problems, seeds, interval)


def notes(found: Sequence[Difference]) -> list[str]:
    """What a reader must know about the numbers."""
    keys = ["problems"] if any(one.over_problems for one in found) else []
    keys += ["seeds"] if any(one.over_seeds for one in found) else []
    keys += ["one"] if any(not one.over_seeds for one in found) else []
    keys += ["others"] if any(one.n is None for one in found) else []
    return [NOTES[key] for key in keys]


def table_of(found: Sequence[Difference]) -> tuple[str, list[list[str]]]:
    """Title (two lines) and lines (the first is the head) of the differences of one pair of rows."""
    one = found[0]
    sizes = sorted({each.n for each in found if each.n is not None})
    problems = f"{' and '.join(f'{n:,}' for n in sizes)} problems a cell; " if sizes else ""
    about = f"accuracy in %; {problems}training seeds: {one.seeds[1]} and {one.seeds[0]}"
    title = f"{one.row} less {one.base}\n{about}"
    lines = [["cell", "base", "row", "difference", "over problems", "over seeds"]]
    several = len({split_cell(each.cell)[0] for each in found}) > 1
    for each in found:
        name = each.cell if several else split_cell(each.cell)[1]
        values = [ACCURACY.text(value) for value in each.values]
        intervals = [_range(ACCURACY, interval) for interval in (each.over_problems, each.over_seeds)]
        lines.append([name, *values, ACCURACY.difference(each.difference), *intervals])
    return title, lines


def tables(found: Sequence[Difference]) -> list[tuple[str, list[list[str]]]]:
    """`table_of` each pair of rows."""
    pairs = dict.fromkeys((one.base, one.row) for one in found)
    return [table_of([one for one in found if (one.base, one.row) == pair]) for pair in pairs]


def _range(measure: Metric, interval: Interval | None) -> str:
    return "-" if interval is None else " to ".join(measure.difference(end) for end in interval)


def terminal_tables(found: Sequence[Difference]) -> list[Table]:
    """Rich tables, one a pair of rows."""
    import rich.table

    drawn = []
    for title, (head, *lines) in tables(found):
        table = rich.table.Table(title=title, title_justify="left")
        for name in head:
            table.add_column(name, justify="left" if name == "cell" else "right", no_wrap=name != "cell")
        for line in lines:
            table.add_row(*line)
        drawn.append(table)
    return drawn


def markdown(found: Sequence[Difference]) -> str:
    """The tables as Markdown, the notes below."""
    parts = []
    for title, (head, *lines) in tables(found):
        heading, _, about = title.partition("\n")
        shown = markdown_table(head, lines, numbers=True).replace("<", "&lt;")
        parts.append(f"## {heading}\n\n{about}\n\n{shown}")
    return "\n\n".join([*parts, "\n".join(f"- {note}" for note in notes(found))]) + "\n"
