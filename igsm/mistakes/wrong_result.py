"""wrong_result: the step with a wrong number, and BACK. The rest of the step follows from that number."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.problems.record import MODULUS, Record
from igsm.problems.solution import OTHER_RESULT
from igsm.seeds import compiled

SLIP = OTHER_RESULT
FIRST_ERRORS = ("wrong arithmetic", "wrong reference")


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Every wrong number for every calculation of the step, as what is added to the right one (1 .. modulus - 1)."""
    size = 0
    parameter = int(record.solution[before.step])
    for place in range(max(int(record.n_inputs[parameter]) - 1, 1)):
        for offset in range(1, int(record.head[MODULUS])):
            size = put(pool, size, parameter, place, offset)
    return size
