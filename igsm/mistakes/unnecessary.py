"""unnecessary: " Define A's B as BACK." of a parameter that could be computed, and that nobody asked for."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, can_next, put
from igsm.mistakes.rows import NAME_ONLY
from igsm.problems.record import MAX_PARAMETERS, N_PARAMETERS, N_SOLUTION, Record
from igsm.seeds import compiled

SLIP = NAME_ONLY


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """The parameters that can be computed next and that the question does not need."""
    needed = np.zeros(MAX_PARAMETERS, np.bool_)
    for later in range(before.step, record.head[N_SOLUTION]):
        needed[record.solution[later]] = True
    size = 0
    for parameter in range(record.head[N_PARAMETERS]):
        if not needed[parameter] and can_next(record, parameter, before.defined):
            size = put(pool, size, parameter, 0, 0)
    return size
