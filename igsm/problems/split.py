"""Which split a problem belongs to: a hash of its solution's template.

The template is the solution with parameter names, numbers and letters taken out, so that problems which
differ only in these fall into the same split (arXiv 2407.20311, section 2). The authors replace parameter after
parameter by plain substring replacement; a name that contains another, or a digit, leaves a residue in the
string, and the residue counts. Equal hashes matter: a model trained on the train split of one implementation
must not have met the test split of another.
"""

from __future__ import annotations

import hashlib

import numpy as np

from igsm.problems.difficulty import BINS
from igsm.problems.lexicon import Tables
from igsm.problems.problem import Problem
from igsm.problems.record import ABSTRACT, Record
from igsm.problems.residue import (
    KIND_BYTES,
    KIND_START,
    LETTER_BYTES,
    SPACE,
    WORD_BYTES,
    WORD_START,
    ZERO,
    append,
    may_leave_residue,
    write_residue_template,
)
from igsm.problems.sha256 import sha256_remainder
from igsm.problems.solution import write_solution
from igsm.problems.wording import (
    FIRST_NAME,
    FIRST_NUMBER,
    FIRST_SYMBOL,
    MISTAKE_COLUMNS,
    SPAN_COLUMNS,
    SYMBOLS,
)
from igsm.seeds import compiled

_FRAGMENTS = 1 << 12  # more than the longest solution without mistakes has


def template_bin_of_text(problem: Problem, solution_text: str) -> int:
    """Bin 0..22 of a solution without mistakes: the definition, as plain string replacement.

    Names are replaced in the order of ``problem.items``; where one contains another this order counts, and a
    problem's text does not tell it.
    """
    layers = range(problem.depth)
    items = problem.items
    instances = (f"{a}'s {b}" for i in layers[:-1] for a in items[i] for b in items[i + 1])
    abstract = (f"{a}'s {category}" for i in layers for a in items[i] for category in problem.categories[i + 1 :])
    text = solution_text
    for name in instances:
        text = text.replace(name, "Inst")
    for name in abstract:
        text = text.replace(name, "Inter")
    for number in range(problem.modulus - 1, 0, -1):
        text = text.replace(str(number), "0")
    letters: dict[str, str] = {}
    words = text.replace(";", ".").split(" ")
    for i, word in enumerate(words):
        letter = word.removesuffix(".")
        if len(letter) == 1 and letter in SYMBOLS:
            if letter not in letters:
                letters[letter] = SYMBOLS[len(letters)]
            words[i] = letters[letter] + word[1:]
    return int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest(), "big") % BINS


@compiled
def template_bin(record: Record, tables: Tables) -> int:
    """Bin 0..22 of a record's template hash, equal to :func:`template_bin_of_text` of its solution.

    Reads structure, inputs, signs, names and letters; values need not be there yet.
    """
    codes = np.empty(_FRAGMENTS, np.int32)
    no_mistakes = np.empty((0, MISTAKE_COLUMNS), np.int32)
    n_codes = write_solution(record, no_mistakes, tables, codes, 0, np.empty((0, SPAN_COLUMNS), np.int32))
    if may_leave_residue(record, tables):
        text, n = write_residue_template(record, codes, n_codes, tables)
    else:
        text = np.empty(8 * n_codes + 72, np.uint8)
        n = _write_template(record, codes, n_codes, text)
    return sha256_remainder(text, n, BINS)


@compiled
def _write_template(record: Record, codes: np.ndarray, n_codes: int, text: np.ndarray) -> int:
    """The template when every name is replaced whole; returns its bytes' number."""
    letters = np.zeros(len(LETTER_BYTES), np.int64)
    n_letters, n, i, step = 0, 0, 0, 0
    while i < n_codes:
        code = codes[i]
        i += 1
        if code < FIRST_SYMBOL:
            n = append(text, n, WORD_BYTES, WORD_START[code], WORD_START[code + 1])
            continue
        text[n] = SPACE
        n += 1
        if code < FIRST_NUMBER:
            letter = code - FIRST_SYMBOL
            if letters[letter] == 0:
                n_letters += 1
                letters[letter] = n_letters
            text[n] = LETTER_BYTES[letters[letter] - 1]
            n += 1
        elif code < FIRST_NAME:
            text[n] = ZERO
            n += 1
        else:  # a name, "'s", a name
            i += 2
            kind = record.parameter[record.solution[step], ABSTRACT]
            n = append(text, n, KIND_BYTES, KIND_START[kind], KIND_START[kind + 1])
            step += 1
    return n
