"""The accuracy table of finished evaluations: for the terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Json = dict[str, Any]

COLUMNS = (
    "run", "decoder", "cell", "n", "correct", "accuracy", "low", "high", "always_zero", "retries_on_correct",
    "retries_on_wrong", "withdrawn_on_correct", "withdrawn_on_wrong", "unnecessary_parameters",
    "unnecessary_operations", "generated_tokens", "first_errors",
)  # fmt: skip


MOST_KINDS = 3
"""Kinds of first errors shown in a line; the CSV file has all."""


def flat(run: str, summary: Json) -> Json:
    """One line of the CSV file."""
    low, high = summary["interval"]
    errors = "; ".join(f"{kind} {count}" for kind, count in summary["first_errors"].items())
    means = {
        f"{name}_{on}": summary[name][f"mean_{on}"]
        for name in ("retries", "withdrawn")
        for on in ("on_correct", "on_wrong")
    }
    same = ("decoder", "cell", "n", "correct", "accuracy", "always_zero", "unnecessary_parameters")
    more = ("unnecessary_operations", "generated_tokens")
    return (
        {"run": run, "low": low, "high": high, "first_errors": errors}
        | means
        | {key: summary[key] for key in (*same, *more)}
    )


def to_csv(rows: Sequence[tuple[str, Json]]) -> str:
    """All numbers, one line an evaluation; a mean over no solution is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(flat(run, summary) for run, summary in rows)
    return out.getvalue()


def accuracies(rows: Sequence[tuple[str, Json]]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the accuracy table: a line for each run and decoder, a column for each cell, "-" if missing."""
    cells = list(dict.fromkeys(summary["cell"] for _, summary in rows))
    prefixes = {cell.partition(":")[0] for cell in cells}
    head = [cell.partition(":")[2] if len(prefixes) == 1 else cell for cell in cells]
    found = {(run, summary["decoder"], summary["cell"]): summary for run, summary in rows}
    lines = []
    for run, decoder in dict.fromkeys((run, summary["decoder"]) for run, summary in rows):
        lines.append([run, decoder, *(_accuracy(found.get((run, decoder, cell))) for cell in cells)])
    zeros = [next(s["always_zero"] for s in found.values() if s["cell"] == cell) for cell in cells]
    shown = [f"{100 * z:.1f}" if "<=" in cell else "" for z, cell in zip(zeros, cells, strict=True)]
    if any(shown):
        lines.append(["always answering 0", "", *shown])
    return ["run", "decoder", *head], lines


def _accuracy(summary: Json | None) -> str:
    if summary is None or not summary["n"]:
        return "-"
    low, high = summary["interval"]
    return f"{100 * summary['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def to_markdown(rows: Sequence[tuple[str, Json]]) -> str:
    """The accuracy table, and what is known beside accuracy."""
    parts = []
    for head, lines in (accuracies(rows), details(rows)):
        parts.append("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        parts.extend("| " + " | ".join(line) + " |" for line in lines)
        parts.append("")
    sizes = sorted({summary["n"] for _, summary in rows})
    parts.append(
        f"Accuracy in % of full solutions with 95 % Wilson intervals; n = {', '.join(map(str, sizes))} a cell.\n"
    )
    return "\n".join(parts)


def details(rows: Sequence[tuple[str, Json]]) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the second table: one line an evaluation, "correct / wrong" where there are two numbers.

    The column of runs is left out if there is one run only.
    """
    head = [
        "run",
        "decoder",
        "cell",
        "retries",
        "withdrawn",
        "unneeded parameters / operations",
        "tokens",
        "first errors",
    ]
    lines = []
    for run, summary in rows:
        row = flat(run, summary)
        pairs = [
            f"{_number(row[f'{name}_on_correct'])} / {_number(row[f'{name}_on_wrong'])}"
            for name in ("retries", "withdrawn")
        ]
        pairs.append(" / ".join(_number(row[f"unnecessary_{name}"]) for name in ("parameters", "operations")))
        tokens = "-" if row["generated_tokens"] is None else f"{row['generated_tokens']:.0f}"
        kinds = [f"{kind} {count}" for kind, count in summary["first_errors"].items()]
        errors = "; ".join([*kinds[:MOST_KINDS], *(["..."] if len(kinds) > MOST_KINDS else [])])
        lines.append([run, row["decoder"], row["cell"].partition(":")[2], *pairs, tokens, errors or "-"])
    if len({run for run, _ in rows}) == 1:  # a narrow terminal has no room for what is the same everywhere
        return head[1:], [line[1:] for line in lines]
    return head, lines


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
