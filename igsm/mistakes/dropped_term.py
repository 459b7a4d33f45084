"""dropped_term: the step with one term of a sum or difference missing, and BACK."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.problems.record import NUMBER, Record
from igsm.problems.solution import DROPPED_TERM, count_factors
from igsm.seeds import compiled

SLIP = DROPPED_TERM
FIRST_ERRORS = ("wrong inputs",)


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Every term of the step's sum, of a difference only what is subtracted, the added number among them.

    A number that multiplies is no term, and the last one left is not dropped.
    """
    size, n_terms = 0, 0
    parameter = int(record.solution[before.step])
    n_factors, n_inputs = count_factors(record, parameter), int(record.n_inputs[parameter])
    for i in range(0, n_inputs, n_factors):
        n_terms += record.inputs[parameter, i] != NUMBER
    added = record.number[parameter] >= 0 and not record.multiply[parameter]
    seen = 0
    for i in range(0, n_inputs, n_factors):
        if record.inputs[parameter, i] == NUMBER:
            droppable = added and n_terms > 0
        else:
            seen += 1
            droppable = n_terms > 1 or (added and n_terms == 1)
            if record.subtract[parameter]:
                droppable = seen == 2
        if droppable:
            size = put(pool, size, parameter, i, 0)
    return size
