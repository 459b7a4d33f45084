"""Test sets: pure functions of a cell and a seed."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.evaluation.cells import Cell
from igsm.evaluation.testsets import load_test_set
from igsm.problems.difficulty import DIFFICULTIES, SPLITS
from igsm.problems.record import BIN
from tests.evaluation.helpers import NANO, VOCABULARY


def test_test_sets_are_pure_functions_of_cell_and_seed(tmp_path):
    """Guards the cache: made, read back, and longer or shorter, a set holds the same problems."""
    cell = Cell("nano", "pq", 3, False)
    first = load_test_set(cell, NANO, VOCABULARY, 20, 1)
    made = first.problems
    read = load_test_set(cell, NANO, VOCABULARY, 20, 1).problems
    shorter = load_test_set(cell, NANO, VOCABULARY, 7, 1).problems
    other = load_test_set(cell, NANO, VOCABULARY, 20, 2).problems
    texts = [p.problem.text for p in made]
    assert texts == [p.problem.text for p in read]
    assert texts[:7] == [p.problem.text for p in shorter]
    assert len(set(texts) & {p.problem.text for p in other}) < 5
    assert all(p.op <= 3 for p in made)
    assert {*first.records.head[:, BIN].tolist()} <= {*SPLITS["test"]}
    assert list((tmp_path / "cache").rglob("*.npz"))


def test_long_solutions_are_left_out(monkeypatch):
    """Guards the paper's rule: solutions longer than the class's context are in no test set, and are counted."""
    cell = Cell("nano", "pq", 3, True)

    def lengths(tests):
        return [len(VOCABULARY.encode_text(p.problem.solution_text)) for p in tests.problems]

    tests = load_test_set(cell, NANO, VOCABULARY, 10, 0)
    assert tests.left_out == 0
    limit = sorted(lengths(tests))[5]
    monkeypatch.setitem(DIFFICULTIES, "nano", DIFFICULTIES["nano"].model_copy(update={"context": limit}))
    tests = load_test_set(cell, NANO, VOCABULARY, 10, 0)
    assert max(lengths(tests)) == limit
    assert tests.left_out > 0


def test_cells_of_another_lexicon_are_refused():
    """Guards names that the model has no tokens for, and lengths measured with the wrong table."""
    with pytest.raises(InputError, match="lexicon 'full'.*'nano'"):
        load_test_set(Cell("med", "pq", 20, True), NANO, VOCABULARY, 1, 0)
