"""Several attempts in one row: the end of an attempt is replaced by "again"."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from igsm.decoding.engine import Engine
from igsm.decoding.rows import RowDecoder


class TurnsDecoder(RowDecoder):
    """Greedy decoding of a fixed number of attempts.

    Args:
        again: token that stands in the place of the end of all attempts but the last.
        turns: attempts.
        options: of `RowDecoder`.
    """

    def __init__(self, engine: Engine, end: int, *, again: int, turns: int, **options: Any) -> None:
        super().__init__(engine, end, **options)
        self.again, self.turns = again, turns
        self.left = torch.zeros_like(self.length)
        """Attempts that are still to follow."""

    def start(self, numbers: Tensor) -> None:
        super().start(numbers)
        self.left[numbers] = self.turns - 1

    def step(self, numbers: Tensor, longest: int) -> None:
        before = self.active[numbers].clone()
        super().step(numbers, longest)
        place, left = self.length[numbers], self.left[numbers]
        again = before & (self.tokens[numbers, place] == self.end) & (left > 0)
        self.tokens[numbers, place] = self.tokens[numbers, place].masked_fill(again, self.again)
        self.left[numbers] = left - again.long()
        self.active[numbers] |= again & (place + 1 < self.limit[numbers])
