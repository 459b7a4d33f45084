"""Right solutions as fragments, and the writer of one step, which can be told to slip once.

A step reads "Define A's B as v; so v = ..." (arXiv 2408.16293, section 2 and appendix A).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.problems.lexicon import Tables
from igsm.problems.record import ABSTRACT, LAYER, MAX_PARAMETERS, MODULUS, N_SOLUTION, NUMBER, TARGET, Record
from igsm.problems.wording import (
    AS,
    DEFINE,
    FIRST_NUMBER,
    FIRST_SYMBOL,
    IS,
    MINUS,
    PLUS,
    SEMICOLON,
    SO,
    STOP,
    TIMES,
    write_name,
)
from igsm.seeds import compiled

# What a step gets wrong.
NO_SLIP = 0
OTHER_INPUT = 1  # input `place` is parameter `instead`; of the random number: the constant `instead`
OTHER_RESULT = 2  # `instead` is added to the result of calculation `place`
OTHER_OPERATOR = 3  # calculation `place` has the operator `instead`: PLUS, MINUS or TIMES
SWAPPED_OPERANDS = 4  # the operands of calculation `place` are exchanged
DROPPED_TERM = 5  # the term that begins with input `place` is missing


class Slip(NamedTuple):
    """One thing that a step gets wrong; everything after it in the step follows from it.

    Inputs count as in `Record.inputs`, calculations from 0 in the order in which the right step makes them. A step
    without a calculation ("so p = 17", "so x = u = 0") has one result: the number that it states.
    """

    what: int
    place: int
    instead: int


RIGHT = Slip(NO_SLIP, 0, 0)

# Where the writing of a step has got to.
_FRAGMENT = 0  # the next fragment in `out`
_LETTER = 1  # the next letter in `Record.symbols`
_CALCULATION = 2  # the number of the next calculation
_LAST = 3  # the number of the last calculation


@compiled
def write_solution(record: Record, tables: Tables, out: np.ndarray, start: int) -> int:
    """Write the right solution from ``out[start]`` on (int32, fragment codes); returns its end."""
    n, letter = start, 0
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    for step in range(record.head[N_SOLUTION]):
        parameter = int(record.solution[step])
        n, _ = write_step(record, parameter, RIGHT, tables, out, n, letter, symbols, record.value)
        letter += count_letters(record, parameter)
    return n


@compiled
def count_letters(record: Record, parameter: int) -> int:
    """Letters that a parameter's step defines: its own, and one for every intermediate (n inputs have n - 2)."""
    return 1 + max(int(record.n_inputs[parameter]) - 2, 0)


@compiled
def count_factors(record: Record, parameter: int) -> int:
    """Inputs of a term: 2 where an abstract parameter adds up products, else 1."""
    row = record.parameter[parameter]
    return 2 if row[ABSTRACT] and row[TARGET] > row[LAYER] + 1 else 1


@compiled
def operator(record: Record, parameter: int, calculation: int) -> int:
    """PLUS, MINUS or TIMES: the operator of a calculation of the right step (0 .. inputs - 2)."""
    if count_factors(record, parameter) == 2:  # each product, and from the second one on its addition to the sum
        return TIMES if calculation == 0 or calculation % 2 == 1 else PLUS
    if record.number[parameter] >= 0 and calculation == record.n_inputs[parameter] - 2:
        return TIMES if record.multiply[parameter] else PLUS
    return MINUS if record.subtract[parameter] else PLUS


@compiled
def first_letter(record: Record, parameter: int) -> int:
    """Place in `Record.symbols` of the letter that the solution gives a parameter which it defines."""
    letter, step = 0, 0
    while record.solution[step] != parameter:
        letter += count_letters(record, int(record.solution[step]))
        step += 1
    return letter


@compiled
def write_step(
    record: Record,
    parameter: int,
    slip: Slip,
    tables: Tables,
    out: np.ndarray,
    n: int,
    letter: int,
    symbols: np.ndarray,
    values: np.ndarray,
) -> tuple[int, int]:
    """Write " Define A's B as v; so v = ... ." from ``out[n]`` on.

    Args:
        parameter: what the step defines.
        letter: place of its letter in `Record.symbols`; those of its intermediates follow.
        symbols: int32[MAX_PARAMETERS], the fragments of the parameters' letters; gets that of ``parameter``.
        values: int16[MAX_PARAMETERS], the numbers that stand for the inputs, such as `Record.value`.

    Returns:
        The end, and the number that the step comes to.
    """
    symbol = FIRST_SYMBOL + int(record.symbols[letter])
    symbols[parameter] = symbol
    out[n] = DEFINE
    n = write_name(record, parameter, tables, out, n + 1)
    out[n], out[n + 1] = AS, symbol

    n_inputs = int(record.n_inputs[parameter])
    number = int(record.number[parameter])
    n_factors = count_factors(record, parameter)
    n_calculations = max(n_inputs - 1, 0)
    if slip.what == DROPPED_TERM:
        n_calculations -= n_factors
    at = np.array((n + 2, letter + 1, 0, n_calculations - 1))
    total, total_value, n_terms = 0, 0, 0
    for i in range(0, n_inputs, n_factors):
        dropped = slip.what == DROPPED_TERM and slip.place == i
        first = _input(record, parameter, i, slip)
        if record.inputs[parameter, i] == NUMBER:
            if dropped:
                number = -1
            elif first != NUMBER:
                number = first
            continue
        if dropped:
            continue
        term, value = symbols[first], int(values[first])
        if n_factors == 2:
            second = _input(record, parameter, i + 1, slip)
            term, value = _write_calculation(
                record, symbol, slip, term, value, TIMES, symbols[second], int(values[second]), out, at
            )
        if n_terms:
            sign = MINUS if record.subtract[parameter] else PLUS
            total, total_value = _write_calculation(
                record, symbol, slip, total, total_value, sign, term, value, out, at
            )
        else:
            total, total_value = term, value
        n_terms += 1
    if number >= 0 and n_terms:
        sign = TIMES if record.multiply[parameter] else PLUS
        left = FIRST_NUMBER + number
        total, total_value = _write_calculation(record, symbol, slip, left, number, sign, total, total_value, out, at)
    n = at[_FRAGMENT]
    if n_calculations == 0:
        out[n], out[n + 1], out[n + 2], out[n + 3] = SEMICOLON, SO, symbol, IS
        n += 4
        if n_terms:
            out[n], out[n + 1] = total, IS
            n += 2
        else:
            total_value = max(number, 0)
        if slip.what == OTHER_RESULT:
            total_value += slip.instead
        total_value %= int(record.head[MODULUS])
        out[n] = FIRST_NUMBER + total_value
        n += 1
    out[n] = STOP
    return n + 1, total_value


@compiled
def _input(record: Record, parameter: int, i: int, slip: Slip) -> int:
    """Input i of a parameter, or what stands in its place: a parameter, or NUMBER's own wrong number."""
    if slip.what == OTHER_INPUT and slip.place == i:
        return slip.instead
    return int(record.inputs[parameter, i])


@compiled
def _write_calculation(
    record: Record,
    symbol: int,
    slip: Slip,
    left: int,
    left_value: int,
    sign: int,
    right: int,
    right_value: int,
    out: np.ndarray,
    at: np.ndarray,
) -> tuple[int, int]:
    """ "; w = x + y = 3 + 4 = 7" for an intermediate w or "; so v = ..." for the last.

    ``at`` advances. Returns the fragment of w or v and its value.
    """
    slips = slip.place == at[_CALCULATION]
    n = at[_FRAGMENT]
    out[n] = SEMICOLON
    n += 1
    name = symbol
    if at[_CALCULATION] == at[_LAST]:
        out[n] = SO
        n += 1
    else:
        name = FIRST_SYMBOL + int(record.symbols[at[_LETTER]])
        at[_LETTER] += 1
    if slips and slip.what == OTHER_OPERATOR:
        sign = slip.instead
    if slips and slip.what == SWAPPED_OPERANDS:
        left, left_value, right, right_value = right, right_value, left, left_value
    if sign == TIMES:
        value = left_value * right_value
    elif sign == PLUS:
        value = left_value + right_value
    else:
        value = left_value - right_value
    if slips and slip.what == OTHER_RESULT:
        value += slip.instead
    value %= int(record.head[MODULUS])
    out[n], out[n + 1], out[n + 2], out[n + 3], out[n + 4] = name, IS, left, sign, right
    out[n + 5], out[n + 6], out[n + 7], out[n + 8] = (
        IS,
        FIRST_NUMBER + left_value,
        sign,
        FIRST_NUMBER + right_value,
    )
    out[n + 9], out[n + 10] = IS, FIRST_NUMBER + value
    at[_FRAGMENT] = n + 11
    at[_CALCULATION] += 1
    return name, value
