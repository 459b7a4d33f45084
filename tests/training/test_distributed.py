"""Several processes compute what one computes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from igsm.training.signals import REQUEUE_EXIT_CODE
from tests.training.toy_training import metrics, on_two_ranks, toy_config, toy_train, weights


def assert_same_run(a: Path, b: Path, step: int) -> None:
    for x, y in zip(metrics(a), metrics(b), strict=True):
        assert x["loss"] == pytest.approx(y["loss"], rel=1e-4)
        assert x["gradient_norm"] == pytest.approx(y["gradient_norm"], rel=1e-3)
        assert x["targets_seen"] == y["targets_seen"]
        assert x["tokens_seen"] == y["tokens_seen"]
    one, other = safetensors.torch.load(weights(a, step)), safetensors.torch.load(weights(b, step))
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=2e-4, rtol=1e-3)


def test_two_processes_equal_one(tmp_path: Path) -> None:
    """Guards: every process's mean weighted equally although masks leave them different numbers of targets."""
    config = toy_config(label_masking="parameter", gradient_clip=0.5, micro_batch=1, steps=12)
    toy_train(config, tmp_path / "one")
    assert on_two_ranks(config, tmp_path / "two") == [0, 0]
    assert_same_run(tmp_path / "two", tmp_path / "one", 12)


def test_two_processes_stop_together_and_one_goes_on(tmp_path: Path) -> None:
    """Guards: a signal to one process leaving the other in a barrier; checkpoints tied to a number of processes."""
    config = toy_config(label_masking="step", steps=30, checkpoint_every=1000, log_every=2)
    toy_train(config, tmp_path / "one")
    assert on_two_ranks(config, tmp_path / "two", signal_at=10) == [REQUEUE_EXIT_CODE] * 2
    assert (tmp_path / "two/checkpoints/step_12").is_dir()
    toy_train(config, tmp_path / "two")
    assert_same_run(tmp_path / "two", tmp_path / "one", 30)


def test_launch_passes_signals_on(tmp_path: Path) -> None:
    """Guards: torchrun's exit code 1 for a run that only wants to be requeued; orphaned processes; processes killed by
    torchrun while they save."""
    (tmp_path / "worker_module.py").write_text(
        "import pathlib, signal, sys, time, os\n"
        "def leave(*_):\n"
        "    time.sleep(2)\n"
        "    pathlib.Path(sys.argv[1], 'saved' + os.environ['RANK']).touch()\n"
        "    sys.exit(75)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "pathlib.Path(sys.argv[1], 'rank' + os.environ['RANK']).touch()\n"
        "time.sleep(60)\n"
    )
    code = (
        "import sys; from igsm.training.distributed import launch as l; sys.exit(l(2, 'worker_module', sys.argv[1:]))"
    )
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    environment["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = "1"  # what torchrun would allow
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    end = time.monotonic() + 60
    while not ((tmp_path / "rank0").exists() and (tmp_path / "rank1").exists()):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == REQUEUE_EXIT_CODE
    assert sorted(path.name for path in tmp_path.glob("saved*")) == ["saved0", "saved1"]
