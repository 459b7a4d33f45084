"""How well detectors find first errors: tables of `igsm.grading.detection.score`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from igsm.grading.metrics import percent

if TYPE_CHECKING:
    from rich.table import Table

Scores = Mapping[str, Mapping[str, Any]]
"""Name of a detector -> what `score` returns."""


def parts(found: Scores, names: Mapping[str, str] | None = None) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, head and lines of the table of detectors, and of their recalls by kind and by op.

    Args:
        names: of kinds of first errors in another taxonomy, for a second column.
    """
    first = next(iter(found.values()))
    yield (
        f"first wrong step found, %: {first['n_wrong']:,} wrong and {first['n_right']:,} right solutions",
        ["detector", "on wrong", "on right", "F1", "within one", "AUROC"],
        [
            [
                name,
                percent(one["on_wrong"]),
                percent(one["on_right"]),
                _interval(one),
                percent(one["within_one"]),
                "-" if one["auroc"] is None else f"{one['auroc']:.3f}",
            ]
            for name, one in found.items()
        ],
    )
    for field, title in (("recall_by_kind", "kind of error"), ("recall_by_op", "op")):
        if first[field]:
            second = names if field == "recall_by_kind" else None
            yield (
                f"found among the wrong solutions, %, by {title}",
                [title, *(["type"] if second else []), "n", *found],
                [
                    [
                        str(value),
                        *([second.get(value, "-")] if second else []),
                        f"{n:,}",
                        *(percent(one[field][value][0]) for one in found.values()),
                    ]
                    for value, (_, n) in first[field].items()
                ],
            )


def terminal(found: Scores, width: int, names: Mapping[str, str] | None = None) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts`, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, lines in parts(found, names):
        yield title, [*fitted(head, lines, 2 if "type" in head else 1, width)]


def _interval(one: Mapping[str, Any]) -> str:
    if one["f1"] is None:
        return "-"
    return f"{100 * one['f1']:.1f} [{100 * one['f1_low']:.1f}, {100 * one['f1_high']:.1f}]"
