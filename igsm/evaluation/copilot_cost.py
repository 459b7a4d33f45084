"""What a Copilot costs in training and in decoding, beside its Pilot alone, on this machine's processor.

Seconds are those that this process has computed, which other processes do not lengthen as they do the clock's. Steps
with and without the Copilot take turns, and each number is a median. Steps are computed as in training, compiled where
the run was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from igsm.checkpoints import CONFIG, find_stored
from igsm.config import build_config
from igsm.corpus.vocabulary import read_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.decoders.beside import Beside
from igsm.evaluation.chosen import validation_cell
from igsm.evaluation.generate import generations
from igsm.evaluation.runs import load_run
from igsm.evaluation.testsets import load_test_set
from igsm.model import load_model
from igsm.training.budget import companion_weights, operations_a_token
from igsm.training.copilot import copilot_task
from igsm.training.copilot_config import CopilotRunConfig
from igsm.training.distributed import Ranks
from igsm.training.execution import Execution
from igsm.training.optimizers import Optimizers
from igsm.training.task import Task
from igsm.training.windows import window_task

TURNS = 5
"""Steps and decodings of each kind."""
PROBLEMS = 16
"""Validation problems that are decoded."""


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor, and the multiplications with weights that FLOPs are counted by.

    Attributes:
        alone, both: of a step of training, or of a decoded token; `alone` is the Pilot's, which learns.
        weights_alone, weights_both: that a token meets; in training a weight that is only read counts a third.
    """

    alone: float
    both: float
    weights_alone: float
    weights_both: float

    @property
    def more_time(self) -> float:
        """By which share it takes longer."""
        return self.both / self.alone - 1

    @property
    def more_flops(self) -> float:
        """By which share there are more FLOPs: 6 a weight and token in training, 2 in decoding."""
        return self.weights_both / self.weights_alone - 1


def measure_cost(path: str | Path) -> dict[str, Cost]:
    """Costs of "training" (of a step) and "decoding" (of a token, greedy).

    Args:
        path: run of `mistakes copilot`, or a checkpoint of one; it stays as it is.

    Raises:
        InputError: no such run.
    """
    checkpoint, stored = find_stored(path, "copilot")
    config = build_config(CopilotRunConfig, stored, str(checkpoint / CONFIG))
    vocabulary = read_vocabulary(checkpoint, config.data.problem, config.data.vocabulary)
    ranks = Ranks(torch.device("cpu"))
    starting = config.model_copy(update={"from_": str(checkpoint)})
    pair = copilot_task(starting, vocabulary, ranks)
    pilot = load_model(checkpoint)[0]
    alone = window_task(pilot, config.data, config.training, ranks, config.seed, vocabulary, None)
    training = _by_turns((_step(alone, config, ranks), _step(pair, config, ranks)))

    run = load_run(checkpoint)
    cell = validation_cell(config.validation, config.data.problem)
    tests = load_test_set(cell, config.data.problem, vocabulary, PROBLEMS, 0)
    greedy = parse_decoder("greedy")
    tokens = [0, 0]

    def decode(number: int) -> None:
        beside = Beside("copilot", str(checkpoint), 1.0) if number else None
        with run.decoding(replace(greedy, beside=beside), devices=["cpu"]) as decoding:
            marks = run.data.method.prompt
            records = generations(decoding, tests.problems, "cost", marks=marks, examples=run.examples)
            tokens[number] = sum(record["generated_tokens"] for record in records)

    decoded = _by_turns((lambda: decode(0), lambda: decode(1)))
    weights = pilot.config.multiplied_weights
    trained = (float(weights), operations_a_token(config) / 6)
    alone_token, both_token = (seconds / max(1, count) for seconds, count in zip(decoded, tokens, strict=True))
    decoding = Cost(alone_token, both_token, weights, weights + companion_weights(config))
    return {"training": Cost(*training, *trained), "decoding": decoding}


def _step(task: Task, config: CopilotRunConfig, ranks: Ranks) -> Callable[[], None]:
    """A step of training, without the drawing of its windows."""
    model = task.model.train()
    optimizers = Optimizers(model, config.training)
    execution = Execution(task.objective(model), config.training, ranks)
    batches = iter(task.batches(0))
    batch = next(batches)

    def step() -> None:
        with execution.context():
            execution.gradients(batch)
        optimizers.step(config.training.learning_rate)
        optimizers.zero_grad()

    return step


def _by_turns(works: tuple[Callable[[], None], Callable[[], None]]) -> tuple[float, float]:
    """Median seconds of each, after two that do not count: the first ones compile."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(-2, TURNS):
        for work, taken in zip(works, seconds, strict=True):
            began = time.process_time()
            work()
            if turn >= 0:
                taken.append(time.process_time() - began)
    return median(seconds[0]), median(seconds[1])
