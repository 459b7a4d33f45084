"""Greedy decoding and sampling: one row a problem."""

from __future__ import annotations

import torch
from torch import Tensor

from igsm.decoding.attention import Batch
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Decoder, Generation, Unit
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
        max_new_tokens: int | None = None,
        sync_every: int | None = None,
    ) -> None:
        super().__init__(engine, end, max_new_tokens=max_new_tokens, sync_every=sync_every)
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

    @torch.inference_mode()
    def inspect(self, numbers: list[int]) -> list[tuple[int, Generation]]:
        where = self._tensor(numbers)
        lengths, active = torch.stack((self.length[where], self.active[where].long())).tolist()
        finished = []
        for number, length, still_active in zip(numbers, lengths, active, strict=True):
            unit = self.occupied[number]
            unit.length = length
            if not still_active:
                start = len(unit.request.prompt)
                finished.append((number, self._generation(unit, self.tokens[number, start : length + 1].tolist())))
        return finished

    def _generation(self, unit: Unit, tokens: list[int]) -> Generation:
        return Generation(
            unit.request.index,
            tokens,
            finished=bool(tokens) and tokens[-1] == self.end,
            retries=unit.retries,
            n_generated=unit.withdrawn + len(tokens),
        )
