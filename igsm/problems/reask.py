"""Re-ask: another parameter of a finished problem becomes its question (arXiv 2408.16293, section 2.2)."""

import numpy as np

from igsm.problems import record as r
from igsm.problems.candidate import Workspace
from igsm.problems.dependency import count, draw_from
from igsm.problems.expression import count_symbols
from igsm.problems.law import Law
from igsm.problems.lexicon import Tables
from igsm.problems.record import NUMBER, Record
from igsm.problems.split import split_bin
from igsm.seeds import compiled

TRIES = 1000
"""Questions drawn for one problem before it is given up."""


@compiled
def ask_again(state: np.ndarray, law: Law, tables: Tables, work: Workspace, record: Record) -> bool:
    """Ask for a uniform one of the problem's parameters, in a random topological order of what it depends on.

    These are the ones that the statement mentions (`Record.mentioned`): the mean op from op=20 is then that measured
    for the authors' code, 7.7; with all abstract parameters of the structure graph it would be 9.4.

    The number of operations may become anything from 1 up. With ``law.reask == 2`` ("strict") questions are
    drawn until the template hash of the new solution lies in the split's bins again.

    Returns:
        Whether a question was found whose solution has enough letters (and, if strict, the right bin).
    """
    n_parameters = record.head[r.N_PARAMETERS]
    mentioned = 0
    for parameter in range(n_parameters):
        if record.mentioned[parameter]:
            mentioned |= 1 << parameter
    for _ in range(TRIES):
        _write_question(state, draw_from(state, mentioned, n_parameters), work, record)
        record.head[r.N_SYMBOLS] = count_symbols(record)
        if record.head[r.N_SYMBOLS] > law.n_symbols:
            continue
        record.head[r.BIN] = split_bin(record, tables, law.by_dependencies)
        if law.reask == 1 or law.first_bin <= record.head[r.BIN] <= law.last_bin:
            return True
    return False


@compiled
def _write_question(state: np.ndarray, question: int, work: Workspace, record: Record) -> None:
    """Make this parameter the question: solution, operations, what the problem mentions."""
    n_parameters = record.head[r.N_PARAMETERS]
    needs = work.scratch[0]
    for parameter in range(n_parameters):
        needs[parameter] = 0
        for i in range(record.n_inputs[parameter]):
            if record.inputs[parameter, i] != NUMBER:
                needs[parameter] |= 1 << int(record.inputs[parameter, i])
    needed = 1 << question
    grown = 0
    while grown != needed:
        grown = needed
        for parameter in range(n_parameters):
            if grown >> parameter & 1:
                needed |= needs[parameter]
    defined = 0
    operations = 0
    n_solution = count(needed)
    for position in range(n_solution):
        ready = 0
        for parameter in range(n_parameters):
            if (needed & ~defined) >> parameter & 1 and needs[parameter] & ~defined == 0:
                ready |= 1 << parameter
        chosen = draw_from(state, ready, n_parameters)
        record.solution[position] = chosen
        defined |= 1 << chosen
        operations += max(int(record.n_inputs[chosen]) - 1, 1)
    used = needed
    for instance in range(record.head[r.N_INSTANCES]):
        for i in range(record.n_inputs[instance]):
            if record.inputs[instance, i] != NUMBER:
                used |= work.graph.closure[record.inputs[instance, i]]
    for parameter in range(record.head[r.N_INSTANCES], n_parameters):
        record.mentioned[parameter] = used >> parameter & 1
    record.head[r.QUESTION] = question
    record.head[r.N_SOLUTION] = n_solution
    record.head[r.OP] = operations
