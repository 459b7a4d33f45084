"""What a training step of a small model costs on one CPU core here and in another checkout, and whether losses agree.

Run with ``python -m benchmarks.step OTHER [--steps 200] [--seeds 3] [--set training.compile=off ...]
[--here data.context=128 training.batch=32 ...]``. For each seed
two processes, one a checkout, take their steps in turn on the same windows, which are made before the clock runs; a
step is measured in processor time. The first steps, which compile, are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

OVERRIDES = [
    "data.context=256",
    "model.layers=3",
    "model.heads=2",
    "model.head_size=32",
    "model.qk_norm=true",
    "training.learning_rate=0.01",
    "training.batch=16",
    "training.compile=default",
]
"""Over configs/pretrain/mini.yaml: three layers with QK-norm."""
WARMUP = 5


def serve(settings: list[str], seed: int) -> None:
    """In a process of its own: a step for every line of standard input; prints its seconds and its mean loss."""
    import torch

    from igsm.config import load_config
    from igsm.model import GPT
    from igsm.training.config import PretrainConfig
    from igsm.training.distributed import Ranks
    from igsm.training.execution import Execution
    from igsm.training.optimizers import Optimizers
    from igsm.training.schedules import learning_rate
    from igsm.training.settings import resolve
    from igsm.training.windows import window_batches

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config, vocabulary = resolve(load_config(PretrainConfig, "configs/pretrain/mini.yaml", settings))
    ranks = Ranks(torch.device("cpu"))
    model = GPT(config.model)
    optimizers = Optimizers(model, config.training)
    execution = Execution(config.data.method.objective(model), config.training, ranks)
    for step, batch in enumerate(window_batches(config.data, config.training, ranks, seed * 10_000, vocabulary)):
        if not sys.stdin.readline():
            return
        began = time.process_time()
        sums = execution.gradients(batch)
        optimizers.step(learning_rate(config.training, step))
        optimizers.zero_grad()
        print(time.process_time() - began, float(sums.loss / sums.count), flush=True)


class Side:
    """A checkout's process, and what it measured: seconds and losses of its steps."""

    def __init__(self, checkout: Path, settings: list[str], seed: int) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(checkout), "--serve", str(seed), "--set", *settings],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def step(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds, loss = self._process.stdout.readline().split()
        self.seconds.append(float(seconds))
        self.losses.append(float(loss))

    def close(self) -> None:
        self._process.communicate()


def compare(other: Path, steps: int, seeds: int, settings: list[str], ours: list[str]) -> None:
    here = Path(__file__).resolve().parent.parent
    for seed in range(1, seeds + 1):
        sides = [Side(other.resolve(), OVERRIDES + settings, seed), Side(here, OVERRIDES + settings + ours, seed)]
        for _ in range(WARMUP + steps):
            for side in sides:
                side.step()
        for side in sides:
            side.close()
        pairs = list(zip(*(side.seconds[WARMUP:] for side in sides), strict=True))
        there, now = (1000 * statistics.median(side.seconds[WARMUP:]) for side in sides)
        ratio = statistics.median(before / after for before, after in pairs)
        print(f"seed {seed}: {there:.0f} ms there, {now:.0f} ms here, ratio {ratio:.2f}")
        fifth = max(1, steps // 5)
        for end in range(WARMUP + fifth, WARMUP + steps + 1, fifth):
            means = [statistics.mean(side.losses[end - fifth : end]) for side in sides]
            print(
                f"  mean loss of steps {end - fifth + 1} to {end}: {means[0]:.4f} there, {means[1]:.4f} here",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], help="more overrides of configs/pretrain/mini.yaml")
    parser.add_argument("--here", nargs="*", default=[], help="overrides for this checkout alone")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.set, given.serve)
    else:
        compare(given.other, given.steps, given.seeds, given.set, given.here)
