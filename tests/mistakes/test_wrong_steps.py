"""Whole wrong steps that are taken back: really wrong, wrong in one word only, and consistent apart from it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from igsm.mistakes.document import Document
from igsm.mistakes.draw import draw_mistakes, law_of_kind
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS
from igsm.problems import record as layout
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from igsm.problems.wording import FIRST_NUMBER, FIRST_SYMBOL, MAX_FRAGMENTS
from igsm.seeds import derive_key

N_PROBLEMS = 60
WORDS = {
    "wrong_result": {"number"},
    "wrong_operand": {"number", "symbol"},
    "wrong_operator": {"word"},
    "swapped_operands": {"symbol"},
    "dropped_term": {"number", "symbol", "word"},
}
"""What the first wrong word is."""


@pytest.fixture(scope="module")
def source() -> ProblemSource:
    return ProblemSource(ProblemConfig(), seed=7)


def draw(record: layout.Record, kind: str, rate: float, seed: int = 0) -> np.ndarray:
    out = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    return out[: draw_mistakes(record, law_of_kind(kind, rate), derive_key("wrong steps", seed), out)]


def everything_wrong(source: ProblemSource, index: int, kind: str) -> tuple[Problem, Document, list[str]]:
    """A problem with all wrong versions of all its steps, and its right sentences."""
    record = source.record(index)
    document = Document.of_record(record, source.lexicon, draw(record, kind, 1.0, index))
    plain = Document.of_record(record, source.lexicon)
    assert document.problem is not None
    return document.problem, document, re.findall(r"[^.]+\.", plain.solution_text)


def recomputed(sentence: str, modulus: int) -> str:
    """The sentence with the result of every calculation computed anew from the numbers written before it."""

    def compute(match: re.Match[str]) -> str:
        left, sign, right = int(match[1]), match[2], int(match[3])
        value = {"+": left + right, "-": left - right, "*": left * right}[sign] % modulus
        return f"= {left} {sign} {right} = {value}"

    return re.sub(r"= (\d+) ([+*-]) (\d+) = \d+", compute, sentence)


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_taking_them_out_gives_the_solution_back(source: ProblemSource, kind: str) -> None:
    """strip(inject(solution)) == solution: the symbols and letters of the right steps do not move."""
    for index in range(N_PROBLEMS):
        _, document, sentences = everything_wrong(source, index, kind)
        kept = [one for one in re.findall(r"[^.]+\.", document.solution_text) if not one.endswith(" BACK.")]
        assert kept == sentences
        assert document.solution_text.count(" BACK.") == len(document.spans)
        assert len(document.codes) < MAX_FRAGMENTS
        for span in document.spans:
            assert document.text(span.end, span.end + 2) == " BACK."
            assert document.text(document.problem_end, span.start).count("; so ") >= span.step


@pytest.mark.parametrize("kind", WORDS)
def test_spans_hold_the_one_wrong_word(source: ProblemSource, kind: str) -> None:
    """Label masking "parameter" must hide the mistake and nothing that is right: all before it is the right step's."""
    words: Counter[str] = Counter()
    for index in range(N_PROBLEMS):
        problem, document, sentences = everything_wrong(source, index, kind)
        for span in document.spans:
            assert span.kind == kind
            assert span.parameter == problem.solution[span.step]
            assert span.name_end == span.name_start + 1
            before = document.text(span.start, span.name_start)
            word = document.text(span.name_start, span.name_end)
            right = sentences[span.step]
            assert right.startswith(before)
            if kind == "dropped_term" and span.name_end == span.end:  # " so b = 20" instead of " so b = 20 + a"
                assert right.startswith(f"{before}{word} + ")
            else:
                assert not right.startswith(before + word + " ")
                assert right[len(before) :].split(" ")[1].strip(".;") != word.strip()
            code = document.codes[span.name_start]
            words["number" if code >= FIRST_NUMBER else "symbol" if code >= FIRST_SYMBOL else "word"] += 1
    assert {word for word, n in words.items() if n > 10} == WORDS[kind]
    assert sum(words[word] for word in WORDS[kind]) > 0.99 * words.total()


def test_wrong_results_are_all_wrong_numbers_of_all_calculations_once(source: ProblemSource) -> None:
    """A pool with a right number in it would teach the model to take back correct steps."""
    for index in range(N_PROBLEMS):
        problem, document, sentences = everything_wrong(source, index, "wrong_result")
        versions: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        for span in document.spans:
            before = document.text(span.start, span.name_start)
            assert before.endswith(" =")
            versions[span.step].add((before, document.text(span.name_start, span.name_end)))
        for step, sentence in enumerate(sentences):
            calculations = max(len(re.findall(r"\d+ [+*-] \d+", sentence)), 1)
            assert len(versions[step]) == calculations * (problem.modulus - 1)
        assert len(document.spans) == sum(map(len, versions.values()))


def test_after_a_wrong_result_the_step_goes_on_from_it(source: ProblemSource) -> None:
    """One mistake a sentence: recomputing everything after the wrong number changes nothing."""
    carried = 0
    for index in range(N_PROBLEMS):
        problem, document, sentences = everything_wrong(source, index, "wrong_result")
        for span in document.spans:
            before = document.text(span.start, span.name_end)
            after = document.text(span.name_end, span.end)
            assert recomputed(after, problem.modulus) == after
            symbol = re.search(r"(\w) = [^;]*$", before)
            number = before.rpartition(" ")[2]
            assert symbol is not None
            for left, _, right, a, b in re.findall(r"= (\w+) ([+*-]) (\w+) = (\d+) [+*-] (\d+)", after):
                for term, value in ((left, a), (right, b)):
                    if term == symbol[1]:
                        assert value == number
                        carried += 1
            if not after:
                assert document.text(span.start, span.end) != sentences[span.step].removesuffix(".")
    assert carried > 50


def test_wrong_operands_are_defined_and_computed_consistently(source: ProblemSource) -> None:
    """The wrong symbol is that of an earlier step, with its own value; the results follow."""
    replaced = constants = 0
    for index in range(N_PROBLEMS):
        problem, document, sentences = everything_wrong(source, index, "wrong_operand")
        value_of: list[dict[str, str]] = [{}]
        for sentence in sentences:
            found = re.search(r" as (\w);.* = (\d+)\.", sentence)
            assert found is not None
            value_of.append(value_of[-1] | {found[1]: found[2]})
        stated = {str(e.number) for e in problem.expressions.values() if e.number is not None}
        seen = set()
        for span in document.spans:
            sentence, right = document.text(span.start, span.end), sentences[span.step].removesuffix(".")
            word = document.text(span.name_start, span.name_end).strip()
            assert sentence != right
            assert recomputed(sentence, problem.modulus) == sentence
            seen.add((span.step, sentence))
            known = value_of[span.step]
            if word.isalpha():
                assert word in known
                replaced += 1
            else:
                assert word in stated
                constants += 1
            for left, a, b, c in re.findall(r"= (\w+) (?:[+*-] (\w+) )?= (\d+)(?: [+*-] (\d+))?", sentence):
                for term, value in ((left, b), (a, c)):
                    if term in known:
                        assert value == known[term]
        assert len(seen) == len(document.spans)
    assert replaced > 100
    assert constants > 100


def test_wrong_operand_has_an_empty_pool_only_without_another_operand(source: ProblemSource) -> None:
    """The first step, if not a constant, and items without children have nothing to confuse."""
    for index in range(N_PROBLEMS):
        problem, document, _ = everything_wrong(source, index, "wrong_operand")
        steps = Counter(span.step for span in document.spans)
        numbers = {e.number for e in problem.expressions.values() if e.number is not None}
        for step, parameter in enumerate(problem.solution):
            inputs = problem.inputs(parameter)
            number = None if parameter.abstract else problem.expressions[parameter].number
            expected = len(inputs) * (step - 1) + (0 if number is None else len(numbers) - 1)
            assert steps[step] == expected


@pytest.mark.parametrize("kind", WRONG_STEPS)
def test_rates(source: ProblemSource, kind: str) -> None:
    """k mistakes before a step with probability rate^k, as for the paper's kinds, where the pool allows it."""
    counts = []
    for index in range(N_PROBLEMS):
        record = source.record(index)
        pools = np.bincount(draw(record, kind, 1.0)[:, 0], minlength=record.head[layout.N_SOLUTION])
        for seed in range(60):
            drawn = np.bincount(draw(record, kind, 0.3, 100 * index + seed)[:, 0], minlength=len(pools))
            counts += zip(pools.tolist(), drawn.tolist(), strict=True)
    pools, drawn = np.array(counts).T
    for k in (1, 2, 3):
        if (n := (pools >= k).sum()) > 200:
            p = 0.3**k
            assert np.mean(drawn[pools >= k] >= k) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
    assert (pools >= 1).sum() > 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*WRONG_STEPS, "unnecessary", "retry", "retry_miss"])
def test_the_longest_documents_fit_the_buffers(kind: str) -> None:
    """Compiled code writes past the end of an array without a word."""
    source = ProblemSource(ProblemConfig(difficulty="hard", op=32), seed=1)
    for index in range(20):
        record = source.record(index)
        mistakes = draw(record, kind, 1.0)
        document = Document.of_record(record, source.lexicon, mistakes)
        assert len(mistakes) == len(document.spans) <= MAX_MISTAKES
        assert len(document.codes) < MAX_FRAGMENTS
