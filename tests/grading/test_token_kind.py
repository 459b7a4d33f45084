"""The kind of a single wrong token, on a solution written by hand."""

from __future__ import annotations

import pytest

from igsm.grading import read_problem
from igsm.grading.token_kind import NOT_NEEDED, RIGHT, TAKEN_BACK, token_kind
from igsm.grading.verdict import Kind
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon

CLASS = ProblemConfig(difficulty="nano").problem_class
PROBLEM = read_problem(
    "The number of each Garage's Robot equals 0. The number of each Garage's Train equals each Garage's Robot. "
    "The number of each Library's Doll equals each Garage's Train. The number of each Library's Robot equals 2. "
    "How many Toy does Garage have?",
    load_lexicon(CLASS.lexicon),
    CLASS.modulus,
)
SOLUTION = (
    " Define Garage's Robot as v; so v = 0. Define Garage's Train as u; so u = v = 0. "
    "Define Garage's Toy as w; so w = u + v = 0 + 0 = 0."
)


@pytest.mark.parametrize(
    ("place", "written", "expected"),
    [
        # (what stands before the token and the token, another token)
        (("Define Garage's", " Robot"), " Train", Kind.NOT_COMPUTABLE_YET),
        (("Define", " Garage"), " Library", NOT_NEEDED),
        (("= 0. Define Garage's", " Train"), " Robot", Kind.DEFINED_TWICE),
        (("= 0. Define Garage's", " Train"), " Toy", Kind.NOT_COMPUTABLE_YET),
        (("= 0. Define Garage's", " Train"), " Piano", Kind.UNKNOWN_PARAMETER),
        (("Define Garage's Train", " as"), " Set", Kind.UNKNOWN_PARAMETER),
        (("Train as", " u"), " q", RIGHT),
        (("Train as", " u"), " v", Kind.SYMBOL_REUSED),
        (("so", " v"), " q", Kind.SO_SYMBOL_MISMATCH),
        (("so v =", " 0"), " 5", Kind.WRONG_OPERATOR),
        (("so w =", " u"), " v", RIGHT),  # w = v + u
        (("so w = u +", " v"), " u", Kind.WRONG_INPUTS),
        (("so w =", " u"), " q", Kind.UNDEFINED_SYMBOL),
        (("u + v = 0", " +"), " -", Kind.MALFORMED),
        (("u + v = 0 + 0 =", " 0"), " 1", Kind.WRONG_ARITHMETIC),
        (("so u = v = 0.", " Define"), "", Kind.STOPS_EARLY),
        (("Define Garage's Train", " as"), " BACK", TAKEN_BACK),
    ],
)
def test_a_token_has_the_kind_of_its_step(place: tuple[str, str], written: str, expected: str) -> None:
    """Guards: a name that is judged by the calculation after it, and a letter that is free taken for a mistake."""
    lead, token = place
    begin = SOLUTION.index(lead + token) + len(lead)
    assert token_kind(PROBLEM, SOLUTION[:begin], token, written, SOLUTION[begin + len(token) :]) == expected


def test_another_order_is_right() -> None:
    """Guards a right alternative, which is most of what a model is surprised by, counted as a mistake."""
    text = "The number of each Garage's Robot equals 0. The number of each Garage's Train equals 3."
    problem = read_problem(f"{text} How many Toy does Garage have?", load_lexicon(CLASS.lexicon), CLASS.modulus)
    before, after = " Define Garage's", " as v; so v = 0. Define Garage's Train as u; so u = 3."
    assert token_kind(problem, before, " Robot", " Train", after) == RIGHT
    assert token_kind(problem, before, " Robot", " Toy", after) == Kind.NOT_COMPUTABLE_YET


def test_a_letter_of_an_intermediate_result_is_free() -> None:
    text = (
        "The number of each Garage's Robot equals 3. The number of each Library's Robot equals 1. The number of each "
        "Garage's Train equals 4 more than the difference of each Garage's Robot and each Library's Robot. How many "
        "Train does Garage have?"
    )
    problem = read_problem(text, load_lexicon(CLASS.lexicon), CLASS.modulus)
    first = " Define Garage's Robot as a; so a = 3. Define Library's Robot as b; so b = 1. Define Garage's Train as c;"
    after = " = a - b = 3 - 1 = 2; so c = 4 + d = 4 + 2 = 1."
    assert token_kind(problem, first, " d", " q", after) == RIGHT
    assert token_kind(problem, first, " d", " a", after) == Kind.SYMBOL_REUSED
    assert token_kind(problem, f"{first} d =", " a", " b", after[4:]) == Kind.WRONG_INPUTS  # a difference has an order


def test_a_step_that_should_be_taken_back_is_what_it_is() -> None:
    """Guards the main mistake of a model that has learnt retries, which was called malformed: it does not say BACK."""
    before, after = " Define Garage's Train as", f".{SOLUTION}"
    assert token_kind(PROBLEM, before, " BACK", " a", after) == Kind.NOT_COMPUTABLE_YET
