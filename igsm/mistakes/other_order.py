"""The same solution in another order: a second way through the same graph, with letters of its own."""

from __future__ import annotations

import numpy as np

from igsm.problems.law import Law
from igsm.problems.letters import write_fixed_letters
from igsm.problems.lexicon import Tables
from igsm.problems.record import MAX_PARAMETERS, N_SOLUTION, NUMBER, Record
from igsm.problems.solution import write_solution
from igsm.seeds import below, compiled, shuffle


@compiled
def draw_order(record: Record, state: np.ndarray, order: np.ndarray) -> bool:
    """Draw an order of the solution by walking back from the question, as the generator does.

    Each step is drawn uniformly from those that nothing uses which is still to come (`problems.dependency.draw_order`).

    Args:
        state: random stream, advanced.
        order: int8[MAX_PARAMETERS], filled with parameter numbers, the question last.

    Returns:
        Whether there are other orders than this one.
    """
    n = int(record.head[N_SOLUTION])
    users = np.zeros(MAX_PARAMETERS, np.int64)  # how many steps that are not placed yet use a parameter
    placed = np.zeros(MAX_PARAMETERS, np.bool_)
    free = np.zeros(MAX_PARAMETERS, np.int64)
    for step in range(n):
        parameter = int(record.solution[step])
        for i in range(record.n_inputs[parameter]):
            if record.inputs[parameter, i] != NUMBER:
                users[record.inputs[parameter, i]] += 1
    others = False
    for position in range(n - 1, -1, -1):
        n_free = 0
        for step in range(n):
            parameter = int(record.solution[step])
            if not placed[parameter] and users[parameter] == 0:
                free[n_free] = parameter
                n_free += 1
        others |= n_free > 1
        chosen = free[below(state, n_free)]
        order[position], placed[chosen] = chosen, True
        for i in range(record.n_inputs[chosen]):
            if record.inputs[chosen, i] != NUMBER:
                users[record.inputs[chosen, i]] -= 1
    return others


@compiled
def write_in_other_order(
    record: Record, law: Law, tables: Tables, state: np.ndarray, out: np.ndarray, start: int
) -> int:
    """Write the right solution from ``out[start]`` on, in an order that is not the record's if it has another.

    Letters are drawn anew, unless the class gives each parameter its own.

    Args:
        law: of the record's problem class.
        state: random stream, advanced.

    Returns:
        The end.
    """
    n = int(record.head[N_SOLUTION])
    order, letters = record.solution.copy(), record.symbols.copy()
    while draw_order(record, state, order) and np.array_equal(order[:n], record.solution[:n]):
        pass
    other = Record(
        record.head,
        record.widths,
        record.names,
        record.parameter,
        record.n_inputs,
        record.inputs,
        record.number,
        record.multiply,
        record.subtract,
        record.mentioned,
        order,
        record.sentences,
        record.value,
        letters,
    )
    if len(law.first_letter) > 0:
        write_fixed_letters(other, tables, law.first_letter)
    else:
        shuffle(state, letters, law.n_symbols)
    return write_solution(other, tables, out, start)
