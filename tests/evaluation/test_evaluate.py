"""Cells, test sets, votes, and evaluation of a run folder from start to table."""

from __future__ import annotations

import copy
import errno
import gzip
import json
import os
import shutil
import signal

import pytest
import torch

from cli.eval import command as eval_command
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell, figure_cells, parse_cells
from igsm.evaluation.generate import verdict_of
from igsm.evaluation.testsets import load_test_set
from igsm.grading.metrics import Numbers
from igsm.grading.verdict import Kind
from igsm.locks import locked
from igsm.problems.difficulty import DIFFICULTIES, SPLITS, ProblemConfig
from igsm.reporting.evaluation_table import accuracies, to_csv, to_markdown

NANO = ProblemConfig(difficulty="nano")
VOCABULARY = load_vocabulary(NANO)


def evaluate(run, cell, decoder, n, seed, **options):
    """`evaluation.evaluate` with a decoder of its own."""
    with run.decoding(decoder, **options) as decoding:
        return evaluation.evaluate(run, cell, decoding, n, seed)


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


@pytest.mark.parametrize("name", ["op<3", "medd_pq:op=3", "op=3 reaks", "", "op=0", "figures"])
def test_unknown_cells_are_refused(name):
    """Guards against a typo that evaluates something else; the message suggests a cell."""
    with pytest.raises(InputError, match="unknown cell.*(did you mean|known)"):
        parse_cells(name, NANO)


def test_impossible_op_is_refused():
    """Guards against looking for ever for problems that do not exist."""
    with pytest.raises(InputError, match="op=999 is more than"):
        Cell("nano", "pq", 999, True).problems(NANO)


def test_test_sets_are_pure_functions_of_cell_and_seed(tmp_path):
    """Guards the cache: made, read back, and longer or shorter, a set holds the same problems."""
    cell = Cell("nano", "pq", 3, False)
    made = load_test_set(cell, NANO, VOCABULARY, 20, 1).problems
    read = load_test_set(cell, NANO, VOCABULARY, 20, 1).problems
    shorter = load_test_set(cell, NANO, VOCABULARY, 7, 1).problems
    other = load_test_set(cell, NANO, VOCABULARY, 20, 2).problems
    texts = [p.problem.text for p in made]
    assert texts == [p.problem.text for p in read]
    assert texts[:7] == [p.problem.text for p in shorter]
    assert len(set(texts) & {p.problem.text for p in other}) < 5
    assert all(p.bin in SPLITS["test"] and p.op <= 3 for p in made)
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


def test_every_problem_has_its_own_random_numbers(run, monkeypatch):
    """Guards "seeds give each problem its own stream": over problems, votes, seeds and cells no stream comes twice."""
    keys = []

    plain = Decoding.run

    def spy(decoding, requests, tick):
        keys.extend(key for request in requests for key in request.keys)
        return plain(decoding, requests, tick)

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


def test_what_a_method_decodes_is_evaluated(run, monkeypatch):
    """Guards the check that a run's solutions are its own: a method may decode more than the trained model."""
    monkeypatch.setattr(type(run.data.method), "decode", lambda method, model: copy.deepcopy(model))
    assert run.decoded is not run.model
    assert evaluate(run, Cell("nano", "pq", 3, False), parse_decoder("greedy"), 2, 0).n == 2


@pytest.mark.parametrize("decoder", ["greedy", "beam2", "regret-p", "regret_beam2-noisy:0.1:0.1", "vote3-p"])
def test_a_run_is_evaluated(run, decoder):
    """Guards the files: one record a problem, readable, with what the report and `mistakes check` look for."""
    cell = Cell("nano", "pq", 3, False)
    found = evaluate(run, cell, parse_decoder(decoder), 5, 0)
    folder = run.folder.evaluation(cell.name, decoder)
    assert found.folder == folder
    assert json.loads((folder / "summary.json").read_text())["n"] == found.n == 5
    verdicts = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    with gzip.open(folder / "generations.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    assert [r["index"] for r in records] == [v["index"] for v in verdicts] == list(range(5))
    assert {"problem", "solution", "answer", "text", "op", "modulus", "lexicon"} <= records[0].keys()
    assert not (folder / "generations.partial.jsonl").exists()
    rows = [("run", found)]
    assert accuracies(rows)[1][0][2].startswith("0.0 [0.0")
    assert "always answering 0" in to_markdown(rows)
    assert len(to_csv(rows).splitlines()) == 2


def test_an_interrupted_cell_goes_on(run, monkeypatch):
    """Guards resuming: what was generated is kept, what is missing is made, and the result is the same."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("sample")
    whole = evaluate(run, cell, decoder, 6, 0)
    folder = run.folder.evaluation(cell.name, decoder.name)
    expected = (folder / "verdicts.jsonl").read_bytes()
    for file in folder.iterdir():
        file.unlink()
    original = evaluation.generations

    def stops(*arguments):
        for count, record in enumerate(original(*arguments)):
            if count == 3:
                raise KeyboardInterrupt
            yield record

    monkeypatch.setattr(evaluation, "generations", stops)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, cell, decoder, 6, 0)
    assert not (folder / "summary.json").exists()
    asked = []

    def counts(decoding, tests, stream, tick):
        asked.extend(test.index for test in tests)
        return original(decoding, tests, stream, tick)

    monkeypatch.setattr(evaluation, "generations", counts)
    resumed = evaluate(run, cell, decoder, 6, 0)
    assert len(asked) == 3
    assert (folder / "verdicts.jsonl").read_bytes() == expected
    assert resumed.numbers.correct == whole.numbers.correct
    assert (whole.settings["resumed_from"], resumed.settings["resumed_from"]) == (0, 3)
    assert evaluate(run, cell, decoder, 6, 0).settings == resumed.settings
    assert len(asked) == 3, "a finished cell was generated again"


def test_one_process_at_a_time_evaluates_a_cell(run):
    """Guards two sweeps that share runs: their records would end up in one file."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("greedy")
    with (
        locked(run.folder.evaluation(cell.name, decoder.name), "evaluating"),
        pytest.raises(InputError, match="another process .* is evaluating there"),
    ):
        evaluate(run, cell, decoder, 2, 0)
    assert evaluate(run, cell, decoder, 2, 0).n == 2


def test_a_detector_that_is_not_there_is_found_before_anything_is_generated(run, tmp_path):
    """Guards hours of greedy decoding before a typing error in the next decoder's folder shows."""
    decoders = f"greedy,regret-version1@{tmp_path / 'nowhere'}"
    with pytest.raises(InputError, match="nowhere"):
        eval_command([run.path], "op=3", decoders, 2, 0, None, None, "auto", None, None, None)
    assert not run.folder.evaluations.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "an object is expected"), ('{"cell": "x"}', "has no 'decoder'"), ("{", "not a readable JSON file")],
)
def test_damaged_summaries_are_one_clear_line(run, content, message):
    """Guards a traceback over a file that a full disk or an editor broke."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("greedy")
    folder = run.folder.evaluation(cell.name, decoder.name)
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(content)
    with pytest.raises(InputError, match=message):
        evaluate(run, cell, decoder, 2, 0)


@pytest.mark.parametrize("record", ['{"index": 0}', '{"index": 77, "solution": "", "answer": ""}'])
def test_damaged_partial_results_are_one_clear_line(run, monkeypatch, record):
    """Guards a traceback, and records of other problems among the cell's."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("greedy")

    def stops(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "generations", stops)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, cell, decoder, 2, 0)
    with open(run.folder.evaluation(cell.name, decoder.name) / "generations.partial.jsonl", "a") as file:
        file.write(record + "\n")
    with pytest.raises(InputError, match="line 2: no record of this cell"):
        evaluate(run, cell, decoder, 2, 0)


def test_two_runs_of_one_name_stay_apart(run, tmp_path, mistakes):
    """Guards the table: rows are kept by name, and folders of two experiments often have the same one."""
    other = tmp_path / "second" / "run"
    shutil.copytree(run.path, other)
    assert mistakes("eval", run.path, other, "--cells", "op=2", "--n", 2, "--out", tmp_path / "both")[0] == 0
    rows = [line.split(",")[0] for line in (tmp_path / "both.csv").read_text().splitlines()[1:]]
    assert rows == [f"{tmp_path.name}/run", "second/run"]
    code, _, error = mistakes("eval", run.path, run.path, "--cells", "op=2", "--n", 2)
    assert (code, "more than once" in error) == (2, True)


def test_the_table_of_a_run_has_all_its_cells(run, mistakes):
    """Guards the table against the last command: cells evaluated before stay in it."""
    for cell in ("op=2", "op=3"):
        assert mistakes("eval", run.path, "--cells", cell, "--n", 2)[0] == 0
    assert len((run.folder.evaluations / "table.csv").read_text().splitlines()) == 3


def test_sigterm_asks_to_be_requeued(run, mistakes, monkeypatch):
    """Guards pre-empted jobs: exit code 75, finished records kept, no lock left, and the same command goes on."""
    original = evaluation.generations
    before = signal.getsignal(signal.SIGTERM)

    def asked_to_stop(*arguments):
        for count, record in enumerate(original(*arguments)):
            if count == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            yield record

    monkeypatch.setattr(evaluation, "generations", asked_to_stop)
    command = ("eval", run.path, "--cells", "op=2", "--n", 4)
    code, _, error = mistakes(*command)
    assert (code, "the same command goes on" in error) == (75, True)
    assert signal.getsignal(signal.SIGTERM) is before
    folder = run.folder.evaluation("nano_pq:op=2", "greedy")
    assert len((folder / "generations.partial.jsonl").read_text().splitlines()) == 3
    monkeypatch.setattr(evaluation, "generations", original)
    assert mistakes(*command)[0] == 0
    assert json.loads((folder / "summary.json").read_text())["n"] == 4


def test_parts_share_the_cells(run, mistakes):
    """Guards array jobs: together the parts do every cell of every decoder once, and one too many does no harm."""
    done = set()
    for part in ("1/3", "2/3", "3/3"):
        code, _, _ = mistakes(
            "eval", run.path, "--cells", "op=2,op=3", "--decoder", "greedy,sample", "--n", 2, "--part", part
        )
        assert code == 0
        found = {path.parent.name for path in run.folder.evaluations.glob("*/summary.json")}
        assert len(found - done) == (2 if part == "1/3" else 1)
        done = found
    assert len(done) == 4
    assert len((run.folder.evaluations / "table.csv").read_text().splitlines()) == 5
    code, out, _ = mistakes("eval", run.path, "--cells", "op=2", "--n", 2, "--part", "2/2")
    assert (code, "fewer cells than parts" in out) == (0, True)


def test_a_full_disk_is_one_clear_line(run, monkeypatch):
    """Guards a traceback after hours of generating."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evaluation.JsonlWriter, "write", full)
    with pytest.raises(InputError, match="No space left on device"):
        evaluate(run, Cell("nano", "pq", 2, False), parse_decoder("greedy"), 2, 0)


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
def test_what_is_made_ready_serves_one_cell_after_another(run, name):
    """Guards engines that are used again: nothing of an earlier cell is left, and what is too small is made anew."""
    cell = Cell("nano", "pq", 3, True)
    tests = load_test_set(cell, NANO, VOCABULARY, 8, 0).problems

    def texts(decoding, chosen):
        return {record["index"]: record["text"] for record in evaluation.generations(decoding, chosen, "a stream")}

    with run.decoding(parse_decoder(name), devices=["cpu"]) as decoding:
        expected = texts(decoding, tests)
    with run.decoding(parse_decoder(name), devices=["cpu"], context=110, batch=6) as decoding:
        few = texts(decoding, tests[:1])
        (small, _) = decoding._workers[0]
        assert few | texts(decoding, tests) == expected
        (large, _) = decoding._workers[0]
        assert texts(decoding, tests[3:]) == {test.index: expected[test.index] for test in tests[3:]}
        assert small.n_units == 1
        assert large.n_units == 6 // decoding.decoder.beams
        assert decoding._workers[0][0] is large
    assert not decoding._workers


def test_accuracy_during_training(run):
    """Guards the hook of the training loop: numbers, and the model left as it was."""
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    values = evaluation.generation_accuracy(run.model, run.data, 3)
    assert values.keys() == {"generation_accuracy", "always_zero"}
    assert all(torch.equal(before[name], tensor) for name, tensor in run.model.state_dict().items())
