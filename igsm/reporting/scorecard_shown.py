"""The scorecard as tables: for the terminal, as Markdown, as CSV, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from igsm.grading.metrics import Json
from igsm.reporting import arms, markdown
from igsm.reporting.page_tables import Entry, Grid, Part
from igsm.reporting.scorecard import Row, Scores

if TYPE_CHECKING:
    from rich.table import Table

NOT_COMPUTED, NOTHING = "-", "none"

EXPLAINED = (
    "-: not computed yet, or not for every run of the column; none: computed, and there is nothing to measure, such as "
    "a share of the sentences taken back where none was.",
    "Over training seeds a number is the mean of the seeds' numbers, with a 95 % t interval over them. That of one run "
    "has the interval over problems, where there is one. (1 of 2): in one run of two there is nothing to measure.",
    "Step by step: of the steps tried first in their place, up to the first error. What BACK is worth: CL, CS and RSS "
    "of arXiv 2412.19513, without BACK against with it.",
    "Planted sentences: greedy continuations, a kind's mean over its places. Own first mistakes: those of all kinds "
    "that can be planted, beside an injected one in the same place.",
)
"""What a reader must know."""


def table(scores: Scores, cell: str) -> tuple[str, list[str], list[list[str]]]:
    """Title, head and lines of a cell: a line a number or a section's name, a column a way of training."""
    lines = {line["arm"]: line for line in scores.over_seeds() if line["cell"] == cell}
    names = list(dict.fromkeys(scores.arms.values()))
    rows: list[list[str]] = []
    section = ""
    for row in _shown(scores, cell):
        if row.section != section:
            section = row.section
            rows.append([section, *[""] * len(names)])
        rows.append([f"  {row.title}", *(_text(scores, lines.get(name), cell, name, row) for name in names)])
    heads = [f"{name}\n{_seeds(lines.get(name))}" for name in names]
    return f"self-correction, {cell}, shares in %", ["", *heads], rows


def _shown(scores: Scores, cell: str) -> Iterator[Row]:
    """Rows that some run has, or that a command could give."""
    for row in scores.rows:
        known = any(line[row.key] is not None for line in scores.lines if line["cell"] == cell)
        if known or not row.dynamic:
            yield row


def _seeds(line: Json | None) -> str:
    n = 0 if line is None else line["seeds"]
    return f"{n} run{'' if n == 1 else 's'}"


def _text(scores: Scores, line: Json | None, cell: str, arm: str, row: Row) -> str:
    if scores.missing(arm, cell, row) or line is None:
        return NOT_COMPUTED
    if line[row.key] is None:
        return NOTHING
    text, n = _number(line, row), len(line[f"{row.key}_by_seed"])
    return text if n == line["seeds"] else f"{text} ({n} of {line['seeds']})"


def _number(line: Json, row: Row) -> str:
    if row.form == "%":
        return arms.share(line, row.key)
    if row.form == "points":
        return arms.gap(line, row.key)
    low = line[f"{row.key}_low"]
    places = 1 if abs(line[row.key]) >= 10 else 2
    value = f"{line[row.key]:.{places}f}"
    if low is None:
        return value
    low = max(low, 0.0) if row.form == "count" else low
    return f"{value} [{low:.{places}f}, {line[f'{row.key}_high']:.{places}f}]"


def terminal(scores: Scores, width: int) -> Iterator[tuple[str, list[Table]]]:
    """A table a cell, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for cell in scores.cells:
        title, head, rows = table(scores, cell)
        yield title, [*fitted(head, rows, 1, width)]


def commands(scores: Scores) -> list[str]:
    """What would fill the places with "-", a line a command."""
    found: dict[str, list[str]] = {}
    for cell in scores.cells:
        for command, sections in scores.commands(cell).items():
            found.setdefault(command, []).extend(sections)
    return [f"- {', '.join(dict.fromkeys(sections))}: {command}" for command, sections in found.items()]


def to_markdown(scores: Scores) -> str:
    """The tables, what would fill them, and what they mean."""
    parts = ["# Self-correction\n"]
    for cell in scores.cells:
        title, head, rows = table(scores, cell)
        flat = [one.replace("\n", ", ") for one in head]
        bold = [
            [f"**{row[0]}**", *row[1:]] if not row[0].startswith(" ") else [row[0].strip(), *row[1:]] for row in rows
        ]
        parts.append(f"## {title}\n\n{markdown.table(flat, bold, numbers=True)}\n".replace("<", "&lt;"))
    lacking = commands(scores)
    if lacking:
        parts.append("## What is not computed yet\n\n" + "\n".join(lacking) + "\n")
    return "\n".join([*parts, *(f"{line}\n" for line in EXPLAINED)])


def to_csv(scores: Scores) -> str:
    """The numbers over seeds, one line a way of training and cell."""
    return arms.to_csv(scores.over_seeds())


def content(scores: Scores) -> Json:
    """All numbers, for JSON."""
    return {
        "cells": scores.cells,
        "rows": [{"key": row.key, "section": row.section, "title": row.title} for row in scores.rows],
        "runs": scores.lines,
        "over_seeds": scores.over_seeds(),
        "missing": [one.removeprefix("- ") for one in commands(scores)],
    }


def page(scores: Scores) -> str:
    """One HTML page, with nothing outside it."""
    from igsm.reporting.page import environment

    return (
        environment()
        .get_template("scorecard.html")
        .render(
            grids=[_grid(scores, cell) for cell in scores.cells],
            missing=[one.removeprefix("- ") for one in commands(scores)],
            notes=EXPLAINED,
            runs=[(name, arm) for name, arm in scores.arms.items()],
        )
    )


def _grid(scores: Scores, cell: str) -> Grid:
    lines: Mapping[str, Any] = {line["arm"]: line for line in scores.over_seeds() if line["cell"] == cell}
    names = list(dict.fromkeys(scores.arms.values()))
    rows = []
    for row in _shown(scores, cell):
        entries = [_entry(row.title), _entry(row.section)]
        for name in names:
            value, _, interval = _text(scores, lines.get(name), cell, name, row).partition(" [")
            key = lines[name][row.key] if name in lines else None
            more = ((Part(interval.replace("]", "").replace(", ", " to ")),),) if interval else ()
            entries.append(Entry(key, ((Part(value),), *more)))
        rows.append(tuple(entries))
    heads = ("number", "about", *(f"{name}, {_seeds(lines.get(name))}" for name in names))
    return Grid(f"{cell}, shares in %", heads, tuple(rows), strong=True)


def _entry(text: str) -> Entry:
    return Entry(text, ((Part(text),),))
