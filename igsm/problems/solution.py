"""Solutions and whole documents as fragments: the right steps, and before them the mistakes that are taken back.

A step reads "Define A's B as v; so v = ..." (arXiv 2408.16293, section 2 and appendix A). `mistakes` draws the
mistakes; here each of them becomes words and the span that masking, statistics and display read.
"""

from __future__ import annotations

import numpy as np

from igsm.problems.lexicon import Tables
from igsm.problems.mistakes import NONE, WRONG_OPERAND, WRONG_RESULT
from igsm.problems.record import ABSTRACT, LAYER, MAX_PARAMETERS, MODULUS, N_SOLUTION, NUMBER, QUESTION, TARGET, Record
from igsm.problems.wording import (
    AS,
    BACK,
    DEFINE,
    FIRST_NUMBER,
    FIRST_SYMBOL,
    IS,
    MINUS,
    MISTAKE_COLUMNS,
    MISTAKE_INSTEAD,
    MISTAKE_KIND,
    MISTAKE_PARAMETER,
    MISTAKE_PLACE,
    MISTAKE_STEP,
    PLUS,
    SEMICOLON,
    SO,
    SPAN_END,
    SPAN_KIND,
    SPAN_NAME_END,
    SPAN_NAME_START,
    SPAN_PARAMETER,
    SPAN_START,
    SPAN_STEP,
    STOP,
    TIMES,
    write_name,
    write_problem,
)
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
    solution_end = write_solution(record, mistakes, tables, out, problem_end, spans)
    out[solution_end] = FIRST_NUMBER + record.value[record.head[QUESTION]]
    return problem_end, solution_end, solution_end + 1


@compiled
def write_solution(
    record: Record, mistakes: np.ndarray, tables: Tables, out: np.ndarray, start: int, spans: np.ndarray
) -> int:
    """Write the solution, with the mistakes before their steps, from ``out[start]`` on; returns its end.

    Arguments as in :func:`write_document`.
    """
    n, m, letters = start, 0, 0
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    right = np.zeros(MISTAKE_COLUMNS, np.int32)
    right[MISTAKE_KIND] = NONE
    for step in range(record.head[N_SOLUTION]):
        while m < len(mistakes) and mistakes[m, MISTAKE_STEP] == step:
            if mistakes[m, MISTAKE_KIND] in (WRONG_RESULT, WRONG_OPERAND):
                n = _write_wrong_step(record, mistakes[m], right, tables, out, n, symbols, letters, spans[m])
            else:
                n = _write_wrong_name(record, mistakes[m], tables, out, n, spans[m])
            m += 1
        n, letters = _write_step(record, int(record.solution[step]), right, tables, out, n, symbols, letters)
    return n


@compiled
def _write_wrong_name(
    record: Record, mistake: np.ndarray, tables: Tables, out: np.ndarray, n: int, span: np.ndarray
) -> int:
    """ " Define A's B as BACK." """
    out[n] = DEFINE
    end = write_name(record, mistake[MISTAKE_PARAMETER], tables, out, n + 1)
    out[end] = AS
    return _take_back(mistake, out, n, end + 1, n + 1, end, span)


@compiled
def _write_wrong_step(
    record: Record,
    mistake: np.ndarray,
    right: np.ndarray,
    tables: Tables,
    out: np.ndarray,
    n: int,
    symbols: np.ndarray,
    letters: int,
    span: np.ndarray,
) -> int:
    """ " Define A's B as v; so v = p + W = 17 + 13 = 9 BACK." with the symbols that the right step will define."""
    parameter = int(mistake[MISTAKE_PARAMETER])
    end, _ = _write_step(record, parameter, mistake, tables, out, n, symbols, letters)
    # The right step, behind it for a moment, has the same words up to the wrong one: everything else follows from that.
    _write_step(record, parameter, right, tables, out, end, symbols, letters)
    word = n
    while out[word] == out[end + word - n]:
        word += 1
    return _take_back(mistake, out, n, end - 1, word, word + 1, span)


@compiled
def _take_back(
    mistake: np.ndarray, out: np.ndarray, start: int, end: int, wrong_start: int, wrong_end: int, span: np.ndarray
) -> int:
    """ " BACK." after the fragments [start, end), and their span."""
    out[end], out[end + 1] = BACK, STOP
    span[SPAN_KIND], span[SPAN_STEP] = mistake[MISTAKE_KIND], mistake[MISTAKE_STEP]
    span[SPAN_PARAMETER] = mistake[MISTAKE_PARAMETER]
    span[SPAN_START], span[SPAN_END] = start, end
    span[SPAN_NAME_START], span[SPAN_NAME_END] = wrong_start, wrong_end
    return end + 2


@compiled
def _write_step(
    record: Record,
    parameter: int,
    mistake: np.ndarray,
    tables: Tables,
    out: np.ndarray,
    n: int,
    symbols: np.ndarray,
    letters: int,
) -> tuple[int, int]:
    """ " Define A's B as v; so v = ..."; sets ``symbols[parameter]``. Returns the end and letters used.

    ``mistake`` may change one input (`WRONG_OPERAND`) or one result (`WRONG_RESULT`).
    """
    symbol = FIRST_SYMBOL + int(record.symbols[letters])
    symbols[parameter] = symbol
    out[n] = DEFINE
    n = write_name(record, parameter, tables, out, n + 1)
    out[n], out[n + 1] = AS, symbol

    n_inputs = int(record.n_inputs[parameter])
    number = int(record.number[parameter])
    layer, target = record.parameter[parameter, LAYER], record.parameter[parameter, TARGET]
    n_factors = 2 if record.parameter[parameter, ABSTRACT] and target > layer + 1 else 1
    n_operations = max(n_inputs - 1, 0)
    wrong_after, offset = -1, 0
    if mistake[MISTAKE_KIND] == WRONG_RESULT:
        wrong_after, offset = n_operations - 1 - int(mistake[MISTAKE_PLACE]), int(mistake[MISTAKE_INSTEAD])

    # Fragments, letters, operations still to come; how many these are after the wrong one, what is added to its result.
    place = np.array((n + 2, letters + 1, n_operations, wrong_after, offset))
    total, total_value, n_terms = 0, 0, 0
    for i in range(0, n_inputs, n_factors):
        first = _input(record, parameter, i, mistake)
        if record.inputs[parameter, i] == NUMBER:
            if mistake[MISTAKE_KIND] == WRONG_OPERAND and mistake[MISTAKE_PLACE] == i:
                number = first
            continue
        term, value = symbols[first], int(record.value[first])
        if n_factors == 2:
            second = _input(record, parameter, i + 1, mistake)
            term, value = _write_operation(
                record, symbol, term, value, TIMES, symbols[second], int(record.value[second]), out, place
            )
        if n_terms:
            sign = MINUS if record.subtract[parameter] else PLUS
            total, total_value = _write_operation(record, symbol, total, total_value, sign, term, value, out, place)
        else:
            total, total_value = term, value
        n_terms += 1
    if number >= 0 and n_terms:
        sign = TIMES if record.multiply[parameter] else PLUS
        _write_operation(record, symbol, FIRST_NUMBER + number, number, sign, total, total_value, out, place)
    n = place[0]
    if n_operations == 0:
        out[n], out[n + 1], out[n + 2], out[n + 3] = SEMICOLON, SO, symbol, IS
        n += 4
        if n_terms:
            out[n], out[n + 1] = total, IS
            n += 2
        else:
            total_value = max(number, 0)
        out[n] = FIRST_NUMBER + (total_value + offset) % int(record.head[MODULUS])
        n += 1
    out[n] = STOP
    return n + 1, place[1]


@compiled
def _input(record: Record, parameter: int, i: int, mistake: np.ndarray) -> int:
    """Input i of a parameter, or what stands in its place: a parameter, or NUMBER's own wrong number."""
    if mistake[MISTAKE_KIND] == WRONG_OPERAND and mistake[MISTAKE_PLACE] == i:
        return int(mistake[MISTAKE_INSTEAD])
    return int(record.inputs[parameter, i])


@compiled
def _write_operation(
    record: Record,
    symbol: int,
    left: int,
    left_value: int,
    sign: int,
    right: int,
    right_value: int,
    out: np.ndarray,
    place: np.ndarray,
) -> tuple[int, int]:
    """ "; w = x + y = 3 + 4 = 7" for an intermediate w or "; so v = ..." for the last.

    ``place`` is as in `_write_step`, and advances. Returns the fragment of w or v and its value.
    """
    n, letters = place[0], place[1]
    place[2] -= 1
    out[n] = SEMICOLON
    n += 1
    name = symbol
    if place[2] == 0:
        out[n] = SO
        n += 1
    else:
        name = FIRST_SYMBOL + int(record.symbols[letters])
        place[1] += 1
    if sign == TIMES:
        value = left_value * right_value
    elif sign == PLUS:
        value = left_value + right_value
    else:
        value = left_value - right_value
    if place[2] == place[3]:
        value += place[4]
    value %= int(record.head[MODULUS])
    out[n], out[n + 1], out[n + 2], out[n + 3], out[n + 4] = name, IS, left, sign, right
    out[n + 5], out[n + 6], out[n + 7], out[n + 8] = (
        IS,
        FIRST_NUMBER + left_value,
        sign,
        FIRST_NUMBER + right_value,
    )
    out[n + 9], out[n + 10] = IS, FIRST_NUMBER + value
    place[0] = n + 11
    return name, value
