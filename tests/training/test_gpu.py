"""What only a CUDA device can show: `make gpu-check`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from igsm.training.distributed import Ranks
from tests.training.toy_training import ToyConfig, ToyWindows, metrics, toy_config, toy_train, weights

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings("ignore"),
]


def on_cuda(config: ToyConfig, **training: object) -> ToyConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"device": "cuda"} | training)})


def ranks() -> Ranks:
    return Ranks(torch.device("cuda", 0))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "bfloat16_residual"])
@pytest.mark.parametrize("compiled", ["off", "default"])
@pytest.mark.parametrize("canon", ["none", "AC"])
def test_it_learns_on_cuda_as_on_the_cpu(tmp_path: Path, canon: str, precision: str, compiled: str) -> None:
    """Guards: a compiled graph, an attention kernel or a dtype that computes something else."""
    shape = {"head_size": 64, "canon": canon}
    config = toy_config(shape, steps=40, batch=16, learning_rate=0.01, label_masking="step")
    toy_train(config, tmp_path / "cpu")
    toy_train(on_cuda(config, precision=precision, compile=compiled), tmp_path / "cuda", ranks())
    losses = [[line["loss"] for line in metrics(tmp_path / name)] for name in ("cpu", "cuda")]
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.01)
    assert losses[1][-1] == pytest.approx(losses[0][-1], rel=0.3, abs=0.1)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_resume_is_exact_with_deterministic_kernels(tmp_path: Path, optimizer: str) -> None:
    """Guards: state that a CUDA run has and the checkpoint does not."""
    config = on_cuda(toy_config({"head_size": 64}, steps=20, optimizer=optimizer), deterministic=True, compile="off")
    toy_train(config, tmp_path / "whole", ranks())
    stop = {"batches": lambda step: ToyWindows(config, ranks(), step, signal_at=9)}
    assert toy_train(config, tmp_path / "stopped", ranks(), **stop).step == 10
    toy_train(config, tmp_path / "stopped", ranks())
    torch.use_deterministic_algorithms(False)
    assert weights(tmp_path / "stopped", 20) == weights(tmp_path / "whole", 20)
