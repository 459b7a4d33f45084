"""The rule "recovered" on a solution written by hand: taken back, replaced, left unused, made again."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.grading.recovered import AT_ONCE, LATER, NEVER, recovery
from tests.mistakes.hand_made import PROBLEM, SOLUTION

EARLY = " Define Ark's Pet as"
"""What nobody can compute at the start."""
WHOLE = f"{EARLY} k; so k = a = 4"
CAT = " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 2"
"""The second step with a wrong sum."""
UNNEEDED = " Define Cage's Cat as x; so x = 0"


def solution(planted: str, place: int = 0, instead: str | None = None, after: str = "") -> str:
    """The right solution with a sentence, and what follows it, before a step, or in the place of that step."""
    skipped = 0 if instead is None else 1
    later = [*SOLUTION[place + skipped :]]
    return "".join([*SOLUTION[:place], planted, ".", after, instead or "", *later])


# planted, step before which it stands, what comes after it, whether that step is left out -> outcome
CASES = {
    "name, at once": (solution(f"{EARLY} BACK"), 1, (True, AT_ONCE, False, False, 1)),
    "whole, at once": (solution(f"{WHOLE} BACK"), 1, (True, AT_ONCE, False, False, 1)),
    "parrot": (solution(f"{EARLY} BACK", after=f"{EARLY} BACK."), 1, (True, AT_ONCE, False, True, 1)),
    "another wrong one": (
        solution(f"{EARLY} BACK", after=" Define Barn's Pet as BACK."), 1, (True, AT_ONCE, False, False, 1),
    ),
    "taken back with the next one": (
        solution(WHOLE, after=" Define Barn's Pet as BACK 2."), 1, (True, LATER, False, False, 2),
    ),
    "judged": (solution(WHOLE, after=" <|judge|> 1"), 1, (True, LATER, False, False, 2)),
    "replaced": (solution(WHOLE), 1, (True, NEVER, True, None, 10)),
    "replaced at once": (solution(CAT, 1), 2, (True, NEVER, True, None, 3)),
    "redone rightly after BACK": (solution(f"{CAT} BACK", 1), 2, (True, AT_ONCE, False, False, 2)),
    "gone on from": (solution(CAT, 1, ""), 2, (False, NEVER, False, None, None)),
    "unneeded": (solution(UNNEEDED, 1), 2, (True, NEVER, False, None, None)),
    "right": ("".join(SOLUTION), 3, (True, NEVER, False, None, None)),
    "another error": (
        solution(f"{EARLY} BACK", 1, " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 3."), 2,
        (False, AT_ONCE, False, False, 2),
    ),
    "breaks off": (f"{WHOLE}.{SOLUTION[0]}", 1, (False, NEVER, False, None, None)),
    "nothing after it": (f"{EARLY} BACK", 1, (False, AT_ONCE, False, None, 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_solution_does_about_its_planted_sentence(case: str) -> None:
    text, planted, expected = CASES[case]
    assert recovery(PROBLEM, text, None, planted) == expected


def test_the_answer_counts() -> None:
    text = solution(f"{EARLY} BACK")
    assert recovery(PROBLEM, text, " 17", 1).recovered
    assert not recovery(PROBLEM, text, " 16", 1).recovered
    assert recovery(PROBLEM, solution(WHOLE), " 17", 1).recovered
    assert not recovery(PROBLEM, solution(WHOLE), "", 1).recovered


def test_a_sentence_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="sentence 3 cannot be the planted one: the solution has 1"):
        recovery(PROBLEM, EARLY, None, 3)
