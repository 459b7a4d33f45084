"""What the positions of a Copilot see of each other, in whole windows and from a decoder's memory."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.model.blocked_attention import LONGEST, blocked_attention
from igsm.model.contract import Memory

CLOSED = -1e4
"""Attention score of what must not be seen: its weight is exactly 0, in bfloat16 too."""
EXTRA = 8
"""Numbers by which a key is longer where it must be possible to close it."""


class Parts(NamedTuple):
    """How the tokens of rows belong together, see `parts_of`."""

    documents: Tensor
    """Number of each token's document in its row, int64 [B, T]."""
    answering: Tensor
    """Which positions are the answer's, bool [B, T]."""


def parts_of(ids: Tensor, end: int, solution_start: int) -> Parts:
    """Documents and answers of rows of ids [B, T].

    The token after a document's last one begins the next, as in a prompt: END opens a document and predicts nothing of
    the one before.

    Args:
        end, solution_start: ids that end a document, and that stand before its solution.
    """
    ends = ids == end
    begun = (ids == solution_start).cumsum(1)
    before = torch.where(ends, begun, 0).cummax(1).values
    return Parts(ends.cumsum(1), begun > before)


class Sight(Protocol):
    """What a layer sees of the other positions."""

    def mix(self, slot: int, crossing: bool, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mixed values; all are [B, heads, T, head_size].

        Args:
            slot: of the layer, in a memory.
            crossing: whether it looks at the sources; else at the Copilot's own states in the answer.
        """
        ...


class Windows:
    """Sight of whole rows: no position sees another document, and none a later one.

    Args:
        in_blocks: whether products are in bfloat16, see `blocked_attention`.
        in_float32: whether they are in float32 where those are not, under autocast too.
    """

    def __init__(self, parts: Parts, in_blocks: bool = False, in_float32: bool = False) -> None:
        length = parts.documents.shape[1]
        self._in_blocks, self._in_float32 = in_blocks and length <= LONGEST, in_float32
        place = torch.arange(length, device=parts.documents.device)
        same = parts.documents[:, :, None] == parts.documents[:, None]
        self._earlier = (same & (place[:, None] >= place))[:, None]
        # Each position sees itself, also those of the problem, which nobody asks: a row of scores is never empty.
        self._answer = self._earlier & (parts.answering[:, None] | (place[:, None] == place))[:, None]

    def mix(self, slot: int, crossing: bool, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `Sight`."""
        mask = self._earlier if crossing else self._answer
        if self._in_blocks:
            with torch.autocast(q.device.type, enabled=False):
                return blocked_attention(q, k, v, mask)
        if self._in_float32 and torch.is_autocast_enabled(q.device.type):
            with torch.autocast(q.device.type, enabled=False):
                return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class Remembered:
    """Sight of what a decoder's memory holds of the tokens before. Keys of the problem are closed to self-attention.

    Args:
        answering: bool [B, T], of the new tokens.
    """

    def __init__(self, memory: Memory, answering: Tensor) -> None:
        self._memory = memory
        self._closed = torch.where(answering, 0.0, CLOSED)[:, None, :, None]

    def mix(self, slot: int, crossing: bool, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `Sight`."""
        if crossing:
            return self._memory.attend(slot, q, k, v)
        size = q.shape[-1]
        # One more number in each key, times 1 in each query; what attends divides by the root of the longer size.
        ones = torch.full_like(q[..., :1], (size + EXTRA) ** 0.5)
        closed = self._closed.expand(*k.shape[:-1], 1).to(k.dtype)
        q, k = _longer(q * ((size + EXTRA) / size) ** 0.5, ones), _longer(k, closed)
        return self._memory.attend(slot, q, k, F.pad(v, (0, EXTRA)))[..., :size]


def _longer(x: Tensor, number: Tensor) -> Tensor:
    """Heads [..., size] with a further number [..., 1], then zeros."""
    return torch.cat((x, F.pad(number, (0, EXTRA - 1))), -1)
