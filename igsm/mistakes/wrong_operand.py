"""wrong_operand: the step with a wrong symbol or constant, and BACK. The numbers are those of what stands there."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.pools import Before, put
from igsm.problems.record import MODULUS, N_INSTANCES, NUMBER, Record
from igsm.problems.solution import OTHER_INPUT
from igsm.problems.wording import MAX_NUMBERS
from igsm.seeds import compiled

SLIP = OTHER_INPUT
FIRST_ERRORS = ("wrong inputs", "wrong operator or constant")


@compiled
def fill(record: Record, before: Before, pool: np.ndarray) -> int:
    """Everything that could stand in the place of an input of the step.

    For a symbol every other parameter defined before, for a constant every other one of the problem's text.
    """
    size = 0
    parameter = int(record.solution[before.step])
    for place in range(record.n_inputs[parameter]):
        replaced = record.inputs[parameter, place]
        if replaced != NUMBER:
            for earlier in range(before.step):
                if record.solution[earlier] != replaced:
                    size = put(pool, size, parameter, place, int(record.solution[earlier]))
            continue
        stated = np.zeros(MAX_NUMBERS, np.bool_)
        for instance in range(record.head[N_INSTANCES]):
            if record.number[instance] >= 0:
                stated[record.number[instance]] = True
        right = record.number[parameter]
        stated[right] = False
        for number in range(MAX_NUMBERS):
            # where a document has a modulus of its own, another constant alone may come to the same text
            same = record.n_inputs[parameter] == 1 and (number - right) % record.head[MODULUS] == 0
            if stated[number] and not same:
                size = put(pool, size, parameter, place, number)
    return size
