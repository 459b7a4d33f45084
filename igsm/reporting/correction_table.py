"""What taking back is worth: confidence, critique and the price, for each bias on BACK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from igsm.grading.correction import correction, relative_interval
from igsm.grading.evaluations import Evaluation
from igsm.grading.metrics import Json, percent
from igsm.grading.proposals import RATES, Share, rates_of
from igsm.reporting import markdown
from igsm.statistics import wilson

if TYPE_CHECKING:
    from rich.table import Table

WITHOUT = "no_back"
"""The decoder whose answers are those before self-correction."""

COLUMNS = (
    "run", "cell", "decoder", "n", "accuracy", "confidence", "confidence_low", "confidence_high", "critique",
    "critique_low", "critique_high", "relative", "relative_low", "relative_high", "taken_back", "needless",
    "needlessly_taken_back", "tokens", *(f"{name}{end}" for name in RATES for end in ("", "_low", "_high")),
)  # fmt: skip

EXPLAINED = (
    "no_back: the same model, which cannot take anything back. The other lines are compared with it, on the same "
    "problems.",
    "CL, confidence: of what is right without BACK, the share that is right with it. CS, critique: of what is wrong "
    "without it, the share that is right with it.",
    "RSS: 0.5 where nothing is gained, 1 where as much is as may be expected of this accuracy (arXiv 2412.19513); its "
    "interval is in the CSV file.",
    "taken back: sentences a solution. needless: of these, the share that had nothing wrong. tokens: a solution.",
    "step by step: of the steps that are tried first in their place, up to the first error. needless retries: of the "
    "right ones, the share that is taken back. detection: of the wrong ones, the share that is taken back; of these, "
    "correction: what stands there in the end is right, parrot: the next one is of the same parameter and wrong again.",
)
"""What the columns mean."""


def numbers(run: str, evaluations: Sequence[Evaluation]) -> list[Json]:
    """A line (see COLUMNS) for each evaluation of one cell; the first is by the decoder WITHOUT."""
    verdicts = {one.decoder: list(one.verdicts()) for one in evaluations}
    before = [int(verdict["correct"]) for verdict in verdicts[WITHOUT]]
    return [
        {"run": run, "cell": one.cell, "decoder": one.decoder}
        | _line(before, verdicts[one.decoder], one.decoder)
        | with_ends(rates_of(one))
        for one in evaluations
    ]


def with_ends(rates: Mapping[str, Share | None]) -> Json:
    """Rates and the ends of their intervals."""
    return {
        f"{name}{end}": number
        for name, found in rates.items()
        for end, number in zip(("", "_low", "_high"), found or (None, None, None), strict=True)
    }


def _line(before: list[int], verdicts: list[Json], decoder: str) -> Json:
    after = [int(verdict["correct"]) for verdict in verdicts]
    backs = sum(verdict["taken_back"] for verdict in verdicts)
    needlessly = sum(verdict["needlessly_taken_back"] for verdict in verdicts)
    line: Json = dict.fromkeys(COLUMNS[3:]) | {
        "n": len(after),
        "accuracy": sum(after) / len(after),
        "taken_back": backs / len(after),
        "needless": needlessly / backs if backs else None,
        "needlessly_taken_back": needlessly / len(after),
        "tokens": sum(verdict["generated_tokens"] for verdict in verdicts) / len(after),
    }
    if decoder == WITHOUT:
        return line
    both = [one * other for one, other in zip(before, after, strict=True)]
    found = correction(before, after, both)
    line |= {"confidence": found.confidence, "critique": found.critique, "relative": found.relative}
    right, wrong = sum(before), len(before) - sum(before)
    line |= _ends("confidence", wilson(sum(both), right) if right else None)
    line |= _ends("critique", wilson(sum(after) - sum(both), wrong) if wrong else None)
    return line | _ends("relative", relative_interval(before, after, both))


def _ends(name: str, interval: tuple[float, float] | None) -> Json:
    return {} if interval is None else {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def parts(lines: Sequence[Json]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, head and lines of a table for each run and cell."""
    for run, cell in dict.fromkeys((line["run"], line["cell"]) for line in lines):
        chosen = [line for line in lines if (line["run"], line["cell"]) == (run, cell)]
        yield (
            f"{run}, {cell}: what BACK is worth, n = {chosen[0]['n']:,}",
            ["decoder", "acc.", "CL", "CS", "RSS", "taken\nback", "need-\nless", "tokens"],
            [
                [
                    line["decoder"],
                    percent(line["accuracy"]),
                    _share(line, "confidence"),
                    _share(line, "critique"),
                    "-" if line["relative"] is None else f"{line['relative']:.2f}",
                    f"{line['taken_back']:.2f}",
                    percent(line["needless"]),
                    f"{line['tokens']:.0f}",
                ]
                for line in chosen
            ],
        )
        yield (
            f"{run}, {cell}: self-correction step by step, %",
            ["decoder", "needless retries", "detection", "correction", "parrot"],
            [[line["decoder"], *(_decimal_share(line, name) for name in RATES)] for line in chosen],
        )


def terminal(lines: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts` for the terminal, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, rows in parts(lines):
        yield title, [*fitted(head, rows, 1, width)]


def to_markdown(lines: Sequence[Json]) -> str:
    """The tables of `parts`, and what their columns mean."""
    return "\n".join([*markdown.tables(parts(lines)), *(f"{line}\n" for line in EXPLAINED)])


def _share(line: Json, name: str) -> str:
    if line[name] is None:
        return "-"
    value, low, high = (f"{100 * line[key]:.0f}" for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} [{low}, {high}]"


def _decimal_share(line: Json, name: str) -> str:
    """Needless retries are rare."""
    if line[name] is None:
        return "-"
    value, low, high = (f"{100 * line[key]:.1f}" for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} [{low}, {high}]"
