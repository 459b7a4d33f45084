"""A text whose tokens are coloured by a number each: in a terminal and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from igsm.reporting.figures import new_figure, plain

WIDTH = 100
"""Characters of a line."""
_SURE, _WRONG = (255, 255, 255), (214, 69, 65)
_CHARACTER, _LINE, _MARGIN = 0.075, 0.24, 0.15
"""Inches of a picture."""


def shade(share: float) -> str:
    """The colour of a number from 0 (white) to 1 (red): "#d64541"."""
    mixed = (round(low + (high - low) * share) for low, high in zip(_SURE, _WRONG, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def lines_of(texts: Sequence[str], width: int = WIDTH) -> list[list[int]]:
    """The numbers of the tokens of each line: a line ends after a full stop or where it would be too long."""
    lines: list[list[int]] = [[]]
    used = 0
    for number, text in enumerate(texts):
        if lines[-1] and (used + len(text) > width or texts[number - 1].endswith(".")):
            lines.append([])
            used = 0
        lines[-1].append(number)
        used += len(text)
    return lines


def heat_text(texts: Sequence[str], shares: Sequence[float]) -> Text:
    """For a terminal: backgrounds from white to red; where there are no colours, the number behind what has 0.5."""
    found = Text()
    for line in lines_of(texts):
        for number in line:
            found.append(texts[number], style=f"black on {shade(shares[number])}")
            if shares[number] >= 0.5:
                found.append(f"[{shares[number]:.2f}]", style="bold")
        found.append("\n")
    found.rstrip()
    return found


def heat_figure(texts: Sequence[str], shares: Sequence[float], title: str) -> Any:
    """The same as a matplotlib figure."""
    lines = lines_of(texts)
    height = (len(lines) + 2) * _LINE + 2 * _MARGIN
    figure = new_figure(WIDTH * _CHARACTER + 2 * _MARGIN, height)
    figure.set_layout_engine("none")
    width = figure.get_size_inches()[0]

    def put(x: float, line: float, text: str, **options: Any) -> None:
        place = (_MARGIN + x * _CHARACTER) / width, 1 - (_MARGIN + (line + 0.5) * _LINE) / height
        figure.text(*place, plain(text), family="monospace", fontsize=8.5, va="center", **options)

    put(0, 0, title)
    for row, line in enumerate(lines):
        x = 0
        for number in line:
            box = {"facecolor": shade(shares[number]), "edgecolor": "none", "pad": 1.2}
            put(x, row + 1.5, texts[number], bbox=box)
            x += len(texts[number])
    return figure
