"""A Copilot's run on windows of a pure function of (seed, step), alone or in two processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from igsm.corpus.vocabulary import SOLUTION_START
from igsm.seeds import numpy_generator
from igsm.training.copilot import copilot_task, named, with_rounds
from igsm.training.copilot_config import CopilotRunConfig
from igsm.training.distributed import Ranks, join, leave
from igsm.training.loop import train
from igsm.training.objective import Batch, next_token_batch
from igsm.training.settings import Resolved
from igsm.training.task import Outcome
from tests.training.toy_training import start

CONTEXT = 24


class Windows:
    """Documents of random ids; windows carry loss in different numbers of places."""

    def __init__(self, run: Resolved[CopilotRunConfig], ranks: Ranks, step: int) -> None:
        self.run, self.ranks, self.step = run, ranks, step

    def __iter__(self) -> Iterator[Batch]:
        config, vocabulary = self.run
        batch = config.training.batch
        rows = batch // self.ranks.world_size
        mine = slice(self.ranks.rank * rows, (self.ranks.rank + 1) * rows)
        while True:
            random = numpy_generator(config.seed, "toy windows", self.step)
            tokens = torch.from_numpy(random.integers(5, 30, size=(batch, CONTEXT)))
            tokens[:, [3, 14]], tokens[:, 11] = int(vocabulary.from_gpt2[SOLUTION_START]), vocabulary.end
            carrying = torch.from_numpy(random.random((batch, CONTEXT)) < random.random((batch, 1)))
            yield with_rounds(named(next_token_batch(tokens[mine], carrying[mine])), config, self.ranks, self.step)
            self.step += 1

    def close(self) -> None:
        pass


def toy_train(run: Resolved[CopilotRunConfig], folder: Path, ranks: Ranks) -> Outcome:
    config = run.config
    task = copilot_task(config, run.vocabulary, ranks)
    task = replace(task, batches=lambda step: Windows(run, ranks, step), held_out=None)
    return train(task, config.training, folder, resolved=config, tracking=config.tracking, ranks=ranks)


def run_rank(rank: int, port: int, run: Resolved[CopilotRunConfig], folder: Path) -> int:
    """One of two processes that talk through gloo."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    torch.set_num_threads(1)
    outcome = toy_train(run, folder, join("cpu"))
    leave()
    return 0 if outcome.status == "done" else 1


def on_two_ranks(run: Resolved[CopilotRunConfig], folder: Path) -> list[int]:
    """Train in two processes; returns their exit codes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [start(run_rank, rank, port, run, folder) for rank in range(2)]
    for process in processes:
        process.join(240)
    return [process.exitcode for process in processes]
