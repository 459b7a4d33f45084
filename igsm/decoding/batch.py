"""Which cache rows a decoding step reads and writes.

A batch entry is one row, or one of the beams of a problem. The beams of a problem own `beams` consecutive cache rows;
they share the prompt, which lies in the first of them, and position p of the generated part lies in row
`first + source[row, p]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Batch:
    """Which cache rows take a step, and how much of them is in use.

    Attributes:
        rows: int64 [N], cache rows; the beams of a problem are consecutive entries.
        position: int64 [N], where the new token goes; positions 0..position are attended to.
        longest: an upper bound of position + 1, known without asking the device.
        beams: beams a problem.
        shared: int64 [N], number of positions read from the problem's first row (all, without beams).
        source: uint8 [rows, context], the beam whose row holds a position (unused without beams).
    """

    rows: Tensor
    position: Tensor
    longest: int
    beams: int
    shared: Tensor
    source: Tensor


def holders(batch: Batch, place: Tensor) -> Tensor:
    """The cache rows that hold positions `place` [N, P] (any where unused) of the batch's entries: int64 [N, P]."""
    rows = batch.rows[:, None]
    if batch.beams == 1:
        return rows
    first = rows - torch.arange(len(rows), device=rows.device)[:, None] % batch.beams
    return first + batch.source[rows, place].long() * (place >= batch.shared[:, None])
