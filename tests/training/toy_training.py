"""A training task that takes milliseconds: windows of a pure function of (seed, step), a two-layer model."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from igsm.config import Config
from igsm.model import GPT, ModelConfig
from igsm.seeds import numpy_generator, torch_seed
from igsm.training.config import FinetuneConfig, PretrainConfig, TrackingConfig, TrainingConfig
from igsm.training.distributed import Ranks, join, leave
from igsm.training.loop import train
from igsm.training.objective import Batch, carries_loss, next_token_batch
from igsm.training.settings import resolve
from igsm.training.signals import REQUEUE_EXIT_CODE
from igsm.training.task import Outcome, Task
from igsm.training.windows import train_windows

CONTEXT, IDS = 16, 32


class ToyConfig(Config):
    seed: int = 1
    model: ModelConfig
    training: TrainingConfig
    tracking: TrackingConfig = TrackingConfig(mode="disabled")


def toy_config(model: dict[str, Any] | None = None, seed: int = 1, **training: Any) -> ToyConfig:
    recipe = {
        "steps": 20,
        "batch": 4,
        "warmup_steps": 4,
        "log_every": 1,
        "checkpoint_every": 5,
        "evaluate_every": 10,
    }
    shape = {"layers": 2, "heads": 2, "head_size": 8, "vocabulary_size": IDS}
    return ToyConfig(
        seed=seed,
        model=ModelConfig(**(shape | (model or {}))),
        training=TrainingConfig(device="cpu", **(recipe | training)),
    )


class ToyWindows:
    """Counting sequences; each window has another share of masked tokens, so ranks have uneven counts."""

    def __init__(self, config: ToyConfig, ranks: Ranks, step: int, signal_at: int | None = None) -> None:
        self.config, self.ranks, self.step, self.signal_at = config, ranks, step, signal_at

    def __iter__(self) -> Iterator[Batch]:
        batch = self.config.training.batch
        rows = batch // self.ranks.world_size
        while True:
            generator = numpy_generator(self.config.seed, "toy windows", self.step)
            tokens = (generator.integers(IDS, size=(batch, 1)) + range(CONTEXT)) % IDS
            share = generator.random((batch, 1))
            roles = (generator.random((batch, CONTEXT)) < share).astype("uint8") * 3
            mine = slice(self.ranks.rank * rows, (self.ranks.rank + 1) * rows)
            if self.step == self.signal_at:
                os.kill(os.getpid(), signal.SIGUSR1)
            self.step += 1
            carrying = carries_loss(torch.from_numpy(roles[mine]), self.config.training)
            yield next_token_batch(torch.from_numpy(tokens[mine]), carrying)

    def close(self) -> None:
        pass


def toy_task(config: ToyConfig, ranks: Ranks, **parts: Any) -> Task:
    torch.manual_seed(torch_seed(config.seed, "initial weights"))
    default: dict[str, Any] = {
        "model": GPT(config.model),
        "batches": lambda step: ToyWindows(config, ranks, step),
        "seed": config.seed,
    }
    return Task(**(default | parts))


def toy_train(config: ToyConfig, folder: Path, ranks: Ranks | None = None, **parts: Any) -> Outcome:
    ranks = ranks or Ranks(torch.device("cpu"))
    task = toy_task(config, ranks, **parts)
    return train(task, config.training, folder, resolved=config, tracking=config.tracking, ranks=ranks)


def train_config(
    config: PretrainConfig | FinetuneConfig, folder: Path, ranks: Ranks | None = None, **parts: Any
) -> Outcome:
    """Pretrain or fine-tune by a config as it was read."""
    return train_windows(resolve(config, folder), folder, ranks or Ranks(torch.device("cpu")), **parts)


def weights(folder: Path, step: int) -> bytes:
    return (folder / f"checkpoints/step_{step}/weights.safetensors").read_bytes()


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def run(config: ToyConfig, folder: Path) -> int:
    """Train and return the exit code of `mistakes pretrain`."""
    return REQUEUE_EXIT_CODE if toy_train(config, folder).status == "requeue" else 0


def run_rank(rank: int, port: int, config: ToyConfig, folder: Path, signal_at: int | None) -> int:
    """One of two processes that talk through gloo; process 1 signals itself before step `signal_at`."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    ranks = join("cpu")
    signalled = signal_at if rank == 1 else None
    outcome = toy_train(config, folder, ranks, batches=lambda step: ToyWindows(config, ranks, step, signalled))
    leave()
    return REQUEUE_EXIT_CODE if outcome.status == "requeue" else 0


def start(function: Callable[..., int], *arguments: Any) -> Any:
    """`function(*arguments)` in a new process, whose exit code is what it returns.

    The processes are forked from one that has imported torch but used nothing of it.
    """
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.toy_training"])
    process = context.Process(target=_exit_with, args=(function, *arguments))
    process.start()
    return process


def _exit_with(function: Callable[..., int], *arguments: Any) -> None:
    torch.set_num_threads(1)
    sys.exit(function(*arguments))


def on_two_ranks(config: ToyConfig, folder: Path, signal_at: int | None = None) -> list[int]:
    """Train in two processes; returns their exit codes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [start(run_rank, rank, port, config, folder, signal_at) for rank in range(2)]
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]
