"""Slices of a problem class: what is counted, held against the problem's own graph, and problems drawn from a slice."""

from __future__ import annotations

from collections import Counter

import networkx
import numpy as np
import pytest

from igsm.config import build_config
from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.problems.counts import counts_of
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.record import Record
from igsm.problems.slices import COUNTS, Slice, parse_slice
from igsm.problems.source import ProblemSource
from tests.problems.drawn import drawn

COUNTED = list(COUNTS)


def stacked(records: tuple[Record, ...]) -> Record:
    return Record(*(np.stack(columns) for columns in zip(*records, strict=True)))


def counted(problem: Problem) -> dict[str, int]:
    """The same counts from the names' side: `Problem`, networkx and the texts."""
    graph = problem.to_networkx().subgraph(problem.needed)
    stated = [p for p in problem.needed if not p.abstract]
    expressions = [problem.expressions[p] for p in stated]
    place = {p: i for i, p in enumerate(problem.sentences, 1)}
    mentioned = {*problem.expressions, *problem.needed}
    for p in problem.expressions:
        mentioned |= {p, *networkx.ancestors(problem.to_networkx(), p)}
    frontier = 0
    for i in range(len(problem.solution)):
        defined = frozenset(problem.solution[:i])
        frontier = max(frontier, sum(problem.can_next(p, defined) for p in mentioned))
    uses = Counter(q for p in problem.needed for q in problem.inputs(p))
    operands = {
        p: len(problem.inputs(p)) + (not p.abstract and problem.expressions[p].number is not None)
        for p in problem.parameters
    }
    return {
        "op": problem.op,
        "steps": len(problem.needed),
        "depth": networkx.dag_longest_path_length(graph) + 1,
        "layers": problem.depth,
        "inputs": max(operands[p] for p in problem.needed),
        "frontier": frontier,
        "abstract": len(problem.needed) - len(stated),
        "numbers": sum(e.number is not None for e in expressions),
        "times": sum(e.multiply for e in expressions),
        "differences": sum(e.subtract for e in expressions),
        "reused": sum(n > 1 for n in uses.values()),
        "zeros": sum(problem.value(p) == 0 for p in problem.needed),
        "backwards": sum(any(place.get(q, 0) > place[p] for q in problem.inputs(p)) for p in stated),
        "unneeded": len(problem.expressions) - len(stated),
        "sentences": len(problem.sentences),
        "mentions": sum(operands[p] for p in problem.expressions),
        "query": place.get(problem.question, 0),
        "answer": problem.answer,
    }


@pytest.mark.parametrize("settings", [{"difficulty": "trio"}, {"difficulty": "med"}, {"difficulty": "hard", "op": 12}])
def test_counts_are_those_of_the_graph(settings):
    records = drawn(20, **settings)
    lexicon = load_lexicon(ProblemConfig(**settings).problem_class.lexicon)
    found = counts_of(stacked(records))
    for record, counts in zip(records, found, strict=True):
        assert dict(zip(COUNTED, counts.tolist(), strict=True)) == counted(Problem.from_record(record, lexicon))


def test_a_slice_has_the_law_of_its_class():
    """Drawn from the slice, problems are like those of the class that lie in it: two counts, by chi-square."""
    where = parse_slice("depth>=3 and abstract<=1")
    inside = counts_of(stacked(drawn(400, seed=1, difficulty="trio", where=str(where))))
    every = counts_of(stacked(drawn(2000, seed=2, difficulty="trio")))
    assert where.holds(inside).all()
    chosen = every[where.holds(every)]
    assert 100 < len(chosen) < 1500
    for name in ("op", "unneeded"):
        ours, theirs = inside[:, COUNTED.index(name)], chosen[:, COUNTED.index(name)]
        values = [v for v in np.unique(theirs) if (theirs == v).sum() >= 10]
        seen = np.array([[(one == v).sum() for v in values] for one in (ours, theirs)], float)
        expected = seen.sum(1, keepdims=True) * seen.sum(0) / seen.sum()
        assert ((seen - expected) ** 2 / expected).sum() < 3.5 * len(values)  # p below 0.001 or so


def test_problems_of_a_slice_are_found_by_index_and_in_blocks():
    config = ProblemConfig(difficulty="trio", where="times>=1 and op>=4")
    source = ProblemSource(config, 3)
    late = source.record(300)
    assert all((one == other).all() for one, other in zip(late, ProblemSource(config, 3).record(300), strict=True))
    made = block(DataConfig(problem=config, context=256, windows_per_block=2), 0)
    assert len(made.documents) > 0
    with_op = ProblemSource(ProblemConfig(difficulty="trio", op=4, where="times>=1"), 3)
    assert parse_slice("op=4 and times>=1").holds(counts_of(stacked(tuple(map(with_op.record, range(5)))))).all()


def test_words_and_settings():
    for text, setting, words in (
        ("depth>=4 and op=1", "op=1 and depth>=4", "exactly 1 operation and at least 4 steps on the longest chain"),
        ("layers >= 1 and op<=5 and op>=2", "op>=2 and op<=5 and layers>=1", "2 to 5 operations and at least 1 layer"),
        ("abstract<=0", "abstract=0", "no abstract steps"),
        ("answer=0 and query<=1", "query<=1 and answer=0",
         "the asked sentence in place at most 1 and an answer of exactly 0"),
        ("op>=0", "", ""),
    ):  # fmt: skip
        found = parse_slice(text)
        assert (str(found), found.words) == (setting, words)
        assert parse_slice(setting) == found if setting else found == Slice()
    assert ProblemConfig(where="op>=0") == ProblemConfig()
    assert "where" not in ProblemConfig().stream_name


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("depth>4", "'depth>4' in 'depth>4' is no condition"),
        ("", "'' in '' is no condition"),
        ("dept>=4", "'dept' in 'dept>=4' is counted in no problem; did you mean 'depth'"),
        ("op>=5 and op<=3", "asks for op of at least 5 and at most 3"),
        ("op>=1000", "counts of a problem are below 1000"),
    ],
)
def test_what_is_no_slice_is_refused(where, said):
    with pytest.raises(InputError, match=said):
        build_config(ProblemConfig, {"where": where}, "here")


@pytest.mark.slow  # a million candidates
def test_an_empty_slice_is_refused():
    source = ProblemSource(ProblemConfig(difficulty="nano", where="op>=2 and layers>=3"), 0)
    with pytest.raises(InputError, match="no problem where op>=2 and layers>=3 was found"):
        source.record(0)
