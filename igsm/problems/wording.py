"""Texts as sequences of fragments: fixed words, symbols, numbers and names.

The text of a problem or solution is the fragments' strings joined, and its GPT-2 ids are the fragments' ids
joined (`igsm.corpus.vocabulary`): GPT-2 splits a text into words before it merges, and every fragment is made
of whole words. The sentences are those of arXiv 2408.16293, section 2 and appendix A.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from igsm.problems.lexicon import Tables
from igsm.problems.record import (
    ABSTRACT,
    CHAIN,
    FIRST_CATEGORY,
    ITEM,
    LAYER,
    LETTERS,
    MAX_PARAMETERS,
    MODULUS,
    N_INSTANCES,
    N_SOLUTION,
    NUMBER,
    QUESTION,
    QUESTION_FIRST,
    TARGET,
    Record,
)
from igsm.seeds import compiled

SYMBOLS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_NUMBERS = 23

WORDS = (
    *(" The number of each", " equals", " each", " and", ",", " more than", " times as much as"),
    *(" the sum of", " the difference of", " How many", " does", " have?", "'s", "."),
    *(" Define", " as", ";", " so", " =", " +", " -", " *", " BACK"),
    *(" Each box", " weights", " pounds on its own.", " has a box", " inside it."),
    *(" What is the total weight of box", "?", " The total of box", " is"),
)
# Fragment codes: the words' positions, then one code for each symbol, number and name.
NUMBER_OF_EACH, EQUALS, EACH, AND, COMMA, MORE_THAN, TIMES_AS_MUCH = range(7)
SUM_OF, DIFFERENCE_OF, HOW_MANY, DOES, HAVE, POSSESSIVE, STOP = range(7, 14)
DEFINE, AS, SEMICOLON, SO, IS, PLUS, MINUS, TIMES, BACK = range(14, 23)
# The words of box-over-box problems (igsm.problems.boxes).
EACH_BOX, WEIGHTS, POUNDS, HAS_BOX, INSIDE, TOTAL_WEIGHT_OF, QUESTION_MARK, TOTAL_OF, TOTAL_IS = range(23, 32)
FIRST_SYMBOL = 32
FIRST_NUMBER = FIRST_SYMBOL + LETTERS
FIRST_NAME = FIRST_NUMBER + MAX_NUMBERS

MAX_FRAGMENTS = 1 << 16
"""Room for the longest document: 60 sentences, 60 operations and every possible mistake before each step."""

# Columns of a mistake, as `mistakes.draw_mistakes` lists them in order of their steps.
MISTAKE_STEP, MISTAKE_PARAMETER, MISTAKE_KIND = 0, 1, 2
MISTAKE_COLUMNS = 3
# Columns of a span: fragments [START, END) are the mistake, [NAME_START, NAME_END) in it the wrong parameter.
SPAN_KIND, SPAN_STEP, SPAN_PARAMETER, SPAN_START, SPAN_END, SPAN_NAME_START, SPAN_NAME_END = range(7)
SPAN_COLUMNS = 7
MAX_MISTAKES = MAX_PARAMETERS * MAX_PARAMETERS


class FragmentTable:
    """The string of every fragment code, for a lexicon's names (``Lexicon.names``)."""

    def __init__(self, names: Sequence[str]) -> None:
        self.strings: tuple[str, ...] = (
            *WORDS,
            *(f" {letter}" for letter in SYMBOLS),
            *(f" {number}" for number in range(MAX_NUMBERS)),
            *(f" {name}" for name in names),
        )

    def text(self, codes: Iterable[int] | np.ndarray) -> str:
        """The text of a sequence of fragment codes."""
        return "".join([self.strings[code] for code in codes])


@compiled
def write_document(
    record: Record, mistakes: np.ndarray, tables: Tables, out: np.ndarray, spans: np.ndarray
) -> tuple[int, int, int]:
    """Write problem, solution and answer, one after the other.

    Args:
        mistakes: int[n, MISTAKE_COLUMNS], in order of their steps.
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
def write_problem(record: Record, tables: Tables, out: np.ndarray) -> int:
    """Write the problem's sentences and its question from ``out[0]`` on; returns the number of fragments."""
    n = 0
    if record.head[QUESTION_FIRST]:
        n = _write_question(record, tables, out, n)
    for s in range(record.head[N_INSTANCES]):
        n = _write_statement(record, record.sentences[s], tables, out, n)
    if not record.head[QUESTION_FIRST]:
        n = _write_question(record, tables, out, n)
    return n


@compiled
def _names(record: Record, parameter: int, tables: Tables) -> tuple[int, int]:
    """Fragments of A and B in "A's B"."""
    layer, item = record.parameter[parameter, LAYER], record.parameter[parameter, ITEM]
    target = record.parameter[parameter, TARGET]
    if record.parameter[parameter, ABSTRACT]:
        owned = tables.chain_category[record.head[CHAIN], record.head[FIRST_CATEGORY] + target]
    else:
        owned = record.names[layer + 1, target]
    return FIRST_NAME + record.names[layer, item], FIRST_NAME + owned


@compiled
def _write_name(record: Record, parameter: int, tables: Tables, out: np.ndarray, n: int) -> int:
    owner, owned = _names(record, parameter, tables)
    out[n], out[n + 1], out[n + 2] = owner, POSSESSIVE, owned
    return n + 3


@compiled
def _write_question(record: Record, tables: Tables, out: np.ndarray, n: int) -> int:
    owner, owned = _names(record, record.head[QUESTION], tables)
    out[n], out[n + 1], out[n + 2], out[n + 3], out[n + 4] = HOW_MANY, owned, DOES, owner, HAVE
    return n + 5


@compiled
def _write_statement(record: Record, parameter: int, tables: Tables, out: np.ndarray, n: int) -> int:
    """ " The number of each A's B equals ..." """
    out[n] = NUMBER_OF_EACH
    n = _write_name(record, parameter, tables, out, n + 1)
    out[n] = EQUALS
    n += 1
    n_names = record.n_inputs[parameter]
    if record.number[parameter] >= 0:
        n_names -= 1
        out[n] = FIRST_NUMBER + record.number[parameter]
        n += 1
        if n_names:
            out[n] = TIMES_AS_MUCH if record.multiply[parameter] else MORE_THAN
            n += 1
    if n_names >= 2:
        out[n] = DIFFERENCE_OF if record.subtract[parameter] else SUM_OF
        n += 1
    written = 0
    for i in range(record.n_inputs[parameter]):
        if record.inputs[parameter, i] == NUMBER:
            continue
        if written:
            out[n] = AND if written == n_names - 1 else COMMA
            n += 1
        out[n] = EACH
        n = _write_name(record, record.inputs[parameter, i], tables, out, n + 1)
        written += 1
    out[n] = STOP
    return n + 1


@compiled
def write_solution(
    record: Record, mistakes: np.ndarray, tables: Tables, out: np.ndarray, start: int, spans: np.ndarray
) -> int:
    """Write the solution, with the mistakes before their steps, from ``out[start]`` on; returns its end.

    Arguments as in :func:`write_document`.
    """
    n, m, letters = start, 0, 0
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    for step in range(record.head[N_SOLUTION]):
        while m < len(mistakes) and mistakes[m, MISTAKE_STEP] == step:
            n = _write_mistake(record, mistakes[m], tables, out, n, spans[m])
            m += 1
        n, letters = _write_step(record, record.solution[step], tables, out, n, symbols, letters)
    return n


@compiled
def _write_mistake(
    record: Record, mistake: np.ndarray, tables: Tables, out: np.ndarray, n: int, span: np.ndarray
) -> int:
    """ " Define A's B as BACK." """
    out[n] = DEFINE
    end = _write_name(record, mistake[MISTAKE_PARAMETER], tables, out, n + 1)
    out[end], out[end + 1], out[end + 2] = AS, BACK, STOP
    span[SPAN_KIND], span[SPAN_STEP] = mistake[MISTAKE_KIND], mistake[MISTAKE_STEP]
    span[SPAN_PARAMETER] = mistake[MISTAKE_PARAMETER]
    span[SPAN_START], span[SPAN_END] = n, end + 1
    span[SPAN_NAME_START], span[SPAN_NAME_END] = n + 1, end
    return end + 3


@compiled
def _write_step(
    record: Record,
    parameter: int,
    tables: Tables,
    out: np.ndarray,
    n: int,
    symbols: np.ndarray,
    letters: int,
) -> tuple[int, int]:
    """ " Define A's B as v; so v = ..."; sets ``symbols[parameter]``. Returns the end and letters used."""
    symbol = FIRST_SYMBOL + int(record.symbols[letters])
    symbols[parameter] = symbol
    out[n] = DEFINE
    n = _write_name(record, parameter, tables, out, n + 1)
    out[n], out[n + 1] = AS, symbol

    number = int(record.number[parameter])
    layer, target = record.parameter[parameter, LAYER], record.parameter[parameter, TARGET]
    is_product = record.parameter[parameter, ABSTRACT] and target > layer + 1
    n_factors = 2 if is_product else 1
    n_terms = (record.n_inputs[parameter] - (1 if number >= 0 else 0)) // n_factors
    n_operations = max(n_terms * n_factors - 1, 0) + (1 if number >= 0 and n_terms else 0)

    place = np.array((n + 2, letters + 1, n_operations))  # fragments, letters, operations still to come
    total, total_value, n_added = 0, 0, 0
    for i in range(0, record.n_inputs[parameter], n_factors):
        first = record.inputs[parameter, i]
        if first == NUMBER:
            continue
        term, value = symbols[first], int(record.value[first])
        if is_product:
            second = record.inputs[parameter, i + 1]
            term, value = _write_operation(
                record, symbol, term, value, TIMES, symbols[second], int(record.value[second]), out, place
            )
        if n_added:
            sign = MINUS if record.subtract[parameter] else PLUS
            total, total_value = _write_operation(record, symbol, total, total_value, sign, term, value, out, place)
        else:
            total, total_value = term, value
        n_added += 1
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
        out[n] = FIRST_NUMBER + record.value[parameter]
        n += 1
    out[n] = STOP
    return n + 1, place[1]


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
    """ "; w = x + y = 3 + 4 = 7" for an intermediate w or "; so v = ..." for the last; advances ``place``.

    Returns the fragment of w or v and its value.
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
