"""Random numbers for sampling: a pure function of (problem key, attempt, position, index), on any device.

A row's numbers depend neither on its slot nor on what is decoded beside it, so results do not change with batch
size, order or refilling. The mixing is SplitMix64's finaliser (Steele, Lea and Flood 2014) on wrapping int64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from igsm.seeds import derive_key


def _wrap(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _wrap(0x9E3779B97F4A7C15)
_MULTIPLY_1 = _wrap(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = _wrap(0x94D049BB133111EB)
_UNIT = 2.0**-23


def problem_key(*parts: int | str) -> int:
    """The int64 that names a problem's stream, from e.g. (name of the test set, index, sample number)."""
    return _wrap(int(derive_key("decoding", *parts)[0]))


def _shifted(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shifted(x, 30)) * _MULTIPLY_1
    x = (x ^ _shifted(x, 27)) * _MULTIPLY_2
    return x ^ _shifted(x, 31)


def uniforms(key: Tensor, attempt: Tensor, position: Tensor, count: int = 1) -> Tensor:
    """Uniform numbers strictly inside (0, 1), float32 [N, count].

    Args:
        key, attempt, position: int64 [N].
        count: how many numbers each row gets at this position.
    """
    state = _mix(_mix(key + _GOLDEN * (attempt + 1)) + _GOLDEN * (position + 1))
    if count > 1:
        index = torch.arange(1, count + 1, device=key.device)
        state = _mix(state[:, None] + _GOLDEN * index)
    else:
        state = _mix(state + _GOLDEN)[:, None]
    # 23 bits: with 24, the half would be rounded away and the largest number would be 1.
    return (_shifted(state, 41).to(torch.float32) + 0.5) * _UNIT


def gumbel(key: Tensor, attempt: Tensor, position: Tensor, count: int) -> Tensor:
    """Standard Gumbel numbers, float32 [N, count]."""
    return -torch.log(-torch.log(uniforms(key, attempt, position, count)))
