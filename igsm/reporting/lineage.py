"""Which training a run goes back to: runs fine-tuned from one start have much in common and are compared in pairs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from igsm.config import load_stored
from igsm.reporting.results import Result
from igsm.rundir import RunFolder, shipped_name

BySeed = dict[int, float]
"""Training seed -> a number."""


def model(result: Result) -> Hashable:
    """What was evaluated: a run, and which checkpoint of it."""
    return os.path.realpath(result.run), result.settings.get("checkpoint")


def origin(result: Result) -> Hashable:
    """The run from random weights that a result's model goes back to: its own, unless it started from another's."""
    return _origin(os.path.realpath(result.run))


def paired_by(first: Sequence[Result], second: Sequence[Result]) -> Callable[[Result], Hashable] | None:
    """What pairs two rows: models that both decode; else runs that both go back to, each once a row, all of one row.

    Returns:
        Result -> its pair; None for rows that have nothing in common, which are two samples.
    """
    for key in (model, origin):
        pairs = [{key(result) for result in row} for row in (first, second)]
        once = all(len(own) == n_seeds(row) for own, row in zip(pairs, (first, second), strict=True))
        shared = pairs[0] & pairs[1]
        if once and shared and (key is model or shared in pairs):
            return key
    return None


def in_pairs(
    first: tuple[Sequence[Result], BySeed], second: tuple[Sequence[Result], BySeed]
) -> tuple[BySeed, BySeed, bool]:
    """The numbers of two rows, each with the results that they are of; in pairs, in one order, if `paired_by` has any.

    Returns:
        Of pairs, those with a number on both sides; of two samples all; and whether they are pairs.
    """
    pair = paired_by(first[0], second[0])
    if pair is None:
        return first[1], second[1], False
    partner = {pair(result): result.seed for result in second[0]}
    seeds = {result.seed: partner.get(pair(result)) for result in first[0]}
    pairs = [(one, other) for one in first[1] if (other := seeds[one]) in second[1]]
    return {one: first[1][one] for one, _ in pairs}, {other: second[1][other] for _, other in pairs}, True


def of_one_start(group: Sequence[Result]) -> bool:
    """Whether several trainings all go on from one and the same model: what varies is the fine-tuning alone."""
    return n_seeds(group) > 1 and len({origin(result) for result in group}) == 1


def n_seeds(group: Sequence[Result]) -> int:
    """How many trainings are behind these evaluations."""
    return len({model(result) for result in group})


@functools.lru_cache(maxsize=4096)
def _origin(run: str) -> str:
    seen = [run]
    while (start := _start(seen[-1])) is not None and start not in seen:
        seen.append(start)
    return shipped_name(Path(seen[-1])) or seen[-1]


def _start(run: str) -> str | None:
    """Real path of the run whose weights a run started from, as recorded; it need not be there any more."""
    config = RunFolder(run).config
    content = load_stored(config) if config.is_file() else {}
    start = content.get("from") or content.get("continue_from")
    if not isinstance(start, str):
        return None
    folder = Path(os.path.realpath(start))
    return str(folder.parent.parent if folder.parent.name == "checkpoints" else folder)
