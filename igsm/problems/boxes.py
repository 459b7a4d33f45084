"""Box over box: the toy of arXiv 2408.16293, figure 1. Boxes lie in boxes; how much does the first weigh in all?

Box A, B, ... holds 1 to 4 of the later boxes (as many as are left) and weighs 0 to 9 on its own; every box that
is held counts with all it holds, each time. Totals are modulo 23. The solution states the totals that are
needed, innermost first.
"""

from __future__ import annotations

import numpy as np

from igsm.problems.wording import (
    EACH_BOX,
    FIRST_NUMBER,
    FIRST_SYMBOL,
    HAS_BOX,
    INSIDE,
    IS,
    PLUS,
    POUNDS,
    QUESTION_MARK,
    STOP,
    TOTAL_IS,
    TOTAL_OF,
    TOTAL_WEIGHT_OF,
    WEIGHTS,
)
from igsm.seeds import below, compiled, shuffle

MODULUS = 23
MOST_HELD = 4
FEWEST, MOST = 4, 16
"""Number of boxes in a problem of the corpus: uniform; 16 boxes are some 700 tokens."""
_FIRST_CAPITAL = FIRST_SYMBOL + 26


@compiled
def write_boxes(state: np.ndarray, n_boxes: int, out: np.ndarray) -> tuple[int, int, int]:
    """Draw a problem and write its statement, solution and answer as fragments.

    Args:
        state: random stream, advanced.
        n_boxes: 1..26, or 0 for a number drawn from FEWEST..MOST.
        out: int32[MAX_FRAGMENTS], filled.

    Returns:
        The ends of the problem, of the solution and of the answer in ``out``, as `mistakes.writing.write_document`.
    """
    if n_boxes == 0:
        n_boxes = FEWEST + below(state, MOST - FEWEST + 1)
    weight = np.empty(n_boxes, np.int64)
    held = np.zeros((n_boxes, MOST_HELD), np.int64)
    n_held = np.zeros(n_boxes, np.int64)
    later = np.empty(n_boxes, np.int64)
    for box in range(n_boxes):
        weight[box] = below(state, 10)
        n_later = n_boxes - 1 - box
        if n_later == 0:
            continue
        n_held[box] = min(1 + below(state, MOST_HELD), n_later)
        for i in range(n_later):
            later[i] = box + 1 + i
        shuffle(state, later, n_later)
        held[box, : n_held[box]] = later[: n_held[box]]
    problem_end = _write_statement(state, weight, held, n_held, out)
    solution_end, answer = _write_solution(weight, held, n_held, out, problem_end)
    out[solution_end] = FIRST_NUMBER + answer
    return problem_end, solution_end, solution_end + 1


@compiled
def _write_statement(
    state: np.ndarray, weight: np.ndarray, held: np.ndarray, n_held: np.ndarray, out: np.ndarray
) -> int:
    n_boxes = len(weight)
    # (box, box in it) for each sentence; (box, -1) says its own weight
    facts = np.empty((n_boxes * (1 + MOST_HELD), 2), np.int64)
    n_facts = 0
    for box in range(n_boxes):
        for i in range(-1, n_held[box]):
            facts[n_facts, 0] = box
            facts[n_facts, 1] = held[box, i] if i >= 0 else -1
            n_facts += 1
    order = np.arange(n_facts)
    shuffle(state, order, n_facts)
    n = 0
    for i in range(n_facts):
        box, inner = facts[order[i], 0], facts[order[i], 1]
        out[n], out[n + 1] = EACH_BOX, _FIRST_CAPITAL + box
        if inner < 0:
            out[n + 2], out[n + 3], out[n + 4] = WEIGHTS, FIRST_NUMBER + weight[box], POUNDS
        else:
            out[n + 2], out[n + 3], out[n + 4] = HAS_BOX, _FIRST_CAPITAL + inner, INSIDE
        n += 5
    out[n], out[n + 1], out[n + 2] = TOTAL_WEIGHT_OF, _FIRST_CAPITAL, QUESTION_MARK
    return n + 3


@compiled
def _write_solution(
    weight: np.ndarray, held: np.ndarray, n_held: np.ndarray, out: np.ndarray, n: int
) -> tuple[int, int]:
    """ " The total of box B is 3 + 5 = 8." for every box that box A needs; returns the end and A's total."""
    n_boxes = len(weight)
    needed = np.zeros(n_boxes, np.bool_)
    needed[0] = True
    for box in range(n_boxes):
        if needed[box]:
            for i in range(n_held[box]):
                needed[held[box, i]] = True
    total = np.zeros(n_boxes, np.int64)
    for box in range(n_boxes - 1, -1, -1):
        if not needed[box]:
            continue
        out[n], out[n + 1], out[n + 2] = TOTAL_OF, _FIRST_CAPITAL + box, TOTAL_IS
        out[n + 3] = FIRST_NUMBER + weight[box]
        n += 4
        total[box] = weight[box]
        for i in range(n_held[box]):
            out[n], out[n + 1] = PLUS, FIRST_NUMBER + total[held[box, i]]
            total[box] += total[held[box, i]]
            n += 2
        total[box] %= MODULUS
        if n_held[box]:
            out[n], out[n + 1] = IS, FIRST_NUMBER + total[box]
            n += 2
        out[n] = STOP
        n += 1
    return n, total[0]
