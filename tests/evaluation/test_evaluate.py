"""Cells, test sets, votes, and evaluation of a run folder from start to table."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import json

import pytest
import torch

from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import ANSWER_START, END, load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Generation
from igsm.decoding.run import decode
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell, figure_cells, parse_cells
from igsm.evaluation.generate import verdict_of, vote_on
from igsm.evaluation.table import accuracies, to_csv, to_markdown
from igsm.evaluation.testsets import load_test_set
from igsm.grading.verdict import Kind
from igsm.model import GPT, ModelConfig
from igsm.model.checkpoint import save_checkpoint
from igsm.problems.difficulty import SPLITS, ProblemConfig
from igsm.training.config import PretrainConfig, TrainingConfig

NANO = ProblemConfig(difficulty="nano", kind="retry", retry_rate=0.2)
VOCABULARY = load_vocabulary(NANO)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.set_num_threads(1)


@pytest.fixture
def run(tmp_path):
    """A run folder with an untrained model, loaded."""
    torch.manual_seed(0)
    shape = ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=VOCABULARY.size)
    config = PretrainConfig(
        data=DataConfig(problem=NANO), model=shape, training=TrainingConfig(steps=5, batch=2, warmup_steps=1)
    )
    save_checkpoint(tmp_path / "run" / "checkpoints" / "step_5", GPT(shape), {}, config)
    return evaluation.load_run(tmp_path / "run")


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


def test_long_solutions_are_left_out():
    """Guards the paper's rule: solutions longer than the class's context are in no test set."""
    short = ProblemConfig(difficulty="nano")
    tests = load_test_set(Cell("nano", "pq", 3, True), short, VOCABULARY, 10, 0)
    lengths = [len(VOCABULARY.encode_text(p.problem.solution_text)) for p in tests.problems]
    assert max(lengths) <= 128
    assert tests.left_out == 0


def answer_of(text: str) -> Generation:
    """A generation " Define" with the answer `text`."""
    ids = [*VOCABULARY.encode_text(" Define"), ANSWER_START, *VOCABULARY.encode_text(text), END]
    return Generation(0, [int(VOCABULARY.from_gpt2[i]) for i in ids], True)


def test_majority_vote():
    """Guards the count and ties: the most frequent answer wins, the earlier one of equals."""
    votes = [answer_of(t) for t in (" 1", " 2", " 2", " 3")]
    chosen, share = vote_on(votes, VOCABULARY, None, None)
    assert chosen is votes[1]
    assert share == 0.5
    chosen, _ = vote_on(votes[:2], VOCABULARY, None, None)
    assert chosen is votes[0]


def test_true_solutions_are_graded_correct():
    """Guards the whole path from test set to verdict: full marks for the reference, none for another answer."""
    test = load_test_set(Cell("nano", "qp", 3, False), NANO, VOCABULARY, 1, 0).problems[0]
    record = {"index": 0, "op": 1, "withdrawn": 0, "generated_tokens": 9, "solution": test.problem.solution_text}
    verdict = verdict_of(record | {"answer": f" {test.problem.answer}"}, test.problem)
    assert verdict["correct"]
    assert not verdict_of(record | {"answer": " 99"}, test.problem)["correct"]
    missing = verdict_of(record | {"answer": ""}, test.problem)
    assert missing["error"]["kind"] == Kind.ANSWER_DIFFERS
    summary = evaluation.summarise([verdict, missing])
    assert (summary["correct"], summary["accuracy"]) == (1, 0.5)
    assert summary["first_errors"] == {"answer differs": 1}


@pytest.mark.parametrize("decoder", ["greedy", "beam2", "regret-p", "regret_beam2-noisy:0.1:0.1", "vote3-p"])
def test_a_run_is_evaluated(run, decoder):
    """Guards the files: one record a problem, readable, with what the report and `mistakes check` look for."""
    cell = Cell("nano", "pq", 3, False)
    summary = evaluation.evaluate(run, cell, parse_decoder(decoder), 5, 0, context=110)
    folder = run.folder.evaluation(cell.name, decoder)
    assert json.loads((folder / "summary.json").read_text())["n"] == summary["n"] == 5
    verdicts = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    with gzip.open(folder / "generations.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    assert [r["index"] for r in records] == [v["index"] for v in verdicts] == list(range(5))
    assert {"problem", "solution", "answer", "text", "op", "modulus"} <= records[0].keys()
    assert not (folder / "generations.partial.jsonl").exists()
    rows = [("run", summary)]
    assert accuracies(rows)[1][0][2].startswith("0.0 [0.0")
    assert "always answering 0" in to_markdown(rows)
    assert len(to_csv(rows).splitlines()) == 2


def test_an_interrupted_cell_goes_on(run, monkeypatch):
    """Guards resuming: what was generated is kept, what is missing is made, and the result is the same."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("sample")
    whole = evaluation.evaluate(run, cell, decoder, 6, 0, context=110)
    folder = run.folder.evaluation(cell.name, decoder.name)
    expected = (folder / "verdicts.jsonl").read_bytes()
    for file in folder.iterdir():
        file.unlink()
    original = evaluation.generations

    def stops(*arguments, **options):
        for count, record in enumerate(original(*arguments, **options)):
            if count == 3:
                raise KeyboardInterrupt
            yield record

    monkeypatch.setattr(evaluation, "generations", stops)
    with pytest.raises(KeyboardInterrupt):
        evaluation.evaluate(run, cell, decoder, 6, 0, context=110)
    assert not (folder / "summary.json").exists()
    asked = []

    def counts(model, tests, *arguments, **options):
        asked.extend(test.index for test in tests)
        return original(model, tests, *arguments, **options)

    monkeypatch.setattr(evaluation, "generations", counts)
    resumed = evaluation.evaluate(run, cell, decoder, 6, 0, context=110)
    assert len(asked) == 3
    assert (folder / "verdicts.jsonl").read_bytes() == expected
    assert resumed["correct"] == whole["correct"]
    assert evaluation.evaluate(run, cell, decoder, 6, 0, context=110)["seconds"] == resumed["seconds"]
    assert len(asked) == 3, "a finished cell was generated again"


def test_results_of_other_settings_are_not_overwritten(run):
    """Guards finished results against a second evaluation with another n."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("greedy")
    evaluation.evaluate(run, cell, decoder, 2, 0, context=110)
    with pytest.raises(InputError, match="n=2, not 3.*with --n 2"):
        evaluation.evaluate(run, cell, decoder, 3, 0, context=110)


def test_results_on_other_problems_are_not_reused(run, monkeypatch):
    """Guards a changed generator or a changed test set: old results passed off as results on the new one."""
    cell, decoder = Cell("nano", "pq", 3, False), parse_decoder("sample")
    evaluation.evaluate(run, cell, decoder, 2, 0, context=110)
    tests = dataclasses.replace(load_test_set(cell, NANO, VOCABULARY, 2, 0), digest="other")
    monkeypatch.setattr(evaluation, "load_test_set", lambda *_: tests)
    with pytest.raises(InputError, match="test_set=.*not other"):
        evaluation.evaluate(run, cell, decoder, 2, 0, context=110)


def test_a_full_disk_is_one_clear_line(run, monkeypatch):
    """Guards a traceback after hours of generating."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evaluation.JsonlWriter, "write", full)
    with pytest.raises(InputError, match="No space left on device"):
        evaluation.evaluate(run, Cell("nano", "pq", 2, False), parse_decoder("greedy"), 2, 0, context=110)


@pytest.mark.parametrize("device", ["foo", "meta", "cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_one_clear_line(run, device):
    """Guards torch's tracebacks out of a worker thread."""
    with pytest.raises(InputError, match=f"'{device}'"):
        list(decode(run.model, [], parse_decoder("greedy"), VOCABULARY, devices=[device]))


def test_workers_do_not_change_results(run):
    """Guards sharding: one worker or three, the same generations."""
    cell = Cell("nano", "pq", 3, True)
    tests = load_test_set(cell, NANO, VOCABULARY, 8, 0).problems
    for name in ("sample", "beam2"):
        texts = []
        for devices in (["cpu"], ["cpu"] * 3):
            found = evaluation.generations(
                run.model, tests, parse_decoder(name), VOCABULARY, 0, devices=devices, context=110
            )
            texts.append({record["index"]: record["text"] for record in found})
        assert texts[0] == texts[1]


def test_accuracy_during_training(run):
    """Guards the hook of the training loop: numbers, and the model left as it was."""
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    values = evaluation.generation_accuracy(run.model, run.data, 3)
    assert values.keys() == {"generation_accuracy", "always_zero"}
    assert all(torch.equal(before[name], tensor) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("greddy", "did you mean 'greedy'"),
        ("beam0", "1 to 256"),
        ("regret", "needs a detector"),
        ("regret-q", "unknown detector"),
        ("greedy-p", "only regret and vote"),
        ("sample:0", "above 0"),
    ],
)
def test_bad_decoders_are_refused(text, message):
    """Guards against a typo that runs another decoder."""
    with pytest.raises(InputError, match=message):
        parse_decoder(text)


def test_decoder_names():
    """Guards the names used by sweeps and folders."""
    assert parse_decoder("beam4").beams == 4
    assert parse_decoder("beam4").sampling
    assert not parse_decoder("search4").sampling
    assert parse_decoder("beam1").sampling is False
    assert parse_decoder("regret-p50").max_retries == 50
    learned = parse_decoder("regret_beam4-version1@runs/a-b@c")
    assert learned.name == "regret_beam4-version1"
    assert learned.detector.folder == "runs/a-b@c"
    assert parse_decoder("regret-noisy:0.01:0.2").detector.false_negative == 0.2
