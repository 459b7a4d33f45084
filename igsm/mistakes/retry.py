"""retry: " Define A's B as BACK." of a parameter that cannot be computed next (arXiv 2408.16293, section 4)."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, can_next, put
from igsm.mistakes.rows import NAME_ONLY
from igsm.problems.record import N_PARAMETERS, Record
from igsm.seeds import compiled

SLIP = NAME_ONLY


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Every parameter that is not defined and cannot be computed next; returns their number."""
    size = 0
    for parameter in range(record.head[N_PARAMETERS]):
        if not before.defined[parameter] and not can_next(record, parameter, before.defined):
            size = put(pool, size, parameter, 0, 0)
    return size
