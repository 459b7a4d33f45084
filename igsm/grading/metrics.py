"""The metrics: numbers of a graded solution, and what they come to over many.

A metric is one entry of `METRICS`: it is computed from verdicts whenever they are read, so a new one says something of
every evaluation that is finished already.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]

RENAMED = {
    "retries": "taken_back",
    "needless_retries": "needlessly_taken_back",
    "retries_on_wrong": "taken_back_on_wrong",
    "withdrawn": "rollbacks",
}
"""Old name -> name, of the keys of verdicts and generations and of metrics."""


def current_names(record: Json) -> Json:
    """A verdict or generation of any version under today's keys."""
    return {RENAMED.get(key, key): value for key, value in record.items()}


def percent(share: float | None) -> str:
    """A share as printed in tables of per cent; "-" when there is none."""
    return "-" if share is None else f"{100 * share:.1f}"


@dataclass(frozen=True)
class Metric:
    """A number of a graded solution; over many solutions it is a mean.

    Attributes:
        name: key in `METRICS`.
        title: heading of its table.
        number: reads it from a verdict (a line of ``verdicts.jsonl``); None where it is not known.
        over: the solutions that count.
        better: +1 if larger is better, -1 if smaller is, 0 if neither.
        share: a proportion, printed in per cent.
    """

    name: str
    title: str
    number: Callable[[Json], Any]
    over: Literal["all", "correct", "wrong"]
    better: int
    share: bool = False

    def of(self, verdict: Json) -> float | None:
        """The number of one solution; None when that solution does not count, or the number is not known."""
        if self.over != "all" and bool(verdict.get("correct")) != (self.over == "correct"):
            return None
        number = self.number(verdict)
        return float(number) if isinstance(number, int | float) else None

    def text(self, value: float | None, more: int = 0) -> str:
        """The mean as printed: per cent with one decimal, means with two, and ``more``; "-" when there is none."""
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


def _key(name: str) -> Callable[[Json], Any]:
    return lambda verdict: verdict.get(name)


def _count(name: str) -> Callable[[Json], Any]:
    """Of what verdicts only tell where there is any."""
    return lambda verdict: None if "probe_right" in verdict else verdict.get(name, 0)


def _compute(verdict: Json) -> Any:
    read = verdict.get("verifier_tokens")
    return None if read is None else verdict["generated_tokens"] + read


def _at_limit(verdict: Json) -> bool | None:
    return not verdict["finished"] if "finished" in verdict else None


def _comes_too_early(verdict: Json) -> bool | None:
    return None if "probe_right" in verdict else error_kind(verdict) == "not computable yet"


def _answers_zero(verdict: Json) -> bool | None:
    return verdict["true_answer"] == 0 if "true_answer" in verdict else None


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy of full solutions (%)", _key("correct"), "all", 1, share=True),
        Metric(
            "taken_back", "Retries (sentences taken back) per solution, on correct solutions",
            _key("taken_back"), "correct", -1,
        ),
        Metric(
            "taken_back_on_wrong", "Retries (sentences taken back) per solution, on wrong solutions",
            _key("taken_back"), "wrong", 0,
        ),
        Metric(
            "needlessly_taken_back", "Sentences taken back needlessly per solution", _key("needlessly_taken_back"),
            "all", -1,
        ),
        Metric("restarts", "Attempts given up for another one per solution", _count("restarts"), "all", 0),
        Metric("corrections", "Steps corrected after a verdict per solution", _count("corrections"), "all", 0),
        Metric(
            "rollbacks", "Rollbacks by the decoder per solution, on correct solutions", _key("rollbacks"), "correct", 0
        ),
        Metric(
            "rollbacks_on_wrong", "Rollbacks by the decoder per solution, on wrong solutions",
            _key("rollbacks"), "wrong", 0,
        ),
        Metric(
            "unnecessary_operations", "Unnecessary operations per solution, on correct solutions",
            _key("unnecessary_operations"), "correct", -1,
        ),
        Metric(
            "unnecessary_parameters", "Unnecessary parameters per solution, on correct solutions",
            _key("unnecessary_parameters"), "correct", -1,
        ),
        Metric(
            "not_computable", "Solutions whose first error is a step that cannot be computed yet (%)", _comes_too_early,
            "all", -1, share=True,
        ),
        Metric("generated_tokens", "Generated tokens per problem", _key("generated_tokens"), "all", -1),
        Metric(
            "prefix_tokens", "Tokens of prompts read by the model per problem", _key("prefix_tokens"), "all", -1,
        ),
        Metric(
            "verifier_tokens", "Tokens read by detectors, verifiers and second models per problem",
            _key("verifier_tokens"), "all", -1,
        ),
        Metric(
            "compute_tokens", "Tokens per problem: generated, and read by further networks", _compute, "all", -1,
        ),
        Metric("at_limit", "Share of solutions cut off at the length limit", _at_limit, "all", -1),
        Metric("always_zero", "Share of problems whose answer is 0", _answers_zero, "all", 0),
        Metric(
            "detection", "Right answers of the probe, mean over problems (%)", _key("probe_right"), "all", 1, share=True
        ),
    )
}  # fmt: skip

CUT_OFF = 0.05
"""Share of solutions at the length limit above which it is said under the table."""


class Numbers:
    """What verdicts come to, one after another."""

    def __init__(self, verdicts: Iterable[Json] = ()) -> None:
        self.n = 0
        self.first_errors: Counter[str] = Counter()
        """Kind of a first error -> how often it occurs."""
        self._sums = dict.fromkeys(METRICS, 0.0)
        self._counts = dict.fromkeys(METRICS, 0)
        for verdict in verdicts:
            self.add(verdict)

    def add(self, verdict: Json) -> None:
        """Count one verdict."""
        self.n += 1
        kind = error_kind(verdict)
        if kind is not None:
            self.first_errors[kind] += 1
        for name, metric in METRICS.items():
            self._count(name, metric.of(verdict))

    def _count(self, name: str, number: float | None) -> None:
        if number is not None:
            self._sums[name] += number
            self._counts[name] += 1

    @property
    def correct(self) -> int:
        """How many solutions are right."""
        return round(self._sums["accuracy"])

    def mean(self, metric: str) -> float | None:
        """Over the solutions that count; None when there are none."""
        return self._sums[metric] / self._counts[metric] if self._counts[metric] else None


class Columns(Numbers):
    """The same with every problem's own numbers: verdict i is that of problem i of the test set."""

    def __init__(self, verdicts: Iterable[Json] = ()) -> None:
        self.problems = array("q")
        """What tells whether two evaluations had the same problem i: a hash of its operations and its answer."""
        self._columns = {name: array("d") for name in METRICS}
        super().__init__(verdicts)

    def add(self, verdict: Json) -> None:
        super().add(verdict)
        self.problems.append(hash((verdict.get("op"), verdict.get("true_answer"))))

    def _count(self, name: str, number: float | None) -> None:
        super()._count(name, number)
        self._columns[name].append(math.nan if number is None else number)

    def of_problems(self, metric: str) -> dict[int, float]:
        """Problem -> its number, of the problems that count."""
        return {i: number for i, number in enumerate(self._columns[metric]) if not math.isnan(number)}


def error_kind(verdict: Json) -> str | None:
    """The kind of the first error of a graded solution; None when it is correct, or a probe's answer."""
    if verdict.get("correct") or "probe_right" in verdict:
        return None
    return str((verdict.get("error") or {}).get("kind", "unknown"))
