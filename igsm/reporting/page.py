"""The report as one HTML file that needs nothing else: pictures inside, no network, tables that sort."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from igsm.reporting.paper import split_cell
from igsm.reporting.results import Result
from igsm.reporting.samples import Sample, solution_html
from igsm.reporting.style import SCRIPT, STYLE
from igsm.reporting.table import Cell, Table, stars
from igsm.reporting.text import comparison, evidence, notes


def page(title: str, shows: str, sections: Sequence[tuple[str, str]]) -> str:
    """The whole page.

    Args:
        title: heading.
        shows: plain text below it; blank lines part paragraphs.
        sections: (heading, HTML) pairs; empty ones are left out.
    """
    kept = [(name, body) for name, body in sections if body]
    links = " ".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name, _ in kept)
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in shows.split("\n\n") if part.strip())
    bodies = "".join(f'<h2 id="{_anchor(name)}">{escape(name)}</h2>\n{body}\n' for name, body in kept)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>{paragraphs}<nav>{links}</nav>\n{bodies}"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _anchor(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def sortable(head: Sequence[str], lines: Iterable[Sequence[tuple[str, Any]]], foot: str = "") -> str:
    """A table that sorts by the column whose head is clicked.

    Args:
        head: column names.
        lines: rows of (HTML, key to sort by; None sorts last) pairs.
        foot: rows that stay at the bottom, as HTML.
    """
    heads = "".join(f'<th scope="col"><button type="button">{escape(name) or "row"}</button></th>' for name in head)
    rows = "".join(f"<tr>{''.join(_data(*pair) for pair in line)}</tr>\n" for line in lines)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody>{f'<tfoot>{foot}</tfoot>' if foot else ''}</table></div>"
    )


def _data(text: str, key: Any) -> str:
    kind = ' class="text"' if isinstance(key, str) else ""
    return f'<td{kind} data-value="{"" if key is None else escape(str(key))}">{text}</td>'


def table_html(table: Table) -> str:
    """The table, one block a family, every cell with its evidence, and the notes."""
    parts = []
    for family, columns in table.blocks:
        lines = [
            [(escape(row), row), *(_cell(table, table.cell(row, column)) for column in columns)] for row in table.rows
        ]
        foot = ""
        if table.always_zero and table.measure.share:
            floor = "".join(f"<td>{table.measure.text(table.floor(column))}</td>" for column in columns)
            foot = f'<tr class="floor"><td>always answering 0</td>{floor}</tr>'
        parts.append(f"<h3>{escape(family)}</h3>" if family else "")
        parts.append(sortable(["", *(split_cell(column)[1] for column in columns)], lines, foot))
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes(table))
    return "".join(parts) + f'<ul class="notes">{listed}</ul>'


def _cell(table: Table, cell: Cell) -> tuple[str, Any]:
    number = f"<b>{table.measure.text(cell.value)}</b>" if cell.value is not None else "-"
    details = [line for line in (evidence(table, cell), comparison(table, cell)) if line]
    p_value = ""
    if cell.p_value is not None:
        p_value = f"<small>p {f'{cell.p_value:.2g}' if cell.p_value else '&lt; 1e-300'}</small>"
    small = "".join(f"<small>{escape(line)}</small>" for line in details)
    return number + stars(cell.p_value) + small + p_value, cell.value


def picture(content: bytes, description: str, inches: float) -> str:
    """A PNG inside the page; wide ones scroll on a narrow screen."""
    data = base64.b64encode(content).decode()
    return (
        f'<figure class="wide"><img style="--width: {inches:.1f}rem" alt="{escape(description)}" '
        f'src="data:image/png;base64,{data}"></figure>'
    )


def error_table(counts: dict[str, dict[str, int]]) -> str:
    """Kinds of first errors by row, in per cent of the row's errors; ``counts`` is row -> kind -> number."""
    kinds = sorted({kind for row in counts.values() for kind in row})
    if not kinds:
        return ""
    lines = []
    for row, named in counts.items():
        total = sum(named.values())
        shares = [
            (
                f"{100 * named.get(kind, 0) / total:.1f} %<small>{named.get(kind, 0)}</small>",
                named.get(kind, 0) / total,
            )
            for kind in kinds
            if total
        ]
        lines.append([(escape(row), row), (str(total), total), *shares])
    return sortable(["", "errors", *kinds], [line for line in lines if len(line) > 2])


def samples_html(samples: Sequence[Sample]) -> str:
    """Generated solutions, folded; the first one open."""
    parts = []
    for number, sample in enumerate(samples):
        verdict = "correct" if sample.correct else f"wrong: {sample.first_error}"
        result = sample.result
        where = f"{result.row}, {result.cell}, {result.decoder}, problem {sample.index}"
        parts.append(
            f"<details{' open' if number == 0 else ''}>"
            f"<summary>{escape(where)}: <b>{escape(verdict)}</b></summary>"
            f"<p><small>{escape(sample.problem)}</small></p>"
            f'<p class="solution">{solution_html(sample.text, sample.wrong_step)}</p></details>'
        )
    if parts:
        parts.insert(0, "<p>Struck through: steps the model took back with BACK. Marked: the first wrong step.</p>")
    return "".join(parts)


def provenance_html(results: Sequence[Result], origins: dict[str, dict[str, Any]]) -> str:
    """Where every number comes from: one line an evaluation.

    Args:
        results: all evaluations of the report.
        origins: run folder -> its ``provenance.json`` (or nothing).
    """
    head = ["row", "cell", "decoder", "n", "correct", "training seed", "test seed", "checkpoint"]
    head += ["training code", "evaluation code", "training command", "folder"]
    lines = []
    for result in results:
        origin = origins.get(str(result.run)) or {}
        command = " ".join(str(part) for part in origin.get("command") or [])
        texts: list[Any] = [result.row, result.cell, result.decoder, result.n, result.correct, result.seed]
        texts += [result.test_seed, result.settings.get("checkpoint"), _commit(origin)]
        texts += [_commit(result.settings.get("provenance") or {}), command or "-", str(result.folder)]
        lines.append([("-" if text is None else escape(str(text)), text) for text in texts])
    return sortable(head, lines)


def _commit(origin: dict[str, Any]) -> str:
    git = origin.get("git") or {}
    return str(git.get("commit", "-"))[:10] + (" + changes" if git.get("changed") else "")
