"""retry_weak: " Define A's B as BACK." of a later step, computable or not (arXiv 2408.16293, section 6)."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.mistakes.rows import NAME_ONLY
from igsm.problems.record import N_SOLUTION, Record
from igsm.seeds import compiled

SLIP = NAME_ONLY


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """The parameters of the later steps; with the current one, as in the authors' code, that of the step itself too."""
    size = 0
    for later in range(before.step if before.include_current else before.step + 1, record.head[N_SOLUTION]):
        size = put(pool, size, int(record.solution[later]), 0, 0)
    return size
