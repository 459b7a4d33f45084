"""A problem whose right solution, and what goes wrong in it, is written out by hand."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.attempts import MAX_CONSEQUENCES, write_attempt
from igsm.mistakes.kinds import KINDS, SLIPS
from igsm.mistakes.rows import MISTAKE_COLUMNS, SPAN_COLUMNS, SPAN_END, SPAN_NAME_END, SPAN_NAME_START, SPAN_START
from igsm.problems.lexicon import Lexicon
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem
from igsm.problems.wording import MAX_FRAGMENTS, FragmentTable
from tests.problems.hand_made import BARN, BARN_PETS, CAGE, CAGE_DOG, CAGE_PETS, CAT, DOG, EXPRESSIONS, PENS, PETS
from tests.problems.reference_samples import record_of

STEPS = (BARN, CAT, CAGE, DOG, BARN_PETS, PENS, CAGE_DOG, CAGE_PETS, PETS)
SOLUTION = (
    " Define Ark's Barn as a; so a = 4.",
    " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 1.",
    " Define Ark's Cage as c; so c = b - a = 1 - 4 = 20.",
    " Define Barn's Dog as d; e = b + c = 1 + 20 = 21; f = e + a = 21 + 4 = 2; so d = 2 * f = 2 * 2 = 4.",
    " Define Barn's Pet as g; so g = b + d = 1 + 4 = 5.",
    " Define Ark's Pen as h; so h = a + c = 4 + 20 = 1.",
    " Define Cage's Dog as i; so i = h = 1.",
    " Define Cage's Pet as j; so j = i = 1.",
    " Define Ark's Pet as k; l = a * g = 4 * 5 = 20; m = c * j = 20 * 1 = 20; so k = l + m = 20 + 20 = 17.",
)
"""The right solution, sentence by sentence, in the order of STEPS."""

CATEGORIES, ITEMS = ("Zoo", "Pen", "Pet"), (("Ark",), ("Barn", "Cage"), ("Cat", "Dog"))
LEXICON = Lexicon([CATEGORIES], {c: {"all": names} for c, names in zip(CATEGORIES, ITEMS, strict=True)}, "test")  # type: ignore[arg-type]
PROBLEM = Problem(CATEGORIES, ITEMS, EXPRESSIONS, PETS, solution=STEPS)
RECORD = record_of(PROBLEM, LEXICON)
NUMBER_OF = {parameter: number for number, parameter in enumerate(PROBLEM.parameters)}
_STRINGS = FragmentTable(LEXICON.names).strings


def mistake(kind: str, step: int, place: int = 0, instead: int = 0, parameter: Parameter | None = None) -> np.ndarray:
    """A row; of the parameter of the step itself, if none is given."""
    number = NUMBER_OF[STEPS[step] if parameter is None else parameter]
    kind_number = KINDS.index(kind)
    return np.array([step, number, kind_number, place, instead, SLIPS[kind_number]], np.int32)


def attempt(row: np.ndarray) -> tuple[list[str], int]:
    """The sentences of a wrong solution, and its answer.

    Wrong words stand between ** and **, consequences between * and *, what stands in the wrong step between { and }.
    """
    out, span = np.zeros(MAX_FRAGMENTS, np.int32), np.zeros(SPAN_COLUMNS, np.int32)
    consequences = np.zeros(MAX_CONSEQUENCES, np.int32)
    assert len(row) == MISTAKE_COLUMNS
    end, n, answer = write_attempt(RECORD, row, LEXICON.tables, out, 0, span, consequences)
    words = [_STRINGS[code] for code in out[:end]]
    for position in consequences[:n]:
        words[position] = f" *{words[position].strip()}*"
    words[span[SPAN_NAME_START]] = f" **{words[span[SPAN_NAME_START]].strip()}"
    words[span[SPAN_NAME_END] - 1] += "**"
    words[span[SPAN_START]] = " {" + words[span[SPAN_START]].strip()
    words[span[SPAN_END] - 1] += "}"
    return [sentence + "." for sentence in "".join(words).split(".")[:-1]], answer
