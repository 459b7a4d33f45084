"""Answers of models trained on text with and without mistakes, over training seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from igsm.errors import InputError
from igsm.significance import holm, permutation_test
from igsm.statistics import t_interval, welch_interval

if TYPE_CHECKING:
    from rich.table import Table

Line = dict[str, Any]


def lines(answers: Sequence[Line], against: str) -> list[Line]:
    """A line for each source, in the order given: seeds, mean accuracy, and the difference from `against`.

    p is the exact permutation test's over training seeds, after Holm's correction over all lines.

    Args:
        answers: of `answers.json` of each run.
        against: name of the file, without its ending, that the rest is compared with.

    Raises:
        InputError: nothing was trained on it, or the runs answered other problems.
    """
    if len({(one["held_out"], one["n"]) for one in answers}) > 1:
        raise InputError("the runs answered different held-out problems; compare those of one file and number")
    sources: dict[str, list[Line]] = {}
    for one in answers:
        sources.setdefault(Path(one["source"]).stem, []).append(one)
    if against not in sources:
        raise InputError(f"--against {against}: no run was trained on it; there are {', '.join(sources)}")
    base = [one["accuracy"] for one in sources[against]]
    found = []
    for name, runs in sources.items():
        values = [one["accuracy"] for one in runs]
        line: Line = {"source": name, "seeds": len(runs), "n": runs[0]["n"], "accuracy": fmean(values)}
        line |= dict(zip(("low", "high"), t_interval(values) or (None, None), strict=True))
        line |= {key: fmean(one[key] for one in runs) for key in ("finished", "taken_back")}
        if name != against:
            interval = welch_interval(base, values) or (None, None)
            line |= {"difference": fmean(values) - fmean(base), "difference_low": interval[0]}
            line |= {"difference_high": interval[1], "p": permutation_test(base, values)}
        found.append(line)
    compared = [line for line in found if "p" in line]
    for line, p in zip(compared, holm([line["p"] for line in compared]), strict=True):
        line["p_holm"] = p
    return found


def terminal(found: Sequence[Line], against: str, width: int) -> Iterator[tuple[str, list[Table]]]:
    """The table, no wider than `width`."""
    from igsm.reporting.terminal import fitted

    head = ["trained on", "seeds", "right, %", f"- {against}", "p", "backs", "ended, %"]
    rows = [
        [
            line["source"],
            str(line["seeds"]),
            _points(line["accuracy"], line["low"], line["high"]),
            _points(line["difference"], line["difference_low"], line["difference_high"]) if "p" in line else "",
            f"{line['p_holm']:.2g}" if "p" in line else "",
            f"{line['taken_back']:.2f}",
            f"{100 * line['finished']:.1f}",
        ]
        for line in found
    ]
    yield (
        f"Held-out problems, n = {found[0]['n']}; intervals and p over training seeds",
        [*fitted(head, rows, 1, width)],
    )


def _points(value: float, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{100 * value:.1f}{interval}"
