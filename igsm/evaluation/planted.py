"""Sentences to plant in a solution: after so many right sentences, a wrong one of a known kind, or a control.

What is planted stops where the model could say BACK: after the name, or before the full stop of a whole sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from igsm.grading.grade import grade
from igsm.grading.steps import Definition, read_definition, split_solution, stated_name, taken_back
from igsm.grading.stepwise import Grade, StepGrader
from igsm.grading.verdict import Kind
from igsm.mistakes.first_errors import first_error
from igsm.mistakes.kinds import KINDS as MISTAKES
from igsm.mistakes.kinds import SLIPS, fill_pool
from igsm.mistakes.layout import ERROR_MARKS, Mark
from igsm.mistakes.pools import MAX_POOL, Before, can_next, entry
from igsm.mistakes.rows import MISTAKE_PARAMETER, SPAN_COLUMNS
from igsm.mistakes.writing import write_wrong_step
from igsm.problems.lexicon import Lexicon
from igsm.problems.problem import Problem
from igsm.problems.record import LETTERS, MAX_PARAMETERS, N_PARAMETERS, N_SOLUTION, Record
from igsm.problems.solution import RIGHT, count_letters, first_letter, write_step
from igsm.problems.wording import FIRST_SYMBOL, SYMBOLS, FragmentTable

NAME, WHOLE, INPUTS, ARITHMETIC, UNNEEDED, CORRECT = KINDS = (
    *("name only", "not computable", "wrong inputs", "wrong arithmetic", "unneeded", "right"),
)
"""What can be planted; the last two are controls."""
FIRST, FIFTEEN, HALF, LAST = PLACES = ("first", "15 %", "half", "last but one")
OWN_PLACE = "own"
"""Where the model makes its own first mistake."""
INJECTED, OWN = "injected", "own"

_ROOM = 1024
"""Fragments: more than twice those of the longest sentence."""
_MISTAKES = {NAME: "retry", WHOLE: "not_computable", INPUTS: "wrong_operand", ARITHMETIC: "wrong_result"}
_MARKS = {INPUTS: Mark.WRONG_INPUTS, ARITHMETIC: Mark.WRONG_ARITHMETIC}
_OWN_KINDS = {Kind.NOT_COMPUTABLE_YET: NAME, Kind.WRONG_INPUTS: INPUTS, Kind.WRONG_ARITHMETIC: ARITHMETIC}


class Plant(NamedTuple):
    """Where a continuation begins: behind a prefix and a planted sentence, both with their leading spaces."""

    source: str
    """INJECTED or OWN."""
    kind: str
    place: str
    number: int
    """Of the planted sentence in the solution, from 1."""
    prefix: str
    sentence: str
    """Without its full stop."""


@dataclass(frozen=True)
class Steps:
    """Right sentences in the order of a text, and what they define.

    Attributes:
        sentences: each with its leading space and full stop.
        parameters: numbers of their parameters in the record.
        letters: those that each defines, its own first.
    """

    sentences: tuple[str, ...]
    parameters: tuple[int, ...]
    letters: tuple[str, ...]

    def first(self, n: int) -> Steps:
        """The first n of them."""
        return Steps(self.sentences[:n], self.parameters[:n], self.letters[:n])


def read_steps(problem: Problem, record: Record, sentences: Sequence[str]) -> Steps | None:
    """Of right sentences (no full stop); None where one does not have as many letters as the suite writes."""
    numbers = {problem.name(parameter): number for number, parameter in enumerate(problem.parameters)}
    parameters, letters = [], []
    for sentence in sentences:
        definition = read_definition(sentence)
        if not isinstance(definition, Definition) or definition.name not in numbers:
            return None
        number = numbers[definition.name]
        own = definition.symbol + "".join(equation[1] for equation in definition.equations[:-1])
        if len(own) != count_letters(record, number):
            return None
        parameters.append(number)
        letters.append(own)
    return Steps(tuple(f" {sentence}." for sentence in sentences), tuple(parameters), tuple(letters))


def right_steps(problem: Problem, record: Record, text: str, answer: str | None) -> tuple[Steps, bool]:
    """The sentences that stand in a model's right solution, or those of the generator's; whether they are its own."""
    if "<|" not in text and grade(problem, text, answer).correct:
        steps = read_steps(problem, record, _kept(split_solution(text).sentences))
        if steps is not None:
            return steps, True
    steps = read_steps(problem, record, split_solution(problem.solution_text).sentences)
    assert steps is not None
    return steps, False


def place_in(lengths: Sequence[int], place: str) -> int:
    """How many sentences stand before one planted at this place.

    Args:
        lengths: of the solution's sentences, in tokens.
        place: one of PLACES. A share of the tokens is that of the sentences before the planted one, at least.
    """
    most = max(len(lengths) - 2, 0)
    if place == FIRST:
        return 0
    if place == LAST:
        return most
    share = 0.15 if place == FIFTEEN else 0.5
    before = np.cumsum(lengths)
    return min(int(np.searchsorted(before, share * before[-1])) + 1, most)


def plant(
    record: Record, problem: Problem, lexicon: Lexicon, steps: Steps, kind: str, place: str, n: int,
    draws: np.random.Generator,
) -> Plant | None:  # fmt: skip
    """A planted sentence of a kind after the first n sentences of a right solution; None where there can be none."""
    before = steps.first(n)
    if kind == CORRECT:
        sentence: str | None = steps.sentences[n].removesuffix(".")
    else:
        sentence = inject(record, problem, lexicon, before, kind, draws)
    return None if sentence is None else Plant(INJECTED, kind, place, n + 1, "".join(before.sentences), sentence)


def inject(
    record: Record, problem: Problem, lexicon: Lexicon, before: Steps, kind: str, draws: np.random.Generator,
    other_than: str = "",
) -> str | None:  # fmt: skip
    """A sentence of one of the KINDS but CORRECT: its parameter is drawn first, then what is wrong with it.

    Args:
        before: what stands before it.
        other_than: a sentence that it must not be; if it is no whole sentence, one of another parameter.

    Returns:
        None where every possibility is ruled out.
    """
    other = stated_name(other_than.strip())
    pools: dict[int, list[tuple[Record, np.ndarray]]] = {}
    for ahead in _reordered(record, before, kind):
        for row in _rows(ahead, len(before.parameters), kind):
            if kind != NAME or problem.name(problem.parameters[row[MISTAKE_PARAMETER]]) != other:
                pools.setdefault(int(row[MISTAKE_PARAMETER]), []).append((ahead, row))
    while pools:
        parameter = sorted(pools)[int(draws.integers(len(pools)))]
        pool = pools[parameter]
        ahead, row = pool.pop(int(draws.integers(len(pool))))
        if kind == NAME:
            return f" Define {problem.name(problem.parameters[parameter])} as"
        sentence = _write(ahead, before, lexicon, row, right=kind == UNNEEDED)
        if sentence != other_than:
            return sentence
        if not pool:
            del pools[parameter]
    return None


def own_mistake(
    record: Record, problem: Problem, lexicon: Lexicon, text: str, draws: np.random.Generator
) -> tuple[Plant, Plant] | str | None:
    """The first wrong sentence of a model's solution, whether or not it took it back, and an injected one in its place.

    Returns:
        Both plants, of one kind behind one prefix; why they cannot be had; or None when no sentence is wrong.
    """
    if "<|" in text:
        return "has marks"
    sentences = split_solution(text).sentences
    grader = StepGrader(problem)
    graded = [grader.add(f"{sentence}.") for sentence in sentences]
    wrong_steps = (one for one in graded if one.grade is Grade.WRONG or (one.grade is Grade.TAKEN_BACK and one.kind))
    first = next(wrong_steps, None)
    if first is None:
        return None
    kind, n = first.kind, first.number - 1
    if kind not in _OWN_KINDS:
        return str(kind)
    before = read_steps(problem, record, _kept(sentences[:n]))
    if before is None:
        return "written otherwise"
    own = _OWN_KINDS[kind]
    wrong = f" Define {stated_name(sentences[n])} as" if own == NAME else f" {sentences[n].partition(' BACK')[0]}"
    injected = inject(record, problem, lexicon, before, own, draws, wrong)
    if injected is None:
        return "nothing to compare it with"
    prefix = "".join(f" {sentence}." for sentence in sentences[:n])
    return Plant(OWN, own, OWN_PLACE, n + 1, prefix, wrong), Plant(INJECTED, own, OWN_PLACE, n + 1, prefix, injected)


def _kept(sentences: list[str]) -> list[str]:
    """Those that are not taken back."""
    back = taken_back(sentences)
    return [sentence for number, sentence in enumerate(sentences, 1) if number not in back]


def _reordered(record: Record, before: Steps, kind: str) -> list[Record]:
    """The record with a solution that begins like `before`: one for each parameter that a sentence could be of.

    Where the sentence is of a parameter that cannot be computed there, one for all.
    """
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    defined[list(before.parameters)] = True
    needed = [int(number) for number in record.solution[: record.head[N_SOLUTION]]]
    later = [number for number in needed if not defined[number]]
    if kind in (NAME, WHOLE):
        return [_in_order(record, before, later)]
    others = (number for number in range(int(record.head[N_PARAMETERS])) if number not in needed)
    firsts = [number for number in (others if kind == UNNEEDED else later) if can_next(record, number, defined)]
    found = [_in_order(record, before, [one, *(number for number in later if number != one)]) for one in firsts]
    return [ahead for ahead in found if _letters(ahead) <= LETTERS]


def _letters(record: Record) -> int:
    return sum(count_letters(record, int(number)) for number in record.solution[: record.head[N_SOLUTION]])


def _in_order(record: Record, before: Steps, later: Sequence[int]) -> Record:
    """The same problem, solved in another order and with the letters that stand in the text already."""
    solution, head = np.zeros_like(record.solution), record.head.copy()
    order = [*before.parameters, *later]
    solution[: len(order)] = order
    head[N_SOLUTION] = len(order)
    taken = [SYMBOLS.index(letter) for letters in before.letters for letter in letters]
    free = [int(letter) for letter in record.symbols if int(letter) not in taken]
    symbols = np.array([*taken, *free][:LETTERS], record.symbols.dtype)
    return record._replace(solution=solution, head=head, symbols=symbols)


def _rows(record: Record, n: int, kind: str) -> list[np.ndarray]:
    """The mistakes of a kind before step n (see `igsm.mistakes.rows`); for a control, the right step of step n."""
    if kind == UNNEEDED:
        return [np.array([n, int(record.solution[n]), 0, 0, 0, 0], np.int32)]
    mistake = MISTAKES.index(_MISTAKES[kind])
    pool = np.empty(MAX_POOL, np.int64)
    defined = np.zeros(MAX_PARAMETERS, np.bool_)
    defined[record.solution[:n]] = True
    size = fill_pool(mistake, record, Before(n, defined, False), pool)
    found = []
    for packed in pool[:size]:
        parameter, place, instead = entry(int(packed))
        row = np.array([n, parameter, mistake, place, instead, SLIPS[mistake]], np.int32)
        if kind not in _MARKS or ERROR_MARKS[first_error(record, row)] is _MARKS[kind]:
            found.append(row)
    return found


def _write(record: Record, before: Steps, lexicon: Lexicon, row: np.ndarray, right: bool) -> str:
    """The sentence of a row without its full stop; `right`: as the step would be right."""
    symbols = np.zeros(MAX_PARAMETERS, np.int32)
    for parameter, letters in zip(before.parameters, before.letters, strict=True):
        symbols[parameter] = FIRST_SYMBOL + SYMBOLS.index(letters[0])
    out, parameter = np.zeros(_ROOM, np.int32), int(row[MISTAKE_PARAMETER])
    if right:
        letter = first_letter(record, parameter)
        end, _ = write_step(record, parameter, RIGHT, lexicon.tables, out, 0, letter, symbols, record.value)
    else:
        span = np.zeros(SPAN_COLUMNS, np.int32)
        end, _, _ = write_wrong_step(record, row, lexicon.tables, out, 0, symbols, record.value, span)
    return _table(lexicon).text(out[: end - 1])


@lru_cache(maxsize=8)
def _table(lexicon: Lexicon) -> FragmentTable:
    return FragmentTable(lexicon.names)
