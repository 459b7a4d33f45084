"""What models do about planted sentences, in numbers: for the terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from igsm.grading.metrics import Json, percent
from igsm.grading.recovered import AT_ONCE, LATER, NEVER
from igsm.reporting import markdown
from igsm.significance import sign_flip_test
from igsm.statistics import paired_interval

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = (
    "run", "cell", "decoding", "source", "kind", "place", "n", "samples", "free", "right", "recovered",
    "gap_to_free", "gap_to_free_low", "gap_to_free_high", "gap_to_free_p",
    "gap_to_right", "gap_to_right_low", "gap_to_right_high", "gap_to_right_p",
    "own_less_injected", "own_less_injected_low", "own_less_injected_high", "own_less_injected_p",
    *(f"own_less_injected_back{end}" for end in ("", "_low", "_high", "_p")),
    "taken_back", "at_once", "later", "never", "around", "replaced", "parrot", "tokens_to_undo",
)  # fmt: skip

EXPLAINED = (
    "free: right solutions of the same problems with nothing planted; right: with the next right sentence planted.",
    "recovered: right, where the planted sentence may be taken back, made again rightly, or left unused.",
    "gaps: free or right less recovered, in points; brackets: 95 % interval over the problems.",
    "at once, later, never: when the planted sentence is taken back. around: recovered though it never is; again: "
    "of these, its parameter is defined again.",
    "parrot: of those taken back, the next sentence names the same parameter and is wrong again.",
    "tokens: generated until the planted sentence is taken back or made again.",
    "own: behind the model's own first mistake; injected there: another mistake of that kind in its place. all: of "
    "these kinds together.",
)
"""What the columns mean."""

_Beginning = tuple[str, str, str]
"""Source, kind and place."""
_FREE = ("free", "", "")
KINDS = ("right", "unneeded", "name only", "not computable", "wrong inputs", "wrong arithmetic")
"""What is planted: two controls, then mistakes."""
ALL = "all"
"""The kind of own first mistakes, and of injected ones in their place, of every kind that is planted."""
_Problems = dict[int, list[Json]]
"""Index of a problem -> its continuations."""


def numbers(run: str, cell: str, records: Iterable[Json]) -> list[Json]:
    """A line (see COLUMNS) for each way of decoding and each beginning; shares from 0 to 1, None where there are none.

    A problem counts once, with the share of its samples. Each line is compared on its own problems only.
    """
    found: dict[str, dict[_Beginning, _Problems]] = {}
    for record in records:
        decoding = "greedy" if record["sample"] is None else "sample"
        source, kind, place = record["source"], record["kind"], record["place"]
        for name in (kind, ALL) if place == "own" else (kind,):
            problems = found.setdefault(decoding, {}).setdefault((source, name, place), {})
            problems.setdefault(record["index"], []).append(record)
    return [
        {"run": run, "cell": cell, "decoding": decoding} | _line(beginning, beginnings)
        for decoding, beginnings in found.items()
        for beginning in sorted(beginnings, key=order)
    ]


def order(beginning: _Beginning) -> tuple[int, ...]:
    """Where it stands among the lines: free ones first, kinds by their harm, places as they come in a solution."""
    source, kind, place = beginning
    kinds = ("", *KINDS, ALL)
    places = ("", "first", "15 %", "half", "last but one", "own")
    return kinds.index(kind), places.index(place), source != "own"


def _line(beginning: _Beginning, beginnings: dict[_Beginning, _Problems]) -> Json:
    source, kind, place = beginning
    own = beginnings[beginning]
    line = dict.fromkeys(COLUMNS[3:]) | {"source": source, "kind": kind, "place": place, "n": len(own)}
    line |= {"samples": max(map(len, own.values())), "recovered": _mean(own, own)}
    compared = {
        "gap_to_free": (_FREE, beginning),
        "gap_to_right": (("injected", "right", place), beginning),
        "own_less_injected": (beginning, ("injected", kind, place)) if source == "own" else None,
    }
    for name, pair in compared.items():
        if pair is None or beginning == _FREE or pair[0] == pair[1] or not {*pair} <= beginnings.keys():
            continue
        line |= _difference(name, beginnings[pair[0]], beginnings[pair[1]])
        if pair[1] == beginning:
            both = own.keys() & beginnings[pair[0]].keys()
            line[name.removeprefix("gap_to_")] = _mean(beginnings[pair[0]], both)
    if source == "own":
        twins = beginnings["injected", kind, place]
        line |= _difference("own_less_injected_back", own, twins, _is_taken_back)
    if source != "free":
        line |= _ways(own)
    return line


def _recovered(record: Json) -> bool:
    return bool(record["recovered"])


def _is_taken_back(record: Json) -> bool:
    return bool(record["taken_back"] != NEVER)


def _mean(problems: _Problems, chosen: Iterable[int]) -> float | None:
    shares = [_share(problems[index], _recovered) for index in chosen]
    return fsum(shares) / len(shares) if shares else None


def _share(records: Sequence[Json], what: Callable[[Json], bool]) -> float:
    return sum(map(what, records)) / len(records)


def _difference(name: str, first: _Problems, second: _Problems, what: Callable[[Json], bool] = _recovered) -> Json:
    """First less second on the problems of both: mean, interval and exact paired test."""
    both = sorted(first.keys() & second.keys())
    each = [_share(first[index], what) - _share(second[index], what) for index in both]
    samples = max((len(first[index]) for index in both), default=1)
    low, high = paired_interval(each) or (None, None)
    mean = fsum(each) / len(each) if each else None
    p_value = sign_flip_test([round(one * samples) for one in each]) if each else None
    return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_p": p_value}


def _ways(problems: _Problems) -> Json:
    """What became of the planted sentences, as shares of all continuations."""
    records = [record for own in problems.values() for record in own]
    shares: Json = {
        name: sum(record["taken_back"] == when for record in records) / len(records)
        for name, when in (("at_once", AT_ONCE), ("later", LATER), ("never", NEVER))
    }
    shares["taken_back"] = 1 - shares["never"]
    around = [record for record in records if record["recovered"] and record["taken_back"] == NEVER]
    shares["around"] = len(around) / len(records)
    shares["replaced"] = sum(record["replaced"] for record in around) / len(records)
    repeated = [record["repeated"] for record in records if record["repeated"] is not None]
    shares["parrot"] = sum(repeated) / len(repeated) if repeated else None
    tokens = [record["tokens_to_undo"] for record in records if record["tokens_to_undo"] is not None]
    return shares | {"tokens_to_undo": fsum(tokens) / len(tokens) if tokens else None}


def to_csv(lines: Sequence[Json]) -> str:
    """All numbers, one line a beginning."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


_Part = tuple[str, list[str], list[list[str]]]
"""Title, head and lines of a table."""


def parts(lines: Sequence[Json]) -> Iterator[_Part]:
    """For each run, cell and way of decoding: recovery, what became of the planted sentence, own against injected."""
    for run, cell, decoding in dict.fromkeys((line["run"], line["cell"], line["decoding"]) for line in lines):
        chosen = [line for line in lines if (line["run"], line["cell"], line["decoding"]) == (run, cell, decoding)]
        free = next(line for line in chosen if line["source"] == "free")
        how = "greedy" if decoding == "greedy" else f"{free['samples']} samples"
        where = f"{run}, {cell}, {how}"
        planted = [line for line in chosen if line["source"] == "injected" and line["place"] != "own"]
        names = [[line["kind"], line["place"]] for line in planted]
        yield (
            f"{where}: recovered, % (free: {percent(free['recovered'])} of {free['n']})",
            ["planted", "place", "n", "free", "recov.", "free\n- recov.", "right\n- recov."],
            [
                [*name, str(line["n"]), *(percent(line[key]) for key in ("free", "recovered")),
                 _interval(line, "gap_to_free"), _interval(line, "gap_to_right")]
                for name, line in zip(names, planted, strict=True)
            ],
        )  # fmt: skip
        ways = ("at_once", "later", "never", "around", "replaced", "parrot")
        yield (
            f"{where}: what became of the planted sentence, %",
            ["planted", "place", "at once", "later", "never", "around", "again", "parrot", "tokens"],
            [
                [*name, *(percent(line[key]) for key in ways), _number(line["tokens_to_undo"])]
                for name, line in zip(names, planted, strict=True)
            ],
        )
        own = [line for line in chosen if line["source"] == "own"]
        twins = {line["kind"]: line for line in chosen if line["source"] == "injected" and line["place"] == "own"}
        if own:
            compared = (("recovered", "own_less_injected"), ("taken_back", "own_less_injected_back"))
            yield (
                f"{where}: own first mistakes, and injected ones there, %",
                [
                    "kind",
                    "n",
                    *(f"{who}\n{what}" for what in ("recov.", "back") for who in ("own", "inj.", "own - inj.")),
                ],
                [
                    [line["kind"], str(line["n"])]
                    + [
                        text
                        for what, gap in compared
                        for text in (percent(line[what]), percent(twins[line["kind"]][what]), _interval(line, gap))
                    ]
                    for line in own
                ],
            )


def to_markdown(lines: Sequence[Json]) -> str:
    """The tables of `parts`, and what their columns mean."""
    return "\n".join([*markdown.tables(parts(lines)), *(f"{line}\n" for line in EXPLAINED)])


def terminal(lines: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts` for the terminal, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, rows in parts(lines):
        labels = 1 if head[0] == "kind" else 2
        shown = ["last - 1" if text == "last but one" else text for row in rows for text in row]
        each = [shown[i : i + len(head)] for i in range(0, len(shown), len(head))]
        yield title, [*fitted(head, each, labels, width)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _interval(line: Json, name: str) -> str:
    value: Any = line[name]
    if value is None:
        return "-"
    return f"{100 * value:.0f} [{100 * line[f'{name}_low']:.0f}, {100 * line[f'{name}_high']:.0f}]"
