"""What models do about planted sentences, over training seeds: ways of training side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from igsm.grading.metrics import Json
from igsm.reporting import arms, markdown
from igsm.reporting.arms import gap, over_seeds, share, share_difference
from igsm.reporting.recovery_table import order

if TYPE_CHECKING:
    from rich.table import Table

KEYS = ("cell", "decoding", "source", "kind", "place")
MEASURES = (
    "recovered", "free", "gap_to_free", "gap_to_right", "taken_back", "at_once", "later", "around", "parrot",
    "tokens_to_undo", "injected", "injected_taken_back", "own_less_injected", "own_less_injected_back", "n",
)  # fmt: skip

EXPLAINED = (
    *arms.EXPLAINED,
    "n: the seeds' mean; it differs, for a planted mistake must be possible there, and an own one be made.",
)
"""What the tables over seeds say beside those of single runs."""


def numbers(lines: Sequence[Json], arm_of: Mapping[str, str]) -> list[Json]:
    """A line for each way of training and beginning (`arms.over_seeds`) of lines of `recovery_table.numbers`."""
    key = [name for name in ("run", *KEYS) if name != "source"]
    twins = {tuple(line[name] for name in key): line for line in lines if line["source"] == "injected"}
    whole = []
    for line in lines:
        twin = twins.get(tuple(line[name] for name in key)) if line["source"] == "own" else None
        whole.append(
            line | {"injected": twin and twin["recovered"], "injected_taken_back": twin and twin["taken_back"]}
        )
    whole.sort(key=lambda line: order((line["source"], line["kind"], line["place"])))
    return over_seeds(whole, arm_of, KEYS, MEASURES)


def parts(lines: Sequence[Json]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """For each cell and way of decoding: recovery, what became of the planted sentence, own against injected."""
    for cell, decoding in dict.fromkeys((line["cell"], line["decoding"]) for line in lines):
        chosen = [line for line in lines if (line["cell"], line["decoding"]) == (cell, decoding)]
        where = f"over seeds, {cell}, {decoding}"
        yield (
            f"{where}: nothing planted, right solutions, %",
            ["trained with", "seeds", "n", "right", "against"],
            [
                [*_labels(line), share(line, "recovered"), share_difference(line, "recovered")]
                for line in chosen
                if line["source"] == "free"
            ],
        )
        planted = [line for line in chosen if line["source"] == "injected" and line["place"] != "own"]
        yield (
            f"{where}: recovered from what was planted, %",
            ["planted", "trained with", "seeds", "n", "recov.", "against", "free - recov.", "right - recov."],
            [
                [f"{line['kind']}, {line['place']}", *_labels(line), share(line, "recovered"),
                 share_difference(line, "recovered"), gap(line, "gap_to_free"), gap(line, "gap_to_right")]
                for line in planted
            ],
        )  # fmt: skip
        yield (
            f"{where}: what became of the planted sentence, %",
            ["planted", "trained with", "at once", "later", "around", "parrot", "tokens"],
            [
                [f"{line['kind']}, {line['place']}", line["arm"],
                 *(share(line, name) for name in ("at_once", "later", "around", "parrot")),
                 "-" if line["tokens_to_undo"] is None else f"{line['tokens_to_undo']:.1f}"]
                for line in planted
            ],
        )  # fmt: skip
        own = [line for line in chosen if line["source"] == "own"]
        for what, mine, theirs, between in (
            ("recovered", "recovered", "injected", "own_less_injected"),
            ("taken back", "taken_back", "injected_taken_back", "own_less_injected_back"),
        ):
            if own:
                yield (
                    f"{where}: own first mistakes and injected ones, {what}, %",
                    ["mistake", "trained with", "seeds", "n", "own", "injected", "own - injected"],
                    [
                        [line["kind"], *_labels(line), share(line, mine), share(line, theirs), gap(line, between)]
                        for line in own
                    ],
                )


def _labels(line: Json) -> list[str]:
    return [line["arm"], str(line["seeds"]), f"{line['n']:.0f}"]


def terminal(lines: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts` for the terminal, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, rows in parts(lines):
        yield title, [*fitted(head, rows, 1 + head.index("trained with"), width)]


def to_markdown(lines: Sequence[Json]) -> str:
    """The tables of `parts`, and what is special about them."""
    return "\n".join([*markdown.tables(parts(lines)), *(f"{line}\n" for line in EXPLAINED)])
