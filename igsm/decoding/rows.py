"""Greedy decoding and sampling: one row a problem."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Decoder, Generation
from igsm.decoding.streams import uniforms


def sample(logits: Tensor, uniform: Tensor, temperature: float = 1.0, top_k: int = 0) -> Tensor:
    """One token a row by inverting the cumulative distribution.

    Args:
        logits: [N, vocabulary].
        uniform: [N, 1], inside (0, 1).
        temperature: above 0.
        top_k: only the k most probable tokens; 0: all.

    Returns:
        int64 [N].
    """
    if 0 < top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    cumulative = (logits.double() / temperature).softmax(-1).cumsum(-1)
    return (cumulative < uniform * cumulative[:, -1:]).sum(-1).clamp_max(logits.shape[-1] - 1)


class RowDecoder(Decoder):
    """Greedy or sampled continuation.

    Args:
        sampling: sample every token; otherwise take the most probable one.
        temperature, top_k: of sampling.
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
        temperature: float = 1.0,
        top_k: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, **options)
        self.may_sample = self.always_sample = sampling
        self.temperature, self.top_k = temperature, top_k
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
            sampled = sample(logits, uniform, self.temperature, self.top_k)
            sampling = self.sampling[numbers]
            choice = torch.where(sampling, sampled, choice)
            if self.stop_sampling_at is not None:
                self.sampling[numbers] = sampling & (~active | (choice != self.stop_sampling_at))
        self.tokens[numbers, next_position] = torch.where(active, choice, self.tokens[numbers, next_position])
        self.length[numbers] = position + active
        self.active[numbers] = active & (choice != self.end) & (position + 2 < self.limit[numbers])

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
