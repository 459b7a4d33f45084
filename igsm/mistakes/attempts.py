"""Whole wrong solutions: right steps, one wrong step, and then all that follows from it.

It goes on as if nothing had happened: every later step is right given the numbers before it, computed anew, so that the
answer is wrong too, but for chance. It stays a wrong solution then: a solution is judged by its steps.
"""

from __future__ import annotations

import numpy as np

from igsm.mistakes.rows import MISTAKE_PARAMETER, MISTAKE_STEP, SPAN_NAME_END
from igsm.mistakes.writing import write_wrong_step
from igsm.problems.lexicon import Tables
from igsm.problems.record import MAX_PARAMETERS, N_SOLUTION, QUESTION, Record
from igsm.problems.solution import RIGHT, count_letters, first_letter, write_step
from igsm.problems.wording import FIRST_SYMBOL
from igsm.seeds import compiled

MAX_CONSEQUENCES = 1 << 12
"""More numbers than the longest solution holds."""


@compiled
def write_attempt(
    record: Record,
    mistake: np.ndarray,
    tables: Tables,
    out: np.ndarray,
    start: int,
    span: np.ndarray,
    consequences: np.ndarray,
) -> tuple[int, int, int]:
    """Write a wrong solution from ``out[start]`` on.

    Args:
        mistake: int32[MISTAKE_COLUMNS], of a kind that writes a whole step (`draw.draw_mistake` draws one).
        out: int32[MAX_FRAGMENTS]; a few fragments after the end are overwritten.
        span: int32[SPAN_COLUMNS], filled: the wrong step without its full stop, and its wrong words.
        consequences: int32[MAX_CONSEQUENCES], filled with the positions in ``out``, ascending, of what differs from
            the right solution because of the wrong words: numbers, and after swapped operands a symbol. In a step with
            other words than the right one has (a term is left out) only its result counts.

    Returns:
        The end, how many consequences there are, and the answer: the number that the question comes to.
    """
    n, letter, n_consequences = start, 0, 0
    question, wrong = int(record.head[QUESTION]), int(mistake[MISTAKE_PARAMETER])
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    values = record.value.copy()
    for step in range(record.head[N_SOLUTION]):
        if step == mistake[MISTAKE_STEP]:
            end, right_end, value = write_wrong_step(record, mistake, tables, out, n, symbols, values, span)
            if right_end - end == end - n:
                n_consequences = _compare(out, n, end, int(span[SPAN_NAME_END]), consequences, n_consequences)
            elif value != record.value[wrong] and span[SPAN_NAME_END] < end - 1:
                consequences[n_consequences] = end - 2
                n_consequences += 1
            if wrong == question:
                return end, n_consequences, value
            n, defined[wrong], values[wrong] = end, True, value
            symbols[wrong] = FIRST_SYMBOL + int(record.symbols[first_letter(record, wrong)])
        parameter = int(record.solution[step])
        if not defined[parameter]:
            end, value = write_step(record, parameter, RIGHT, tables, out, n, letter, symbols, values)
            write_step(record, parameter, RIGHT, tables, out, end, letter, symbols, record.value)
            n_consequences = _compare(out, n, end, n, consequences, n_consequences)
            n, defined[parameter], values[parameter] = end, True, value
        letter += count_letters(record, parameter)
    return n, n_consequences, int(values[question])


@compiled
def _compare(out: np.ndarray, start: int, end: int, first: int, consequences: np.ndarray, n_consequences: int) -> int:
    """Add the positions from ``first`` on at which the step [start, end) differs from the one behind it."""
    for i in range(first, end):
        if out[i] != out[end + i - start]:
            consequences[n_consequences] = i
            n_consequences += 1
    return n_consequences
