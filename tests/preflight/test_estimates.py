"""Estimates must be near what work takes, and never above it: they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from igsm.corpus.blocks import documents
from igsm.corpus.config import DataConfig
from igsm.corpus.generate import generate
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.model import GPT, ModelConfig
from igsm.model.config import LoRAConfig
from igsm.model.lora import add_lora, merge_lora
from igsm.preflight import estimates, evaluation
from igsm.preflight.check import Need, check, must_be_enough
from igsm.preflight.evaluation import check_evaluation
from igsm.preflight.fit import check_fit, document_lengths
from igsm.preflight.resources import free_disk, free_memory
from igsm.preflight.work import Training, corpus_work
from igsm.problems.difficulty import ProblemConfig
from igsm.training.config import TrainingConfig
from tests.training.toy_training import toy_config, toy_train

SHAPES = [
    ModelConfig(layers=3, heads=2, vocabulary_size=200),
    ModelConfig(layers=2, heads=3, vocabulary_size=100, tied=False, canon="AC"),
    ModelConfig(layers=2, heads=3, vocabulary_size=100, architecture="llama"),
]
UPDATES = LoRAConfig(query_value_rank=2, embedding_rank=4, output_rank=3)


@pytest.mark.parametrize("shape", SHAPES, ids=["gpt2", "canon", "llama"])
def test_weights_are_counted(shape: ModelConfig) -> None:
    model = GPT(shape)
    whole = sum(weight.numel() for weight in model.parameters())
    assert 0.97 * whole < estimates.n_weights(shape) <= whole
    add_lora(model, UPDATES)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert estimates.n_trained(shape, UPDATES) == trained
    assert UPDATES.merged(shape) == merge_lora(model).config


MEASURE = """
import re, sys, torch
from igsm.model import GPT, ModelConfig
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.execution import Execution
from igsm.training.objective import CrossEntropy, batch_of
from igsm.training.optimizers import Optimizers
# not ru_maxrss, which begins with that of the process that started this one
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
training = TrainingConfig(steps=1, batch=16, warmup_steps=0, optimizer=sys.argv[1], device="cpu", precision="float32")
shape = ModelConfig(layers=6, heads=4, vocabulary_size=2112)
ids = torch.zeros(1, 8, dtype=torch.int64)
(GPT(ModelConfig(layers=1, heads=1, vocabulary_size=64))(ids).sum()).backward()  # what torch takes by itself
before = peak()
model = GPT(shape)
execution = Execution(CrossEntropy(model), training, Ranks(torch.device("cpu")))
optimizers = Optimizers(model, training)
ids = torch.zeros(16, 256, dtype=torch.int64)
execution.gradients(batch_of((ids,), ids))
optimizers.step(0.001)
print(peak() - before)
"""


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_memory_of_a_step_is_no_less_than_estimated(optimizer: str) -> None:
    """Guards: a run refused that would have fitted; an estimate so low that it never refuses."""
    done = subprocess.run([sys.executable, "-c", MEASURE, optimizer], capture_output=True, text=True, check=True)
    measured = int(done.stdout)
    shape = ModelConfig(layers=6, heads=4, vocabulary_size=2112)
    training = TrainingConfig(steps=1, batch=16, warmup_steps=0, optimizer=optimizer, precision="float32")  # type: ignore[arg-type]
    estimated = sum(need.bytes for need in Training(shape, None, training, 256).on_device)
    assert 0.3 * measured < estimated <= measured


def test_checkpoints_take_no_less_than_estimated(tmp_path: Path) -> None:
    config = toy_config({"layers": 2, "heads": 4, "head_size": 32, "vocabulary_size": 512}, checkpoint_every=2, steps=6)
    toy_train(config, tmp_path)
    size = sum(file.stat().st_size for file in (tmp_path / "checkpoints" / "step_6").iterdir())
    assert 0.8 * size < estimates.checkpoint_bytes(config.model, None, config.training) <= size
    assert estimates.n_checkpoints(config.training) == 3  # keep_last=2, and the one being written


@pytest.mark.parametrize(("steps", "keep_every", "left"), [(10, 4, 3), (11, 4, 4), (6, 4, 2), (6, None, 2), (2, 4, 1)])
def test_checkpoints_that_are_kept_are_counted(steps: int, keep_every: int | None, left: int) -> None:
    """Guards: a disk that is full at the hundredth checkpoint of keep_every, three of which were expected."""
    training = toy_config({}, checkpoint_every=2, steps=steps, warmup_steps=1, keep_every=keep_every).training
    saved = [*range(2, steps + 1, 2), *([steps] if steps % 2 else [])]
    kept = [step for step in saved[:-2] if keep_every and not step % keep_every] + saved[-2:]
    assert estimates.n_checkpoints(training, writing=False) == len(kept) == left


def test_shards_take_no_less_than_estimated(tmp_path: Path) -> None:
    data = DataConfig(problem=ProblemConfig(difficulty="nano"), context=128, windows_per_block=8)
    generate(data, tmp_path, windows=800)
    size = sum(file.stat().st_size for file in tmp_path.glob("shard_*"))
    assert 0.8 * size < estimates.SHARD_BYTES_A_TOKEN * 800 * 128 <= size


def test_what_lies_there_already_counts_as_room(tmp_path: Path) -> None:
    """Guards: a resumed corpus refused because its own finished shards have filled the disk."""
    (tmp_path / "shard_000000.bin").write_bytes(bytes(10**6))
    tokens = (free_disk(tmp_path) + 500_000) / estimates.SHARD_BYTES_A_TOKEN
    assert corpus_work(tmp_path, tokens, "shards", "--tokens").there == 10**6
    with pytest.raises(InputError, match="make --tokens smaller"):
        check(corpus_work(tmp_path / "other", 2 * tokens, "shards", "--tokens"))


def test_the_setting_named_is_the_one_that_helps() -> None:
    """Guards: "make the batch smaller" where the weights alone do not fit."""
    weights, states = Need(200, "the weights", "layers"), Need(900, "the states", "micro_batch")
    with pytest.raises(InputError, match=r"at least 1.1 kB .* 100 B are free .* make layers smaller"):
        must_be_enough([weights, states], 100, "here")
    with pytest.raises(InputError, match="make micro_batch smaller"):
        must_be_enough([weights, states], 1000, "here")
    must_be_enough([weights, states], 1100, "here")
    assert (free_memory() or 0) > 10**6


@pytest.mark.parametrize(("difficulty", "context"), [("nano", 64), ("mini", 128)])
def test_lengths_are_those_of_the_documents(difficulty: str, context: int) -> None:
    """Guards the share left out against another law than the data's own, mistakes included."""
    problem, mistakes = ProblemConfig(difficulty=difficulty), MistakeConfig(kind="retry", rate=0.5)
    data = DataConfig(problem=problem, mistakes=mistakes, context=context, windows_per_block=64)
    lengths = document_lengths(data)
    long = data.model_copy(update={"context": 4096})
    vocabulary = load_vocabulary(problem)
    counted = [4 + len(vocabulary.encode_fragments(document.codes)) for document in documents(long, 0, 2)][:-2]
    assert len(lengths) > 300
    assert lengths[: len(counted)].tolist() == counted


def test_a_few_long_documents_are_a_warning() -> None:
    data = DataConfig(problem=ProblemConfig(difficulty="nano"), mistakes=MistakeConfig(kind="retry", rate=0.5))
    assert check_fit(data.model_copy(update={"context": 128})) is None
    said = check_fit(data.model_copy(update={"context": 96}))
    assert said is not None
    assert "set data.context=128" in said
    with pytest.raises(InputError, match="set data.context=128, which 'nano' was made for"):
        check_fit(data.model_copy(update={"context": 48}))


def test_the_share_of_a_corpus_is_that_of_its_manifest(tmp_path: Path) -> None:
    """Guards: a corpus on disk judged by new documents instead of by what was left out of it."""
    problem = ProblemConfig(difficulty="mini")
    data = DataConfig(problem=problem, context=96, windows_per_block=8)
    made = generate(data, tmp_path, windows=64)
    assert made is not None
    share = made.dropped / (made.documents + made.dropped)
    assert 0.1 < share < 0.5
    said = check_fit(data.model_copy(update={"path": str(tmp_path)}))
    assert said is not None
    assert f"{share:.0%} of {made.documents + made.dropped:,} documents" in said


def test_every_preset_fits(tmp_path: Path) -> None:
    """Guards: a shipped preset refused or warned about for its documents."""
    from igsm.config import load_config
    from igsm.training.config import PretrainConfig
    from igsm.training.settings import resolve

    for preset in sorted((Path(__file__).resolve().parents[2] / "configs/pretrain").glob("*.yaml")):
        config = resolve(load_config(PretrainConfig, preset)).config
        assert check_fit(config.data) is None


def test_rows_on_a_gpu_are_not_held_against_this_machines_memory(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: an evaluation refused on a machine whose GPU has more memory than its host has free."""
    options = {"batch": 10**10, "context": None, "precision": "auto", "devices": None}
    arguments = ([base], "op=3", [parse_decoder("greedy")], 10**10)
    monkeypatch.setattr(evaluation, "may_have_gpu", lambda: False)
    with pytest.raises(InputError, match="make --batch smaller"):
        check_evaluation(*arguments, **options)
    monkeypatch.setattr(evaluation, "may_have_gpu", lambda: True)
    check_evaluation(*arguments, **options)
    with pytest.raises(InputError, match="make --batch smaller"):
        check_evaluation(*arguments, **options | {"devices": ["cpu"]})


def test_a_batch_without_room_for_the_beams_of_a_problem_is_refused(base: Path) -> None:
    """Guards: --batch 2 silently taken for 4 by a decoder of 4 beams."""
    options = {"batch": 2, "context": None, "precision": "auto", "devices": ["cpu"]}
    with pytest.raises(InputError, match="--batch 2: beam4 takes 4 rows for one problem"):
        check_evaluation([base], "op=3", [parse_decoder("greedy"), parse_decoder("beam4")], 8, **options)
