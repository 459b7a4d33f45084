"""What the kinds share: entries of a pool, and questions about what is defined before a step.

A pool lists everything that a mistake of one kind could be before one step, each possibility once and never what is
right: int64[MAX_POOL], filled from the start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.problems.record import MAX_INPUTS, NUMBER, Record
from igsm.seeds import compiled


class Before(NamedTuple):
    """Where a mistake would stand: before which step of the solution, and what the steps before it define."""

    step: int
    defined: np.ndarray
    """bool[MAX_PARAMETERS]."""
    include_current: bool
    """Whether `retry_weak` may name the step's own parameter."""


MAX_POOL = 2048
"""The most are 22 numbers for each of 60 parameters."""
_MOST_INSTEAD = 64


@compiled
def put(pool: np.ndarray, size: int, parameter: int, place: int, instead: int) -> int:
    """Add (parameter, place, instead) to the ``size`` entries of a pool; returns their new number."""
    pool[size] = (parameter * MAX_INPUTS + place) * _MOST_INSTEAD + instead
    return size + 1


@compiled
def entry(packed: int) -> tuple[int, int, int]:
    """Parameter, place and instead of a pool's entry."""
    return packed // (MAX_INPUTS * _MOST_INSTEAD), packed // _MOST_INSTEAD % MAX_INPUTS, packed % _MOST_INSTEAD


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
