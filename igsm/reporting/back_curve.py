"""The price of taking back: accuracy against sentences taken back needlessly, along the bias on BACK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from igsm.grading.metrics import Json

if TYPE_CHECKING:
    from rich.table import Table

EXPLAINED = "trade-off: accuracy in %; below it the sentences a solution takes back that had nothing wrong."
_PANEL = (3.4, 3.0)
"""Inches of a panel: wide, high."""


def part(lines: Sequence[Json]) -> tuple[str, list[str], list[list[str]]]:
    """Title, head and lines of the table: a column for each decoder, in the order of the bias.

    Args:
        lines: of `correction_table.numbers`, or of `correction_seeds.numbers`.
    """
    decoders = list(dict.fromkeys(line["decoder"] for line in lines))
    found = {(_label(line), line["cell"], line["decoder"]): line for line in lines}
    rows = [
        [
            label,
            cell,
            *(_pair(found[label, cell, decoder]) if (label, cell, decoder) in found else "-" for decoder in decoders),
        ]
        for label, cell in dict.fromkeys((label, cell) for label, cell, _ in found)
    ]
    return "accuracy, %, and sentences needlessly taken back a solution", ["model", "cell", *decoders], rows


def terminal(lines: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The table for the terminal, not wider than `width`."""
    from igsm.reporting.terminal import fitted

    title, head, rows = part(lines)
    yield title, [*fitted(head, rows, 2, width)]


def markdown(lines: Sequence[Json]) -> str:
    """The table."""
    from igsm.reporting.markdown import table

    title, head, rows = part(lines)
    flat = [[cell.replace("\n", " at ") for cell in row] for row in rows]
    return f"{title}\n\n{table(head, flat, numbers=True)}\n"


def figure(lines: Sequence[Json]) -> Any:
    """A panel a cell, a curve a model through its biases, from the least to the most BACK; seeds are thin curves."""
    from igsm.reporting.figures import new_figure, plain

    cells = list(dict.fromkeys(line["cell"] for line in lines))
    drawn = new_figure(_PANEL[0] * len(cells), _PANEL[1] + 0.4)
    panels = drawn.subplots(1, len(cells), squeeze=False)[0]
    for axis, cell in zip(panels, cells, strict=True):
        own = [line for line in lines if line["cell"] == cell]
        for number, label in enumerate(dict.fromkeys(map(_label, own))):
            curve = [line for line in own if _label(line) == label]
            look = {"color": f"C{number}"}
            _draw(axis, [_point(line) for line in curve], marker="o", markersize=4, label=plain(label), **look)
            for seed in zip(*(_points_by_seed(line) for line in curve), strict=False):
                _draw(axis, list(seed), linewidth=0.5, alpha=0.5, **look)
            for line in curve:
                axis.annotate(
                    _bias(line["decoder"]), _point(line), fontsize=6, xytext=(3, 3), textcoords="offset points"
                )
        axis.set_title(plain(cell), fontsize=9)
        axis.set_xscale("symlog", linthresh=0.01)
        axis.set_xlim(left=-0.001)
        axis.set_xlabel("needlessly taken back a solution", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(color="#e4e4e4", linewidth=0.6)
    panels[0].set_ylabel("accuracy, %", fontsize=8)
    panels[0].legend(fontsize=7, frameon=False)
    return drawn


def _draw(axis: Any, points: Sequence[tuple[float, float]], **look: Any) -> None:
    axis.plot(*zip(*points, strict=True), **look)


def _label(line: Json) -> str:
    return str(line.get("arm") or line["run"])


def _bias(decoder: str) -> str:
    return {"no_back": "none", "greedy": "0"}.get(decoder, decoder.removeprefix("force_back"))


def _point(line: Json) -> tuple[float, float]:
    return line["needlessly_taken_back"], 100 * line["accuracy"]


def _points_by_seed(line: Json) -> list[tuple[float, float]]:
    needless, accuracy = (line.get(f"{name}_by_seed", []) for name in ("needlessly_taken_back", "accuracy"))
    return [(x, 100 * y) for x, y in zip(needless, accuracy, strict=True)]


def _pair(line: Json) -> str:
    return f"{100 * line['accuracy']:.1f}\n{line['needlessly_taken_back']:.3f}"
