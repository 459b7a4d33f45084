"""What models remember of the tokens they were fed: keys and values, inputs of Canon layers, for a number of rows.

A model states what it needs (`igsm.model.contract`); here it is kept and found again, for everyone who decodes: prompts
(`Prompts`), one new token a row or beam (`Step`), several new tokens a row (`Continuation`, for learned detectors), and
rows of tokens that do not all see each other (`Linked`, for questions that share a trunk; it keeps nothing).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.decoding.attention import attend
from igsm.decoding.batch import Batch, holders
from igsm.model.contract import KeysValues, Slot, look_back


def _shapes(slot: Slot, rows: int, context: int) -> list[tuple[int, ...]]:
    if isinstance(slot, KeysValues):
        return [(rows, slot.heads, context, slot.head_size)] * 2
    return [(rows, context, slot.width)]


class Cache:
    """Room for what a model must remember. Its tensors stay where they are, since recorded CUDA graphs use them.

    Args:
        slots: what must be kept of each token.
        rows: texts that can be kept at once.
        context: positions of a row.
        dtype, device: the model's.
    """

    def __init__(
        self, slots: Sequence[Slot], rows: int, context: int, dtype: torch.dtype, device: torch.device | str
    ) -> None:
        self.tensors = [
            [torch.zeros(shape, dtype=dtype, device=device) for shape in _shapes(slot, rows, context)] for slot in slots
        ]
        """Of each slot: keys and values [rows, heads, context, head_size] each, or inputs [rows, context, width]."""
        self.device = torch.device(device)

    def copy(self, source: Tensor, rows: Tensor) -> None:
        """Row `rows[i]` becomes what row `source[i]` was, int64 [N] each."""
        for tensors in self.tensors:
            for tensor in tensors:
                tensor[rows] = tensor[source]

    @property
    def nbytes(self) -> int:
        """Bytes of all its tensors."""
        return sum(tensor.nbytes for tensors in self.tensors for tensor in tensors)


def row_bytes(slots: Sequence[Slot], context: int, dtype: torch.dtype) -> int:
    """Bytes of cache that a row takes."""
    return Cache(slots, 1, context, dtype, "meta").nbytes


class Prompts:
    """A memory for texts from their beginning, all padded to one length, at the given rows [B] of the cache.

    What it keeps past the end of a shorter one is overwritten before it is ever read.
    """

    def __init__(self, cache: Cache, rows: Tensor) -> None:
        self.cache, self.rows = cache, rows

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `igsm.model.contract.Memory`."""
        keys, values = self.cache.tensors[slot]
        keys[self.rows, :, : k.shape[2]] = k
        values[self.rows, :, : v.shape[2]] = v
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `igsm.model.contract.Memory`."""
        (inputs,) = self.cache.tensors[slot]
        inputs[self.rows, : x.shape[1]] = x
        return look_back(x, back)


class Step:
    """A memory for one new token of each entry of a batch, beams included. Nothing in it waits for the device."""

    def __init__(self, cache: Cache, batch: Batch) -> None:
        self.cache, self.batch = cache, batch
        self._before: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `igsm.model.contract.Memory`."""
        keys, values = self.cache.tensors[slot]
        return attend(q, k, v, keys, values, self.batch)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `igsm.model.contract.Memory`."""
        (inputs,) = self.cache.tensors[slot]
        inputs[self.batch.rows, self.batch.position] = x[:, 0]
        if back not in self._before:  # the same for all layers
            place = self.batch.position[:, None] - torch.arange(1, back + 1, device=x.device)
            exists = (place >= 0)[..., None]
            place = place.clamp_min(0)
            self._before[back] = holders(self.batch, place), place, exists
        holder, place, exists = self._before[back]
        return (inputs[holder, place] * exists).split(1, dim=1)


class Continuation:
    """A memory for several new tokens of each row, which follow what the cache already has of it.

    Args:
        rows: of the cache, one for each text [B].
        starts: position of each text's first new token [B].
        counts: new tokens of each text [B]; all are padded to `width`.
        longest: tokens of the longest text with its new ones.
    """

    def __init__(self, cache: Cache, rows: Tensor, starts: Tensor, counts: Tensor, width: int, longest: int) -> None:
        offsets = torch.arange(width, device=rows.device)
        self.cache, self.rows, self.longest = cache, rows, longest
        self.positions = starts[:, None] + offsets
        """Of each new token [B, width]."""
        self._real = offsets < counts[:, None]
        self._places = rows[:, None].expand_as(self._real)[self._real], self.positions[self._real]
        self._mask = torch.arange(longest, device=rows.device) <= self.positions[:, None, :, None]

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `igsm.model.contract.Memory`."""
        keys, values = self.cache.tensors[slot]
        row, position = self._places
        keys[row, :, position] = k.transpose(1, 2)[self._real].to(keys.dtype)
        values[row, :, position] = v.transpose(1, 2)[self._real].to(values.dtype)
        known = keys[self.rows, :, : self.longest], values[self.rows, :, : self.longest]
        return F.scaled_dot_product_attention(q, *known, attn_mask=self._mask)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `igsm.model.contract.Memory`."""
        (inputs,) = self.cache.tensors[slot]
        inputs[self._places] = x[self._real].to(inputs.dtype)
        place = self.positions[..., None] - torch.arange(1, back + 1, device=x.device)
        exists = (place >= 0)[..., None]
        place = place.clamp(0, self.longest - 1)  # padding may stand beyond the cache
        return (inputs[self.rows[:, None, None], place] * exists).unbind(2)


class Linked:
    """A memory for tokens of which each says which others of its row it sees, and which one it follows.

    Args:
        mask: which keys each query may see, bool [B, 1, L, L].
        before: number of the token that each one follows [B, L]; negative: none.
    """

    def __init__(self, mask: Tensor, before: Tensor) -> None:
        self.mask = mask
        length = before.shape[1]
        # None before it: the place of a row of zeros, which follows itself.
        self._before = F.pad(torch.where(before < 0, length, before), (0, 1), value=length)
        self._rows = torch.arange(len(before), device=before.device)[:, None]

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `igsm.model.contract.Memory`."""
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `igsm.model.contract.Memory`."""
        steps = [self._before]
        while len(steps) < back:
            steps.append(self._before.gather(1, steps[-1]))
        padded = F.pad(x, (0, 0, 0, 1))
        return [padded[self._rows, step[:, : x.shape[1]]] for step in steps]
