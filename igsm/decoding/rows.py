"""Greedy decoding and sampling: one row a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Decoder, Generation
from igsm.decoding.streams import uniforms

Draw: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(logits [N, vocabulary], uniform numbers inside (0, 1) [N, 1]) -> one token a row, int64 [N].

It runs within a recorded step: it must not wait for the device, and can hold no state."""


def most_probable(logits: Tensor, top_k: int) -> Tensor:
    """Logits [N, vocabulary] with all but the `top_k` largest of a row at minus infinity; 0: all are kept."""
    if 0 < top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    return logits


def drawn(weights: Tensor, uniform: Tensor) -> Tensor:
    """One token a row by inverting the cumulative distribution.

    Args:
        weights: [N, vocabulary], at least 0; they need not sum to 1.
        uniform: [N, 1], inside (0, 1).

    Returns:
        int64 [N].
    """
    cumulative = weights.cumsum(-1)
    return (cumulative < uniform * cumulative[:, -1:]).sum(-1).clamp_max(weights.shape[-1] - 1)


def sample(logits: Tensor, uniform: Tensor, temperature: float = 1.0, top_k: int = 0) -> Tensor:
    """A `Draw` at a temperature above 0, from the k most probable tokens (0: all)."""
    return drawn((most_probable(logits, top_k).double() / temperature).softmax(-1), uniform)


class RowDecoder(Decoder):
    """Greedy or sampled continuation.

    Args:
        sampling: draw every token; otherwise take the most probable one.
        draw: how tokens are drawn.
        options: of `Decoder`.
    """

    may_sample: bool
    stop_sampling_at: int | None = None

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        sampling: bool = False,
        draw: Draw = sample,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, **options)
        self.may_sample = self.always_sample = sampling
        self.draw = draw
        self.sampling = torch.zeros_like(self.active)

    def start(self, numbers: Tensor) -> None:
        self.sampling[numbers] = self.always_sample

    def step(self, numbers: Tensor, longest: int) -> None:
        position = self.length[numbers]
        batch = Batch(numbers, position, longest, 1, position + 1, self.engine.source)
        logits = self.engine.logits(self.tokens[numbers, position], batch)
        choice = logits.argmax(-1)
        active, next_position = self.active[numbers], position + 1
        if self.may_sample:
            uniform = uniforms(self.key[numbers], self.attempt[numbers], next_position)
            sampled = self.draw(logits, uniform)
            sampling = self.sampling[numbers]
            choice = torch.where(sampling, sampled, choice)
            if self.stop_sampling_at is not None:
                self.sampling[numbers] = sampling & (~active | (choice != self.stop_sampling_at))
        self.note(numbers, logits, choice)
        self.tokens[numbers, next_position] = torch.where(active, choice, self.tokens[numbers, next_position])
        self.length[numbers] = position + active
        self.active[numbers] = active & (choice != self.end) & (position + 2 < self.limit[numbers])

    def note(self, numbers: Tensor, logits: Tensor, choice: Tensor) -> None:
        """What these units choose next of which logits, for decoders that want to know."""

    def result(self, number: int) -> Generation:
        unit = self.occupied[number]
        tokens = self.tokens[number, len(unit.request.prompt) : unit.length + 1].tolist()
        return Generation(
            unit.request.index,
            tokens,
            finished=bool(tokens) and tokens[-1] == self.end,
            rollbacks=unit.rollbacks,
            n_generated=unit.rolled_back_tokens + len(tokens),
        )


class ScoredRowDecoder(RowDecoder):
    """The same with the mean log-probability of the tokens, by the model as it is (at temperature 1), as the score."""

    def __init__(self, engine: Engine, end: int, **options: Any) -> None:
        super().__init__(engine, end, **options)
        self.total = torch.zeros_like(self.length, dtype=torch.float32)

    def start(self, numbers: Tensor) -> None:
        super().start(numbers)
        self.total[numbers] = 0.0

    def note(self, numbers: Tensor, logits: Tensor, choice: Tensor) -> None:
        own = logits.log_softmax(-1).gather(1, choice[:, None])[:, 0]
        self.total[numbers] += own * self.active[numbers]

    def result(self, number: int) -> Generation:
        found = super().result(number)
        return replace(found, score=float(self.total[number]) / max(1, len(found.tokens)))
