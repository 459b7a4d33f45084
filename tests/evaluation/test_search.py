"""`mistakes search` on mock models: files, going on, sentences and the slice as a cell."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import numpy as np
import pytest

from cli.search import _draw
from igsm.errors import InputError
from igsm.evaluation import search as searching
from igsm.evaluation.cells import Cell, parse_cells
from igsm.evaluation.search import GRADED, PARTIAL, RESULT, Plan, search
from igsm.evaluation.testsets import TestProblem
from igsm.problems.counts import counts_of
from igsm.problems.record import Record
from igsm.problems.slices import parse_slice
from igsm.problems.source import ProblemSource
from igsm.reporting.weakness_table import examples, sentences, terminal, to_markdown, usage
from igsm.rundir import read_json
from tests.evaluation.helpers import NANO

CELL = Cell("mini", "pq", 5, False)
PLAN = Plan(600)


class Model:
    """Answers rightly but for problems with a multiplication; stops the program after so many problems."""

    def __init__(self, stops_after: int | None = None) -> None:
        self.solved: list[tuple[str, int]] = []
        self.stops_after = stops_after

    def __call__(self, decoding, tests: list[TestProblem], stream: str, **options) -> Iterator[dict]:
        for test in tests:
            if len(self.solved) == self.stops_after:
                raise KeyboardInterrupt
            self.solved.append((stream, test.index))
            problem = test.problem
            needed = [problem.expressions[p] for p in problem.needed if not p.abstract]
            wrong = any(one.multiply for one in needed) and test.index % 5
            answer = f" {(problem.answer + bool(wrong)) % problem.modulus}"
            yield {"index": test.index, "problem": problem.text, "solution": problem.solution_text, "answer": answer}


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(searching, "LEAST_POOL", 500)

    def use(stops_after: int | None = None) -> Model:
        one = Model(stops_after)
        monkeypatch.setattr(searching, "generations", one)
        return one

    return use


def decoder():
    from igsm.decoding.decoders import parse_decoder

    return parse_decoder("greedy")


def test_a_planted_weakness_is_found_kept_and_drawn_from(run, model, monkeypatch):
    solver = model()
    folder = search(run, CELL, decoder(), PLAN)
    found = read_json(folder / RESULT)
    first = found["slices"][0]
    assert first["confirmed"]
    assert "times>=1" in first["where"]
    assert first["rate"] > 0.5 > first["elsewhere"]["rate"]
    assert first["low"] < first["rate"] < first["high"]
    assert len(solver.solved) <= PLAN.budget
    assert [line["n"] for line in found["searches"]] == [100] * 3
    assert found["coverage"]["failures"] > 0.5
    fresh = {f"{stream}: {i}" for stream, i in solver.solved if "fresh" in stream}
    assert len(fresh) > 250
    packed = [json.loads(line) for line in gzip.decompress((folder / GRADED).read_bytes()).splitlines()]
    assert {one["failed"] for one in packed} == {True, False}

    (cell,) = parse_cells(first["cell"], NANO)  # the slice as a cell, for `mistakes eval`
    source = ProblemSource(cell.problems(NANO), 5)
    records = Record(*(np.stack(each) for each in zip(*(source.record(i) for i in range(20)), strict=True)))
    assert parse_slice(first["where"]).holds(counts_of(records)).all()

    said = list(sentences(found))
    assert said[0].startswith(f"At problems with {first['words']} it fails ")
    assert f"(n={first['n']}, " in said[0]
    assert next(usage(found)) == f"--cells '{first['cell']}'; training data: 'data.problem.where={first['where']}'"
    assert len(list(examples(found))) >= 2
    assert f"| {first['where']} |" in to_markdown("run", found)
    assert [head for head, _ in terminal(found, 80)] == [
        "Slices, tested on fresh problems", "Searches, each with the same number of problems",
    ]  # fmt: skip
    pytest.importorskip("matplotlib")
    _draw(folder, found, CELL.problems(NANO).problem_class)
    assert (folder / "slice1-1.svg").read_text().startswith("<?xml")
    again = model(stops_after=0)
    assert search(run, CELL, decoder(), PLAN) == folder
    assert again.solved == []


def test_an_interrupted_search_goes_on(run, model):
    first = model(stops_after=150)
    with pytest.raises(KeyboardInterrupt):
        search(run, CELL, decoder(), PLAN)
    partial = next((run.folder.evaluations / "search").glob(f"*/{PARTIAL}"))
    assert len(partial.read_text().splitlines()) == 150
    second = model()
    folder = search(run, CELL, decoder(), PLAN)
    stopped = json.loads((folder / "search.json").read_text())
    assert not {*first.solved} & {*second.solved}
    (folder / "search.json").unlink()
    model()
    whole = json.loads((search(run, CELL, decoder(), PLAN) / "search.json").read_text())
    for result in (stopped, whole):
        del result["provenance"]
    assert stopped == whole
    (folder / "search.json").unlink()
    (folder / PARTIAL).write_text('{"stream": "pool"}\n')
    with pytest.raises(InputError, match="line 1: no graded problem; delete the file"):
        search(run, CELL, decoder(), PLAN)


def test_command(run, mistakes, monkeypatch):
    monkeypatch.setattr(searching, "LEAST_POOL", 200)
    options = ["search", run.folder.path, "--budget", 120, "--context", 80]
    code, out, err = mistakes(*options, "--examples", "--explain", columns=80)
    assert (code, err) == (0, "")
    assert "No weakness: no search saw a slice that looked bad." in out  # it fails everywhere
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("written"))
    code, out, _ = mistakes(*options, "--json")
    (found,) = json.loads(out)
    assert (code, found["slices"], found["everywhere"]["rate"]) == (0, [], 1.0)
    assert "No weakness" in next((run.folder.evaluations / "search").glob("*/search.md")).read_text()
    for wrong, message in (
        (["--cell", "figure"], "--cell figure: one cell is expected, such as op=20"),
        (["--cell", "med_pq:op=3"], "names of the lexicon 'full', the model knows those of 'nano'"),
        (["--cell", "op=3 where dept>=2"], "cell 'op=3 where dept>=2': 'dept' in 'dept>=2' is counted in no problem"),
        (["--decoder", "greedi"], "did you mean 'greedy'"),
        (["--budget", "50"], "--budget"),
    ):
        code, _, err = mistakes(*options, *wrong)
        assert code == 2
        assert message in err
