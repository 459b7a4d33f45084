"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: bool = False) -> str:
    """A table as GitHub reads it; a bar in a cell stays a bar.

    Args:
        numbers: columns after the first stand to the right.
    """
    rule = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    return "\n".join("| " + " | ".join(map(_masked, line)) + " |" for line in (head, rule, *lines))


def tables(parts: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]]) -> list[str]:
    """Each title with its table below; heads are of one line here."""
    return [
        f"{title}\n\n{table([name.replace(chr(10), ' ') for name in head], lines, numbers=True)}\n"
        for title, head, lines in parts
    ]


def _masked(cell: str) -> str:
    return cell.replace("|", "\\|")
