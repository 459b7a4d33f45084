"""Problem texts read back into problems."""

from __future__ import annotations

import time

import pytest

from igsm.grading import IllPosedError
from igsm.problems.lexicon import load_lexicon

# Two schools' worth of a problem in the shipped names; filled in by `names` below.
SHAPE = (
    "The number of each {A}'s {B} equals 4. The number of each {B}'s {C} equals 3 more than each {A}'s {B}. "
    "How many {C2} does {A} have?"
)


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    lexicon = load_lexicon("full")
    chain = lexicon.chains[0]
    a, b, c = (next(iter(lexicon.groups[category].values()))[0] for category in chain[:3])
    other = lexicon.chains[1]
    return {"A": a, "B": b, "C": c, "C2": chain[2], "X": next(iter(lexicon.groups[other[0]].values()))[0]}


def test_reads_the_authors_problems_back(samples, official):
    # guards: names with "'s" or "and", abstract parameters, question first, every kind of sentence
    for sample in samples:
        problem = official.read(sample["prob"])
        assert problem.text == sample["prob"]
        assert problem.question_text == sample["question"]
        assert (problem.answer, problem.op) == (sample["answer"], sample["op"])


@pytest.mark.parametrize("modulus", [23, 5, 101])
def test_reads_random_problems_back(problem_of, reader, modulus):
    # guards: order of inputs, numbers, operators or question lost on the way through text
    for seed in range(150):
        problem = problem_of(seed, modulus)
        back = reader.read(problem.text, modulus)
        assert back.text == problem.text
        assert back.answer == problem.answer
        assert back.op == problem.op
        assert {back.name(p): back.value(p) for p in back.parameters if back.needed} == {
            problem.name(p): problem.value(p)
            for p in problem.parameters
            if problem.name(p) in {back.name(q) for q in back.parameters}
        }


def test_tolerates_spaces_and_missing_full_stop(problem_of, reader):
    # guards: problem texts typed by hand or stripped by another tool
    problem = problem_of(3)
    text = problem.text.strip().replace(". ", ".\n  ")
    assert reader.read(text).text == problem.text
    assert reader.read(problem.text.removesuffix(".")).text == problem.text


def test_abstract_answer(names, reader):
    # guards: category layers placed wrongly when only some of them are mentioned
    problem = reader.read(SHAPE.format(**names))
    assert problem.answer == 4 * 7 % 23
    assert problem.depth == 3


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("equals 4", "equals four"), "unreadable sentence"),
        (("equals 4", "equals 23"), "number out of range"),
        (("each {A}'s {B} equals 4", "each Nobody's {B} equals 4"), "unknown name"),
        (("How many {C2}", "How many Nothings"), "unknown name"),
        (("How many {C2}", "How many {A}"), "names do not fit together"),
        (("equals 4", "equals each {B}'s {C}"), "circular"),
        (("The number of each {A}'s {B} equals 4. ", ""), "missing definition"),
        (("equals 4", "equals 4. The number of each {A}'s {B} equals 5"), "duplicate definition"),
        (("equals 4", "equals 4. The number of each {A}'s {C2} equals 5"), "duplicate definition"),
        ((" How many {C2} does {A} have?", ""), "no question"),
        (("have?", "have? How many {B} does {A} have?"), "several questions"),
        (("3 more than each {A}'s {B}", "the sum of each {A}'s {B}"), "unreadable sentence"),
        (("3 more than each", "the difference of each {A}'s {B}, each {A}'s {B} and each"), "unreadable sentence"),
    ],
)
def test_ill_posed_problems_are_named(names, reader, change, kind):
    # guards: a broken problem graded as if it were whole, or a crash on it
    text = SHAPE.replace(*change).format(**names)
    assert text != SHAPE.format(**names)
    with pytest.raises(IllPosedError) as caught:
        reader.read(text)
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "garbage",
    [
        "'s " * 33_000,
        "The number of each " * 5_000,
        "How many " * 11_000,
        ", each " * 14_000,
        "? " * 50_000,
        " " * 100_000,
    ]
    + ["The number of each a's b equals the sum of each " + "a's b, each " * 8_000 + "c's d"],
)
def test_garbage_takes_linear_time(reader, garbage):
    # guards: regular expressions that backtrack
    start = time.process_time()
    with pytest.raises(IllPosedError):
        reader.read(garbage)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("form", ["The number of each {} equals 4. How many a does b have?", "How many {} have?"])
@pytest.mark.parametrize("piece", ["'s ", "a's ", "x does "])
def test_long_names_take_no_time(reader, form, piece):
    # guards: every "'s" of a name tried as the place where it may be divided, quadratic in their number
    start = time.process_time()
    for text in (form, form.replace(" have?", " has?")):
        with pytest.raises(IllPosedError, match="unreadable sentence"):
            reader.read(text.format(piece * (100_000 // len(piece))))
    assert time.process_time() - start < 0.5
