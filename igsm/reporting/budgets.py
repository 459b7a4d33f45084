"""What each row of a sweep was trained with: tokens, tokens with loss, floating-point operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from igsm.grading.metrics import Json
from igsm.reporting.markdown import table as markdown_table
from igsm.reporting.page_tables import Entry, Grid, Part, plain

if TYPE_CHECKING:
    from rich.table import Table

TITLE = "Budgets of one run"
HEAD = ("row", "runs", "tokens", "with loss", "FLOPs")
FORMULA = (
    "FLOPs: 6 a trained weight and token, 4 a fixed weight that gradients pass through, 2 one that is only read; "
    "without attention scores. Of fine-tuned rows: without what their start took."
)


@dataclass(frozen=True)
class Budget:
    """Of one run, the mean over a row's.

    Attributes:
        runs: how many runs have been counted; 0: the numbers are those of the plan.
        tokens: of all windows.
        with_loss: tokens that carry loss; None where they cannot be known yet.
        operations: floating-point operations of training.
    """

    row: str
    runs: int
    tokens: float
    with_loss: float | None
    operations: float

    def content(self) -> Json:
        return dict(vars(self))

    @property
    def texts(self) -> tuple[str, ...]:
        """As printed under `HEAD`."""
        with_loss = "-" if self.with_loss is None else f"{self.with_loss:.4g}"
        return self.row, str(self.runs), f"{self.tokens:.4g}", with_loss, f"{self.operations:.4g}"


def terminal_table(budgets: Sequence[Budget]) -> Table:
    """For the terminal."""
    from rich import box
    from rich.table import Table

    table = Table(title=TITLE, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in HEAD:
        table.add_column(name, justify="left" if name == "row" else "right", overflow="fold")
    for one in budgets:
        table.add_row(*one.texts)
    return table


def markdown(budgets: Sequence[Budget]) -> str:
    """For `report.md`."""
    return f"## {TITLE}\n\n{markdown_table(HEAD, [one.texts for one in budgets], numbers=True)}\n\n{FORMULA}\n"


def grid(budgets: Sequence[Budget]) -> Grid:
    """For the page."""
    lines = []
    for one in budgets:
        numbers = (float(one.runs), one.tokens, one.with_loss, one.operations)
        entries = (Entry(key, ((Part(text),),)) for key, text in zip(numbers, one.texts[1:], strict=True))
        lines.append((plain(one.row), *entries))
    return Grid(TITLE, HEAD, tuple(lines))
