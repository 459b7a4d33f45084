"""The accuracy table of finished evaluations: for the terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from igsm.grading.evaluations import Evaluation
from igsm.grading.metrics import CUT_OFF, METRICS, Json, percent
from igsm.reporting import markdown
from igsm.statistics import wilson

if TYPE_CHECKING:
    from rich.table import Table

Row = tuple[str, Evaluation]
"""Name of a run, and one of its evaluations."""

_NAMES = [name for name in METRICS if name != "detection"]  # which is of a probe's answers, not of solutions
COLUMNS = (
    "run", "decoder", "cell", "checkpoint", "context", "precision", "seed", "n", "correct", "accuracy", "low", "high",
    *(name for name in _NAMES if name != "accuracy"), "first_errors",
)  # fmt: skip

MOST_KINDS = 3
"""Kinds of first errors shown in a line; the CSV file has all."""

LEAST = 0.05
"""Means below this in all evaluations are not shown on the terminal."""


def named(name: str, one: Evaluation) -> str:
    """The run's name, with what tells this evaluation from the one under the default settings."""
    return f"{name} {one.end}".rstrip()


def flat(run: str, one: Evaluation) -> Json:
    """One line of the CSV file."""
    low, high = wilson(one.numbers.correct, one.n)
    settings = {key: one.settings.get(key) for key in ("checkpoint", "context", "precision", "seed")}
    means = {name: one.numbers.mean(name) for name in _NAMES}
    errors = "; ".join(f"{kind} {count}" for kind, count in one.numbers.first_errors.most_common())
    counts = {"n": one.n, "correct": one.numbers.correct, "low": low, "high": high, "first_errors": errors}
    return {"run": run, "decoder": one.decoder, "cell": one.cell} | settings | counts | means


def to_csv(rows: Sequence[Row]) -> str:
    """All numbers, one line an evaluation; a mean over no solution is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(flat(run, summary) for run, summary in rows)
    return out.getvalue()


def accuracies(rows: Sequence[Row], between: str = " ") -> tuple[list[str], list[list[str]]]:
    """Head and lines of the accuracy table: a line for each run and decoder, a column for each cell, "-" if missing.

    Args:
        between: a number and its interval.
    """
    cells = list(dict.fromkeys(one.cell for _, one in rows))
    found = {(run, one.decoder, one.cell): one for run, one in rows}
    lines = []
    for run, decoder in dict.fromkeys((run, one.decoder) for run, one in rows):
        lines.append([run, decoder, *(_accuracy(found.get((run, decoder, cell)), between) for cell in cells)])
    zeros = [next(one.numbers.mean("always_zero") for one in found.values() if one.cell == cell) for cell in cells]
    if any(zero is not None for zero in zeros):
        lines.append(["always answering 0", "", *map(percent, zeros)])
    return ["run", "decoder", *_short(cells)], lines


def _short(cells: Sequence[str]) -> list[str]:
    """Names of cells, without difficulty and format where all have the same."""
    prefixes = {cell.partition(":")[0] for cell in cells}
    return [cell.partition(":")[2] if len(prefixes) == 1 else cell for cell in cells]


def _accuracy(one: Evaluation | None, between: str) -> str:
    if one is None:
        return "-"
    low, high = wilson(one.numbers.correct, one.n)
    return f"{100 * one.numbers.correct / one.n:.1f}{between}[{100 * low:.1f}, {100 * high:.1f}]"


def to_markdown(rows: Sequence[Row]) -> str:
    """The accuracy table, and what is known beside accuracy."""
    parts = []
    for head, lines in (accuracies(rows), details(rows)):
        parts += [markdown.table(head, lines), ""]
    sizes = sorted({one.n for _, one in rows})
    parts.append(
        f"Accuracy in % of full solutions with 95 % Wilson intervals; n = {', '.join(map(str, sizes))} a cell.\n"
    )
    parts.extend(f"{note}\n" for note in cut_off(rows))
    return "\n".join(parts)


_MEANS = {
    "tokens": "generated_tokens",
    "taken back in right": "taken_back",
    "taken back in wrong": "taken_back_on_wrong",
    "rollbacks in right": "rollbacks",
    "rollbacks in wrong": "rollbacks_on_wrong",
    "unneeded parameters": "unnecessary_parameters",
    "unneeded operations": "unnecessary_operations",
}
"""Heading -> metric."""

EXPLAINED = (
    "Accuracy: solutions with no wrong step and the right answer, in %. Brackets: 95 % Wilson interval over the n test "
    "problems; training again may move it more.",
    "always answering 0: the accuracy of that answer, whatever the problem.",
    "tokens: generated for a problem, those of all beams and samples and of what was rolled back.",
    "taken back: sentences that the model itself takes back (BACK), a mean over right or over wrong solutions.",
    "rollbacks: sentences that the decoder rolls back (retry upon regret), counted likewise.",
    "unneeded parameters, operations: defined, or computed, in a right solution though its answer does not need them.",
    "first error: the way in which most solutions go wrong first, and how many do; table.csv has all.",
    f"Means below {LEAST} everywhere are not shown; table.csv has them.",
)
"""What the columns mean."""


def details(rows: Sequence[Row], least: float = 0.005) -> tuple[list[str], list[list[str]]]:
    """Head and lines of the second table: one line an evaluation.

    Args:
        least: what is smaller in all of them has no column.
    """
    means = {title: [one.numbers.mean(metric) for _, one in rows] for title, metric in _MEANS.items()}
    shown = {title: numbers for title, numbers in means.items() if any((number or 0) >= least for number in numbers)}
    head = ["run", "decoder", "cell", *shown, "first errors"]
    names = _short([one.cell for _, one in rows])
    lines = []
    for i, ((run, one), cell) in enumerate(zip(rows, names, strict=True)):
        row = [_number(numbers[i], digits=0 if title == "tokens" else 2) for title, numbers in shown.items()]
        errors = [f"{kind} {count}" for kind, count in one.numbers.first_errors.most_common()]
        errors = [*errors[:MOST_KINDS], *(["..."] if len(errors) > MOST_KINDS else [])]
        lines.append([run, one.decoder, cell, *row, "; ".join(errors) or "-"])
    return head, lines


def cut_off(rows: Sequence[Row]) -> list[str]:
    """A line for each evaluation in which many solutions ran into the length limit."""
    lines = []
    for run, one in rows:
        share = one.numbers.mean("at_limit")
        if share is not None and share > CUT_OFF:
            limit = one.settings.get("context")
            where = f"{run}, {one.decoder}, {one.cell}"
            lines.append(f"{where}: {100 * share:.1f} % of the solutions were cut off at {limit} tokens (--context).")
    return lines


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def terminal(rows: Sequence[Row], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables for the terminal, none wider than `width`: a title, and one table or several parts of it."""
    runs, decoders = ({run for run, _ in rows}, {one.decoder for _, one in rows})
    sizes = " and ".join(f"{n:,}" for n in sorted({one.n for _, one in rows}))
    title = f"accuracy of full solutions, %, n = {sizes}"
    head, lines = accuracies(rows, "\n")
    same = [len(runs) == 1, len(decoders) == 1]
    if same[0]:
        title = f"{rows[0][0]}: {title}"
        lines = [[run, decoder or run, *cells] for run, decoder, *cells in lines]
    elif same[1]:
        title = f"{title}, {rows[0][1].decoder}"
    left_out = [0] if same[0] else [1] if same[1] else []
    head = [*head[:2], *(name.replace(" ", "\n") for name in head[2:])]
    yield title, [*_fitted(head, lines, 2, left_out, width)]
    head, lines = details(rows, LEAST)
    lines = [[*line[:-1], line[-1].partition("; ")[0]] for line in lines]
    head = [*head[:3], *(name.replace(" ", "\n") for name in head[3:-1]), "commonest first error"]
    title = "beside accuracy: means per problem; the commonest first error and its number"
    yield title, [*_fitted(head, lines, 3, [i for i in (0, 1) if same[i]], width)]


def _fitted(
    head: Sequence[str], lines: Sequence[Sequence[str]], labels: int, left_out: Sequence[int], width: int
) -> Iterator[Table]:
    """`fitted` without the labels that are the same everywhere."""
    from igsm.reporting.terminal import fitted

    kept = [[text for i, text in enumerate(line) if i not in left_out] for line in (head, *lines)]
    return fitted(kept[0], kept[1:], labels - len(left_out), width)
