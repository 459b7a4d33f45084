"""The numbers printed in the paper, as data: what ours are compared with.

Source: Ye, Xu, Li, Allen-Zhu, "Physics of Language Models: Part 2.2, How to Learn From Mistakes on
Grade-School Math Problems", arXiv 2408.16293 v1, Figures 3 to 8, 10 and 11; transcribed in the files of ``data/``. Some
rows of Figures 5(b), 10 and 11(a) are not there: the text does not settle which of two is the masked one.

Figure 3 shows one model, Figures 4, 7, 8 and 10 the best of two: the row "original" of these is not the better of
Figure 3's first two rows, but above it in 9 cells of hard and in the average.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from igsm.errors import InputError, suggest
from igsm.problems.difficulty import DIFFICULTIES

DATA = Path(__file__).parent / "data"
PAPER = "arXiv 2408.16293"
BEST_OF = ("greedy", "beam4")
OPERATIONS = re.compile(r"op(<=|=)(\d+)")


@dataclass(frozen=True)
class PaperTable:
    """One figure's numbers.

    Attributes:
        figure: name of the figure as sweeps call it, e.g. "figure4".
        measure: the measure it shows (a key of :data:`igsm.grading.metrics.METRICS`).
        source: where the numbers stand.
        columns: cell names in the figure's order, e.g. "med_pq:op<=15".
        values: row -> cell -> value; accuracy as a fraction, retries as a mean count.
        averages: row -> the average column as printed (fraction); empty where the figure has none.
        decoders: those whose best a number is; empty where the rows themselves are decoders.
    """

    figure: str
    measure: str
    source: str
    columns: tuple[str, ...]
    values: dict[str, dict[str, float]]
    averages: dict[str, float]
    decoders: tuple[str, ...]

    def under(self, names: Mapping[str, str]) -> PaperTable:
        """The same numbers under other names of rows; ``names`` is our row -> the figure's row."""
        values = {ours: self.values[row] for ours, row in names.items() if row in self.values}
        averages = {ours: self.averages[row] for ours, row in names.items() if row in self.averages}
        return replace(self, values=values, averages=averages)


_FILES = {
    ("figure3", "accuracy"): ("figure3_regret_accuracy.csv", "Figure 3(b)"),
    ("figure4", "accuracy"): ("figure4_retry_accuracy.csv", "Figure 4(b)"),
    ("figure5", "taken_back"): ("figure5_retry_counts_on_correct.csv", "Figure 5(a)"),
    ("figure5", "taken_back_on_wrong"): ("figure5b_retry_counts_on_wrong.csv", "Figure 5(b)"),
    ("figure6", "unnecessary_operations"): ("figure6_unnecessary_operations_on_correct.csv", "Figure 6"),
    ("figure6", "unnecessary_parameters"): ("figure6_unnecessary_parameters_on_correct.csv", "Figure 6"),
    ("figure7", "accuracy"): ("figure7_finetune_accuracy_rate0.2.csv", "Figure 7"),
    ("figure8", "accuracy"): ("figure8_fake_mistakes_accuracy.csv", "Figure 8"),
    ("figure10", "accuracy"): ("figure10_finetune_accuracy.csv", "Figure 10"),
    ("figure11", "taken_back"): ("figure11a_retry_counts_on_correct.csv", "Figure 11(a)"),
    ("figure11", "unnecessary_operations"): ("figure11b_unnecessary_operations_on_correct.csv", "Figure 11(b)"),
    ("figure11", "unnecessary_parameters"): ("figure11b_unnecessary_parameters_on_correct.csv", "Figure 11(b)"),
}
_ALSO = {"figure7": "figure4", "figure8": "figure4"}
"""Figures whose files leave out the rows that they repeat of another."""
FIGURES = tuple(sorted({figure for figure, _ in _FILES}, key=lambda name: int(name.removeprefix("figure"))))


@cache
def _read(figure: str, measure: str) -> PaperTable:
    name, place = _FILES[figure, measure]
    scale = 100.0 if measure == "accuracy" else 1.0
    values: dict[str, dict[str, float]] = {}
    averages: dict[str, float] = {}
    with open(DATA / name, encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    for row, *numbers in lines:
        named = {column: float(number) / scale for column, number in zip(header[1:], numbers, strict=True) if number}
        if "avg" in named:
            averages[row] = named.pop("avg")
        values[row] = named
    columns = tuple(column for column in header[1:] if column != "avg")
    source = f"{PAPER}, {place}"
    return PaperTable(figure, measure, source, columns, values, averages, () if figure == "figure3" else BEST_OF)


def paper_table(figure: str, measure: str) -> PaperTable | None:
    """What the paper prints for ``measure`` in ``figure``; None where the project has no such numbers.

    Figures 7 and 8 repeat rows of Figure 4: they are joined here.
    Raises :class:`InputError` for an unknown figure.
    """
    if figure not in FIGURES:
        raise InputError(f"unknown figure '{figure}'{suggest(figure, FIGURES)}")
    tables = [_read(name, measure) for name in (figure, _ALSO.get(figure)) if name and (name, measure) in _FILES]
    if not tables:
        return None
    values: dict[str, dict[str, float]] = {}
    averages: dict[str, float] = {}
    for table in reversed(tables):
        for row, named in table.values.items():
            names = [row]
            if table.figure == "figure7":  # which leaves out that all its models learn from mistakes at rate 0.2
                names = [row, f"retry 0.2, {row}"]
            for name in names:
                values[name] = named
                if row in table.averages:
                    averages[name] = table.averages[row]
    source = "; ".join(table.source for table in tables)
    return PaperTable(figure, measure, source, tables[0].columns, values, averages, tables[0].decoders)


def column_key(cell: str) -> tuple[object, ...]:
    """Sorts cells as the paper's figures do: families, then "op<=15", "op=15", "op=20", ..., re-ask last."""
    family, _, rest = cell.rpartition(":")
    order = _read("figure4", "accuracy").columns
    if cell in order:
        return (0, order.index(cell))
    number = re.search(r"(\d+)", rest)
    return (
        1,
        family,
        "reask" in rest,
        int(number.group(1)) if number else 0,
        "<" not in rest,
        rest,
    )


def sort_columns(cells: Iterable[str]) -> tuple[str, ...]:
    """Distinct cells in the order of the figures; the families the paper has not come last."""
    return tuple(sorted(set(cells), key=column_key))


def split_cell(cell: str) -> tuple[str, str]:
    """ "med_pq:op=20" -> ("med_pq", "op=20"); a cell without family gives ("", cell)."""
    family, _, rest = cell.rpartition(":")
    return family, rest


def is_harder(cell: str) -> bool:
    """Whether its problems have more operations than any that their class is trained on."""
    family, rest = split_cell(cell)
    problem_class, operations = DIFFICULTIES.get(family.partition("_")[0]), OPERATIONS.match(rest)
    return problem_class is not None and operations is not None and int(operations[2]) > problem_class.max_op
