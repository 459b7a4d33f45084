"""Probing runs end to end: trained by the one loop, loaded from the folder alone, used as a detector."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cli.probe import command
from igsm.config import load_config
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.detectors import Question
from igsm.errors import InputError
from igsm.evaluation.cells import parse_cells
from igsm.evaluation.runs import load_run
from igsm.evaluation.testsets import load_test_set
from igsm.grading.evaluations import ALL_PARAMETERS, FIRST_MISTAKES
from igsm.grading.grade import grade
from igsm.grading.verdict import Kind
from igsm.model import load_model
from igsm.probing.config import ProbeConfig
from igsm.probing.detector import load_detector
from igsm.probing.evaluate import answers, evaluate_probe, first_mistakes
from igsm.probing.questions import NO_ANSWER
from igsm.probing.train import first_row, held_out, load_probe, probed_model, train_probe
from igsm.probing.tree import branch_mask
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.reporting.probes import by_operations
from igsm.rundir import JsonlWriter, read_json, read_jsonl, weights_digest, write_json
from igsm.training.distributed import Ranks
from igsm.training.settings import resolve, stored_model
from tests.training.toy_training import metrics, weights
from tests.untrained import tiny_nano, write_untrained

PRESET = Path("configs/probe/version1.yaml")
PROBLEM = ProblemConfig(difficulty="nano")
VOCABULARY = load_vocabulary(PROBLEM)
SMALL = [
    *("row_length=192", "training.steps=6", "training.batch=4", "training.micro_batch=4", "training.workers=0"),
    *("training.evaluate_every=6", "training.held_out_windows=4", "tracking.mode=disabled"),
]
ALONE = Ranks(torch.device("cpu"))
# Put on the path of a command as sitecustomize.py: notes which of its processes give a file its final name.
NOTE_RENAMES = """
import os, sys
def note(event, arguments):
    if event == "os.rename" and os.path.basename(arguments[1]) in ("DONE", "probe.json"):
        with open(os.environ["RENAMES"], "a") as file:
            print("rank", os.environ.get("RANK"), os.path.basename(arguments[1]), file=file)
sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a tiny untrained model."""
    folder = tmp_path_factory.mktemp("runs") / "base"
    write_untrained(folder, tiny_nano())
    return folder


def settings(base: Path, *more: str) -> ProbeConfig:
    return load_config(ProbeConfig, PRESET, [f"from={base}", *SMALL, *more])


def test_a_probe_is_trained_measured_and_used_as_a_detector(base: Path, tmp_path: Path) -> None:
    before = (base / "checkpoints" / "step_1" / "weights.safetensors").read_bytes()
    assert train_probe(resolve(settings(base)), tmp_path / "probe", ALONE).status == "done"
    assert (base / "checkpoints" / "step_1" / "weights.safetensors").read_bytes() == before
    lines = list(read_jsonl(tmp_path / "probe" / "metrics.jsonl"))
    assert any("held_out_loss" in line for line in lines)
    for start in (load_model, stored_model):  # guards: a page of names of weights, or a model without its head
        with pytest.raises(InputError, match="probe: holds a probe, not a model"):
            start(str(tmp_path / "probe"))

    report, _ = evaluate_probe(tmp_path / "probe", 20)
    assert read_json(tmp_path / "probe" / "probe.json")["all"]["n"] == report["all"]["n"]
    assert report["all"]["n"] == sum(one["n"] for one in report["by_op"].values())
    assert by_operations(report).row_count == len(report["by_op"]) + 1

    vocabulary = load_vocabulary(PROBLEM)
    problem = ProblemSource(PROBLEM, 3).problem(0)
    asked = vocabulary.encode_text(f" Define {problem.name(problem.question)} as")
    question = Question(0, problem, vocabulary.prompt(problem).tolist(), vocabulary.from_gpt2[asked].tolist())
    decoder = parse_decoder(f"regret-version1@{tmp_path / 'probe'}")
    detector = load_detector(decoder, vocabulary, torch.device("cpu"), 4, context=512)
    assert detector.regrets([question]) in ([True], [False])


def test_two_processes_train_the_same_probe_and_one_measures_it(base: Path, tmp_path: Path) -> None:
    """Guards against processes that train on the same rows, a report by each of them or before the probe is trained,
    and a crash of the process that has no share of few held-out problems."""
    more = ["training.device=cpu", "training.held_out_windows=1"]
    train_probe(resolve(settings(base, *more)), tmp_path / "one", ALONE)
    (tmp_path / "sitecustomize.py").write_text(NOTE_RENAMES)
    command = [sys.executable, "-m", "cli.main", "probe", str(PRESET), f"from={base}", *SMALL, *more, "--gpus", "2"]
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    environment = os.environ | {"PYTHONPATH": path, "RENAMES": str(tmp_path / "renames"), "OMP_NUM_THREADS": "1"}
    command += ["--out", str(tmp_path / "two"), "--problems", "8", "--json"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout) == read_json(tmp_path / "two" / "probe.json")
    assert (tmp_path / "renames").read_text() == "rank 0 DONE\nrank 0 probe.json\n"
    assert (tmp_path / "two" / "probe.png").read_bytes().startswith(b"\x89PNG")
    one, two = (safetensors.torch.load(weights(tmp_path / name, 6)) for name in ("one", "two"))
    torch.testing.assert_close(two, one, atol=1e-5, rtol=1e-4)
    for line, other in zip(metrics(tmp_path / "one"), metrics(tmp_path / "two"), strict=True):
        for key in line.keys() & {"loss", "targets_seen", "held_out_loss"}:
            assert line[key] == pytest.approx(other[key], rel=1e-4)


@pytest.mark.parametrize("count", [1, 4])
def test_processes_share_the_held_out_problems(count: int, base: Path) -> None:
    """Guards against problems that several processes ask about, or none."""
    config, _ = resolve(settings(base))
    (alone,) = held_out(config, ALONE, count)()
    ranks = [Ranks(torch.device("cpu"), rank, world_size=3) for rank in range(3)]
    shared = [row for one in ranks for batch in held_out(config, one, count)() for row in batch.targets.tolist()]
    assert sorted(shared) == sorted(alone.targets.tolist())


def test_the_frozen_weights_are_the_models(base: Path, tmp_path: Path) -> None:
    train_probe(resolve(settings(base)), tmp_path / "probe", ALONE)
    probe, config = load_probe(tmp_path / "probe")
    model = probed_model(resolve(settings(base)).config)
    trained = probe.model.state_dict()
    assert all(torch.equal(tensor, trained[name]) for name, tensor in model.state_dict().items())
    assert trained["embedding.lora_a"].abs().max() > 0
    assert config.problem == PROBLEM.model_copy(update={"split": "train"})


def test_the_control_has_other_weights_of_the_same_shape(base: Path) -> None:
    config, control_config = (resolve(settings(base, *more)).config for more in ((), ("random_weights=true",)))
    model, control = probed_model(config), probed_model(control_config)
    assert config.model == control_config.model == control.config
    assert not torch.equal(model.embedding.weight, control.embedding.weight)


def test_answers_ask_about_test_problems_only(base: Path, tmp_path: Path) -> None:
    train_probe(resolve(settings(base)), tmp_path / "probe", ALONE)
    probe, config = load_probe(tmp_path / "probe")
    source = ProblemSource(PROBLEM.model_copy(update={"split": "test"}), config.seed)
    problems = [source.problem(i) for i in range(8)]
    index, ops, probabilities, cannot = answers(probe, config, 8)
    assert sorted(set(index.tolist())) == list(range(8))
    assert len(ops) == len(probabilities) == sum(len(p.solution) * len(p.parameters) for p in problems)
    expected = sum(
        not p.can_next(one, set(p.solution[:step]))
        for p in problems
        for step in range(len(p.solution))
        for one in p.parameters
    )
    assert cannot.sum() == expected
    with pytest.raises(InputError, match="none of 3 test problems fits"):
        answers(probe, config.model_copy(update={"row_length": 10}), 3)


def test_a_probe_is_never_measured_on_its_training_problems(base: Path, tmp_path: Path) -> None:
    """Guards "seen" measures and cells, which share the training split, against the training problems themselves."""
    train_probe(resolve(settings(base)), tmp_path / "probe", ALONE)
    probe, config = load_probe(tmp_path / "probe")
    train = ProblemConfig(difficulty="nano", split="train")
    problems = [ProblemSource(train, config.seed).problem(i) for i in range(8)]
    ops = answers(probe, config, 8, seen=True).ops
    assert ops.tolist() == [p.op for p in problems for _ in range(len(p.solution) * len(p.parameters))]
    vocabulary = load_vocabulary(PROBLEM)
    trained_on = [first_row(config, train, VOCABULARY, i).ids.tolist() for i in range(64)]
    for problem in problems:
        prompt = vocabulary.prompt(problem).tolist()
        assert all(row[: len(prompt)] != prompt for row in trained_on)


def test_first_mistakes_are_where_the_text_first_goes_wrong() -> None:
    vocabulary = load_vocabulary(PROBLEM)
    source = ProblemSource(PROBLEM, 3)
    problem = next(p for p in (source.problem(i) for i in range(50)) if len(p.solution) >= 3)
    sentences = [f"{sentence}." for sentence in problem.solution_text.split(".")[:-1]]
    skipped = "".join([sentences[0], *sentences[2:]])
    found = list(first_mistakes([(problem, problem.solution_text), (problem, skipped)], vocabulary))
    assert [(question.index, first) for question, first in found] == [(1, True)]
    text = vocabulary.decode(found[0][0].tokens)
    assert skipped.startswith(text)
    assert text.endswith(" as")
    given_up = f"{sentences[0]}<|restart|>{skipped}"  # guards: a sentence of another attempt that is asked about
    ((asked, first),) = first_mistakes([(problem, given_up)], vocabulary)
    assert (vocabulary.decode(asked.tokens), first) == (text, True)


def test_a_probe_is_measured_over_cells_by_one_command(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards Results 0 and 1 against a cell other than the one named, mistakes of other weights, and questions of
    problems too long for the rows it was trained on."""
    cells = ["nano_pq:op=2", "nano_pq:op=3 seen"]
    run, probed = load_run(base), parse_cells(",".join(cells), PROBLEM)
    tests = [load_test_set(cell, PROBLEM, run.vocabulary, 12, 5).problems for cell in probed]
    mistakes = []
    for cell, own in zip(cells, tests, strict=True):
        folder = base / "eval" / f"{cell}-greedy"
        folder.mkdir(parents=True)
        done = {"cell": cell, "decoder": "greedy", "n": 12, "seed": 5, "weights": weights_digest(run.checkpoint)}
        write_json(folder / "summary.json", done)
        verdicts = "".join(f'{{"index": {test.index}, "correct": false}}\n' for test in own)
        (folder / "verdicts.jsonl").write_text(verdicts)
        mistakes.append(0)
        with JsonlWriter(folder / "generations.jsonl") as writer:
            for test in own:
                sentences = [f"{sentence}." for sentence in test.problem.solution_text.split(".")[:-1]]
                skipped = "".join([sentences[0], *sentences[2:]]) if test.index % 2 else "".join(sentences)
                error = grade(test.problem, skipped).error
                mistakes[-1] += error is not None and error.kind is Kind.NOT_COMPUTABLE_YET
                writer.write({"problem": test.problem.text, "solution": skipped, "modulus": 5})
        (folder / "generations.jsonl.gz").write_bytes(gzip.compress((folder / "generations.jsonl").read_bytes()))
    short = "row_length=64"  # no problem fits: the rows grow
    more = [f"from={base}", *SMALL, short]
    command(PRESET, more, tmp_path / "probe", problems=12, cells=",".join(cells), test_seed=5, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert {one["cell"] for one in printed} == set(cells)
    for cell, own, wrong in zip(cells, tests, mistakes, strict=True):
        every, first = (tmp_path / "probe" / "eval" / f"{cell}-{kind}" for kind in (ALL_PARAMETERS, FIRST_MISTAKES))
        verdicts = list(read_jsonl(every / "verdicts.jsonl"))
        problems = [test.problem for test in own]
        assert [verdict["asked"] for verdict in verdicts] == [len(p.solution) * len(p.parameters) for p in problems]
        summary = read_json(every / "summary.json")
        assert (summary["n"], summary["seed"]) == (12, 5)
        assert summary["questions"]["n"] == sum(verdict["asked"] for verdict in verdicts)
        assert summary["questions"]["correct"] == sum(verdict["right"] for verdict in verdicts)
        assert first.exists() == (wrong > 0)
        assert wrong == 0 or read_json(first / "summary.json")["n"] == wrong
    assert sum(mistakes) > 0
    with pytest.raises(InputError, match="unknown cell 'op=2x'"):
        command(PRESET, [f"from={base}", *SMALL], tmp_path / "none", problems=12, cells="op=2x")
    with pytest.raises(InputError, match="'can_next', not 'step'"):
        command(PRESET, [f"from={base}", *SMALL, "question=step"], tmp_path / "none", problems=12, cells="op=2")
    assert not (tmp_path / "none").exists()


def test_a_row_that_asks_nothing_has_no_query_without_keys(base: Path) -> None:
    """Guards fully masked rows of attention, which are NaN on CUDA and then in every gradient."""
    config, _ = resolve(settings(base).model_copy(update={"row_length": 64}))
    row = first_row(config.model_copy(update={"row_length": 20}), PROBLEM, VOCABULARY, 0)
    assert (row.targets == NO_ANSWER).all()
    mask = branch_mask(torch.from_numpy(row.branch)[None], torch.from_numpy(row.visible)[None])
    assert mask.any(-1).all()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["problem.difficulty=nano", "problem.kind=retry"], "unknown key 'problem.kind'"),
        (["problem.difficulty=med"], "trained on other names"),
        (["model.layers=2", "model.heads=2"], "leave them out"),
        (["training.evaluate_problems=3"], "generates no solutions"),
        (["training.precision=bfloat16_residual"], "training.precision of a probe"),
        (["from=nowhere"], "nowhere: no such run folder"),
    ],
)
def test_what_does_not_go_together_is_refused(base: Path, more: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        resolve(settings(base, *more))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "nofile: cannot be read"), ('{"problem": "x"}', "line 1: the field 'solution' is missing")],
)
def test_generations_that_cannot_be_read_are_found_before_training(
    base: Path, tmp_path: Path, content: str | None, expected: str
) -> None:
    """Guards against a typing error in --generations that shows after hours of training."""
    file = tmp_path / "nofile"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=expected):
        command(PRESET, [f"from={base}", *SMALL], out=tmp_path / "probe", problems=8, generations=[file])
    assert not (tmp_path / "probe").exists()


def test_a_model_is_no_probe(base: Path) -> None:
    with pytest.raises(InputError, match="holds a model, not a probe"):
        load_probe(base)


def test_a_step_probe_is_trained_and_measured_but_is_no_detector_of_regret(base: Path, tmp_path: Path) -> None:
    """It answers at the end of a step; asked after a name it would say anything."""
    config = settings(base, "question=step")
    assert train_probe(resolve(config), tmp_path / "probe", ALONE).status == "done"
    report, _ = evaluate_probe(tmp_path / "probe", 20)
    assert report["all"]["share_cannot"] == 0.5
    columns = {str(column.header): [*column.cells] for column in by_operations(report).columns}
    assert "on wrong" in columns
    assert columns["accuracy"][-1] == f"{100 * report['all']['accuracy']:.1f}"  # the unit of all other accuracies
    share = report["all"]["share_cannot"]
    assert columns["always\none"][-1] == f"{100 * max(share, 1 - share):.1f}"
    decoder = parse_decoder(f"regret-version1@{tmp_path / 'probe'}")
    with pytest.raises(InputError, match="question 'step'"):
        load_detector(decoder, load_vocabulary(PROBLEM), torch.device("cpu"), 4, context=512)
