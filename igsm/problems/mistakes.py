"""Mistakes: which wrong parameters a solution begins to define and takes back, " Define A's B as BACK."

Source: arXiv 2408.16293, sections 4 and 6. A further kind of mistake gets its pool here and its words in
`wording`, which turns a row into fragments and into the span that masking, statistics and display read.
"""

from __future__ import annotations

import numpy as np

from igsm.problems.difficulty import KINDS
from igsm.problems.record import MAX_PARAMETERS, N_PARAMETERS, N_SOLUTION, NUMBER, Record
from igsm.problems.wording import MISTAKE_KIND, MISTAKE_PARAMETER, MISTAKE_STEP
from igsm.seeds import below, compiled, uniform

NONE, RETRY, RETRY_WEAK, RETRY_MISS = (KINDS.index(name) for name in ("none", "retry", "retry_weak", "retry_miss"))


@compiled
def draw_mistakes(
    record: Record, kind: int, rate: float, include_current: bool, state: np.ndarray, out: np.ndarray
) -> int:
    """Draw the mistakes of one solution.

    Before each step: with probability ``rate`` one wrong parameter of the step's pool, and again, without
    replacement, until the coin says no or the pool is empty.

    Args:
        kind: position in `difficulty.KINDS`.
        rate: in [0, 1).
        include_current: whether the pool of `retry_weak` holds the step's own parameter, as the authors' does.
        state: random stream, advanced; not touched for kind `none`.
        out: int32[MAX_MISTAKES, MISTAKE_COLUMNS], filled in order of the steps.

    Returns:
        Number of rows filled.
    """
    if kind == NONE:
        return 0
    n = 0
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    pool = np.empty(MAX_PARAMETERS, np.int64)
    for step in range(record.head[N_SOLUTION]):
        size = -1
        while uniform(state) < rate:
            if size < 0:
                size = _fill_pool(record, kind, include_current, step, defined, pool)
            if size == 0:
                break
            drawn = below(state, size)
            size -= 1
            out[n, MISTAKE_STEP], out[n, MISTAKE_PARAMETER], out[n, MISTAKE_KIND] = step, pool[drawn], kind
            pool[drawn] = pool[size]
            n += 1
        defined[record.solution[step]] = True
    return n


@compiled
def _fill_pool(
    record: Record, kind: int, include_current: bool, step: int, defined: np.ndarray, pool: np.ndarray
) -> int:
    """The parameters that a mistake before ``step`` may name; returns their number."""
    size = 0
    if kind == RETRY_WEAK:
        for later in range(step if include_current else step + 1, record.head[N_SOLUTION]):
            pool[size] = record.solution[later]
            size += 1
        return size
    for parameter in range(record.head[N_PARAMETERS]):
        if defined[parameter]:
            continue
        wrong = record.mentioned[parameter] if kind == RETRY_MISS else not can_next(record, parameter, defined)
        if wrong:
            pool[size] = parameter
            size += 1
    return size


@compiled
def can_next(record: Record, parameter: int, defined: np.ndarray) -> bool:
    """Whether ``parameter`` could be computed next: it is not in ``defined`` (bool[64]), all its inputs are."""
    if defined[parameter]:
        return False
    for i in range(record.n_inputs[parameter]):
        needed = record.inputs[parameter, i]
        if needed != NUMBER and not defined[needed]:
            return False
    return True
