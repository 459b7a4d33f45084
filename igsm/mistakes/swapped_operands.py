"""swapped_operands: the step with the two sides of a difference exchanged, and BACK."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.problems.record import Record
from igsm.problems.solution import SWAPPED_OPERANDS, operator
from igsm.problems.wording import MINUS
from igsm.seeds import compiled

SLIP = SWAPPED_OPERANDS
FIRST_ERRORS = ("wrong operator or constant",)


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Every difference of the step; sums and products are right in either order."""
    size = 0
    parameter = int(record.solution[before.step])
    for place in range(int(record.n_inputs[parameter]) - 1):
        if operator(record, parameter, place) == MINUS:
            size = put(pool, size, parameter, place, 0)
    return size
