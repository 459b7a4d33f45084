"""A layout (`igsm.mistakes.layout`) as arrays, for compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from igsm.corpus.own import NOTHING, Own
from igsm.corpus.vocabulary import Vocabulary
from igsm.errors import InputError, suggest
from igsm.mistakes.draw import MistakeLaw, law_of
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.mistakes.layout import Layout, Mark, Part, Row, has_attempt, says_numbers

# columns of `Rows.rows`
PART, ROLE, WORDS, WORDS_END, STEPS = range(5)
ALL = -1


class Rows(NamedTuple):
    """A layout for compiled code.

    Attributes:
        rows: int32 [n, 5], the part and the role of each row, where its words are in `words`, the steps of an attempt
            (of BACK: those of the attempt before it).
        words: uint16 [...], GPT-2 ids.
        first: int64 [variants + 1], the first row of each variant.
        up_to: float64 [variants], the sum of the shares up to and with each.
        has_attempt, says_numbers, other_order: bool [variants], what a variant has.
        law: of the attempts' mistakes.
        moduli: int64 [...], as of the layout.
        own: the attempts, where a model wrote them.
    """

    rows: np.ndarray
    words: np.ndarray
    first: np.ndarray
    up_to: np.ndarray
    has_attempt: np.ndarray
    says_numbers: np.ndarray
    other_order: np.ndarray
    law: MistakeLaw
    moduli: np.ndarray
    own: Own


def rows_of(layout: Layout, vocabulary: Vocabulary, own: Own = NOTHING) -> Rows:
    """A layout with its words as GPT-2 ids.

    Args:
        own: what lies where `layout.own` says.

    Raises:
        InputError: a word that texts of the lexicon do not hold, or a kind that writes no whole step.
    """
    rows: list[tuple[int, ...]] = []
    words: list[int] = []
    first = [0]
    for _, variant in layout.variants:
        steps: int | None = None
        for row in variant:
            start = len(words)
            words += [row.words] if isinstance(row.words, Mark) else vocabulary.encode_text(row.words).tolist()
            steps = row.steps if row.part == Part.ATTEMPT else steps
            rows.append((row.part, row.role, start, len(words), ALL if steps is None else steps))
        first.append(len(rows))

    def which(has: Callable[[tuple[Row, ...]], bool]) -> np.ndarray:
        return np.array([has(variant) for _, variant in layout.variants])

    for kind, _ in layout.kinds:
        if kind not in WRONG_STEPS:
            raise InputError(f"attempts: '{kind}' is no kind that writes a whole step{suggest(kind, WRONG_STEPS)}")
    return Rows(
        np.array(rows, np.int32),
        np.array(words, np.uint16),
        np.array(first, np.int64),
        np.cumsum([share for share, _ in layout.variants]),
        which(has_attempt),
        which(says_numbers),
        which(lambda variant: any(row.part == Part.OTHER_ORDER for row in variant)),
        law_of(layout.kinds),
        np.array(layout.moduli, np.int64),
        own,
    )
