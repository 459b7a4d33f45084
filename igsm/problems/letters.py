"""Fixed letters: each parameter, told by its name, has one letter in all problems of a class.

A model then need not keep in mind which letter stands for which parameter of the problem at hand. Every operation
between (`count_symbols`) has a letter of its own too, so that no letter means two things.
"""

from __future__ import annotations

import numpy as np

from igsm.errors import InputError
from igsm.problems import record as r
from igsm.problems.difficulty import ProblemClass
from igsm.problems.lexicon import Lexicon, Tables, load_lexicon
from igsm.problems.record import LETTERS, Record
from igsm.problems.solution import count_letters
from igsm.seeds import compiled


def first_letters(problem_class: ProblemClass) -> np.ndarray:
    """The letter of every parameter that the class can have; the following ones are those of its intermediates.

    Returns:
        int8[n_names, n_names]: row and column are the numbers of the two names in "A's B" (`Lexicon.names`), -1 where
        no parameter has this name. [0, 0] when the class draws its letters.

    Raises:
        InputError: more letters needed than `n_symbols`.
    """
    if problem_class.letters == "drawn":
        return np.zeros((0, 0), np.int8)
    lexicon = load_lexicon(problem_class.lexicon)
    letters = _letters_by_name(problem_class, lexicon)
    n_letters = sum(letters.values())
    if n_letters > problem_class.n_symbols:
        raise InputError(
            f"letters: fixed needs {n_letters} letters for the {len(letters)} parameters that lexicon "
            f"'{problem_class.lexicon}' names, and n_symbols is {problem_class.n_symbols} (at most {LETTERS}); "
            "choose more, a smaller lexicon such as nano, or letters: drawn"
        )
    table = np.full((len(lexicon.names),) * 2, -1, np.int8)
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(lexicon.names):
        numbers.setdefault(name, []).append(number)
    first = 0
    for (owner, owned), n in letters.items():
        table[np.ix_(numbers[owner], numbers[owned])] = first
        first += n
    return table


def _letters_by_name(problem_class: ProblemClass, lexicon: Lexicon) -> dict[tuple[str, str], int]:
    """(A, B) of every possible parameter "A's B" -> most letters that its step defines."""
    width, depth = problem_class.widths[-1], problem_class.depths[-1]
    most_inputs = min(problem_class.most_inputs, problem_class.most_parameters + 1)
    letters: dict[tuple[str, str], int] = {}

    def add(owner: str, owned: str, n_inputs: int) -> None:
        letters[owner, owned] = max(letters.get((owner, owned), 0), 1 + max(n_inputs - 2, 0))

    for chain in lexicon.chains:
        for layer, category in enumerate(chain):
            for owner in (name for group in lexicon.groups[category].values() for name in group):
                for target in range(layer + 1, min(layer + depth, len(chain))):
                    if target == layer + 1:
                        for owned in (name for group in lexicon.groups[chain[target]].values() for name in group):
                            add(owner, owned, most_inputs)
                    add(owner, chain[target], width if target == layer + 1 else 2 * width)
    return letters


@compiled
def write_fixed_letters(record: Record, tables: Tables, first_letter: np.ndarray) -> None:
    """Write the letters of the record's solution, in order of appearance, and after them those it does not use."""
    used = np.zeros(LETTERS, np.bool_)
    n = 0
    for position in range(record.head[r.N_SOLUTION]):
        parameter = record.solution[position]
        target = record.parameter[parameter, r.TARGET]
        owner = record.names[record.parameter[parameter, r.LAYER], record.parameter[parameter, r.ITEM]]
        if record.parameter[parameter, r.ABSTRACT]:
            owned = tables.chain_category[record.head[r.CHAIN], record.head[r.FIRST_CATEGORY] + target]
        else:
            owned = record.names[record.parameter[parameter, r.LAYER] + 1, target]
        for i in range(count_letters(record, parameter)):
            record.symbols[n] = first_letter[owner, owned] + i
            used[record.symbols[n]] = True
            n += 1
    for letter in range(LETTERS):
        if not used[letter]:
            record.symbols[n] = letter
            n += 1
