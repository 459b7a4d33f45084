"""What a verdict says of a wrong step, known from the mistake itself."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.layout import ERROR_MARKS, Mark
from igsm.mistakes.rows import (
    MADE_UP_INPUTS,
    MISTAKE_INSTEAD,
    MISTAKE_PARAMETER,
    MISTAKE_PLACE,
    MISTAKE_SLIP,
)
from igsm.problems.record import NUMBER, Record
from igsm.problems.solution import DROPPED_TERM, OTHER_INPUT, OTHER_RESULT, count_factors
from igsm.seeds import compiled

_NOT_COMPUTABLE_YET, _INPUTS, _OPERATOR, _REFERENCE, _ARITHMETIC = range(len(ERROR_MARKS))
assert ERROR_MARKS[_ARITHMETIC] is Mark.WRONG_ARITHMETIC


@compiled
def first_error(record: Record, mistake: np.ndarray) -> int:
    """The grader's verdict (rule "strict") on the wrong step of an attempt: a position in `layout.ERROR_MARKS`.

    Args:
        mistake: int32[MISTAKE_COLUMNS], of a kind that writes a whole step.
    """
    slip, parameter, place = mistake[MISTAKE_SLIP], mistake[MISTAKE_PARAMETER], int(mistake[MISTAKE_PLACE])
    n_inputs = int(record.n_inputs[parameter])
    if slip == MADE_UP_INPUTS:
        return _NOT_COMPUTABLE_YET
    if slip == OTHER_RESULT:
        if n_inputs > 1:
            return _ARITHMETIC
        # "so p = 17" is another constant, "so x = u = 0" another number of u
        return _REFERENCE if n_inputs == 1 and record.inputs[parameter, 0] != NUMBER else _OPERATOR
    if slip in (OTHER_INPUT, DROPPED_TERM):
        missing, instead = 0, 0
        last = place + (count_factors(record, parameter) if slip == DROPPED_TERM else 1)
        for i in range(n_inputs):
            used = int(record.inputs[parameter, i])
            if used != NUMBER and place <= i < last:
                missing |= 1 << used
        if slip == OTHER_INPUT and missing:
            instead = 1 << int(mistake[MISTAKE_INSTEAD])
        kept = 0
        for i in range(n_inputs):
            used = int(record.inputs[parameter, i])
            if used != NUMBER and not place <= i < last:
                kept |= 1 << used
        if kept | instead != kept | missing:
            return _INPUTS
    return _OPERATOR
