"""What a second model beside the first changes in solutions, by the grader's kind of first error.

Two evaluations of the same problems are compared, e.g. `greedy` and `greedy+copilot:0.5`. Greedy solutions of both are
alike up to the first token at which the second model has changed something, so the place where they part says at which
step it spoke up.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path

from igsm.errors import InputError
from igsm.grading.evaluations import GENERATIONS, Evaluation, defaults, read_evaluations, records_of
from igsm.grading.metrics import Json, error_kind

RIGHT = "none"
"""Instead of a kind: the first model's solution was right."""
TOO_EARLY = "not computable yet"
_DEFINITION = re.compile(r"Define (.+?) as ")


@dataclass(frozen=True)
class Turned:
    """Problems whose first model made a first error of one kind.

    Attributes:
        problems: how many.
        right: of these, solved by both together.
        reached: the second solution is the same up to the error.
        changed: of the reached ones, those that part from the first solution within the error's step.
        past: of the reached ones, those whose first error, if any, comes in a later step.
    """

    problems: int = 0
    right: int = 0
    reached: int = 0
    changed: int = 0
    past: int = 0


@dataclass(frozen=True)
class Names:
    """What happens at "Define A as", where the next name is chosen.

    Attributes:
        mistaken: first errors of the first model that define what cannot be computed yet, with all before alike.
        warned: of these, those where both together name another one: the recall.
        sound: right definitions of the first model, with all before alike.
        renamed: of these, those where both together name another one.
    """

    mistaken: int
    warned: int
    sound: int
    renamed: int


@dataclass(frozen=True)
class Change:
    """Of one cell: decoders, and counts by kind of first error, the most frequent kind first, `RIGHT` last.

    Attributes:
        evaluations: over how many, of several runs or of several test seeds, the counts are added up.
    """

    cell: str
    first: str
    second: str
    kinds: dict[str, Turned]
    names: Names
    evaluations: int = 1


def pooled_changes(runs: Sequence[str | Path]) -> list[Change]:
    """Every finished greedy evaluation of runs with a second model beside them, against the one without.

    Counts of one cell and decoder are added up, over runs and test seeds.

    Raises:
        InputError: a run has none, or a damaged one.
    """
    found: dict[tuple[str, str], list[Change]] = {}
    for run in runs:
        for one in changes(run):
            found.setdefault((one.cell, one.second), []).append(one)
    return [_pooled(every) for every in found.values()]


def _pooled(every: list[Change]) -> Change:
    names = dict.fromkeys(kind for one in every for kind in one.kinds)
    kinds = {kind: Turned(*_added([astuple(one.kinds.get(kind, Turned())) for one in every])) for kind in names}
    first, together = every[0], Names(*_added([astuple(one.names) for one in every]))
    return Change(first.cell, first.first, first.second, _ordered(kinds), together, len(every))


def _added(rows: list[tuple[int, ...]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _ordered(kinds: dict[str, Turned]) -> dict[str, Turned]:
    order = sorted(kinds, key=lambda kind: (kind == RIGHT, -kinds[kind].problems, kind))
    return {kind: kinds[kind] for kind in order}


def changes(run: str | Path) -> list[Change]:
    """Those of one run: of each test seed, on the problems that both decoders were given."""
    every = read_evaluations(run)
    compared = []
    for seed in sorted({one.seed for one in every if one.seed is not None}) or [None]:
        found = defaults(run, every, seed)
        alone = {one.cell: one for one in found if one.decoder == "greedy"}
        for one in found:
            if one.decoder.startswith("greedy+") and (first := alone.get(one.cell)) is not None:
                n = min(first.n, one.n)
                compared.append(compare(replace(first, n=n), replace(one, n=n)))
    if not compared:
        raise InputError(
            f"{run}: no cell has been evaluated both with greedy and with a second model beside it; do so first: "
            f"mistakes eval {run} --decoder greedy,greedy+copilot@{run}:auto"
        )
    return compared


def compare(first: Evaluation, second: Evaluation) -> Change:
    """Two evaluations of the same problems."""
    kinds: dict[str, Counter[str]] = {}
    names: Counter[str] = Counter()
    for one, other, text, other_text in _problems(first, second):
        kind = error_kind(one) or RIGHT
        count = kinds.setdefault(kind, Counter())
        parted = len(os.path.commonprefix([text, other_text])) if text != other_text else len(text)
        error = one["error"]
        count["problems"] += 1
        count["right"] += bool(other["correct"])
        begin, end = _place(text, error["sentence"]) if error else (len(text), len(text))
        if error and parted >= begin:
            later = other["error"] is None or other["error"]["step"] > error["step"]
            count["reached"] += 1
            count["changed"] += parted < end
            count["past"] += later
        names.update(_named(text, parted, begin, kind == TOO_EARLY))
    return Change(
        first.cell,
        first.decoder,
        second.decoder,
        _ordered({kind: Turned(**count) for kind, count in kinds.items()}),
        Names(*(names[key] for key in ("mistaken", "warned", "sound", "renamed"))),
    )


def _problems(first: Evaluation, second: Evaluation) -> Iterator[tuple[Json, Json, str, str]]:
    """(verdict, other's verdict, solution, other's solution) of every problem."""
    records = (islice(records_of(one.folder / GENERATIONS), one.n) for one in (first, second))
    pairs = zip(first.verdicts(), second.verdicts(), *records, strict=True)
    for one, other, record, other_record in pairs:
        yield one, other, record["solution"], other_record["solution"]


def _place(text: str, sentence: str) -> tuple[int, int]:
    """Where a sentence begins and ends; the end of the text for one that is not there (a wrong answer)."""
    begin = text.find(sentence) if sentence else -1
    return (begin, begin + len(sentence)) if begin >= 0 else (len(text), len(text))


def _named(text: str, parted: int, error: int, too_early: bool) -> Iterator[str]:
    """What to count in `Names` of one solution: definitions up to its first error, and to where the two part.

    Args:
        error: where the sentence of the first error begins.
        too_early: it defines what cannot be computed yet.
    """
    for found in _DEFINITION.finditer(text):
        begin, end = found.span(1)
        mistaken = found.start() >= error
        if parted < begin or (mistaken and not too_early):
            return
        yield "mistaken" if mistaken else "sound"
        if parted < end:
            yield "warned" if mistaken else "renamed"
        if mistaken:
            return
