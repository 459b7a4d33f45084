"""What the loop is given and what it gives back: a task, how its training ended, why it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import nn

from igsm.training.objective import Batch, CrossEntropy, Objective


class TrainingError(Exception):
    """The loss is not finite or explodes. The message names the last good checkpoint."""


class Batches(Protocol):
    """This process's share of every step's batch, and an end to the processes that make it."""

    def __iter__(self) -> Iterator[Batch]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Task:
    """What is trained, on what.

    Attributes:
        model: what checkpoints hold. Parameters that do not require gradients stay as they are.
        batches: from a step on, this process's share of each batch.
        objective: puts what is minimised around the model.
        held_out: this process's share of the held-out batches, the same at every call.
        evaluate: called by the first process with the model and the steps done; what it returns is logged.
        seed: of dropout.
        vocabulary: what the model's ids stand for (`Vocabulary.content`); part of every checkpoint.
    """

    model: nn.Module
    batches: Callable[[int], Batches]
    objective: Callable[[nn.Module], Objective] = CrossEntropy
    held_out: Callable[[], Iterator[Batch]] | None = None
    evaluate: Callable[[nn.Module, int], dict[str, float]] | None = None
    seed: int = 0
    vocabulary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How `train` ended: all steps done, or saved at `step` because a signal or Ctrl-C ("interrupted") asked for it."""

    status: Literal["done", "requeue", "interrupted"]
    step: int
    began_at: int = 0
    """Steps that were done before."""
