"""Mistakes: drawn from the right pools, at the right rate, and spans that say where they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.draw import draw_mistakes, law_of_kind
from igsm.mistakes.kinds import KINDS
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS
from igsm.mistakes.source import DocumentSource
from igsm.problems import record as layout
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from igsm.seeds import derive_key

N_PROBLEMS = 300


@pytest.fixture(scope="module")
def problems() -> list[tuple[layout.Record, Problem]]:
    source = ProblemSource(ProblemConfig(), seed=7)
    return [(source.record(i), source.problem(i)) for i in range(N_PROBLEMS)]


def draw(
    record: layout.Record, kind: str, rate: float, include_current: bool = False, seed: int = 0
) -> list[tuple[int, int]]:
    out = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    n = draw_mistakes(record, law_of_kind(kind, rate, include_current), derive_key("test", seed), out)
    assert (out[:n, 2] == KINDS.index(kind)).all()
    return [(int(step), int(parameter)) for step, parameter in out[:n, :2]]


def pool(record: layout.Record, problem: Problem, kind: str, include_current: bool, step: int) -> set[int]:
    """The definition, from the networkx graph: which parameters a mistake before `step` may name."""
    numbers = {p: n for n, p in enumerate(problem.parameters)}
    defined = set(problem.solution[:step])
    if kind == "retry_weak":
        return {numbers[p] for p in problem.solution[step if include_current else step + 1 :]}
    if kind == "retry_miss":
        named = {p for p in numbers if f" each {problem.name(p)}" in re.sub("[.,?]", "", problem.text)}
        return {numbers[p] for p in named | {problem.question} if p not in defined}
    graph = problem.to_networkx()
    if kind == "unnecessary":
        needed = set(problem.solution)
        return {n for p, n in numbers.items() if p not in needed and set(graph.predecessors(p)) <= defined}
    return {n for p, n in numbers.items() if p not in defined and not set(graph.predecessors(p)) <= defined}


@pytest.mark.parametrize(
    ("kind", "include_current"),
    [("retry", False), ("retry_weak", False), ("retry_weak", True), ("retry_miss", False), ("unnecessary", False)],
)
def test_pools(problems: list, kind: str, include_current: bool) -> None:
    """At a rate of almost 1 every pool is drawn empty: exactly its members, each once."""
    for seed, (record, problem) in enumerate(problems[:100]):
        drawn = draw(record, kind, 1 - 1e-12, include_current, seed)
        assert [step for step, _ in drawn] == sorted(step for step, _ in drawn)
        for step in range(record.head[layout.N_SOLUTION]):
            names = [parameter for at, parameter in drawn if at == step]
            expected = pool(record, problem, kind, include_current, step)
            assert len(set(names)) == len(names)
            assert set(names) == expected


def test_retry_is_never_computable(problems: list) -> None:
    """A "mistake" that is right would teach the model to take back correct steps."""
    n = 0
    for seed, (record, problem) in enumerate(problems):
        for step, parameter in draw(record, "retry", 0.5, seed=seed):
            assert not problem.can_next(problem.parameters[parameter], set(problem.solution[:step]))
            n += 1
    assert n > N_PROBLEMS


def test_retry_draws_evenly(problems: list) -> None:
    """The first wrong parameter is uniform over the pool."""
    record, problem = max(problems, key=lambda one: len(one[1].solution))
    expected = pool(record, problem, "retry", False, 0)
    first = Counter()
    for seed in range(3000):
        drawn = draw(record, "retry", 0.5, seed=seed)
        if drawn and drawn[0][0] == 0:
            first[drawn[0][1]] += 1
    total = sum(first.values())
    assert abs(total / 3000 - 0.5) < 0.05
    assert set(first) == expected
    chi = sum((first[p] - total / len(expected)) ** 2 / (total / len(expected)) for p in expected)
    assert chi < len(expected) + 5 * np.sqrt(2 * len(expected))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
@pytest.mark.parametrize(("kind", "name"), [("retry", "retry"), ("retry_weak", "weak")])
def test_rates_match_the_authors(problems: list, reference: Path, kind: str, name: str, rate: float) -> None:
    """k mistakes with probability rate^k, as long as there are wrong parameters left."""
    measured = json.loads((reference / "retry_med.json").read_text())["variants"]
    variant = f"{name}|{rate}|{None if kind == 'retry' else False}"
    expected = measured[variant]["mean_back_per_solution_sentence"]
    steps = sum(int(record.head[layout.N_SOLUTION]) for record, _ in problems)
    counts = [
        np.mean([len(draw(record, kind, rate, seed=1000 * s + i)) for i, (record, _) in enumerate(problems)])
        for s in range(20)
    ]
    ours = np.mean(counts) * len(problems) / steps
    # 300 problems stand for all: the pool's emptiness varies from problem to problem
    assert abs(ours - expected) < 0.06 * expected + 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_rate_zero_and_kind_none_draw_nothing(problems: list, kind: str) -> None:
    """An error-free corpus must be error-free."""
    for record, _ in problems[:50]:
        assert draw(record, kind, 0.0) == []
        assert draw(record, "none", 0.9) == []


def test_taking_the_mistakes_out_gives_the_solution_back(problems: list) -> None:
    """strip(inject(solution)) == solution, by the spans and by the words."""
    source = DocumentSource(ProblemConfig(), MistakeConfig(kind="retry", rate=0.5), seed=7)
    n = 0
    for index, (record, problem) in enumerate(problems):
        document = source.document(index)
        plain = Document.of_record(record, source.lexicon)
        assert document.problem_text == plain.problem_text
        kept = np.ones(len(document.codes), bool)
        for span in document.spans:
            assert document.text(span.start, span.end) == f" Define {problem.name(span.parameter)} as"
            name = document.text(span.name_start, span.name_end)
            assert name == f" {problem.name(span.parameter)}"
            assert document.text(span.end, span.end + 2) == " BACK."
            kept[span.start : span.end + 2] = False
            before = document.text(document.problem_end, span.start)
            assert before.count("; so ") == span.step
            assert span.kind == "retry"
            n += 1
        assert np.array_equal(document.codes[kept], plain.codes)
        assert document.solution_text.count(" BACK.") == len(document.spans)
    assert n > N_PROBLEMS


def test_mistakes_do_not_change_the_problems() -> None:
    """Models for different kinds and rates are compared on the same problems."""
    plain = DocumentSource(ProblemConfig(), seed=2)
    for mistakes in (MistakeConfig(kind="retry", rate=0.9), MistakeConfig(kind="retry_weak", rate=0.1)):
        other = DocumentSource(ProblemConfig(), mistakes, seed=2)
        for index in range(20):
            assert other.document(index).problem_text == plain.document(index).problem_text


def test_error_free_share() -> None:
    """The share is one of documents, not of mistakes."""
    mistakes = MistakeConfig(kind="retry", rate=0.8, error_free_share=0.3)
    source = DocumentSource(ProblemConfig(op=10), mistakes, seed=4)
    free = np.mean([not source.document(index).spans for index in range(400)])
    assert abs(free - 0.3) < 0.08
