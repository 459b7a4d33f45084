"""Drawing the mistakes of a solution: how often, of which kind, and which of what its pool holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from igsm.mistakes.kinds import KINDS, SLIPS, fill_pool
from igsm.mistakes.pools import MAX_POOL, Before, entry
from igsm.mistakes.rows import (
    MISTAKE_INSTEAD,
    MISTAKE_KIND,
    MISTAKE_PARAMETER,
    MISTAKE_PLACE,
    MISTAKE_SLIP,
    MISTAKE_STEP,
)
from igsm.problems.record import MAX_PARAMETERS, N_SOLUTION, Record
from igsm.seeds import below, compiled, uniform

MOST_VERSIONS = MAX_PARAMETERS * MAX_POOL
"""No solution has more possible mistakes of one kind."""


class MistakeLaw(NamedTuple):
    """`MistakeConfig` for compiled code."""

    kinds: np.ndarray
    """int64[n]: the kinds that are drawn, positions in `kinds.KINDS`, in their order."""
    chances: np.ndarray
    """float64[n]: how often each of them is drawn, compared with the others."""
    rate: float
    include_current: bool
    error_free_share: float


def law_of(
    weights: Iterable[tuple[str, float]],
    rate: float = 0.0,
    include_current: bool = False,
    error_free_share: float = 0.0,
) -> MistakeLaw:
    """Mistakes of kinds with weights. At rate 1 every pool is drawn empty."""
    chances = np.zeros(len(KINDS))
    for kind, weight in weights:
        chances[KINDS.index(kind)] = weight
    kinds = np.flatnonzero(chances)
    return MistakeLaw(kinds, chances[kinds], rate, include_current, error_free_share)


def law_of_kind(kind: str, rate: float, include_current: bool = False) -> MistakeLaw:
    """Mistakes of one kind; "none" for none."""
    return law_of([] if kind == "none" else [(kind, 1.0)], rate, include_current)


@compiled
def draw_for_document(record: Record, law: MistakeLaw, state: np.ndarray, out: np.ndarray) -> int:
    """As :func:`draw_mistakes`; a share of the documents gets none."""
    if len(law.kinds) == 0 or uniform(state) < law.error_free_share:
        return 0
    return draw_mistakes(record, law, state, out)


@compiled
def draw_mistakes(record: Record, law: MistakeLaw, state: np.ndarray, out: np.ndarray) -> int:
    """Draw the mistakes of one solution.

    Before each step: with probability ``law.rate`` one mistake, and again, without replacement, until the coin says no
    or nothing is left (or ``out`` is full). Where the law has several kinds, the kind is drawn first, from those whose
    pool is not empty.

    Args:
        state: random stream, advanced; not touched by a law without kinds.
        out: int32[..., MISTAKE_COLUMNS], filled in order of the steps.

    Returns:
        Number of rows filled.
    """
    kinds = law.kinds
    if len(kinds) == 0:
        return 0
    n = 0
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    pools = np.empty((len(kinds), MAX_POOL), np.int64)
    sizes = np.zeros(len(kinds), np.int64)
    for step in range(record.head[N_SOLUTION]):
        filled = False
        while n < len(out) and uniform(state) < law.rate:
            if not filled:
                for i in range(len(kinds)):
                    before = Before(step, defined, law.include_current)
                    sizes[i] = fill_pool(kinds[i], record, before, pools[i])
                filled = True
            i = _draw_kind(sizes, law.chances, state)
            if sizes[i] == 0:
                break
            drawn = below(state, sizes[i])
            sizes[i] -= 1
            _write_row(step, kinds[i], pools[i, drawn], out[n])
            pools[i, drawn] = pools[i, sizes[i]]
            n += 1
        defined[record.solution[step]] = True
    return n


@compiled
def draw_mistake(record: Record, law: MistakeLaw, state: np.ndarray, row: np.ndarray) -> bool:
    """Draw one mistake of the solution: its kind, one of the steps that can have it, one of what the pool holds there.

    Args:
        state: random stream, advanced.
        row: int32[MISTAKE_COLUMNS], filled.

    Returns:
        False when no kind of the law has a mistake in this solution.
    """
    kinds = law.kinds
    n_steps = int(record.head[N_SOLUTION])
    pool = np.empty(MAX_POOL, np.int64)
    sizes = np.zeros((len(kinds), n_steps), np.int64)
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    for step in range(n_steps):
        for i in range(len(kinds)):
            sizes[i, step] = fill_pool(kinds[i], record, Before(step, defined, law.include_current), pool)
        defined[record.solution[step]] = True
    places = (sizes > 0).sum(axis=1)
    if places.sum() == 0:
        return False
    i = _draw_kind(places, law.chances, state)
    steps = np.flatnonzero(sizes[i])
    step = steps[below(state, len(steps))]
    defined[:] = False
    for earlier in range(step):
        defined[record.solution[earlier]] = True
    size = fill_pool(kinds[i], record, Before(step, defined, law.include_current), pool)
    _write_row(step, kinds[i], pool[below(state, size)], row)
    return True


@compiled
def _draw_kind(sizes: np.ndarray, chances: np.ndarray, state: np.ndarray) -> int:
    """Which of the law's kinds: one whose pool is not empty, if there is one; a single kind is not drawn."""
    if len(chances) == 1:
        return 0
    total = 0.0
    for i in range(len(chances)):
        if sizes[i] > 0:
            total += chances[i]
    left = uniform(state) * total
    last = 0
    for i in range(len(chances)):
        if sizes[i] > 0:
            last = i
            left -= chances[i]
            if left < 0:
                break
    return last


@compiled
def _write_row(step: int, kind: int, packed: int, row: np.ndarray) -> None:
    row[MISTAKE_STEP], row[MISTAKE_KIND], row[MISTAKE_SLIP] = step, kind, SLIPS[kind]
    row[MISTAKE_PARAMETER], row[MISTAKE_PLACE], row[MISTAKE_INSTEAD] = entry(packed)
