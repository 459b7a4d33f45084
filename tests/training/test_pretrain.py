"""Pretraining on windows of problems, from the generator or from files, and its commands."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from cli.inspect import _print_curves, sparkline
from cli.main import main
from igsm.config import load_config, load_yaml
from igsm.corpus.config import DataConfig
from igsm.corpus.generate import generate
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.model import ModelConfig, load_model
from igsm.problems.difficulty import ProblemConfig
from igsm.training.config import PretrainConfig, TrackingConfig, TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.settings import resolve
from igsm.training.signals import REQUEUE_EXIT_CODE, children_spared
from igsm.training.task import Outcome
from igsm.training.windows import held_out_batches
from tests.training.toy_training import metrics, train_config, weights

ALONE = Ranks(torch.device("cpu"))
ROOT = Path(__file__).parents[2]
PRESETS = sorted((ROOT / "configs/pretrain").glob("*.yaml"))
NANO = ROOT / "configs/pretrain/nano.yaml"
SMALL = ["model.layers=1", "model.heads=1", "model.head_size=16", "training.steps=6", "training.warmup_steps=2"]
SMALL += ["training.batch=4", "training.workers=0", "training.evaluate_problems=0", "training.held_out_windows=4"]
SMALL += ["data.windows_per_block=4", "training.checkpoint_every=4", "training.log_every=1", "training.device=cpu"]


def small_config(
    path: str | None = None, mistakes: MistakeConfig = MistakeConfig(), **problem: object
) -> PretrainConfig:
    data = DataConfig(
        problem=ProblemConfig(difficulty="nano", **problem),  # type: ignore[arg-type]
        mistakes=mistakes,
        context=128,
        windows_per_block=4,
        path=path,
    )
    training = TrainingConfig(
        steps=6, batch=4, warmup_steps=2, log_every=1, evaluate_every=3, held_out_windows=4, label_masking="step"
    )
    model = ModelConfig(layers=1, heads=1, head_size=16)
    return PretrainConfig(data=data, model=model, training=training, tracking=TrackingConfig(mode="disabled"))


def test_files_and_generator_give_the_same_weights(tmp_path: Path) -> None:
    """Guards: other windows, masks or order from shards than on the fly."""
    mistakes = MistakeConfig(kind="retry", rate=0.5)
    config = small_config(mistakes=mistakes)
    generate(config.data, tmp_path / "data", windows=24)
    on_the_fly = train_config(config, tmp_path / "a", ALONE)
    from_files = train_config(small_config(str(tmp_path / "data"), mistakes), tmp_path / "b", ALONE)
    assert on_the_fly == from_files == Outcome("done", 6)
    assert weights(tmp_path / "a", 6) == weights(tmp_path / "b", 6)
    assert all(line["masked_share"] > 1 / 128 for line in metrics(tmp_path / "a") if "loss" in line)
    assert [line["step"] for line in metrics(tmp_path / "a") if "held_out_loss" in line] == [3, 6]


def test_too_few_files_are_an_error_at_the_start(tmp_path: Path) -> None:
    """Guards: a stop in the middle of a run, or windows seen twice."""
    config = small_config()
    generate(config.data, tmp_path / "data", windows=16)
    with pytest.raises(InputError, match="4 batches of 4 windows"):
        train_config(small_config(str(tmp_path / "data")), tmp_path / "run", ALONE)


def test_a_lexicon_too_small_for_the_problems_leaves_no_run_folder(tmp_path: Path) -> None:
    """Guards: the lexicon's size found out by the data loader, with the run's config already written."""
    with pytest.raises(InputError, match="the deepest problem needs 3"):
        train_config(small_config(depths=(3,)), tmp_path / "run", ALONE)
    assert not (tmp_path / "run").exists()


def test_held_out_windows_are_the_test_splits_and_stay() -> None:
    config = small_config()
    held_out = held_out_batches(config.data, config.training, ALONE)
    first, again = next(held_out()), next(held_out())
    assert torch.equal(first.inputs[0], again.inputs[0])
    other = DataConfig(problem=ProblemConfig(difficulty="nano", split="test"), context=128, windows_per_block=4)
    same = held_out_batches(other, config.training, ALONE)
    assert np.array_equal(next(same()).inputs[0], first.inputs[0])


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_are_complete(preset: Path) -> None:
    """Guards trap 6: templates that crash as shipped."""
    config = resolve(load_config(PretrainConfig, preset)).config
    assert config.model.vocabulary_size is not None
    assert config.data.path is None
    assert config.data.context == config.data.problem.problem_class.context
    assert config.training.batch % (config.training.micro_batch or 1) == 0


@pytest.mark.parametrize(
    ("name", "context", "batch", "steps", "weight_decay"),
    [("med", 768, 512, 100_000, 0.05), ("hard", 1024, 256, 200_000, 0.03)],
)
def test_the_papers_recipe_to_the_letter(name: str, context: int, batch: int, steps: int, weight_decay: float) -> None:
    """Guards: a preset drifting from Part 2.2 appendix D."""
    config = resolve(load_config(PretrainConfig, NANO.with_stem(name))).config
    training, model = config.training, config.model
    assert (config.data.context, training.batch, training.steps) == (context, batch, steps)
    assert (training.learning_rate, training.weight_decay, training.betas) == (0.002, weight_decay, (0.9, 0.98))
    assert (training.schedule, training.warmup_steps, training.final_ratio) == ("cosine", 1000, 0.01)
    assert (training.optimizer, training.loss_on, training.gradient_clip) == ("adamw", "all", None)
    assert (model.architecture, model.layers, model.heads, model.head_size) == ("gpt2", 12, 12, 64)
    assert (model.tied, model.dropout, model.qk_norm) == (True, 0.0, False)
    assert config.data.problem.problem_class.modulus == 23


def mistakes(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command line in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["mistakes", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_pretrain_and_inspect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards: options that do not reach the run; a folder from which the model cannot be rebuilt."""
    run = tmp_path / "run"
    assert mistakes(monkeypatch, "pretrain", NANO, *SMALL, "--out", run, "--tracker", "none") == 0
    assert load_yaml(run / "config.yaml")["tracking"]["mode"] == "disabled"
    assert load_model(run)[0].config.layers == 1
    capsys.readouterr()
    assert mistakes(monkeypatch, "inspect", run) == 0
    shown = capsys.readouterr().out
    for expected in ("finished, step 6 of 6", "loss", "tokens", "step_6", "whole", "parameters", "held out loss"):
        assert expected in shown
    assert "model.layers" in shown
    assert "attention" not in shown  # as every run has it
    assert max(map(len, shown.replace(str(run), "RUN").splitlines())) <= 80
    assert mistakes(monkeypatch, "inspect", run.parent) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert line.split()[:3] == ["run", "pretrain", "6"]
    assert mistakes(monkeypatch, "inspect", run, "--json") == 0
    shown_as_json = json.loads(capsys.readouterr().out)
    assert (shown_as_json["step"], shown_as_json["finished"]) == (6, True)
    assert "loss" in shown_as_json["metrics"]
    assert mistakes(monkeypatch, "pretrain", NANO, *SMALL, "--out", run, "training.batch=8") == 2
    assert "training.batch is 4 there and 8 here" in capsys.readouterr().err


def test_config_prints_what_a_run_would_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    changes = "training.steps=3000", "data.mistakes.rate=0.2", "data.mistakes.kind=retry"
    assert mistakes(monkeypatch, "config", NANO, *changes) == 0
    (tmp_path / "printed.yaml").write_text(capsys.readouterr().out)
    config = load_config(PretrainConfig, tmp_path / "printed.yaml")
    assert config.training.steps == 3000
    assert config.model.vocabulary_size is not None
    assert mistakes(monkeypatch, "config", NANO, "training.stepz=3") == 2
    assert "did you mean 'steps'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "shown"),
    [("finetune/lora", "query_value_rank:"), ("finetune/continued", "from: runs/"), ("probe/step", "row_length:")],
)
def test_config_prints_every_kind_of_preset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], preset: str, shown: str
) -> None:
    """Guards against presets of fine-tuning and probes checked against the settings of pretraining."""
    path = Path(__file__).resolve().parents[2] / "configs" / f"{preset}.yaml"
    assert mistakes(monkeypatch, "config", path, "training.steps=5000") == 0
    output = capsys.readouterr().out
    assert "  steps: 5000\n" in output
    assert shown in output


def test_a_step_that_was_left_out_has_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    line = {"step": 1, "loss": 2.0, "gradient_norm": 1.0, "tokens_per_second": 5.0, "tokens_seen": 8}
    _print_curves([line, {"step": 2, "tokens_per_second": 5.0, "tokens_seen": 16}, {"step": 2, "held_out_loss": 3.0}])
    shown = [row.split("  ")[1] for row in capsys.readouterr().out.splitlines()]
    assert shown == ["loss", "gradient norm", "tokens/s", "held out loss"]


def test_sparkline() -> None:
    assert sparkline([3, 2, 1]) == "█▅▁"
    assert sparkline([1.0] * 5) == "▁▁▁▁▁"
    assert len(sparkline(list(range(1000)), 60)) <= 60
    assert sparkline([1.0, math.nan, 3.0]) == "▁?█"


def stop_whole_group(folder: Path) -> int:
    """Train with data workers in a process group, all of which gets SIGTERM at step 3."""
    config = small_config()
    training = config.training.model_copy(update={"workers": 2, "steps": 500, "batch": 64, "evaluate_every": 3})
    config = config.model_copy(update={"training": training})
    workers = []

    def evaluate(model: object, step: int) -> dict[str, float]:
        workers.extend(multiprocessing.active_children())
        os.killpg(0, signal.SIGTERM)
        time.sleep(0.5)
        workers.append([worker.is_alive() for worker in workers])
        return {}

    outcome = train_config(config, folder, ALONE, evaluate=evaluate)
    return REQUEUE_EXIT_CODE if outcome == Outcome("requeue", 4) and workers[-1] == [True, True] else 1


def test_data_workers_outlive_a_signal_to_the_whole_group(tmp_path: Path) -> None:
    """Guards: torchrun and SLURM signal whole groups; a rank without data could not come to the common stop."""
    code = "import sys; from tests.training.test_pretrain import *; sys.exit(stop_whole_group(Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], cwd=ROOT, start_new_session=True)
    assert done.returncode == REQUEUE_EXIT_CODE
    assert (tmp_path / "run/checkpoints/step_4").is_dir()


def test_blocked_signals_reach_data_workers_never_and_this_process_afterwards() -> None:
    """Guards: a mask left behind in the training process, which could then not be stopped."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with children_spared():
        inside = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert {signal.SIGTERM, signal.SIGUSR1} <= inside
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
