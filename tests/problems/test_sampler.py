"""Whole problems: what is asked for is what comes, and it is solvable, shortest and the same however it is made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest

from benchmarks.problem_statistics import Mean, measure
from benchmarks.rejection import literal_sample
from igsm.errors import InputError
from igsm.problems import record as r
from igsm.problems.candidate import new_workspace
from igsm.problems.difficulty import SPLITS, ProblemConfig
from igsm.problems.law import law_of
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.record import NUMBER, Record, copy, new_records, row
from igsm.problems.sampler import SERVED, new_chunk, next_chunk, serve, start_chunk
from igsm.problems.source import ProblemSource
from igsm.seeds import derive_key
from tests.problems.drawn import ancestors, drawn, identity, inputs, solution

CLASSES: list[dict[str, Any]] = [
    {},
    {"split": "test"},
    {"difficulty": "hard"},
    {"difficulty": "hard", "op": 32, "split": "test"},
    {"op": 20, "format": "qp"},
    {"difficulty": "easy"},
    {"difficulty": "nano"},
    {"difficulty": "trio"},
    {"difficulty": "quad", "most_parameters": 1, "split": "test"},
    {"widths": (1, 2, 3), "modulus": 7, "n_symbols": 12, "max_op": 6},
]


def problems(settings: dict[str, Any]) -> tuple[Record, ...]:
    return drawn(1000, **settings)


@pytest.mark.parametrize("settings", CLASSES, ids=str)
def test_operations_and_bins_are_as_requested(settings: dict[str, Any]) -> None:
    """Bug guarded: a problem filed under another number of operations than its solution has, or of the other split."""
    config = ProblemConfig(**settings)
    most = config.op or config.problem_class.max_op
    for record in problems(settings):
        costs = [max(int(record.n_inputs[p]) - 1, 1) for p in solution(record)]
        assert record.head[r.OP] == record.head[r.TARGET_OP] == sum(costs)
        assert record.head[r.OP] == config.op or (config.op is None and 1 <= record.head[r.OP] <= most)
        assert record.head[r.BIN] in SPLITS[config.split]


@pytest.mark.parametrize("settings", CLASSES, ids=str)
def test_solution_is_topological_and_shortest(settings: dict[str, Any]) -> None:
    """Bug guarded: a step before its inputs, a step that the question does not need, or a missing one."""
    for record in problems(settings):
        order = solution(record)
        assert order[-1] == record.head[r.QUESTION]
        assert len(set(order)) == len(order)
        assert set(order) == ancestors(record, order[-1])
        for position, p in enumerate(order):
            assert set(inputs(record, p)) <= set(order[:position])


@pytest.mark.parametrize("settings", CLASSES, ids=str)
def test_every_edge_has_one_sentence_with_a_sound_expression(settings: dict[str, Any]) -> None:
    """Bug guarded: an edge without sentence, numbers of the buffer's last problem, repeated or too many inputs."""
    config = ProblemConfig(**settings)
    modulus = config.problem_class.modulus
    for record in problems(settings):
        n = int(record.head[r.N_INSTANCES])
        assert sorted(record.sentences[:n].tolist()) == list(range(n))
        for p in range(n):
            listed = record.inputs[p, : record.n_inputs[p]].tolist()
            assert 1 <= len(listed) <= 4
            assert len(set(listed)) == len(listed)
            assert (NUMBER in listed) == (record.number[p] >= 0)
            assert -1 <= record.number[p] < modulus
            references = len(inputs(record, p))
            assert not record.subtract[p] or references == 2
            assert not record.multiply[p] or (NUMBER in listed and references > 0 and record.number[p] > 0)


@pytest.mark.parametrize("settings", CLASSES, ids=str)
def test_values_are_those_of_an_independent_evaluation(settings: dict[str, Any]) -> None:
    """Bug guarded: a wrong sum, difference or product, or a value that an unneeded sentence makes circular."""
    lexicon = load_lexicon(ProblemConfig(**settings).problem_class.lexicon)
    for record in problems(settings)[:250]:
        problem = Problem.from_record(record, lexicon)
        graph = problem.to_networkx()
        values: dict[Any, int] = {}
        for p in networkx.topological_sort(graph):
            if p.abstract:
                values[p] = 0
                for term in problem.terms(p):
                    values[p] += int(np.prod([values[q] for q in term]))
            else:
                expression = problem.expressions[p]
                terms = [values[q] for q in expression.inputs]
                total = terms[0] - terms[1] if expression.subtract else sum(terms)
                number = expression.number
                if number is not None:
                    total = number * total if expression.multiply else number + total
                values[p] = total
            values[p] %= problem.modulus
        ours = record.value[: record.head[r.N_PARAMETERS]].tolist()
        assert ours == [values[p] for p in problem.parameters]
        needed = networkx.ancestors(graph, problem.question) | {problem.question}
        assert needed == set(problem.solution)


@pytest.mark.parametrize("settings", CLASSES, ids=str)
def test_sizes_names_and_letters_are_the_class_ones(settings: dict[str, Any]) -> None:
    """Bug guarded: a setting of the problem class that the sampler ignores; a name twice; letters that run out."""
    problem_class = ProblemConfig(**settings).problem_class
    lexicon = load_lexicon(problem_class.lexicon)
    for record in problems(settings)[:400]:
        head = record.head
        assert head[r.DEPTH] in problem_class.depths
        assert {int(head[r.W0]), int(head[r.W1])} <= set(problem_class.widths)
        assert record.number.max() < problem_class.modulus
        first, depth = head[r.FIRST_CATEGORY], head[r.DEPTH]
        for layer, category in enumerate(lexicon.chains[head[r.CHAIN]][first : first + depth]):
            names = [lexicon.names[n] for n in record.names[layer, : record.widths[layer]]]
            assert len(set(names)) == len(names)
            assert any(set(names) <= set(group) for group in lexicon.groups[category].values())
        n_symbols = problem_class.n_symbols
        if problem_class.letters == "drawn":
            assert sorted(record.symbols[:n_symbols]) == list(range(n_symbols))
        assert sorted(record.symbols) == list(range(r.LETTERS))
        text = Problem.from_record(record, lexicon).solution_text  # raises when the letters run out
        assert text.count(" = ") >= len(solution(record))


def test_mentioned_are_the_instances_and_what_they_need() -> None:
    """Bug guarded: an abstract parameter of a sentence that the problem seems not to mention."""
    for record in drawn(1000):
        n = int(record.head[r.N_INSTANCES])
        used = set(range(n)) | set(solution(record))
        for p in range(n):
            used |= ancestors(record, p)
        mentioned = np.flatnonzero(record.mentioned[: record.head[r.N_PARAMETERS]])
        assert set(mentioned.tolist()) == used


def test_serving_from_pools_keeps_the_law() -> None:
    """Bug guarded: a shortcut of the pools (dropping candidates early, first come first served) that shifts the law.

    The other side is the literal procedure: one target, candidates until one fits.
    """
    n = 4000
    config = ProblemConfig(max_op=7, max_edge=10)
    pooled = measure(_stacked(drawn(n, seed=3, max_op=7, max_edge=10)), load_lexicon("full"))
    records, rejected = literal_sample(config, n, seed=4)
    assert rejected.sum() > 5 * n
    literal = measure(records, load_lexicon("full"))
    for name in ("op_mean", "s_gt_op", "params_in_problem", "items_total", "question_abstract", "abstract_in_solution"):
        a, b = pooled[name], literal[name]
        assert isinstance(a, Mean)
        assert isinstance(b, Mean)
        assert abs(a.total.mean() - b.total.mean()) < 4.5 * np.sqrt((a.total.var() + b.total.var()) / n)


def _stacked(records: tuple[Record, ...]) -> Record:
    return Record(*(np.stack(arrays) for arrays in zip(*records, strict=True)))


def test_a_problem_does_not_depend_on_what_was_served_before() -> None:
    """Bug guarded: requests served in an order that depends on which one is asked for."""
    law, tables, work = law_of(ProblemConfig()), load_lexicon("full").tables, new_workspace()
    chunk = new_chunk(law, 40)
    made: list[dict[int, bytes]] = []
    for order in (range(40), range(39, -1, -1), (17, 3, 39, 3)):
        start_chunk(derive_key("order"), law, chunk)
        made.append({})
        for i in order:
            assert serve(i, law, tables, work, chunk) == SERVED
            made[-1][i] = identity(copy(row(chunk.records, i)))
    assert made[0] == made[1]
    assert made[2].items() <= made[0].items()


def test_a_stream_of_chunks_repeats_nothing() -> None:
    """Bug guarded: a following chunk that starts from the same state."""
    law, tables, work = law_of(ProblemConfig(op=12)), load_lexicon("full").tables, new_workspace()
    chunk = new_chunk(law, 50)
    start_chunk(derive_key("stream"), law, chunk)
    seen = set()
    for _ in range(20):
        for i in range(50):
            assert serve(i, law, tables, work, chunk) == SERVED
            seen.add(identity(row(chunk.records, i)))
        next_chunk(law, chunk)
    assert len(seen) == 1000


def test_an_impossible_request_ends_in_one_clear_line() -> None:
    """Bug guarded: a loop for ever over a number of operations that no problem of the split has."""
    config = ProblemConfig(difficulty="nano", depths=(2,), widths=(1,), op=3, split="test")
    with pytest.raises(InputError, match=r"no problem with op=3 was found"):
        ProblemSource(config).record(0)


PLAIN = "from tests.problems.test_sampler import digest; print(digest())"


def digest() -> str:
    """Hash of some problems of every class."""
    whole = hashlib.sha256()
    for settings in (*CLASSES, {"op": 12, "reask": "strict"}):
        source = ProblemSource(ProblemConfig(**settings), seed=9)
        for i in range(5):
            whole.update(identity(source.record(i)))
    return whole.hexdigest()


def test_compiled_equals_plain() -> None:
    """Bug guarded: types that numba promotes otherwise than Python (uint64 with int64 makes a float)."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAIN],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment,
        check=False,
    )
    assert plain.stdout.strip() == digest(), plain.stderr


def test_buffers_of_many_problems_have_one_more_axis() -> None:
    """Bug guarded: `row` that copies, so that what the sampler writes is lost."""
    records = new_records(3)
    row(records, 1).head[r.OP] = 7
    assert records.head[:, r.OP].tolist() == [0, 7, 0]
