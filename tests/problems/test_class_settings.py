"""Settings of a problem class that the paper's classes leave at their defaults."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from igsm.config import build_config
from igsm.errors import InputError
from igsm.mistakes.source import DocumentSource
from igsm.problems import record as r
from igsm.problems.difficulty import DIFFICULTIES, SPLITS, ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem
from igsm.problems.record import NUMBER
from igsm.problems.source import ProblemSource
from igsm.problems.split import dependency_bin
from tests.problems.drawn import drawn, inputs, solution

DEEP = {"difficulty": "easy", "split_by": "dependencies", "summands": "by_name"}


def test_streams_of_the_old_classes_keep_their_names() -> None:
    """Bug guarded: a setting that is new and off changes every problem of med and hard."""
    expected = (
        '{"depths":[2,3,4],"format":"pq","max_edge":20,"max_op":15,"modulus":23,"n_symbols":52,"op":null,'
        '"reask":"none","split":"train","widths":[2,3,4]}'
    )
    assert ProblemConfig().stream_name == expected
    assert ProblemConfig(most_inputs=4, letters="drawn", min_op=1).stream_name == expected
    names = {ProblemConfig(**{setting: value}).stream_name for setting, value in CHANGED.items()}
    assert len(names) == len(CHANGED)
    assert expected not in names


CHANGED: dict[str, Any] = {
    "min_op": 2,
    "most_inputs": 3,
    "most_parameters": 1,
    "op_law": "uniform",
    "letters": "fixed",
    "summands": "by_name",
    "split_by": "dependencies",
}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"most_inputs": 5}, "most_inputs"),
        ({"most_parameters": 0}, "most_parameters"),
        ({"op_law": "unifrom"}, "op_law"),
        ({"letters": "same"}, "letters"),
        ({"split_by": "template"}, "split_by"),
        ({"min_op": 16}, "min_op=16 is more than max_op=15"),
        ({"difficulty": "trio", "op": 16}, "op=16 .*at most 12"),
    ],
)
def test_bad_settings_get_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_config(ProblemConfig, settings, "options")
    assert "\n" not in str(caught.value)


def test_operations_are_drawn_by_the_law_that_is_asked_for() -> None:
    """Bug guarded: requests by one law, candidates by the other; a least number that is not kept."""
    for settings, shares in (
        ({"op_law": "uniform"}, [0.2] * 5),
        ({"op_law": "smaller_of_two"}, [0.36, 0.28, 0.2, 0.12, 0.04]),
        ({"op_law": "uniform", "min_op": 2}, [0, 0.25, 0.25, 0.25, 0.25]),
        ({"op_law": "smaller_of_two", "min_op": 3}, [0, 0, 5 / 9, 3 / 9, 1 / 9]),
    ):
        counts = Counter(int(record.head[r.OP]) for record in drawn(1500, difficulty="trio", **settings))
        assert set(counts) == {op for op, share in enumerate(shares, 1) if share}
        for op, share in enumerate(shares, 1):
            assert abs(counts[op] / 1500 - share) < 4.5 * np.sqrt(share * (1 - share) / 1500) + 1e-9


@pytest.mark.parametrize(("most_inputs", "most_parameters"), [(3, 3), (2, 2), (2, 1), (4, 1), (3, 2), (1, 1)])
def test_instances_have_no_more_inputs_than_allowed(most_inputs: int, most_parameters: int) -> None:
    """Bug guarded: a limit that only needed, or only unneeded sentences keep; one that nothing reaches."""
    settings = {"most_inputs": most_inputs, "most_parameters": most_parameters, "letters": "drawn"}
    needed, unneeded = Counter(), Counter()
    for record in drawn(600, difficulty="trio", **settings):
        for p in range(record.head[r.N_INSTANCES]):
            listed = record.inputs[p, : record.n_inputs[p]].tolist()
            assert (record.number[p] >= 0) == (NUMBER in listed)
            (needed if p in solution(record) else unneeded)[len(listed), len(inputs(record, p))] += 1
    for counts in (needed, unneeded):
        assert max(n for n, _ in counts) == min(most_inputs, most_parameters + 1)
        assert max(n for _, n in counts) == min(most_inputs, most_parameters)


@pytest.mark.parametrize(
    "settings", [{}, {"op": 7, "split": "test", "reask": "loose"}, {"widths": (4,), "max_edge": 12}]
)
def test_a_name_has_one_letter_in_all_problems(settings: dict[str, Any]) -> None:
    """Bug guarded: letters by position, so that a re-asked question gets those of the solution before."""
    letters: dict[str, str] = {}
    source = DocumentSource(ProblemConfig(difficulty="trio", **settings), seed=3)
    for i in range(800):
        document = source.document(i)
        for step in document.solution_text.split(".")[:-1]:
            name, _, rest = step.removeprefix(" Define ").partition(" as ")
            first, *calculations = rest.split("; ")
            for number, calculation in enumerate(calculations[:-1], 1):
                assert letters.setdefault(f"{name} {number}", calculation[0]) == calculation[0]
            assert letters.setdefault(name, first) == first
    assert len(set(letters.values())) == len(letters)
    assert sum(not name[-1].isdigit() for name in letters) == 4 * 4 + 4


def test_fixed_letters_are_refused_where_there_are_too_few() -> None:
    """Bug guarded: two parameters with one letter, or a traceback."""
    for settings, message in (
        ({"n_symbols": 23}, "needs 24 letters for the 20 parameters .*'nano'.* n_symbols is 23"),
        ({"most_inputs": 4, "n_symbols": 52}, "needs 56 letters"),
        ({"lexicon": "full", "n_symbols": 52}, "smaller lexicon"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            ProblemSource(ProblemConfig(difficulty="trio", **settings))
        assert "\n" not in str(caught.value)


def test_summands_stand_in_the_order_of_their_names() -> None:
    """Bug guarded: a text that does not tell in which order its abstract sums go."""
    lexicon = load_lexicon("full")
    for record in drawn(300, **DEEP):
        for layer in range(record.head[r.DEPTH]):
            names = record.names[layer, : record.widths[layer]].tolist()
            assert names == sorted(set(names))
        problem = Problem.from_record(record, lexicon)
        for p in problem.parameters:
            if p.abstract:
                order = [term[0].target for term in problem.terms(p)]
                assert order == sorted(order)


def computation(problem: Problem, p: Parameter) -> Any:
    """What a parameter is computed from what, whatever its name and order: the definition."""
    if p.abstract:
        return True, sorted(repr([computation(problem, q) for q in term]) for term in problem.terms(p))
    expression = problem.expressions[p]
    terms = [computation(problem, q) for q in expression.inputs]
    number = None if expression.number is None else expression.multiply
    return False, number, expression.subtract, terms if expression.subtract else sorted(map(repr, terms))


@pytest.mark.parametrize("settings", [DEEP, {"difficulty": "trio"}, {"difficulty": "quad", "op": 4}], ids=str)
def test_bins_are_those_of_the_computation(settings: dict[str, Any]) -> None:
    """Bugs guarded: a bin that depends on the order of the steps or summands; one that forgets what differs."""
    lexicon = load_lexicon(ProblemConfig(**settings).problem_class.lexicon)
    bins: dict[str, set[int]] = {}
    for split, wanted in SPLITS.items():
        for record in drawn(700, split=split, **settings):
            problem = Problem.from_record(record, lexicon)
            assert dependency_bin(record) == record.head[r.BIN]
            assert record.head[r.BIN] in wanted
            steps = sorted(repr(computation(problem, p)) for p in problem.solution)
            bins.setdefault(repr(steps), set()).add(int(record.head[r.BIN]))
    assert all(len(found) == 1 for found in bins.values())
    counts = Counter(min(found) for found in bins.values())
    assert len(bins) > 100
    assert len(counts) > 20
    assert max(counts.values()) < 4 * len(bins) / 23


@pytest.mark.parametrize("difficulty", [name for name, law in DIFFICULTIES.items() if law.split_by == "dependencies"])
def test_no_text_and_no_template_is_in_both_splits(difficulty: str) -> None:
    """Bug guarded: the same text in both halves, since its steps or summands can come in two orders."""
    seen: dict[str, set[str]] = {}
    for split in SPLITS:
        source = ProblemSource(ProblemConfig(difficulty=difficulty, split=split, max_edge=4, max_op=4), seed=1)
        for i in range(3000):
            problem = source.problem(i)
            seen.setdefault(problem.text, set()).add(split)
            seen.setdefault(_template(problem), set()).add(split)
    assert all(len(splits) == 1 for splits in seen.values())
    assert len(seen) < 0.9 * 12000  # repeated ones, or nothing is tested


def _template(problem: Problem) -> str:
    letters = {p: chr(97 + n) for n, p in enumerate(problem.solution)}
    steps = []
    for p in problem.solution:
        terms = problem.terms(p) if p.abstract else [(q,) for q in problem.expressions[p].inputs]
        used = [[letters[q] for q in term] for term in terms]
        expression = None if p.abstract else problem.expressions[p]
        how = expression and (expression.number is not None, expression.multiply, expression.subtract)
        steps.append((p.abstract, how, used))
    return repr(steps)
