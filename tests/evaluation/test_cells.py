"""Cells of a figure, and their names."""

from __future__ import annotations

import pytest

from igsm.errors import InputError
from igsm.evaluation.cells import Cell, figure_cells, parse_cells
from igsm.problems.difficulty import ProblemConfig
from tests.evaluation.helpers import NANO


def test_figure_cells_are_the_columns_of_the_paper():
    """Guards the names: the report looks up the paper's numbers by them."""
    names = [cell.name for cell in figure_cells("med", "pq")]
    assert names == [f"med_pq:{c}" for c in ("op<=15", "op=15", "op=20", "op=21", "op=22", "op=23", "op=20 reask")]
    assert len(figure_cells("hard", "qp")) == 8
    assert [c.short for c in figure_cells("hard", "qp")][1:3] == ["op=21", "op=28"]


def test_names_are_read_back():
    """Guards parsing: every name stands for its own cell, with and without the prefix."""
    for difficulty in ("nano", "easy", "med", "hard"):
        trained = ProblemConfig(difficulty=difficulty, format="qp")
        cells = figure_cells(difficulty, "qp")
        assert parse_cells(",".join(c.name for c in cells), trained) == cells
        assert parse_cells(",".join(c.short for c in cells), trained) == cells
        assert parse_cells("figure", trained) == cells
    assert parse_cells("hard_pq:op=28 reask strict", NANO) == [Cell("hard", "pq", 28, True, "strict")]
    where = Cell("nano", "pq", 3, False, seen=True, where="depth>=2 and times=1")
    assert where.short == "op<=3 seen where depth>=2 and times=1"
    assert parse_cells(f"{where.name},op<=3 seen where times=1 and depth >= 2", NANO) == [where]
    assert where.problems(ProblemConfig(difficulty="nano", where="op>=2")).where == where.where
    assert Cell("nano", "pq", 3, False).problems(ProblemConfig(difficulty="nano", where="op>=2")).where is None


@pytest.mark.parametrize("name", ["op<3", "medd_pq:op=3", "op=3 reaks", "", "op=0", "figures", "op=3 were op=2"])
def test_unknown_cells_are_refused(name):
    """Guards against a typo that evaluates something else; the message suggests a cell."""
    with pytest.raises(InputError, match="unknown cell.*(did you mean|known)"):
        parse_cells(name, NANO)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("opp=3", "op=3"), ("op=2 sen", "op=2 seen"), ("op<3", "op<=3"), ("trio_qp:opp=2", "trio_qp:op=2")],
)
def test_the_suggested_cell_has_the_number_that_was_asked_for(name, meant):
    """Guards against the nearest of a few examples, which for opp=3 was op=8."""
    with pytest.raises(InputError, match=f"did you mean '{meant}'"):
        parse_cells(name, NANO)


def test_impossible_op_is_refused():
    """Guards against looking for ever for problems that do not exist."""
    with pytest.raises(InputError, match="op=999 is more than"):
        Cell("nano", "pq", 999, True).problems(NANO)


def test_what_is_no_slice_is_refused():
    with pytest.raises(InputError, match="cell 'op=3 where dept>=2': 'dept' .*did you mean 'depth'"):
        parse_cells("op=3 where dept>=2", NANO)
