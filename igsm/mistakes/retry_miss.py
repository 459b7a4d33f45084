"""retry_miss: " Define A's B as BACK." of what the problem's text names (arXiv 2408.16293, section 6)."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.mistakes.rows import NAME_ONLY
from igsm.problems.record import MAX_PARAMETERS, N_INSTANCES, N_PARAMETERS, NUMBER, QUESTION, Record
from igsm.seeds import compiled

SLIP = NAME_ONLY


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """The parameters named in the problem's text that are not defined yet, computable or not."""
    named = np.zeros(MAX_PARAMETERS, np.bool_)
    _mark_named(record, named)
    size = 0
    for parameter in range(record.head[N_PARAMETERS]):
        if named[parameter] and not before.defined[parameter]:
            size = put(pool, size, parameter, 0, 0)
    return size


@compiled
def _mark_named(record: Record, named: np.ndarray) -> None:
    """Mark the parameters whose names the problem's text states: in its sentences and its question.

    These are fewer than `Record.mentioned`, which also holds what a named abstract parameter adds up.
    """
    named[record.head[QUESTION]] = True
    for instance in range(record.head[N_INSTANCES]):
        named[instance] = True
        for i in range(record.n_inputs[instance]):
            if record.inputs[instance, i] != NUMBER:
                named[record.inputs[instance, i]] = True
