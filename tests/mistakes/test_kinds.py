"""Whole wrong steps on a problem made by hand: every pool is exactly what is listed here, each entry drawn alike."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from igsm.mistakes import kinds
from igsm.mistakes.document import Document
from igsm.mistakes.draw import draw_mistake, draw_mistakes, law_of_kind
from igsm.mistakes.kinds import KINDS, WRONG_STEPS, fill_pool
from igsm.mistakes.pools import MAX_POOL, Before, entry
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS, MISTAKE_STEP
from igsm.problems.record import MAX_PARAMETERS
from igsm.seeds import derive_key
from tests.mistakes.hand_made import BARN_PETS, LEXICON, RECORD, SOLUTION, STEPS, attempt, mistake

POOLS: dict[str, dict[int, list[str]]] = {
    "wrong_operator": {
        1: ["so b = 20 - a = 20 - 4 = 16", "so b = 20 * a = 20 * 4 = 11"],
        2: ["so c = b + a = 1 + 4 = 5", "so c = b * a = 1 * 4 = 4"],
        3: [
            "e = b - c = 1 - 20 = 4; f = e + a = 4 + 4 = 8; so d = 2 * f = 2 * 8 = 16",
            "e = b * c = 1 * 20 = 20; f = e + a = 20 + 4 = 1; so d = 2 * f = 2 * 1 = 2",
            "e = b + c = 1 + 20 = 21; f = e - a = 21 - 4 = 17; so d = 2 * f = 2 * 17 = 11",
            "e = b + c = 1 + 20 = 21; f = e * a = 21 * 4 = 15; so d = 2 * f = 2 * 15 = 7",
            "e = b + c = 1 + 20 = 21; f = e + a = 21 + 4 = 2; so d = 2 + f = 2 + 2 = 4",
            "e = b + c = 1 + 20 = 21; f = e + a = 21 + 4 = 2; so d = 2 - f = 2 - 2 = 0",
        ],
        4: ["so g = b - d = 1 - 4 = 20", "so g = b * d = 1 * 4 = 4"],
        5: ["so h = a - c = 4 - 20 = 7", "so h = a * c = 4 * 20 = 11"],
        8: [
            "l = a + g = 4 + 5 = 9; m = c * j = 20 * 1 = 20; so k = l + m = 9 + 20 = 6",
            "l = a - g = 4 - 5 = 22; m = c * j = 20 * 1 = 20; so k = l + m = 22 + 20 = 19",
            "l = a * g = 4 * 5 = 20; m = c + j = 20 + 1 = 21; so k = l + m = 20 + 21 = 18",
            "l = a * g = 4 * 5 = 20; m = c - j = 20 - 1 = 19; so k = l + m = 20 + 19 = 16",
            "l = a * g = 4 * 5 = 20; m = c * j = 20 * 1 = 20; so k = l - m = 20 - 20 = 0",
            "l = a * g = 4 * 5 = 20; m = c * j = 20 * 1 = 20; so k = l * m = 20 * 20 = 9",
        ],
    },
    "swapped_operands": {2: ["so c = a - b = 4 - 1 = 3"]},
    "dropped_term": {
        1: ["so b = a = 4", "so b = 20"],
        2: ["so c = b = 1"],
        3: [
            "e = c + a = 20 + 4 = 1; so d = 2 * e = 2 * 1 = 2",
            "e = b + a = 1 + 4 = 5; so d = 2 * e = 2 * 5 = 10",
            "e = b + c = 1 + 20 = 21; so d = 2 * e = 2 * 21 = 19",
        ],
        4: ["so g = d = 4", "so g = b = 1"],
        5: ["so h = c = 20", "so h = a = 4"],
        8: ["so k = c * j = 20 * 1 = 20", "so k = a * g = 4 * 5 = 20"],
    },
}
"""Kind -> step -> everything that may stand after "Define ... as v; " before it."""
HEADS = [sentence.partition(";")[0] + "; " for sentence in SOLUTION]
POOLS = {
    kind: {step: [HEADS[step] + text for text in pool] for step, pool in pools.items()} for kind, pools in POOLS.items()
}
POOLS["not_computable"] = {
    7: [
        f"{HEADS[8]}l = a * g = 4 * 5 = 20; m = c * j = 20 * {j} = {20 * j % 23}; so k = l + m = 20 + {20 * j % 23} = "
        f"{(20 + 20 * j) % 23}"
        for j in range(23)
        if j != 1
    ],
    6: [f"{HEADS[7]}so j = i = {i}" for i in range(23) if i != 1]
    + [
        f"{HEADS[8]}l = a * g = 4 * 5 = 20; m = c * j = 20 * {j} = {20 * j % 23}; so k = l + m = 20 + {20 * j % 23} = "
        f"{(20 + 20 * j) % 23}"
        for j in range(23)
        if j != 1
    ],
}


def written(rows: np.ndarray) -> list[tuple[int, str]]:
    """The wrong sentences, with the steps before which they stand."""
    document = Document.of_record(RECORD, LEXICON, rows)
    return [(span.step, document.text(span.start, span.end)) for span in document.spans]


def draw(kind: str, rate: float, *key: int) -> np.ndarray:
    out = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    return out[: draw_mistakes(RECORD, law_of_kind(kind, rate), derive_key("test", *key), out)]


@pytest.mark.parametrize("kind", POOLS)
def test_pools_are_those_written_by_hand(kind: str) -> None:
    found: dict[int, list[str]] = {}
    for step, text in written(draw(kind, 1.0)):
        found.setdefault(step, []).append(text)
    if kind == "not_computable":
        sizes = {0: 8 * 22, 1: 7 * 22, 2: 6 * 22, 3: 4 * 22, 4: 3 * 22, 5: 3 * 22, 6: 2 * 22, 7: 22}
        assert {step: len(pool) for step, pool in found.items()} == sizes
        found = {step: found[step] for step in POOLS[kind]}
    assert {step: sorted(pool) for step, pool in found.items()} == {s: sorted(pool) for s, pool in POOLS[kind].items()}


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_every_entry_of_a_pool_is_drawn_alike(kind: str) -> None:
    """The first mistake before a step is uniform over its pool; so is the one of an attempt, at a drawn step."""
    every = [tuple(row) for row in draw(kind, 1.0).tolist()]
    sizes = Counter(step for step, *_ in every)
    first: Counter[tuple[int, ...]] = Counter()
    alone: Counter[tuple[int, ...]] = Counter()
    row = np.zeros(MISTAKE_COLUMNS, np.int32)
    n = 4000
    for seed in range(n):
        rows = draw(kind, 0.5, seed)
        _, places = np.unique(rows[:, MISTAKE_STEP], return_index=True)
        first.update(tuple(rows[place].tolist()) for place in places)
        assert draw_mistake(RECORD, law_of_kind(kind, 0.5), derive_key("one", seed), row)
        alone[tuple(row.tolist())] += 1
    assert first.keys() | alone.keys() <= set(every)
    for counts, share in ((first, 0.5 * n), (alone, n / len(sizes))):
        chi = sum((counts[key] - share / sizes[key[0]]) ** 2 * sizes[key[0]] / share for key in every)
        assert chi < len(every) + 5 * np.sqrt(2 * len(every))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_dispatch_calls_the_kind_of_that_name(kind: str) -> None:
    """Numbers in `fill_pool` that do not follow the list would draw one kind under another's name."""
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    before = Before(0, defined, False)
    for step in range(len(STEPS)):
        before = Before(step, defined, False)
        ours, theirs = np.zeros((2, MAX_POOL), np.int64)
        size = fill_pool(KINDS.index(kind), RECORD, before, ours)
        assert size == getattr(kinds, kind).fill(RECORD, before, theirs)
        assert np.array_equal(ours, theirs)
        assert len({entry(packed) for packed in ours[:size]}) == size
        defined[RECORD.solution[step]] = True


def test_run_on_after_a_wrong_operator() -> None:
    sentences, answer = attempt(mistake("wrong_operator", 5, 0, 20))
    assert sentences[5:] == [
        " {Define Ark's Pen as h; so h = a **-** c = 4 *-* 20 = *7*}.",
        " Define Cage's Dog as i; so i = h = *7*.",
        " Define Cage's Pet as j; so j = i = *7*.",
        " Define Ark's Pet as k; l = a * g = 4 * 5 = 20; m = c * j = 20 * *7* = *2*; so k = l + m = 20 + *2* = *22*.",
    ]
    assert answer == 22


def test_run_on_after_swapped_operands() -> None:
    """The second operand stands wrong because the first does."""
    sentences, answer = attempt(mistake("swapped_operands", 2))
    assert sentences[2:4] == [
        " {Define Ark's Cage as c; so c = **a** - *b* = *4* - *1* = *3*}.",
        " Define Barn's Dog as d; e = b + c = 1 + *3* = *4*; f = e + a = *4* + 4 = *8*; so d = 2 * f = 2 * *8* = *16*.",
    ]
    assert sentences[5] == " Define Ark's Pen as h; so h = a + c = 4 + *3* = *7*."
    assert answer == 20  # 4 * 17 + 3 * 7


def test_run_on_after_a_dropped_term() -> None:
    """The letters of later steps stay those of the right solution, though this step uses one less."""
    sentences, answer = attempt(mistake("dropped_term", 3, 2))
    assert sentences[3:5] == [
        " {Define Barn's Dog as d; e = b + **a** = 1 + 4 = 5; so d = 2 * e = 2 * 5 = *10*}.",
        " Define Barn's Pet as g; so g = b + d = 1 + *10* = *11*.",
    ]
    assert sentences[5:8] == list(SOLUTION[5:8])
    assert answer == 18  # 4 * 11 + 20


def test_run_on_after_a_step_without_its_inputs() -> None:
    """It counts as taken: it is not taken again, and what it needed is defined later as ever."""
    sentences, answer = attempt(mistake("not_computable", 2, 0, 3, BARN_PETS))
    assert sentences == [
        *SOLUTION[:2],
        " {Define **Barn's Pet** as g; so g = b + d = 1 + *7* = *8*}.",
        *SOLUTION[2:4],
        *SOLUTION[5:8],
        " Define Ark's Pet as k; l = a * g = 4 * *8* = *9*; m = c * j = 20 * 1 = 20; so k = l + m = *9* + 20 = *6*.",
    ]
    assert answer == 6


def test_a_question_without_its_inputs_ends_the_solution() -> None:
    sentences, answer = attempt(mistake("not_computable", 7, 0, 1, STEPS[8]))
    assert sentences[7:] == [
        " {Define **Ark's Pet** as k; l = a * g = 4 * 5 = 20; m = c * j = 20 * *2* = *17*;"
        " so k = l + m = 20 + *17* = *14*}."
    ]
    assert answer == 14


def test_a_step_that_ends_too_early_is_marked_at_its_number() -> None:
    """Bug guarded: the first difference is then the full stop, or BACK, which is no part of the step."""
    sentences, _ = attempt(mistake("dropped_term", 1, 1))
    assert sentences[1] == " {Define Barn's Cat as b; so b = **20**}."
    document = Document.of_record(RECORD, LEXICON, mistake("dropped_term", 1, 1)[None])
    (span,) = document.spans
    assert document.text(span.name_start, span.end + 1) == " 20 BACK"
