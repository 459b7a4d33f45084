"""The accuracy table of finished evaluations: for the terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from igsm.grading.evaluations import Evaluation
from igsm.grading.metrics import CUT_OFF, METRICS, Json
from igsm.reporting import markdown
from igsm.statistics import wilson

if TYPE_CHECKING:
    from rich.table import Table

Row = tuple[str, Evaluation]
"""Name of a run, and one of its evaluations."""

_NAMES = [name for name in METRICS if name != "detection"]  # which is of a probe's answers, not of solutions
COLUMNS = (
    "run", "decoder", "cell", "checkpoint", "context", "precision", "seed", "n", "correct", "accuracy", "low", "high",
    *(name for name in _NAMES if name != "accuracy"), "first_errors",
)  # fmt: skip

MOST_KINDS = 3
"""Kinds of first errors shown in a line; the CSV file has all."""


def named(name: str, one: Evaluation) -> str:
    """The run's name, with what tells this evaluation from the one under the default settings."""
    return f"{name} {one.end}".rstrip()


def flat(run: str, one: Evaluation) -> Json:
    """One line of the CSV file."""
    low, high = wilson(one.numbers.correct, one.n)
    settings = {key: one.settings.get(key) for key in ("checkpoint", "context", "precision", "seed")}
    means = {name: one.numbers.mean(name) for name in _NAMES}
    errors = "; ".join(f"{kind} {count}" for kind, count in one.numbers.first_errors.most_common())
    counts = {"n": one.n, "correct": one.numbers.correct, "low": low, "high": high, "first_errors": errors}
    return {"run": run, "decoder": one.decoder, "cell": one.cell} | settings | counts | means


def to_csv(rows: Sequence[Row]) -> str:
    """All numbers, one line an evaluation; a mean over no solution is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(flat(run, summary) for run, summary in rows)
    return out.getvalue()


def accuracies(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the accuracy table: a line for each run and decoder, a column for each cell, "-" if missing."""
    cells = list(dict.fromkeys(one.cell for _, one in rows))
    prefixes = {cell.partition(":")[0] for cell in cells}
    head = [cell.partition(":")[2] if len(prefixes) == 1 else cell for cell in cells]
    found = {(run, one.decoder, one.cell): one for run, one in rows}
    lines = []
    for run, decoder in dict.fromkeys((run, one.decoder) for run, one in rows):
        lines.append([run, decoder, *(_accuracy(found.get((run, decoder, cell))) for cell in cells)])
    zeros = [next(one.numbers.mean("always_zero") for one in found.values() if one.cell == cell) for cell in cells]
    shown = [f"{100 * (z or 0.0):.1f}" if "<=" in cell else "" for z, cell in zip(zeros, cells, strict=True)]
    if any(shown):
        lines.append(["always answering 0", "", *shown])
    return ["run", "decoder", *head], lines


def _accuracy(one: Evaluation | None) -> str:
    if one is None:
        return "-"
    low, high = wilson(one.numbers.correct, one.n)
    return f"{100 * one.numbers.correct / one.n:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def to_markdown(rows: Sequence[Row]) -> str:
    """The accuracy table, and what is known beside accuracy."""
    parts = []
    for head, lines in (accuracies(rows), details(rows)):
        parts += [markdown.table(head, lines), ""]
    sizes = sorted({one.n for _, one in rows})
    parts.append(
        f"Accuracy in % of full solutions with 95 % Wilson intervals; n = {', '.join(map(str, sizes))} a cell.\n"
    )
    parts.extend(f"{note}\n" for note in cut_off(rows))
    return "\n".join(parts)


def details(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the second table: one line an evaluation, "correct / wrong" where there are two numbers.

    The column of runs is left out if there is one run only.
    """
    head = ["run", "decoder", "cell", "taken back", "rollbacks", "unneeded parameters / operations", "tokens"]
    lines = []
    for run, one in rows:
        mean = one.numbers.mean
        pairs = [
            " / ".join(_number(mean(name)) for name in names)
            for names in (
                ("taken_back", "taken_back_on_wrong"),
                ("rollbacks", "rollbacks_on_wrong"),
                ("unnecessary_parameters", "unnecessary_operations"),
            )
        ]
        tokens = mean("generated_tokens")
        kinds = [f"{kind} {count}" for kind, count in one.numbers.first_errors.most_common()]
        errors = "; ".join([*kinds[:MOST_KINDS], *(["..."] if len(kinds) > MOST_KINDS else [])])
        shown = "-" if tokens is None else f"{tokens:.0f}"
        lines.append([run, one.decoder, one.cell.partition(":")[2], *pairs, shown, errors or "-"])
    head.append("first errors")
    if len({run for run, _ in rows}) == 1:  # a narrow terminal has no room for what is the same everywhere
        return head[1:], [line[1:] for line in lines]
    return head, lines


def cut_off(rows: Sequence[Row]) -> list[str]:
    """A line for each evaluation in which many solutions ran into the length limit."""
    lines = []
    for run, one in rows:
        share = one.numbers.mean("at_limit")
        if share is not None and share > CUT_OFF:
            limit = one.settings.get("context")
            where = f"{run}, {one.decoder}, {one.cell}"
            lines.append(f"{where}: {100 * share:.1f} % of the solutions were cut off at {limit} tokens (--context).")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def render(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """A table for the terminal."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in head:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table
