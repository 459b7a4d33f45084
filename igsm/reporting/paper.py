"""The numbers printed in the paper, as data: what ours are compared with.

Source: Ye, Xu, Li, Allen-Zhu, "Physics of Language Models: Part 2.2, How to Learn From Mistakes on
Grade-School Math Problems", arXiv 2408.16293, Figures 3(b), 4(b), 5(a), 7 and 8;
transcribed in the files of ``data/``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from igsm.errors import InputError, suggest

DATA = Path(__file__).parent / "data"
PAPER = "arXiv 2408.16293"
BEST_OF = ("greedy", "beam4")


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
    "figure3": ("figure3_regret_accuracy.csv", "accuracy", "Figure 3(b)"),
    "figure4": ("figure4_retry_accuracy.csv", "accuracy", "Figure 4(b)"),
    "figure5": ("figure5_retry_counts_on_correct.csv", "taken_back", "Figure 5(a)"),
    "figure7": ("figure7_finetune_accuracy_rate0.2.csv", "accuracy", "Figure 7"),
    "figure8": ("figure8_fake_mistakes_accuracy.csv", "accuracy", "Figure 8"),
}
# Figures that repeat rows of others; the rows a figure has alone are not transcribed and show as "-".
_ALSO = {
    "figure7": ("figure4",),
    "figure8": ("figure4",),
    "figure10": ("figure4", "figure7"),
    "figure11": ("figure5",),
}
FIGURES = tuple(sorted({*_FILES, *_ALSO, "figure6"}, key=lambda name: int(name.removeprefix("figure"))))


@cache
def _read(figure: str) -> PaperTable:
    name, measure, place = _FILES[figure]
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

    Figures 7, 8 and 10 repeat rows of Figures 4 and 7, Figure 11 those of Figure 5: they are joined here.
    Raises :class:`InputError` for an unknown figure.
    """
    if figure not in FIGURES:
        raise InputError(f"unknown figure '{figure}'{suggest(figure, FIGURES)}")
    parts = [name for name in (figure, *_ALSO.get(figure, ())) if name in _FILES]
    tables = [table for table in map(_read, parts) if table.measure == measure]
    if not tables:
        return None
    values: dict[str, dict[str, float]] = {}
    averages: dict[str, float] = {}
    for table in reversed(tables):
        for row, named in table.values.items():
            names = [row]
            if table.figure == "figure7":  # which leaves out that all its models learn from mistakes at rate 0.2
                names = [f"retry 0.2, {row}", *(names if figure == "figure7" else [])]
            for name in names:
                values[name] = named
                if row in table.averages:
                    averages[name] = table.averages[row]
    source = "; ".join(table.source for table in tables)
    return PaperTable(figure, measure, source, tables[0].columns, values, averages, tables[0].decoders)


def column_key(cell: str) -> tuple[object, ...]:
    """Sorts cells as the paper's figures do: families, then "op<=15", "op=15", "op=20", ..., re-ask last."""
    family, _, rest = cell.rpartition(":")
    known = next(iter(_FILES))
    order = _read(known).columns
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
