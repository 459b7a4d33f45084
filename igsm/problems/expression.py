"""Expressions of the parameters: how the inputs are combined, the values, and how many letters a solution needs."""

import numpy as np

from igsm.problems import record as r
from igsm.problems.record import NUMBER, Record
from igsm.problems.solution import count_letters
from igsm.seeds import below, compiled, uniform


@compiled
def draw_expressions(
    state: np.ndarray, parameters: np.ndarray, first: int, end: int, modulus: int, record: Record
) -> None:
    """Draw the random number of instances, "more than" or "times", sum or difference.

    Args:
        state: random stream.
        parameters: int64[n]; those at positions first .. end-1 that are instances are meant.
    """
    for position in range(first, end):
        instance = parameters[position]
        if instance >= record.head[r.N_INSTANCES]:
            continue
        n_inputs = record.n_inputs[instance]
        uses_number = 0
        for i in range(n_inputs):
            if record.inputs[instance, i] == NUMBER:
                uses_number = 1
        if uses_number:
            if n_inputs > 1 and uniform(state) < 0.5:
                record.multiply[instance] = 1
                record.number[instance] = 1 + below(state, modulus - 1)
            else:
                record.number[instance] = below(state, modulus)
        if n_inputs - uses_number == 2 and uniform(state) < 0.5:
            record.subtract[instance] = 1


@compiled
def write_values(parameters: np.ndarray, n: int, record: Record) -> None:
    """Compute the values of parameters[:n], each of which comes after its inputs."""
    modulus = int(record.head[r.MODULUS])
    for position in range(n):
        parameter = parameters[position]
        value = 0
        if record.parameter[parameter, r.ABSTRACT] == 0:
            sign = 1
            for i in range(record.n_inputs[parameter]):
                given = record.inputs[parameter, i]
                if given != NUMBER:
                    value += sign * int(record.value[given])
                    if record.subtract[parameter]:
                        sign = -1
            number = int(record.number[parameter])
            if number >= 0:
                value = number * value if record.multiply[parameter] else number + value
        elif record.parameter[parameter, r.TARGET] == record.parameter[parameter, r.LAYER] + 1:
            for i in range(record.n_inputs[parameter]):
                value += int(record.value[record.inputs[parameter, i]])
        else:
            for i in range(0, record.n_inputs[parameter], 2):
                instance, abstract = record.inputs[parameter, i], record.inputs[parameter, i + 1]
                value += int(record.value[instance]) * int(record.value[abstract])
        record.value[parameter] = value % modulus


@compiled
def count_symbols(record: Record) -> int:
    """Letters that the solution text defines: one a step, and one for every intermediate.

    Every expression is binary, so that n inputs need n-2 intermediates, products of deep abstract parameters included.
    """
    symbols = 0
    for position in range(record.head[r.N_SOLUTION]):
        symbols += count_letters(record, int(record.solution[position]))
    return symbols
