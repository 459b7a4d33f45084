"""Tables of `mistakes log`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from igsm.evaluation.copilot_cost import Cost
    from igsm.evaluation.corrected import Correction
    from igsm.evaluation.logged import Period
    from igsm.reporting.turned import Change

NEGLIGIBLE = 0.01
"""Of a class whose squared error is less than this share of all tokens', no change of it in % is shown."""


def errors(run: Path, periods: list[Period]) -> Table:
    names = list(dict.fromkeys(name for one in periods for name in one.classes))
    table = _table(f"Mistake log of {run}: mean error, and share of wrong tokens in %, by class of the right token")
    widest = max((len(f"{one.first:,}-{one.last:,}") for one in periods), default=0)
    table.add_column("steps", justify="right", min_width=widest)
    for head in ("windows", *names):
        table.add_column(head, justify="right")
    for one in periods:
        cells = [
            f"{its.error:.3f}\n{100 * its.wrong / its.tokens:.1f}" if (its := one.classes.get(name)) else "-"
            for name in names
        ]
        table.add_row(f"{one.first:,}-{one.last:,}", f"{one.windows:,}", *cells)
    return table


def first_errors(periods: list[Period]) -> Table:
    names = list(dict.fromkeys(name for one in periods for name in one.classes))
    table = _table("First wrong token of an answer, % of the answers, by class of the right token")
    for head in ("steps", "answers", *names, "none"):
        table.add_column(head, justify="right")
    for one in periods:
        counts = [one.first_wrong.get(name, 0) for name in names]
        shares = [*counts, one.answers - sum(counts)]
        cells = [f"{100 * count / one.answers:.1f}" if one.answers else "-" for count in shares]
        table.add_row(f"{one.first:,}-{one.last:,}", f"{one.answers:,}", *cells)
    return table


def first_kinds(periods: list[Period]) -> Table:
    table = _table(
        "What the model held more probable there, by the grader's kinds, % of the answers with a wrong token and a "
        "whole problem"
    )
    totals = Counter[str]()
    for one in periods:
        totals.update(one.kinds)
    table.add_column("steps up to", no_wrap=True)
    for one in periods:
        table.add_column(f"{one.last:,}", justify="right", min_width=len(f"{one.last:,}"))
    for kind, _ in totals.most_common():
        table.add_row(kind, *(_percent(one.kinds.get(kind, 0), sum(one.kinds.values()), 1) for one in periods))
    return table


def changed_tokens(runs: str, found: Correction, windows: str, weight: float) -> Table:
    table = _table(
        f"The Copilot of {runs} with lambda {weight:g}, test split, true errors before each token; windows: {windows}"
    )
    table.add_column("class", no_wrap=True)
    for head in ("tokens", "wrong, %", "of these\nput right, %", "of the right\nput wrong, %"):
        table.add_column(head, justify="right")
    for head in ("squared\nerror", "less\nwith f, %", "less at\nbest, %", "best\nlambda"):
        table.add_column(head, justify="right")
    for name, one in found.classes.items():
        right = one.tokens - one.wrong
        shares = [_percent(one.wrong, one.tokens), _percent(one.put_right, one.wrong), _percent(one.put_wrong, right)]
        changed = [_percent(one.error - one.error_at(at), one.error) for at in (weight, max(0.0, one.best))]
        if one.error < NEGLIGIBLE * found.classes["all"].error:
            changed = ["-", "-"]
        table.add_row(name, f"{one.tokens:,}", *shares, f"{one.error:.2g}", *changed, f"{one.best:.2g}")
    return table


def theorem(found: Correction) -> Table:
    """Theorem 4.1, id by id."""
    table = _table(
        "Theorem 4.1: where the Copilot's bias is below the root of the Pilot's bias squared plus variance, a lambda "
        "above 0 lowers the squared error"
    )
    table.add_column("class", no_wrap=True)
    for head in ("ids", "Pilot\nbias²", "Pilot\nvar.", "Copilot\nbias²", "Copilot\nvar."):
        table.add_column(head, justify="right")
    for head in ("bias\nbelow", "of these\nlowered", "others\nlowered", "up to\nlambda"):
        table.add_column(head, justify="right")
    for name, one in found.biases.items():
        numbers = (one.pilot_bias, one.pilot_variance, one.copilot_bias, one.copilot_variance)
        counts = (str(count) for count in (one.condition, one.lower, one.lower_elsewhere))
        table.add_row(name, str(one.ids), *(f"{number:.0e}" for number in numbers), *counts, f"{one.limit:.2f}")
    return table


def over_lambda(found: Correction, accuracies: list[dict[str, float]]) -> Table:
    """What the theorem predicts, beside what is right at each lambda.

    Args:
        accuracies: share of validation problems solved by lambda, of each run where one was chosen.
    """
    whole = found.classes["all"]
    of = f" (mean of {len(accuracies)} runs)" if len(accuracies) > 1 else ""
    table = _table(f"Over lambda: squared error (true errors fed), tokens right, and validation problems solved{of}")
    for head in ("lambda", "squared\nerror", "tokens\nright, %", "solutions\nright, %"):
        table.add_column(head, justify="right")
    for weight, right in found.right.items():
        solved = [one[f"{weight:g}"] for one in accuracies if f"{weight:g}" in one]
        table.add_row(
            f"{weight:g}",
            f"{whole.error_at(weight):.4f}",
            f"{100 * right:.2f}",
            f"{100 * fmean(solved):.1f}" if solved else "-",
        )
    return table


def changed_solutions(change: Change) -> Table:
    """Of one cell, by kind of the first error."""
    several = f" ({change.evaluations} evaluations)" if change.evaluations > 1 else ""
    table = _table(
        f"{change.cell}: {change.second} against {change.first}, by the first error of {change.first}{several}"
    )
    for head in ("first error", "problems", "right\nthen", "alike up\nto there", "of these\nchanged", "error\npassed"):
        table.add_column(head, justify="left" if head == "first error" else "right")
    for kind, one in change.kinds.items():
        reached = (one.reached, one.changed, one.past) if kind != "none" else ()
        cells = [f"{count:,}" for count in reached] or ["-"] * 3
        table.add_row(kind, f"{one.problems:,}", f"{one.right:,}", *cells)
    return table


def names_line(change: Change) -> str:
    """The recall at "Define A as"."""
    one = change.names
    recall, renamed = _percent(one.warned, one.mistaken), _percent(one.renamed, one.sound)
    return (
        f'at "Define A as": of {one.mistaken:,} names that cannot be computed yet {recall} % become another name, of '
        f"{one.sound:,} that can {renamed} %"
    )


def costs(run: Path, found: dict[str, Cost], claimed: float) -> Table:
    """Time and FLOPs with a Copilot beside those without."""
    table = _table(f"Cost of the Copilot of {run}; the paper: {100 * claimed:g} % more time on average")
    for head in ("", "Pilot alone", "with Copilot", "more\ntime, %", "more\nFLOPs, %"):
        table.add_column(head, justify="right" if head else "left")
    for name, unit in (("training", "a step"), ("decoding", "a token")):
        one = found[name]
        seconds = (f"{1000 * value:.3g} ms" for value in (one.alone, one.both))
        more = (f"{100 * share:.0f}" for share in (one.more_time, one.more_flops))
        table.add_row(f"{name}, {unit}", *seconds, *more)
    return table


def _percent(part: float, whole: float, decimals: int = 2) -> str:
    return f"{100 * part / whole:.{decimals}f}" if whole else "-"


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.collapse_padding = True
    return table
