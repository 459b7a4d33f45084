"""Mistakes: what a solution gets wrong before a step and takes back.

| kind | the sentence before the step | drawn from |
|---|---|---|
| retry | " Define A's B as BACK." | parameters that cannot be computed next |
| retry_weak | the same | parameters of later steps |
| retry_miss | the same | parameters named in the problem's text that are not defined yet, computable or not |
| unnecessary | the same | parameters that can be computed next and that the question does not need |
| wrong_result | the step with a wrong number, and BACK | every result of a calculation, every other number |
| wrong_operand | the step with a wrong symbol or constant, and BACK | every input, with every other parameter defined |
|  |  | before the step for a symbol, every other constant of the problem's text for a constant |

The first three are those of arXiv 2408.16293, sections 4 and 6. A whole wrong step is consistent apart from its one
wrong word: later numbers follow from it. Its symbols are those that the right step, which follows, defines. A further
kind gets its pool here and, if its words are new, a sentence in `solution`.
"""

from __future__ import annotations

import numpy as np

from igsm.problems.difficulty import KINDS
from igsm.problems.record import (
    MAX_INPUTS,
    MAX_PARAMETERS,
    MODULUS,
    N_INSTANCES,
    N_PARAMETERS,
    N_SOLUTION,
    NUMBER,
    QUESTION,
    Record,
)
from igsm.problems.wording import (
    MAX_NUMBERS,
    MISTAKE_INSTEAD,
    MISTAKE_KIND,
    MISTAKE_PARAMETER,
    MISTAKE_PLACE,
    MISTAKE_STEP,
)
from igsm.seeds import below, compiled, uniform

NONE, RETRY, RETRY_WEAK, RETRY_MISS, UNNECESSARY, WRONG_RESULT, WRONG_OPERAND = range(len(KINDS))
WRONG_STEPS = (KINDS[WRONG_RESULT], KINDS[WRONG_OPERAND])
"""Kinds that write a whole step before it is taken back."""


@compiled
def draw_mistakes(
    record: Record, kind: int, rate: float, include_current: bool, state: np.ndarray, out: np.ndarray
) -> int:
    """Draw the mistakes of one solution.

    Before each step: with probability ``rate`` one mistake of the step's pool, and again, without
    replacement, until the coin says no or the pool is empty.

    Args:
        kind: position in `difficulty.KINDS`.
        rate: in [0, 1]; at 1 every pool is drawn empty.
        include_current: whether the pool of `retry_weak` holds the step's own parameter, as the authors' does.
        state: random stream, advanced; not touched for kind `none`.
        out: int32[MAX_MISTAKES, MISTAKE_COLUMNS], filled in order of the steps. The place of a wrong result is the
            number of the calculation within its step, instead is what is added to the right result (1 .. modulus - 1).
            The place of a wrong operand is the number of the input, instead is the other parameter or constant.

    Returns:
        Number of rows filled.
    """
    if kind == NONE:
        return 0
    n = 0
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    pool = np.empty(MAX_INPUTS * MAX_PARAMETERS, np.int64)
    whole_step = kind in (WRONG_RESULT, WRONG_OPERAND)
    for step in range(record.head[N_SOLUTION]):
        size = -1
        while uniform(state) < rate:
            if size < 0:
                if kind == WRONG_RESULT:
                    size = _wrong_results(record, step, pool)
                elif kind == WRONG_OPERAND:
                    size = _wrong_operands(record, step, pool)
                else:
                    size = _wrong_parameters(record, kind, include_current, step, defined, pool)
            if size == 0:
                break
            drawn = below(state, size)
            size -= 1
            out[n, MISTAKE_STEP], out[n, MISTAKE_KIND] = step, kind
            out[n, MISTAKE_PARAMETER] = record.solution[step] if whole_step else pool[drawn]
            out[n, MISTAKE_PLACE] = pool[drawn] // MAX_PARAMETERS if whole_step else 0
            out[n, MISTAKE_INSTEAD] = pool[drawn] % MAX_PARAMETERS if whole_step else 0
            pool[drawn] = pool[size]
            n += 1
        defined[record.solution[step]] = True
    return n


@compiled
def _wrong_parameters(
    record: Record, kind: int, include_current: bool, step: int, defined: np.ndarray, pool: np.ndarray
) -> int:
    """The parameters that a mistake before ``step`` may name; returns their number."""
    size = 0
    if kind == RETRY_WEAK:
        for later in range(step if include_current else step + 1, record.head[N_SOLUTION]):
            pool[size] = record.solution[later]
            size += 1
        return size
    marked = np.zeros(MAX_PARAMETERS, np.bool_)
    if kind == RETRY_MISS:
        _mark_named(record, marked)
    else:
        for later in range(step, record.head[N_SOLUTION]):
            marked[record.solution[later]] = True
    for parameter in range(record.head[N_PARAMETERS]):
        if defined[parameter]:
            continue
        if kind == RETRY_MISS:
            wrong = marked[parameter]
        elif kind == UNNECESSARY:
            wrong = not marked[parameter] and can_next(record, parameter, defined)
        else:
            wrong = not can_next(record, parameter, defined)
        if wrong:
            pool[size] = parameter
            size += 1
    return size


@compiled
def _mark_named(record: Record, named: np.ndarray) -> None:
    """Mark the parameters whose names the problem's text states: in its sentences and its question.

    These are fewer than `Record.mentioned`, which also holds what a named abstract parameter adds up.
    """
    named[record.head[QUESTION]] = True
    for instance in range(record.head[N_INSTANCES]):
        named[instance] = True
        for i in range(record.n_inputs[instance]):
            if record.inputs[instance, i] != NUMBER:
                named[record.inputs[instance, i]] = True


@compiled
def _wrong_results(record: Record, step: int, pool: np.ndarray) -> int:
    """Every wrong number for every calculation of a step, as place * MAX_PARAMETERS + instead; returns their number.

    A step without a calculation ("so p = 17", "so x = u = 0") has one place: the number that it states.
    """
    size = 0
    for place in range(max(record.n_inputs[record.solution[step]] - 1, 1)):
        for offset in range(1, record.head[MODULUS]):
            pool[size] = place * MAX_PARAMETERS + offset
            size += 1
    return size


@compiled
def _wrong_operands(record: Record, step: int, pool: np.ndarray) -> int:
    """Everything that could stand in the place of an input of a step, as place * MAX_PARAMETERS + instead."""
    size = 0
    parameter = record.solution[step]
    for place in range(record.n_inputs[parameter]):
        replaced = record.inputs[parameter, place]
        if replaced != NUMBER:
            for earlier in range(step):
                if record.solution[earlier] != replaced:
                    pool[size] = place * MAX_PARAMETERS + int(record.solution[earlier])
                    size += 1
            continue
        stated = np.zeros(MAX_NUMBERS, np.bool_)
        for instance in range(record.head[N_INSTANCES]):
            if record.number[instance] >= 0:
                stated[record.number[instance]] = True
        stated[record.number[parameter]] = False
        for number in range(MAX_NUMBERS):
            if stated[number]:
                pool[size] = place * MAX_PARAMETERS + number
                size += 1
    return size


@compiled
def can_next(record: Record, parameter: int, defined: np.ndarray) -> bool:
    """Whether ``parameter`` could be computed next: it is not in ``defined`` (bool[64]), all its inputs are."""
    if defined[parameter]:
        return False
    for i in range(record.n_inputs[parameter]):
        needed = record.inputs[parameter, i]
        if needed != NUMBER and not defined[needed]:
            return False
    return True
