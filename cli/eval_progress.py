"""What `mistakes eval` shows while a cell is made."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from igsm.progress import Progress, say

# What is wanted most stands first: a narrow terminal cuts the end off.
_BAR = "{desc}{postfix} {percentage:3.0f}%|{bar:10}| {elapsed}<{remaining}"


class CellProgress:
    """A line for a cell that is being made, none for one that is read.

    Args:
        title: printed above the first line; "" if it has been.
        cell: its short name.
        n: problems.
        most: tokens that a solution can take.
    """

    def __init__(self, title: str, cell: str, n: int, most: int) -> None:
        self._title, self._cell, self._n, self._most = title, cell, n, most
        self._bar: Any = None

    @property
    def begun(self) -> bool:
        """Whether there has been a line."""
        return self._bar is not None

    def waiting(self, what: str) -> None:
        """Show what takes so long before the first solution."""
        if self._bar is None:
            if self._title:
                say(self._title)
            settings: dict[str, Any] = {"bar_format": _BAR, "miniters": 0, "mininterval": 0.2, "dynamic_ncols": True}
            self._bar = Progress(total=self._n, desc=self._cell, unit="problems", leave=False, **settings)
        self._bar.set_postfix_str(what)

    def update(self, graded: int, correct: int, steps: int) -> None:
        """Show what there is; the arguments are those of `igsm.evaluation.evaluate.Progress`."""
        accuracy = f"accuracy {100 * correct / graded:.1f} % of {graded:,}" if graded else f"{steps:,} tokens so far"
        self._bar.set_postfix_str(accuracy, refresh=False)
        self._bar.leave = True
        self._bar.update(max(graded, min(steps / self._most, self._n)) - self._bar.n)  # moves also before one has ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
