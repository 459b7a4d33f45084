"""wrong_operator: the step with a wrong operator in one calculation, and BACK. The rest of the step follows from it."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.problems.record import Record
from igsm.problems.solution import OTHER_OPERATOR, operator
from igsm.problems.wording import MINUS, PLUS, TIMES
from igsm.seeds import compiled

SLIP = OTHER_OPERATOR
FIRST_ERRORS = ("wrong operator or constant",)


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Both other operators for every calculation of the step, also where they come to the same number."""
    size = 0
    parameter = int(record.solution[before.step])
    for place in range(int(record.n_inputs[parameter]) - 1):
        for instead in (PLUS, MINUS, TIMES):
            if instead != operator(record, parameter, place):
                size = put(pool, size, parameter, place, instead)
    return size
