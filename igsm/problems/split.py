"""Which split a problem belongs to: a hash of its solution's template.

The template is the solution with parameter names, numbers and letters taken out, so that problems which
differ only in these fall into the same split (arXiv 2407.20311, section 2). The authors replace parameter after
parameter by plain substring replacement; a name that contains another, or a digit, leaves a residue in the
string, and the residue counts. Equal hashes matter: a model trained on the train split of one implementation
must not have met the test split of another.

One problem can have several templates, since its steps may come in several orders and its items too, and so stand in
both splits with the same text. Classes whose split is ours to define (`split_by: dependencies`) hash instead what
the solution computes from what: equal for all solutions of one text, and for all problems that differ only in
names, numbers, letters and order. A template tells what is computed from what, so that none is in both splits.
"""

from __future__ import annotations

import hashlib

import numpy as np

from igsm.problems.difficulty import BINS
from igsm.problems.lexicon import Tables
from igsm.problems.problem import Problem
from igsm.problems.record import ABSTRACT, LAYER, MAX_PARAMETERS, N_SOLUTION, NUMBER, TARGET, Record
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
from igsm.problems.wording import FIRST_NAME, FIRST_NUMBER, FIRST_SYMBOL, SYMBOLS
from igsm.seeds import compiled

# Chosen so that each split has one of the two kinds of op=1, and of op=2 to 8 about 7 in 23 problems are of the test
# split, in classes of our own with 3 and 4 items in a layer.
_SALT = np.uint64(1201)
_ZERO, _ONE, _27, _30, _31 = (np.uint64(n) for n in (0, 1, 27, 30, 31))
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
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
    n_codes = write_solution(record, tables, codes, 0)
    if may_leave_residue(record, tables):
        text, n = write_residue_template(record, codes, n_codes, tables)
    else:
        text = np.empty(8 * n_codes + 72, np.uint8)
        n = _write_template(record, codes, n_codes, text)
    return sha256_remainder(text, n, BINS)


@compiled
def split_bin(record: Record, tables: Tables, by_dependencies: bool) -> int:
    """The bin by which a class is split: :func:`dependency_bin` or :func:`template_bin`."""
    if by_dependencies:
        return dependency_bin(record)
    return template_bin(record, tables)


@compiled
def dependency_bin(record: Record) -> int:
    """Bin 0..22 of what the solution's steps compute from what, whatever order steps and summands stand in.

    A step is a hash of its kind (abstract or instance), its random number (none, added, a factor), sum or
    difference, and the steps that it uses; those of a sum as a set. The bin is that of the set of all steps.
    """
    steps = np.zeros(MAX_PARAMETERS, np.uint64)
    whole = _SALT
    for position in range(record.head[N_SOLUTION]):
        parameter = record.solution[position]
        abstract = record.parameter[parameter, ABSTRACT]
        deep = abstract and record.parameter[parameter, TARGET] > record.parameter[parameter, LAYER] + 1
        subtracted = _ZERO
        inputs = _ZERO
        for i in range(record.n_inputs[parameter]):
            given = record.inputs[parameter, i]
            if given == NUMBER or (deep and i % 2 == 1):
                continue
            term = steps[given]
            if deep:
                term = _mixed(term + _mixed(steps[record.inputs[parameter, i + 1]]))
            inputs += _mixed(term + subtracted)
            if record.subtract[parameter]:
                subtracted = _ONE
        number = 0 if record.number[parameter] < 0 or abstract else 1 + record.multiply[parameter]
        kind = 16 * abstract + 4 * number + record.subtract[parameter] + 1
        steps[parameter] = _mixed(inputs + _mixed(np.uint64(kind)))
        whole += _mixed(steps[parameter])
    return int(_mixed(whole) % np.uint64(BINS))


@compiled
def _mixed(x: np.uint64) -> np.uint64:
    """All bits of x depend on all others (the finaliser of SplitMix64; Steele, Lea and Flood, 2014)."""
    x = (x ^ (x >> _30)) * _MIX_1
    x = (x ^ (x >> _27)) * _MIX_2
    return x ^ (x >> _31)


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
