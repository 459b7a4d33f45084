"""The kinds of mistakes: the one list, and the dispatch to their pools for compiled code.

| kind | the sentence before the step | drawn from |
|---|---|---|
| retry | " Define A's B as BACK." | parameters that cannot be computed next |
| retry_weak | the same | parameters of later steps |
| retry_miss | the same | parameters named in the problem's text that are not defined yet, computable or not |
| unnecessary | the same | parameters that can be computed next and that the question does not need |
| wrong_result | the step with a wrong number, and BACK | every result of a calculation, every other number |
| wrong_operand | the step with a wrong symbol or constant, and BACK | every input, with every other parameter defined |
|  |  | before the step for a symbol, every other constant of the problem's text for a constant |
| wrong_operator | the step with a wrong operator, and BACK | every calculation, both other operators |
| swapped_operands | the step with a difference the wrong way round, and BACK | every difference |
| dropped_term | the step with a term missing, and BACK | every term of a sum, what is subtracted in a difference |
| not_computable | a later step with made-up numbers, and BACK | later steps that cannot be taken yet, wrong numbers |

The first three are those of arXiv 2408.16293, sections 4 and 6. A whole wrong step is consistent apart from its one
slip: later numbers follow from it. Its symbols are those that the right step, which follows, defines.

A kind is a file with a compiled `fill` (its pool, see `pools`) and `SLIP` (what its whole step gets wrong, one of
`igsm.problems.solution`, or `rows.NAME_ONLY`); a whole wrong step also says which FIRST_ERRORS of verdicts look like it
(docs/grading.md). A further kind takes the next number, here and in `fill_pool`.
"""

from __future__ import annotations

import numpy as np

from igsm.mistakes import (
    dropped_term,
    not_computable,
    retry,
    retry_miss,
    retry_weak,
    swapped_operands,
    unnecessary,
    wrong_operand,
    wrong_operator,
    wrong_result,
)
from igsm.mistakes.pools import Before
from igsm.mistakes.rows import NAME_ONLY
from igsm.problems.record import Record
from igsm.problems.solution import NO_SLIP
from igsm.seeds import compiled

_FILES = (
    *(retry, retry_weak, retry_miss, unnecessary, wrong_result, wrong_operand),
    *(wrong_operator, swapped_operands, dropped_term, not_computable),
)
KINDS = ("none", *(file.__name__.rpartition(".")[2] for file in _FILES))
SLIPS = np.array([NO_SLIP, *(file.SLIP for file in _FILES)])
"""What each kind gets wrong."""
NAMES_ONLY = tuple(kind for kind, slip in zip(KINDS, SLIPS, strict=True) if slip == NAME_ONLY)
"""Kinds that only name a wrong parameter."""
WRONG_STEPS = tuple(kind for kind in KINDS[1:] if kind not in NAMES_ONLY)
"""Kinds that write a whole step before it is taken back."""
FIRST_ERRORS = {
    kind: tuple(file.FIRST_ERRORS) for kind, file in zip(KINDS[1:], _FILES, strict=True) if kind in WRONG_STEPS
}
"""The first errors that each kind of whole wrong step stands for, as verdicts name them."""


@compiled
def fill_pool(kind: int, record: Record, before: Before, pool: np.ndarray) -> int:
    """Fill the pool (int64[MAX_POOL]) of a kind; returns the number of its entries.

    Written out, since a list of functions would be compiled anew in every process.
    """
    if kind == 1:
        return retry.fill(record, before, pool)
    if kind == 2:
        return retry_weak.fill(record, before, pool)
    if kind == 3:
        return retry_miss.fill(record, before, pool)
    if kind == 4:
        return unnecessary.fill(record, before, pool)
    if kind == 5:
        return wrong_result.fill(record, before, pool)
    if kind == 6:
        return wrong_operand.fill(record, before, pool)
    if kind == 7:
        return wrong_operator.fill(record, before, pool)
    if kind == 8:
        return swapped_operands.fill(record, before, pool)
    if kind == 9:
        return dropped_term.fill(record, before, pool)
    if kind == 10:
        return not_computable.fill(record, before, pool)
    return 0
