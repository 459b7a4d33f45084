"""Causal attention of short windows on a CPU: products in bfloat16, in blocks of queries.

torch's fused attention for CPUs is slower in bfloat16 than in float32. Compiled, this takes about half the fused
one's time in float32 at head size 32 and 256 to 512 tokens (docs/benchmarks.md).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCKS = 4
"""Of queries. More leave out more of what comes later, but their products are smaller and slower."""
LONGEST = 512
"""Tokens of a window up to which it was measured to pay; its memory grows with their square."""


def _ranges(length: int) -> list[slice]:
    size = -(-length // BLOCKS)
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


class _BlockedAttention(torch.autograd.Function):
    """Softmax weights are kept before their division by the sum, so that each score meets one exponential only."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None) -> Tensor:
        scale = q.shape[-1] ** -0.5
        positions = torch.arange(q.shape[-2], device=q.device)
        weights, sums, mixed = [], [], []
        for rows in _ranges(q.shape[-2]):
            keys = slice(0, rows.stop)
            scores = (q[..., rows, :] @ k[..., keys, :].transpose(-1, -2)).float()
            hidden = positions[keys] > positions[rows, None] if seen is None else ~seen[..., rows, keys]
            scores = scores.masked_fill(hidden, float("-inf"))
            weight = ((scores - scores.amax(-1, keepdim=True)) * scale).exp()
            sums.append(weight.sum(-1, keepdim=True))
            weights.append(weight.to(v.dtype))
            mixed.append((weights[-1] @ v[..., keys, :]).float() / sums[-1])
        result = torch.cat(mixed, -2)
        ctx.save_for_backward(q, k, v, result, *weights, *sums)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, result, *kept = ctx.saved_tensors
        scale, ranges = q.shape[-1] ** -0.5, _ranges(q.shape[-2])
        of_q, of_k, of_v = [], [], []
        for number, rows in enumerate(ranges):
            keys = slice(0, rows.stop)
            weight, total = kept[number], kept[len(ranges) + number]
            scaled = gradient[..., rows, :].float() / total
            mean = (scaled * result[..., rows, :]).sum(-1, keepdim=True)
            scaled = scaled.to(v.dtype)
            of_v.append(weight.transpose(-1, -2) @ scaled)
            of_weight = (scaled @ v[..., keys, :].transpose(-1, -2)).float()
            of_score = (weight.float() * (of_weight - mean) * scale).to(v.dtype)
            of_q.append(of_score @ k[..., keys, :])
            of_k.append(of_score.transpose(-1, -2) @ q[..., rows, :])
        return torch.cat(of_q, -2), _sum_over_blocks(of_k, ranges), _sum_over_blocks(of_v, ranges), None


def _sum_over_blocks(parts: list[Tensor], ranges: list[slice]) -> Tensor:
    """The gradient of all keys from those of each block's keys, which are the first ones."""
    sums = [sum(part[..., keys, :].float() for part in parts[number:]) for number, keys in enumerate(ranges)]
    return torch.cat(sums, -2).to(parts[0].dtype)  # type: ignore[arg-type]


def blocked_attention(q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None = None) -> Tensor:
    """What each token takes from itself and those before it, float32 [..., T, head_size].

    Args:
        q, k, v: [..., T, head_size]; their products are taken in bfloat16, softmax and sums in float32.
        seen: which tokens each sees, bool [..., T, T]: at least itself, and none that comes later; None: all before it.
    """
    mixed: Tensor = _BlockedAttention.apply(*(x.to(torch.bfloat16) for x in (q, k, v)), seen)
    return mixed
