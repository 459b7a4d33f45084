"""Writing solutions with mistakes: before a step, what is taken back; each becomes words and a span."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.rows import (
    MADE_UP_INPUTS,
    MISTAKE_INSTEAD,
    MISTAKE_KIND,
    MISTAKE_PARAMETER,
    MISTAKE_PLACE,
    MISTAKE_SLIP,
    MISTAKE_STEP,
    NAME_ONLY,
    SPAN_END,
    SPAN_KIND,
    SPAN_NAME_END,
    SPAN_NAME_START,
    SPAN_PARAMETER,
    SPAN_START,
    SPAN_STEP,
)
from igsm.problems.lexicon import Tables
from igsm.problems.record import MAX_PARAMETERS, MODULUS, N_SOLUTION, NUMBER, QUESTION, Record
from igsm.problems.solution import RIGHT, Slip, count_letters, first_letter, write_step
from igsm.problems.wording import AS, BACK, DEFINE, FIRST_NUMBER, FIRST_SYMBOL, NAME, STOP, write_name, write_problem
from igsm.seeds import compiled


@compiled
def write_document(
    record: Record, mistakes: np.ndarray, tables: Tables, out: np.ndarray, spans: np.ndarray
) -> tuple[int, int, int]:
    """Write problem, solution and answer, one after the other.

    Args:
        mistakes: int32[n, MISTAKE_COLUMNS], in order of their steps.
        out: int32[MAX_FRAGMENTS], filled with fragment codes.
        spans: int32[>= n, SPAN_COLUMNS], filled with one row for each mistake, positions counted in ``out``.

    Returns:
        The ends of the problem, of the solution and of the answer in ``out``.
    """
    problem_end = write_problem(record, tables, out)
    solution_end = write_solution_with_mistakes(record, mistakes, tables, out, problem_end, spans)
    out[solution_end] = FIRST_NUMBER + record.value[record.head[QUESTION]]
    return problem_end, solution_end, solution_end + 1


@compiled
def write_solution_with_mistakes(
    record: Record, mistakes: np.ndarray, tables: Tables, out: np.ndarray, start: int, spans: np.ndarray
) -> int:
    """Write the solution, with the mistakes before their steps, from ``out[start]`` on; returns its end.

    Arguments as in :func:`write_document`.
    """
    n, m, letter = start, 0, 0
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    for step in range(record.head[N_SOLUTION]):
        while m < len(mistakes) and mistakes[m, MISTAKE_STEP] == step:
            if mistakes[m, MISTAKE_SLIP] == NAME_ONLY:
                n = _write_wrong_name(record, mistakes[m], tables, out, n, spans[m])
            else:
                n, _, _ = write_wrong_step(record, mistakes[m], tables, out, n, symbols, record.value, spans[m])
            out[n - 1], out[n] = BACK, STOP
            n += 1
            m += 1
        parameter = int(record.solution[step])
        n, _ = write_step(record, parameter, RIGHT, tables, out, n, letter, symbols, record.value)
        letter += count_letters(record, parameter)
    return n


@compiled
def _write_wrong_name(
    record: Record, mistake: np.ndarray, tables: Tables, out: np.ndarray, n: int, span: np.ndarray
) -> int:
    """ " Define A's B as." """
    out[n] = DEFINE
    end = write_name(record, mistake[MISTAKE_PARAMETER], tables, out, n + 1)
    out[end], out[end + 1] = AS, STOP
    _write_span(mistake, n, end + 1, n + 1, end, span)
    return end + 2


@compiled
def write_wrong_step(
    record: Record,
    mistake: np.ndarray,
    tables: Tables,
    out: np.ndarray,
    n: int,
    symbols: np.ndarray,
    values: np.ndarray,
    span: np.ndarray,
) -> tuple[int, int, int]:
    """Write " Define A's B as v; so v = p + W = 17 + 13 = 9." with the letters that its right step has, and its span.

    Args:
        mistake: int32[MISTAKE_COLUMNS], of a kind that writes a whole step.
        n: where in ``out`` it begins. The right version stands behind it afterwards, for comparison.
        symbols, values: as of `solution.write_step`; 0 is the symbol of what is not defined yet.
        span: int32[SPAN_COLUMNS], filled.

    Returns:
        The end, that of the right version, and the number that the wrong one comes to.
    """
    parameter = int(mistake[MISTAKE_PARAMETER])
    letter = first_letter(record, parameter)
    slip = RIGHT
    if mistake[MISTAKE_SLIP] == MADE_UP_INPUTS:
        symbols, values = symbols.copy(), values.copy()
        _make_up_inputs(record, parameter, int(mistake[MISTAKE_INSTEAD]), symbols, values)
    else:
        numbers = mistake.astype(np.int64)  # the integers of `RIGHT`, so that `write_step` is compiled once
        slip = Slip(numbers[MISTAKE_SLIP], numbers[MISTAKE_PLACE], numbers[MISTAKE_INSTEAD])
    end, value = write_step(record, parameter, slip, tables, out, n, letter, symbols, values)
    right_end, _ = write_step(record, parameter, RIGHT, tables, out, end, letter, symbols, record.value)
    if mistake[MISTAKE_SLIP] == MADE_UP_INPUTS:
        word, word_end = n + 1, n + 1 + NAME
    else:
        word = n  # the right version has the same words up to the wrong one: everything else follows from that
        while out[word] == out[end + word - n]:
            word += 1
        word = min(word, end - 2)  # " so b = 20." for " so b = 20 + a = ...": its number ends too early
        word_end = word + 1
    _write_span(mistake, n, end - 1, word, word_end, span)
    return end, right_end, value


@compiled
def _make_up_inputs(record: Record, parameter: int, offset: int, symbols: np.ndarray, values: np.ndarray) -> None:
    """Give what the parameter's step uses and is not defined a symbol and a number."""
    for i in range(record.n_inputs[parameter]):
        needed = int(record.inputs[parameter, i])
        if needed != NUMBER and symbols[needed] == 0:
            symbols[needed] = FIRST_SYMBOL + int(record.symbols[first_letter(record, needed)])
            values[needed] = (int(record.value[needed]) + offset) % int(record.head[MODULUS])


@compiled
def _write_span(mistake: np.ndarray, start: int, end: int, wrong_start: int, wrong_end: int, span: np.ndarray) -> None:
    """The span of what stands in the fragments [start, end), of which [wrong_start, wrong_end) are the wrong words."""
    span[SPAN_KIND], span[SPAN_STEP] = mistake[MISTAKE_KIND], mistake[MISTAKE_STEP]
    span[SPAN_PARAMETER] = mistake[MISTAKE_PARAMETER]
    span[SPAN_START], span[SPAN_END] = start, end
    span[SPAN_NAME_START], span[SPAN_NAME_END] = wrong_start, wrong_end
