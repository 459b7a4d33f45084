"""Mistakes in other people's solutions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igsm.errors import InputError
from igsm.text import KINDS, Injection, Record, inject, read
from igsm.text.inject import Other, not_known_yet, other_steps
from igsm.text.numbers import arithmetic, numbers_of, wrong_results
from tests.text.written import GSM8K, LATEX

RECORDS = [read(row) for row in GSM8K] + [read({"problem": "What is the perimeter?", "solution": LATEX})]
LONG = read({"problem": "?", "solution": "\n\n".join(f"Step {number} of six." for number in "ABCDEF")})
OTHERS = tuple(other for number, record in enumerate(RECORDS) for other in other_steps(record, number))


def without_mistakes(record: Record, marker: str) -> str:
    """The solution with every mistake, its marker and what stands after it cut out."""
    text, kept = record.text, []
    done = 0
    for number, step in enumerate(record.steps):
        if step.kind == "mistake":
            kept.append(text[done : step.start])
            back = record.steps[number + 1]
            assert text[step.end : back.end] == f" {marker}"
            assert back.kind == "back"
            done = record.steps[number + 2].start
    return "".join([*kept, text[done:]])


@settings(deadline=None)
@given(
    number=st.integers(0, len(RECORDS) - 1),
    kind=st.sampled_from(sorted(KINDS)),
    rate=st.floats(0, 0.95),
    seed=st.integers(0, 2**40),
    marker=st.sampled_from(["[BACK]", "Wait, 🐟 no.", "<back>"]),
)
def test_taking_the_mistakes_out_gives_the_solution(
    number: int, kind: str, rate: float, seed: int, marker: str
) -> None:
    """Guards: spans beside the text that are shifted; text lost; a mistake after the last step or in the answer."""
    original = RECORDS[number]
    record = inject(original, Injection(kind, rate, marker, seed, OTHERS), number)
    assert without_mistakes(record, marker) == original.text
    assert record.text[record.answer_start :] == original.text[original.answer_start :]
    assert record.steps[-1].kind == "right"
    assert [record.of(step) for step in record.steps if step.kind == "right"] == list(map(original.of, original.steps))
    for before, after in zip(record.steps, record.steps[1:], strict=False):
        assert before.end < after.start
    shown = [record.of(step) for step in record.steps]
    for number, step in enumerate(record.steps):
        if step.kind == "mistake":
            assert step.wrong
            assert all(step.start <= start < end <= step.end for start, end in step.wrong)
            later = {
                text
                for text, one in zip(shown, record.steps, strict=True)
                if one.kind == "right" and one.start > step.end
            }
            if kind.startswith("weak"):
                assert shown[number] in later
                assert shown[number] != original.of(original.steps[-1])  # nor by the step that comes to it
                assert "boxed" not in shown[number]  # the answer is not told early
            elif kind == "number":
                assert shown[number] not in later
            else:
                assert shown[number] not in map(original.of, original.steps)
                assert shown[number] in {other.text for other in OTHERS}


def test_the_law_is_geometric() -> None:
    """Guards: another number of mistakes than the rate says; rates hold where the pool does not run out."""
    pool = tuple(Other(1, f"other {number}") for number in range(1000))
    solution = "\n\n".join(f"Step {number} of ten." for number in range(10))
    record = read({"problem": "?", "solution": solution})
    rate, n = 0.3, 1500
    made = [inject(record, Injection("shuffle", rate, others=pool), row) for row in range(n)]
    counts = [sum(step.kind == "mistake" for step in one.steps) for one in made]
    expected = 10 * rate / (1 - rate)
    spread = (10 * rate / (1 - rate) ** 2 / n) ** 0.5
    assert abs(sum(counts) / n - expected) < 4 * spread
    first = sum(one.steps[0].kind == "mistake" for one in made) / n
    assert abs(first - rate) < 4 * (rate * (1 - rate) / n) ** 0.5


def test_a_row_depends_on_seed_and_number_only() -> None:
    """Guards: results that depend on the order of rows."""
    texts = [inject(LONG, Injection("weak", 0.5, seed=seed), row).text for seed in (0, 1) for row in range(40)]
    again = [inject(LONG, Injection("weak", 0.5, seed=seed), row).text for seed in (1, 0) for row in range(40)]
    assert texts == again[40:] + again[:40]
    assert texts[:40] != texts[40:]
    assert len(set(texts[:40])) > 10


def test_what_is_not_known_yet() -> None:
    unknown = not_known_yet(RECORDS[0])  # 24 given; 12 = 24/2; 36 = 24+12; 108 = 36*3
    assert [unknown(0, 1), unknown(0, 2), unknown(1, 2)] == [True, True, True]
    free = read({"question": "5 pens, 6 caps.", "answer": "Pens: 5*2 = <<5*2=10>>10\nCaps: 6*2 = <<6*2=12>>12\n"
                 "All: 10+12 = <<10+12=22>>22\n#### 22"})  # fmt: skip
    unknown = not_known_yet(free)
    assert [unknown(0, 1), unknown(0, 2), unknown(1, 2)] == [False, True, True]
    prose = not_known_yet(RECORDS[3])  # no marks: equals signs
    assert prose(0, 1)


def test_steps_that_make_the_answer_are_not_shown_early() -> None:
    """Guards: an answer that is stated again in a last step of its own, and told by the step before that."""
    rows = [
        {"problem": "?", "solution": "A = 2.\n\nB = 4.\n\nSo x = 9.\n\nHence \\boxed{9}."},
        {"prompt": "?", "completion": "A = 2.\n\nB = 4.\n\nSo x = 9.\n\nThe answer is 9."},
    ]
    for row in map(read, rows):
        made = [inject(row, Injection("weak", 0.9), number) for number in range(30)]
        told = {one.of(step) for one in made for step in one.steps if step.kind == "mistake"}
        assert told == {"B = 4."}


def test_weak_checked_takes_only_those() -> None:
    record = read({"question": "5 pens, 6 caps.", "answer": "Pens: 5*2 = 10.\nCaps: 6*2 = 12.\nThat is all.\n#### 22"})
    assert all(inject(record, Injection("weak-checked", 0.9), row) is record for row in range(20))
    assert any(inject(record, Injection("weak", 0.9), row) is not record for row in range(20))


@pytest.mark.parametrize(
    ("line", "needs", "makes"),
    [
        ("She pays 1,200.50/2 = $<<1200.5/2=600.25>>600.25", {"1200.5", "2"}, {"600.25"}),
        ("48/2 = <<48/2=24>>24, and 48+24 = <<48+24=72>>72", {"48", "2"}, {"24", "72"}),
        ("That is 3 + .5 = 3.50 l", {"3", "0.5"}, {"3.5"}),
        ("So 24 are left", {"24"}, {"24"}),
        ("None.", set(), set()),
    ],
)
def test_numbers_of_a_line(line: str, needs: set[str], makes: set[str]) -> None:
    assert arithmetic(line)[:2] == (needs, makes)


def test_numbers_in_words() -> None:
    assert numbers_of("Twice a dozen, 007 and 10%") == {"2", "12", "7", "10"}


@pytest.mark.parametrize(
    ("line", "first", "wrong", "n"),
    [
        ("It is 3+4 = <<3+4=7>>7 cm", "It is 3+4 = <<3+4=8>>8 cm", ["8", "8"], 5),
        ("a = 1.5 and b = $2.50.", "a = 1.5 and b = $2.51.", ["2.51"], 6),
        ("It is 2*600 = 1,200", "It is 2*600 = 1,201", ["1,201"], 6),
        ("It is 0 = 0", "It is 0 = 1", ["1"], 3),
    ],
)
def test_wrong_results(line: str, first: str, wrong: list[str], n: int) -> None:
    """Guards: a mark and the number after it that differ; a number below zero; decimal places lost."""
    changed = wrong_results(line)
    assert changed[0].text == first
    assert [first[start:end] for start, end in changed[0].wrong] == wrong
    assert len({one.text for one in changed} - {line}) == n == len(changed)
    assert wrong_results("Nothing is = to it") == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "week"}, "unknown kind 'week'; did you mean 'weak'"),
        ({"rate": 1.0}, "below 1"),
        ({"rate": float("nan")}, "below 1"),
        ({"marker": " "}, "--marker needs a text"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Injection(**settings)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "?", "solution": "It is 5."}, "two steps or more .found 1"),
        ({"problem": "?", "solution": "One.\n\nTwo [BACK]"}, "the marker '.BACK.' already"),
        ({"problem": "?", "steps": ["a", "b"], "labels": [True, False]}, "step 2 is labelled wrong"),
    ],
)
def test_rows_that_cannot_be_used(row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        inject(read(row), Injection(), 0)


def test_a_wrong_result_is_not_the_final_answer() -> None:
    """Guards: the answer told early, as the result of a step that is one off it."""
    record = read({"question": "?", "answer": "35+36=<<35+36=71>>71\n71+1=<<71+1=72>>72\n#### 72"})
    wrong = []
    for seed in range(100):
        made = inject(record, Injection("number", 0.5, seed=seed), 0)
        wrong += [made.of(step) for step in made.steps if step.kind == "mistake" and "35" in made.of(step)]
    assert len(wrong) > 20
    assert not any("=72" in text for text in wrong)
