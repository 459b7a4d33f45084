"""What decoding needs of a language model, and what a layer needs of earlier tokens.

A layer that looks at earlier tokens states what must be kept of each token (`KeysValues`, `Inputs`): its slot. It asks
a `Memory` for what it kept; without one it looks back within the batch. `igsm.decoding.cache` has the memories of
decoders, learned detectors and question trees. A further kind of memory is a class of slots and a method here, and its
storage there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class KeysValues:
    """Of each token a key and a value for every head: what `Memory.attend` reads."""

    heads: int
    head_size: int


@dataclass(frozen=True)
class Inputs:
    """Of each token a layer's input of this width: what `Memory.recall` reads."""

    width: int


Slot: TypeAlias = KeysValues | Inputs


class Memory(Protocol):
    """Where layers find what they kept of earlier tokens; it is told of the new ones as it is asked."""

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mixed values; all are [B, heads, T, head_size], q and k already normalised and rotated."""
        ...

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """The inputs 1, 2, ... `back` tokens before those of x [B, T, width], each like x; zeros before the first."""
        ...


def look_back(x: Tensor, back: int) -> list[Tensor]:
    """The rows of x [B, T, width] 1, 2, ... `back` tokens before, each [B, T, width]; zeros before the first."""
    padded = F.pad(x, (0, 0, back, 0))
    return [padded[:, back - n : back - n + x.shape[1]] for n in range(1, back + 1)]


class Remembering(nn.Module):
    """A layer that looks at earlier tokens."""

    kept: Slot
    """What it needs of each token."""
    slot: int = 0
    """Its number among the layers of its model, see `number_slots`."""


def number_slots(model: nn.Module) -> tuple[Slot, ...]:
    """Number the layers of a model that look at earlier tokens; what they need kept, in that order."""
    layers = [module for module in model.modules() if isinstance(module, Remembering)]
    for slot, layer in enumerate(layers):
        layer.slot = slot
    return tuple(layer.kept for layer in layers)


class Part:
    """The memory of one model of several: its slot 0 is the whole's slot `first`."""

    def __init__(self, whole: Memory, first: int) -> None:
        self.whole, self.first = whole, first

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `Memory.attend`."""
        return self.whole.attend(self.first + slot, q, k, v)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `Memory.recall`."""
        return self.whole.recall(self.first + slot, x, back)


class LanguageModel(Protocol):
    """What the decoding engine needs: a `GPT`, several models taken together, or a mock with known logits.

    One that is no `nn.Module` is decoded on the CPU in float32.
    """

    slots: tuple[Slot, ...]
    """What must be kept of each token, by the numbers that `hidden` uses for its memory."""

    def hidden(self, ids: Tensor, *, positions: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """States [B, T, any width] of ids [B, T] at positions [T] or [B, T] (0..T-1 by default)."""
        ...

    def head(self, states: Tensor) -> Tensor:
        """Next-token logits [..., vocabulary] of states [..., width]."""
        ...

    def for_decoding(self, dtype: torch.dtype) -> Any:
        """A copy that computes in `dtype`; what it needs to keep best tokens apart stays sharper."""
        ...
