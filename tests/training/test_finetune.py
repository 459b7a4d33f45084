"""Fine-tuning: guards against updates that touch the base model, and against runs other commands cannot load."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from igsm.checkpoints import find_checkpoint
from igsm.config import load_config
from igsm.corpus.blocks import documents
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.errors import InputError
from igsm.evaluation.shipped import model_folder
from igsm.mistakes.config import MistakeConfig
from igsm.model import load_model
from igsm.model.checkpoint import save_checkpoint
from igsm.preflight.fit import reads_too_much
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.rundir import read_json, weights_digest
from igsm.training.config import FinetuneConfig, PretrainConfig
from igsm.training.distributed import Ranks
from igsm.training.settings import resolve
from tests.training.toy_training import train_config
from tests.untrained import tiny_nano, write_untrained

SMALL = [
    *("data.context=128", "data.problem.difficulty=nano", "data.windows_per_block=4", "training.steps=4"),
    *("training.batch=4", "training.warmup_steps=1", "training.workers=0", "tracking.mode=disabled"),
]
RANKS = ["lora.query_value_rank=2", "lora.embedding_rank=4", "lora.output_rank=3"]
ALONE = Ranks(torch.device("cpu"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a tiny untrained model."""
    folder = tmp_path_factory.mktemp("runs") / "base"
    write_untrained(folder, tiny_nano())
    return folder


def settings(preset: str, base: Path, *more: str) -> FinetuneConfig:
    return load_config(FinetuneConfig, f"configs/finetune/{preset}.yaml", [f"from={base}", *SMALL, *more])


def test_a_lora_run_loads_merged_and_keeps_what_has_no_update(base: Path, tmp_path: Path) -> None:
    assert train_config(settings("lora", base, *RANKS), tmp_path / "run", ALONE).status == "done"
    before, _ = load_model(base)
    after, config = load_model(tmp_path / "run")
    assert not after.config.tied
    assert after.output is not None
    assert not torch.equal(after.output.weight, before.embedding.weight)
    assert not torch.equal(after.embedding.weight, before.embedding.weight)
    assert not torch.equal(after.blocks[0].attention.qkv.weight, before.blocks[0].attention.qkv.weight)
    assert torch.equal(after.blocks[0].mlp.up.weight, before.blocks[0].mlp.up.weight)
    assert config["data"]["mistakes"]["kind"] == "retry"
    adapter = tmp_path / "run" / "adapter" / "adapter_model.safetensors"
    trained = adapter.read_bytes()
    assert train_config(settings("lora", base, *RANKS), tmp_path / "run", ALONE).status == "done"
    assert adapter.read_bytes() == trained  # guards: the same command again writes updates that nobody trained


@pytest.mark.parametrize("preset", ["continued", "tenth"])
def test_continued_pretraining_trains_all_weights(preset: str, base: Path, tmp_path: Path) -> None:
    assert train_config(settings(preset, base), tmp_path / "run", ALONE).status == "done"
    before, _ = load_model(base)
    after, _ = load_model(tmp_path / "run")
    assert after.config == before.config
    changed = [not torch.equal(a, b) for a, b in zip(after.parameters(), before.parameters(), strict=True)]
    assert all(changed)


def test_a_run_notes_which_weights_it_began_at(base: Path, tmp_path: Path) -> None:
    """Guards: a run that cannot be traced back once the run that it started from has gone on."""
    train_config(settings("continued", base), tmp_path, ALONE)
    checkpoint = find_checkpoint(base)
    noted = {"checkpoint": str(checkpoint), "weights": weights_digest(checkpoint)}
    assert read_json(tmp_path / "provenance.json")["started_from"] == noted


def test_a_lora_run_is_the_base_of_another(base: Path, tmp_path: Path) -> None:
    train_config(settings("lora", base, *RANKS), tmp_path / "one", ALONE)
    assert train_config(settings("continued", tmp_path / "one"), tmp_path / "two", ALONE).status == "done"


def test_a_run_goes_on_under_another_spelling_of_its_start(base: Path, tmp_path: Path) -> None:
    """Guards against "holds a run of another config" for `from=runs/x` instead of `from=./runs/x`."""
    config = settings("continued", base)
    train_config(config, tmp_path / "run", ALONE)
    (tmp_path / "run" / "DONE").unlink()
    other = config.model_copy(update={"from_": f"{base}/../{base.name}"})
    assert train_config(other, tmp_path / "run", ALONE).status == "done"
    shutil.copytree(base, tmp_path / "other")
    with pytest.raises(InputError, match="from is .*base there and .*other here"):
        train_config(config.model_copy(update={"from_": str(tmp_path / "other")}), tmp_path / "run", ALONE)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["data.problem.difficulty=med"], "trained on another vocabulary"),
        (["data.vocabulary=gpt2"], "trained on another vocabulary"),
        (["model.layers=3", "model.heads=1"], "leave it out"),
        (["lora.query_value_rank=0", "lora.embedding_rank=0", "lora.output_rank=0"], "nothing would be trained"),
        (["from=nowhere"], "nowhere: no such run folder"),
    ],
)
def test_what_does_not_go_together_is_refused(base: Path, more: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        resolve(settings("lora", base, *RANKS, *more))


def test_fine_tuning_never_reads_a_problem_of_its_start(base: Path) -> None:
    """Guards: with the same seed fine-tuning read pretraining's problems again, 178 of 178 in a block, in order."""
    start = load_config(PretrainConfig, "configs/pretrain/med.yaml").data.model_copy(update={"windows_per_block": 16})
    tuned = resolve(settings("continued", base)).config
    assert tuned.data.tuning_round == 1
    mistaken = MistakeConfig(kind="retry", rate=0.5)
    rounds = [
        start,
        start.model_copy(update={"mistakes": mistaken}),
        start.model_copy(update={"mistakes": mistaken, "tuning_round": 1}),
        start.model_copy(update={"tuning_round": 2}),
    ]
    texts = [{document.problem_text for document in documents(data, 0, 8)} for data in rounds]
    shared = {(i, j): len(texts[i] & texts[j]) for i in range(4) for j in range(i)}
    assert shared[1, 0] > 10  # the same problems, with and without mistakes: what the arms of a figure share
    assert all(count == 0 for pair, count in shared.items() if pair != (1, 0))


def test_fine_tuning_of_a_fine_tuned_model_reads_a_third_stream(base: Path, tmp_path: Path) -> None:
    assert train_config(settings("continued", base), tmp_path / "first", ALONE).status == "done"
    again = resolve(settings("continued", tmp_path / "first")).config
    assert again.data.tuning_round == 2
    with pytest.raises(InputError, match="tuning_round"):
        resolve(settings("continued", tmp_path / "first", "data.tuning_round=1"))


def test_a_run_keeps_the_numbering_of_its_start(base: Path, tmp_path: Path) -> None:
    """Guards: ids of this version under the weights of a run made before a word was added."""
    folder = tmp_path / "older"
    shutil.copytree(base, folder)
    checkpoint = folder / "checkpoints" / "step_1"
    older = load_vocabulary(ProblemConfig(difficulty="nano"))
    moved = Vocabulary(load_lexicon("nano"), "compact", older.known[1:] + older.known[:1])
    model, _ = load_model(base)
    training = load_config(PretrainConfig, checkpoint / "config.yaml")
    save_checkpoint(checkpoint, model, {}, training, moved.content())
    assert train_config(settings("continued", folder), tmp_path / "tuned", ALONE).status == "done"
    kept = read_json(tmp_path / "tuned" / "checkpoints" / "step_4" / "vocabulary.json")
    assert kept["ids"] == moved.known
    save_checkpoint(checkpoint, model, {}, training, older.content())
    (tmp_path / "tuned" / "DONE").unlink()
    with pytest.raises(InputError, match="other ids than this checkpoint"):
        train_config(settings("continued", folder), tmp_path / "tuned", ALONE)


def test_a_checkpoint_without_vocabulary_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    (folder / "checkpoints" / "step_1" / "vocabulary.json").unlink()
    with pytest.raises(InputError, match="vocabulary.json is missing"):
        load_model(folder)


@pytest.mark.parametrize(("preset", "times"), [("continued", "686"), ("nano/continued", None)])
def test_a_preset_of_another_size_is_told(preset: str, times: str | None) -> None:
    """Guards: days of the paper's fine-tuning begun without a word on a model of minutes."""
    words = [f"from={model_folder('error-free')}", "data.problem.difficulty=trio"]
    config = resolve(load_config(FinetuneConfig, Path(f"configs/finetune/{preset}.yaml"), words)).config
    told = reads_too_much(config)
    assert told is None if times is None else told is not None and f"reads {times} times" in told
