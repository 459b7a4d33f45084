"""What each id of a vocabulary is in solutions: a name, a letter, a number, an operator, or another word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from igsm.corpus.vocabulary import Vocabulary
from igsm.mistakes.layout import Mark
from igsm.problems.wording import FIRST_NAME, FIRST_NUMBER, FIRST_SYMBOL, MINUS, PLUS, TIMES

TokenClass = Literal["name", "letter", "number", "operator", "word"]
TOKEN_CLASSES: tuple[TokenClass, ...] = get_args(TokenClass)


def token_classes(vocabulary: Vocabulary) -> np.ndarray:
    """Of each of a model's ids its place in `TOKEN_CLASSES`, int8 [size]; -1 for marks and what texts do not hold.

    An id that stands in several classes has the last of them in this order: name, word, letter, number, operator. All
    tokens of a name count as names.
    """
    classes = np.full(vocabulary.size, -1, np.int8)
    fragments, operators = len(vocabulary.table.strings), (PLUS, MINUS, TIMES)
    codes: list[tuple[TokenClass, Iterable[int]]] = [
        ("name", range(FIRST_NAME, fragments)),
        ("word", (code for code in range(FIRST_SYMBOL) if code not in operators)),
        ("letter", range(FIRST_SYMBOL, FIRST_NUMBER)),
        ("number", range(FIRST_NUMBER, FIRST_NAME)),
        ("operator", operators),
    ]
    for name, its_codes in codes:
        ids = vocabulary.from_gpt2[vocabulary.encode_fragments(np.fromiter(its_codes, np.int32))]
        classes[ids[ids >= 0]] = TOKEN_CLASSES.index(name)
    marks = vocabulary.from_gpt2[list(Mark)]
    classes[marks[marks >= 0]] = -1
    return classes
