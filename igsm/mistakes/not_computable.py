"""not_computable: a whole step that the solution takes later, before its inputs are there, and BACK.

What the step uses and is not defined yet has the letter that the solution will give it, and a number that is wrong by
1 .. modulus - 1, the same for all of them. So the sentence is as well-formed as the right one, no letter gets a second
meaning, and nothing in it is computed wrongly: what is wrong is that it stands here. The numbers are not the right
ones, which nobody could know yet; a model that goes on from them goes wrong.
"""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, can_next, put
from igsm.mistakes.rows import MADE_UP_INPUTS
from igsm.problems.record import MODULUS, N_SOLUTION, Record
from igsm.seeds import compiled

SLIP = MADE_UP_INPUTS
FIRST_ERRORS = ("not computable yet", "undefined symbol")


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Every later step that cannot be taken yet, with every wrong number."""
    size = 0
    for later in range(before.step + 1, record.head[N_SOLUTION]):
        parameter = int(record.solution[later])
        if not can_next(record, parameter, before.defined):
            for offset in range(1, int(record.head[MODULUS])):
                size = put(pool, size, parameter, 0, offset)
    return size
