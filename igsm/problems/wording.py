"""Texts as sequences of fragments: fixed words, symbols, numbers and names.

The text of a problem or solution is the fragments' strings joined, and its GPT-2 ids are the fragments' ids
joined (`igsm.corpus.vocabulary`): GPT-2 splits a text into words before it merges, and every fragment is made
of whole words. Problems are written here, solutions in `solution`; the sentences are those of arXiv 2408.16293,
section 2 and appendix A.
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
    N_INSTANCES,
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

MAX_FRAGMENTS = 1 << 19
"""Room for the longest document: problem, solution, and as many mistakes as there may be (4,096), each in a sentence
of up to 100 fragments."""


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


NAME = 3
"""Fragments of a name: A, "'s", B."""


@compiled
def write_name(record: Record, parameter: int, tables: Tables, out: np.ndarray, n: int) -> int:
    owner, owned = _names(record, parameter, tables)
    out[n], out[n + 1], out[n + 2] = owner, POSSESSIVE, owned
    return n + NAME


@compiled
def _write_question(record: Record, tables: Tables, out: np.ndarray, n: int) -> int:
    owner, owned = _names(record, record.head[QUESTION], tables)
    out[n], out[n + 1], out[n + 2], out[n + 3], out[n + 4] = HOW_MANY, owned, DOES, owner, HAVE
    return n + 5


@compiled
def _write_statement(record: Record, parameter: int, tables: Tables, out: np.ndarray, n: int) -> int:
    """ " The number of each A's B equals ..." """
    out[n] = NUMBER_OF_EACH
    n = write_name(record, parameter, tables, out, n + 1)
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
        n = write_name(record, record.inputs[parameter, i], tables, out, n + 1)
        written += 1
    out[n] = STOP
    return n + 1
