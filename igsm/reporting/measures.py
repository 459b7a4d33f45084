"""What a table can show: one number of an evaluation's summary, and the same number of one problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Measure:
    """One number of an evaluation.

    Attributes:
        name: key in :data:`MEASURES`.
        title: heading of its table.
        of_summary: reads it from ``summary.json``; None when the file does not have it.
        of_problem: reads it from one line of ``verdicts.jsonl``; None when that problem does not count.
        better: +1 if larger is better, -1 if smaller is, 0 if neither.
        share: a proportion, printed in per cent; else a mean count.
    """

    name: str
    title: str
    of_summary: Callable[[Json], float | None]
    of_problem: Callable[[Json], float | None]
    better: int
    share: bool = False

    def text(self, value: float | None, more: int = 0) -> str:
        """The number as printed: per cent with one decimal, means with two, and ``more``; "-" when there is none."""
        if value is None:
            return "-"
        return f"{100 * value:.{1 + more}f}" if self.share else f"{value:.{2 + more}f}"

    def range(self, low: float, high: float) -> str:
        """An interval as printed, e.g. "83.1 to 85.4": with as many more decimals as it takes to see its width."""
        more = next((more for more in range(6) if self.text(low, more) != self.text(high, more)), 0)
        return f"{self.text(low, more)} to {self.text(high, more)}"

    def difference(self, value: float | None) -> str:
        """A difference with its sign; "-" when there is none."""
        if value is None:
            return "-"
        return f"{100 * value:+.1f}" if self.share else f"{value:+.2f}"


def _number(content: Json, *path: str) -> float | None:
    place: Any = content
    for key in path:
        place = place.get(key) if isinstance(place, dict) else None
    return float(place) if isinstance(place, int | float) and not isinstance(place, bool) else None


def _accuracy(summary: Json) -> float | None:
    n, correct = _number(summary, "n"), _number(summary, "correct")
    return correct / n if n and correct is not None else None


def _on_correct(key: str) -> Callable[[Json], float | None]:
    return lambda verdict: _number(verdict, key) if verdict.get("correct") else None


def _on_wrong(key: str) -> Callable[[Json], float | None]:
    return lambda verdict: None if verdict.get("correct") else _number(verdict, key)


def _path(*path: str) -> Callable[[Json], float | None]:
    return lambda content: _number(content, *path)


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            "accuracy",
            "Accuracy of full solutions (%)",
            _accuracy,
            lambda verdict: float(bool(verdict.get("correct"))),
            better=1,
            share=True,
        ),
        Measure(
            "retries",
            "Retries per solution, on correct solutions",
            _path("retries", "mean_on_correct"),
            _on_correct("retries"),
            better=-1,
        ),
        Measure(
            "retries_on_wrong",
            "Retries per solution, on wrong solutions",
            _path("retries", "mean_on_wrong"),
            _on_wrong("retries"),
            better=0,
        ),
        Measure(
            "withdrawn",
            "Sentences withdrawn by the decoder per solution, on correct solutions",
            _path("withdrawn", "mean_on_correct"),
            _on_correct("withdrawn"),
            better=0,
        ),
        Measure(
            "unnecessary_operations",
            "Unnecessary operations per solution, on correct solutions",
            _path("unnecessary_operations"),
            _on_correct("unnecessary_operations"),
            better=-1,
        ),
        Measure(
            "unnecessary_parameters",
            "Unnecessary parameters per solution, on correct solutions",
            _path("unnecessary_parameters"),
            _on_correct("unnecessary_parameters"),
            better=-1,
        ),
        Measure(
            "generated_tokens",
            "Generated tokens per problem",
            _path("generated_tokens"),
            _path("generated_tokens"),
            better=-1,
        ),
        Measure(
            "detection",
            "Right answers of the probe, mean over problems (%)",
            _path("probe_right"),
            _path("probe_right"),
            better=1,
            share=True,
        ),
    )
}
