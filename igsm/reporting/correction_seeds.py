"""What taking back is worth, over training seeds: ways of training side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from igsm.grading.metrics import Json
from igsm.grading.proposals import RATES
from igsm.reporting import markdown
from igsm.reporting.arms import over_seeds, share, share_difference

if TYPE_CHECKING:
    from rich.table import Table

KEYS = ("cell", "decoder")
MEASURES = (
    "accuracy", "confidence", "critique", "relative", "taken_back", "needless", "needlessly_taken_back", "tokens",
    *RATES, "n",
)  # fmt: skip


def numbers(lines: Sequence[Json], arms: Mapping[str, str]) -> list[Json]:
    """A line for each way of training, cell and decoder (`arms.over_seeds`) of lines of `correction_table.numbers`."""
    return over_seeds(lines, arms, KEYS, MEASURES)


def parts(lines: Sequence[Json]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, head and lines of the tables of each cell."""
    for cell in dict.fromkeys(line["cell"] for line in lines):
        chosen = [line for line in lines if line["cell"] == cell]
        where, labels = f"over seeds, {cell}", ["decoder", "trained with"]
        yield (
            f"{where}: what BACK is worth",
            [*labels, "seeds", "acc.", "against", "CL", "CS", "RSS", "taken back", "tokens"],
            [
                [line["decoder"], line["arm"], str(line["seeds"]), share(line, "accuracy"),
                 share_difference(line, "accuracy"), share(line, "confidence"), share(line, "critique"),
                 *(_number(line, name) for name in ("relative", "taken_back")),
                 f"{line['tokens']:.0f}"]
                for line in chosen
            ],
        )  # fmt: skip
        yield (
            f"{where}: self-correction step by step, %",
            [*labels, "needless retries", "detection", "correction", "parrot"],
            [[line["decoder"], line["arm"], *(share(line, name) for name in RATES)] for line in chosen],
        )


def terminal(lines: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts` for the terminal, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, rows in parts(lines):
        yield title, [*fitted(head, rows, 2, width)]


def to_markdown(lines: Sequence[Json]) -> str:
    """The tables of `parts`."""
    return "\n".join(markdown.tables(parts(lines)))


def _number(line: Json, name: str) -> str:
    if line[name] is None:
        return "-"
    low, high = line[f"{name}_low"], line[f"{name}_high"]
    return f"{line[name]:.2f}" + ("" if low is None else f" [{low:.2f}, {high:.2f}]")
