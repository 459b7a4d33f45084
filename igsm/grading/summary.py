"""What many verdicts come to: accuracy with its interval, first errors by op, a few examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from igsm.grading.metrics import METRICS, Numbers
from igsm.grading.reader import IllPosedError
from igsm.grading.verdict import FirstError, Kind, Verdict
from igsm.statistics import wilson

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MAX_COLUMNS = 8


class Graded(NamedTuple):
    """One record after grading; `verdict` is None when the problem is ill-posed."""

    line: int
    op: int | None
    verdict: Verdict | None
    ill_posed: IllPosedError | None = None
    answer_right: bool | None = None
    """Whether the final answer is right, whatever the steps are; None where none is stated."""

    def to_json(self) -> dict[str, Any]:
        """A flat record for JSON lines."""
        start = {"line": self.line, "op": self.op}
        if self.verdict is None:
            return start | {"correct": None, "ill_posed": str(self.ill_posed)}
        return start | self.verdict.to_json() | {"answer_right": self.answer_right}


class Summary:
    """Counts over graded records.

    Args:
        examples: how many examples of each kind of first error to keep.
    """

    def __init__(self, examples: int = 2) -> None:
        self.numbers = Numbers()
        self.by_op: Counter[int] = Counter()
        self.correct_by_op: Counter[int] = Counter()
        self.errors: Counter[tuple[Kind, int]] = Counter()
        self.answers: Counter[bool | None] = Counter()
        """Whether the final answer is right (None: there is none) -> how many solutions."""
        self.ill_posed: list[tuple[int, IllPosedError]] = []
        self.examples: dict[Kind, list[tuple[int, FirstError]]] = {}
        self._wanted = examples

    def add(self, graded: Graded) -> None:
        """Count one record."""
        verdict = graded.verdict
        if verdict is None:
            if graded.ill_posed is not None:
                self.ill_posed.append((graded.line, graded.ill_posed))
            return
        self.answers[graded.answer_right] += 1
        op = graded.op or 0
        self.numbers.add(verdict.numbers())
        self.by_op[op] += 1
        if verdict.correct:
            self.correct_by_op[op] += 1
        if verdict.error is not None:
            self.errors[verdict.error.kind, op] += 1
            kept = self.examples.setdefault(verdict.error.kind, [])
            if len(kept) < self._wanted:
                kept.append((graded.line, verdict.error))

    @property
    def n(self) -> int:
        """Solutions graded."""
        return self.numbers.n

    @property
    def correct(self) -> int:
        """Right ones of them."""
        return self.numbers.correct

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson(self.correct, self.n)

    def content(self, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """All numbers, for JSON; means of the metrics over the solutions that each counts.

        Args:
            names: of kinds of first errors in another taxonomy, whose counts stand beside ours.
        """
        low, high = self.interval
        types: Counter[str] = Counter()
        for kind, count in self.kinds() if names else ():
            types[names[kind]] += count  # type: ignore[index]
        content = {"error_types": dict(types.most_common())} if names else {}
        return content | {
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.correct / self.n if self.n else None,
            "interval": [low, high],
            "answers_right": self.answers[True],
            "answers_stated": self.answers[True] + self.answers[False],
            "metrics": {name: self.numbers.mean(name) for name in METRICS},
            "first_errors": {str(kind): count for kind, count in self.kinds()},
            "by_op": {op: {"n": n, "correct": self.correct_by_op[op]} for op, n in sorted(self.by_op.items())},
            "ill_posed": [{"line": line, "problem": str(error)} for line, error in self.ill_posed],
        }

    def kinds(self) -> list[tuple[Kind, int]]:
        """Kinds of first error that occur, with their counts, most frequent first."""
        counts: Counter[Kind] = Counter()
        for (kind, _), count in self.errors.items():
            counts[kind] += count
        return counts.most_common()


def render(summary: Summary, names: Mapping[str, str] | None = None) -> RenderableType:
    """The summary for a terminal (rich), with the `names` of kinds of first errors in another taxonomy."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(line) for line in _headlines(summary)]
    if summary.n:
        parts += [Text("first error by op (operations of the problem)", style="italic"), _error_table(summary, names)]
    for kind, kept in summary.examples.items():
        for line, error in kept:
            parts.append(_example(kind, line, error))
    for line, ill_posed in summary.ill_posed[:10]:
        parts.append(Text.assemble(f"line {line}: ill-posed problem, ", (str(ill_posed), "bold")))
    return Group(*parts)


def _headlines(summary: Summary) -> Iterable[str]:
    n, correct = summary.n, summary.correct
    if n:
        low, high = summary.interval
        yield (
            f"{correct} of {n} solutions correct: {100 * correct / n:.1f} % "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f})"
        )
    stated = summary.answers[True] + summary.answers[False]
    if stated:
        right = summary.answers[True]
        yield f"{right} of {n} final answers right: {100 * right / n:.1f} %, whatever the steps ({stated} state one)"
    for name, metric in METRICS.items():
        mean = summary.numbers.mean(name)
        if not metric.share and mean is not None:
            yield f"{metric.title}: {metric.text(mean, 1)}"
    if not n:
        yield "no solution graded"
    if summary.ill_posed:
        yield f"ill-posed problems, left out: {len(summary.ill_posed)}"
        if any(error.kind == "unknown name" for _, error in summary.ill_posed):
            yield "names missing from the lexicon: are the problems in another one? Give it with --lexicon"


def _error_table(summary: Summary, names: Mapping[str, str] | None) -> Table:
    from rich.table import Table

    ranges = _op_ranges(sorted(summary.by_op))
    table = Table()
    table.add_column("", no_wrap=True)
    if names:
        table.add_column("type", overflow="fold")
    for low, high in ranges:
        table.add_column(f"{low}" if low == high else f"{low}-{high}", justify="right")
    table.add_column("all", justify="right")

    def counts(counter: dict[int, int]) -> list[str]:
        values = [sum(v for op, v in counter.items() if low <= op <= high) for low, high in ranges]
        return [str(value) if value else "" for value in (*values, sum(values))]

    def row(label: str, kind: Kind | None, counter: dict[int, int], style: str | None = None) -> None:
        second = [] if names is None else [names[kind].replace("_", " ") if kind else ""]
        table.add_row(label, *second, *counts(counter), style=style)

    row("correct", None, summary.correct_by_op, "green")
    for kind, _ in summary.kinds():
        row(kind, kind, {op: c for (k, op), c in summary.errors.items() if k == kind})
    row("solutions", None, summary.by_op, "bold")
    return table


def _op_ranges(ops: list[int]) -> list[tuple[int, int]]:
    """Each op by itself, or at most MAX_COLUMNS ranges of equal width."""
    if len(ops) <= MAX_COLUMNS:
        return [(op, op) for op in ops]
    width = -(-(ops[-1] - ops[0] + 1) // MAX_COLUMNS)
    ranges = [(start, start + width - 1) for start in range(ops[0], ops[-1] + 1, width)]
    return [(low, high) for low, high in ranges if any(low <= op <= high for op in ops)]


def _example(kind: Kind, line: int, error: FirstError) -> Text:
    from rich.text import Text

    shown = Text(error.sentence)
    shown.stylize("bold red", error.start, error.end)
    if len(shown) > 400:
        shown = Text("... ") + shown[max(error.start - 100, 0) : error.start + 300] + Text(" ...")
    return Text.assemble(
        f"\nline {line}, sentence {error.step}: ", (str(kind), "bold"), f" ({error.message})\n  ", shown
    )
