"""Generations of test problems: random numbers, verdicts, workers."""

from __future__ import annotations

import pytest

from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell
from igsm.evaluation.generate import verdict_of
from igsm.evaluation.testsets import load_test_set
from igsm.grading.metrics import Numbers
from igsm.grading.verdict import Kind
from tests.evaluation.helpers import NANO, VOCABULARY, evaluate


def test_every_problem_has_its_own_random_numbers(run, monkeypatch):
    """Guards "seeds give each problem its own stream": over problems, votes, seeds and cells no stream comes twice."""
    keys = []

    plain = Decoding.run

    def spy(decoding, requests, *rest):
        keys.extend(key for request in requests for key in request.keys)
        return plain(decoding, requests, *rest)

    monkeypatch.setattr(Decoding, "run", spy)
    for cell in (Cell("nano", "pq", 3, True), Cell("nano", "pq", 2, True)):
        for seed in (0, 1):
            for file in run.folder.evaluations.rglob("summary.json"):
                file.unlink()
            evaluate(run, cell, parse_decoder("vote3"), 2, seed)
    assert len(keys) == len(set(keys)) == 2 * 2 * 2 * 3


def test_true_solutions_are_graded_correct():
    """Guards the whole path from test set to verdict: full marks for the reference, none for another answer."""
    test = load_test_set(Cell("nano", "qp", 3, False), NANO, VOCABULARY, 1, 0).problems[0]
    record = {"index": 0, "op": 1, "rollbacks": 0, "generated_tokens": 9, "finished": True}
    record["solution"] = test.problem.solution_text
    verdict = verdict_of(record | {"answer": f" {test.problem.answer}"}, test.problem)
    assert verdict["correct"]
    assert not verdict_of(record | {"answer": " 99"}, test.problem)["correct"]
    missing = verdict_of(record | {"answer": ""}, test.problem)
    assert missing["error"]["kind"] == Kind.ANSWER_DIFFERS
    numbers = Numbers([verdict, missing])
    assert (numbers.correct, numbers.mean("accuracy")) == (1, 0.5)
    assert numbers.first_errors == {"answer differs": 1}


@pytest.mark.parametrize("device", ["foo", "meta", "cuda:99", "cuda:x", "cpu:9"])
def test_a_device_that_is_not_there_is_one_clear_line(run, device):
    """Guards torch's tracebacks out of a worker thread."""
    with pytest.raises(InputError, match=f"'{device}'"):
        run.decoding(parse_decoder("greedy"), devices=[device])


def test_workers_do_not_change_results(run):
    """Guards sharding: one worker or three, the same generations."""
    cell = Cell("nano", "pq", 3, True)
    tests = load_test_set(cell, NANO, VOCABULARY, 8, 0).problems
    for name in ("sample", "beam2"):
        texts = []
        for devices in (["cpu"], ["cpu"] * 3):
            with run.decoding(parse_decoder(name), devices=devices) as decoding:
                found = list(evaluation.generations(decoding, tests, "a stream"))
            texts.append({record["index"]: record["text"] for record in found})
        assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["sample", "beam2", "regret_beam2-p"])
def test_what_is_made_ready_serves_one_cell_after_another(run, name, monkeypatch):
    """Guards engines that are used again: nothing of an earlier cell is left, and what is too small is made anew."""
    cell = Cell("nano", "pq", 3, True)
    tests = load_test_set(cell, NANO, VOCABULARY, 8, 0).problems

    def texts(decoding, chosen):
        return {record["index"]: record["text"] for record in evaluation.generations(decoding, chosen, "a stream")}

    with run.decoding(parse_decoder(name), devices=["cpu"]) as decoding:
        expected = texts(decoding, tests)
    made, closed = [], []

    class Watched(Engine):
        def __init__(self, model, n_rows, *rest, **more):
            made.append(n_rows)
            super().__init__(model, n_rows, *rest, **more)

        def close(self):
            closed.append(self.n_rows)
            super().close()

    monkeypatch.setattr("igsm.decoding.run.Engine", Watched)
    with run.decoding(parse_decoder(name), devices=["cpu"], context=110, batch=6) as decoding:
        few = texts(decoding, tests[:1])
        assert made == [decoding.decoder.beams]
        assert few | texts(decoding, tests) == expected
        assert (made, closed) == ([decoding.decoder.beams, 6], [decoding.decoder.beams])
        assert texts(decoding, tests[3:]) == {test.index: expected[test.index] for test in tests[3:]}
    assert made == closed == [decoding.decoder.beams, 6]
