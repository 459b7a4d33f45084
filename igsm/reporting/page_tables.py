"""The tables of the page: every number with its evidence and a link to the file that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.grading.metrics import Json
from igsm.reporting.charts import cell_seeds
from igsm.reporting.differences import ACCURACY, Difference
from igsm.reporting.links import link
from igsm.reporting.names import cell_title, family_title, full_title, with_decoder
from igsm.reporting.paper import split_cell
from igsm.reporting.results import Result
from igsm.reporting.seeds import Interval
from igsm.reporting.table import AVERAGE, Cell, Table, stars
from igsm.rundir import RunFolder

TABLES = "tables.csv"
"""Where means over seeds stand, beside the page."""
MARKDOWN = "report.md"
"""Where differences stand."""


@dataclass(frozen=True)
class Part:
    """A text, with the address of a file behind it or none."""

    text: str
    href: str = ""
    title: str = ""


@dataclass(frozen=True)
class Entry:
    """One place of a table: the first line large, the others small.

    Attributes:
        key: to sort by; a text, a number, or None, which is last.
    """

    key: str | float | None
    lines: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Grid:
    """A table that sorts; the row at its foot stays there; ``strong``: first lines are numbers to look at."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    foot: tuple[str, ...] = ()
    strong: bool = False

    def sorts(self, column: int) -> bool:
        """Whether there is anything to sort by in a column."""
        return any(row[column].key is not None for row in self.rows)

    def is_text(self, column: int) -> bool:
        return any(isinstance(row[column].key, str) for row in self.rows)


def plain(value: Any, href: str = "") -> Entry:
    """A place with one text, sorted by the value itself; "-" for None."""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return Entry(value, ((Part("-" if value is None else text, href),),))


def measure_grids(table: Table, folder: Path) -> list[Grid]:
    """The table, one grid a family of cells."""
    grids = []
    for family, columns in table.blocks:
        rows = tuple(
            (plain(row), *(_measured(table, table.cell(row, column), folder) for column in columns))
            for row in table.rows
        )
        foot: tuple[str, ...] = ()
        if table.measure.share and any(table.floor(column) is not None for column in columns if column != AVERAGE):
            floors = ("" if column == AVERAGE else table.measure.text(table.floor(column)) for column in columns)
            foot = ("always answering 0", *floors)
        grids.append(Grid(family_title(family), ("row", *map(cell_title, columns)), rows, foot, strong=True))
    return grids


def _measured(table: Table, cell: Cell, folder: Path) -> Entry:
    """The number and what is known of it; each seed's number leads to its verdicts."""
    measure = table.measure
    lines: list[tuple[Part, ...]] = []
    if cell.value is None:
        lines.append((Part("-"),))
    else:
        only = cell.results[0] if len(cell.results) == 1 else None
        href = TABLES if only is None else _verdicts(only, folder)
        lines.append((Part(measure.text(cell.value), href), Part(stars(cell.comparison))))
    if len(cell.results) > 1 and len(cell.by_seed) == len(cell.results):
        named = zip(cell.results, cell_seeds(table, cell), strict=True)
        lines.append(
            tuple(Part(measure.text(value), _verdicts(one, folder), f"training {name}") for one, (name, value) in named)
        )
    if cell.seed_interval is not None:
        lines.append((Part(f"seeds {measure.range(*cell.seed_interval)}"),))
    if cell.interval is not None:
        lines.append((Part(f"problems {measure.range(*cell.interval)}"),))
    if cell.results:
        lines.append((Part(f"n {cell.n:,}" + (f", best of {cell.n_choices}" if cell.n_choices > 1 else "")),))
    if cell.paper is not None:
        difference = f" ({measure.difference(cell.difference)})" if cell.difference is not None else ""
        lines.append((Part(f"paper {measure.text(cell.paper)}{difference}"),))
    if cell.comparison is not None:
        adjusted = cell.comparison.adjusted
        shown = f"p {adjusted:.2g}" if adjusted else "p < 1e-300"
        if adjusted is None:
            shown = f"p {cell.comparison.p_value:.2g}, not corrected,"
        lines.append((Part(f"{shown} over {cell.comparison.over}"),))
    return Entry(cell.value, tuple(lines))


def _verdicts(result: Result, folder: Path) -> str:
    return link(result.folder / "verdicts.jsonl", folder)


def difference_grids(found: Sequence[Difference]) -> list[Grid]:
    """The differences of runs compared, one grid a pair of rows."""
    grids = []
    several = len({split_cell(one.cell)[0] for one in found}) > 1
    for base, row in dict.fromkeys((one.base, one.row) for one in found):
        own = [one for one in found if (one.base, one.row) == (base, row)]
        lines = tuple(
            (
                plain(full_title(one.cell) if several else cell_title(one.cell)),
                *(Entry(value, ((Part(ACCURACY.text(value), MARKDOWN),),)) for value in one.values),
                Entry(one.difference, ((Part(ACCURACY.difference(one.difference), MARKDOWN),),)),
                plain(_range(one.over_problems)),
                plain(one.n),
                plain(_range(one.over_seeds)),
                plain(f"{one.seeds[0]} and {one.seeds[1]}"),
            )
            for one in own
        )
        head = ("cell", base, row, "difference", "95 % over problems", "same problems", "95 % over seeds", "seeds")
        grids.append(Grid(f"{row} less {base}, accuracy in %", head, lines, strong=True))
    return grids


def _range(interval: Interval | None) -> str | None:
    return None if interval is None else " to ".join(ACCURACY.difference(end) for end in interval)


def error_grid(counts: Mapping[str, Mapping[str, int]]) -> Grid | None:
    """Kinds of first errors by row, the most frequent first, in per cent of the row's errors; None without any.

    Args:
        counts: row -> kind -> number.
    """
    totals: dict[str, int] = {}
    for row in counts.values():
        for kind, number in row.items():
            totals[kind] = totals.get(kind, 0) + number
    kinds = sorted(totals, key=lambda kind: -totals[kind])
    lines = []
    for name, named in counts.items():
        total = sum(named.values())
        if total:
            shares = (_share(named.get(kind, 0), total) for kind in kinds)
            lines.append((plain(name), plain(total), *shares))
    head = ("row", "wrong solutions", *kinds)
    return Grid("Kinds of first errors", head, tuple(lines), strong=True) if lines else None


def _share(number: int, total: int) -> Entry:
    return Entry(number / total, ((Part(f"{100 * number / total:.1f} %"),), (Part(f"{number:,}"),)))


def evaluation_grid(results: Sequence[Result], folder: Path) -> Grid:
    """One line an evaluation, with its files."""
    lines = []
    several = len({split_cell(result.cell)[0] for result in results}) > 1
    for result in results:
        files = _files(((name, result.folder / name) for name in _EVALUATION), folder)
        lines.append(
            (
                plain(with_decoder(result.row, result.decoder)),
                plain(full_title(result.cell) if several else cell_title(result.cell)),
                plain(result.seed),
                plain(result.test_seed),
                plain(result.settings.get("checkpoint")),
                plain(result.n),
                plain(result.correct, _verdicts(result, folder)),
                plain(_commit(result.settings.get("provenance") or {})),
                files,
            )
        )
    head = ("row", "cell", "training seed", "test seed", "checkpoint", "n", "correct", "code", "files")
    return Grid(f"{len(lines):,} evaluations", head, tuple(lines))


_EVALUATION = ("summary.json", "verdicts.jsonl", "generations.jsonl.gz")


def run_grid(results: Sequence[Result], origins: Mapping[str, Json], folder: Path) -> Grid:
    """One line a run: its folder, its files and the command that made it.

    Args:
        origins: run folder -> its ``provenance.json`` (or nothing).
    """
    lines = []
    for run, result in {str(result.run): result for result in reversed(results)}.items():
        origin = origins.get(run) or {}
        made = RunFolder(result.run)
        paths = (made.config, made.metrics, made.provenance)
        command = " ".join(str(part) for part in origin.get("command") or []) or "-"
        lines.append(
            (
                plain(result.run.name, link(result.run, folder)),
                plain(result.seed),
                plain(_commit(origin)),
                _files(((path.name, path) for path in paths), folder),
                plain(command),
            )
        )
    return Grid(f"{len(lines):,} runs", ("run", "training seed", "code", "files", "command"), tuple(reversed(lines)))


def _files(named: Iterable[tuple[str, Path]], folder: Path) -> Entry:
    parts = tuple(Part(name.partition(".")[0], link(path, folder)) for name, path in named if path.is_file())
    return Entry(None, (parts or (Part("-"),),))


def _commit(origin: Json) -> str:
    git = origin.get("git") or {}
    return str(git.get("commit", "-"))[:10] + (" + changes" if git.get("changed") else "")
