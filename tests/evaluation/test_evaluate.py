"""Evaluation of a run folder: its files, going on where it stopped, damaged and full disks."""

from __future__ import annotations

import copy
import errno
import gzip
import json

import pytest
import torch

from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell
from igsm.locks import locked
from igsm.reporting.evaluation_table import accuracies, to_csv, to_markdown
from tests.evaluation.helpers import evaluate


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

    def stops(*arguments, **more):
        for count, record in enumerate(original(*arguments, **more)):
            if count == 3:
                raise KeyboardInterrupt
            yield record

    monkeypatch.setattr(evaluation, "generations", stops)
    with pytest.raises(KeyboardInterrupt):
        evaluate(run, cell, decoder, 6, 0)
    assert not (folder / "summary.json").exists()
    asked = []

    def counts(decoding, tests, stream, tick, **more):
        asked.extend(test.index for test in tests)
        return original(decoding, tests, stream, tick, **more)

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


def test_a_full_disk_is_one_clear_line(run, monkeypatch):
    """Guards a traceback after hours of generating."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evaluation.JsonlWriter, "write", full)
    with pytest.raises(InputError, match="No space left on device"):
        evaluate(run, Cell("nano", "pq", 2, False), parse_decoder("greedy"), 2, 0)


def test_accuracy_during_training(run):
    """Guards the hook of the training loop: numbers, and the model left as it was."""
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    values = evaluation.generation_accuracy(run.model, run.data, run.vocabulary, 3)
    assert values.keys() == {"generation_accuracy", "always_zero"}
    assert all(torch.equal(before[name], tensor) for name, tensor in run.model.state_dict().items())


def test_accuracy_during_training_reads_the_ids_of_the_model(run, monkeypatch):
    """Guards a run that starts from a model of before a new word: its ids are the checkpoint's, not today's."""
    given = []
    decoding = evaluation.Decoding
    monkeypatch.setattr(evaluation, "Decoding", lambda *args, **more: given.append(args[2]) or decoding(*args, **more))
    own = copy.copy(run.vocabulary)
    evaluation.generation_accuracy(run.model, run.data, own, 3)
    assert [one is own for one in given] == [True]
