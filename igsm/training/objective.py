"""What is minimised: the cross-entropy of the tokens that carry loss."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.mistakes.layout import Role
from igsm.training.config import TrainingConfig

MISTAKE_NAME, MISTAKE_STEP, SOLUTION = int(Role.MISTAKE_WORD), int(Role.MISTAKE_STEP), int(Role.SOLUTION)

IGNORE = -100
"""Target without loss."""

Batch: TypeAlias = tuple[Tensor, ...]
"""The model's arguments, then the targets: classes, IGNORE where there is none, in the shape of the logits
without their last dimension. The first dimension of all tensors is the batch."""


def next_token_batch(tokens: Tensor, planes: Tensor, config: TrainingConfig) -> Batch:
    """Inputs and next-token targets of windows.

    A token carries no loss if it is masked (`label_masking`) or outside a solution (`loss_on: solution`). The
    window's last position has no target.

    Args:
        tokens: ids, int64 [B, T].
        planes: bits of `igsm.mistakes.layout.Role`, uint8 [B, T].

    Returns:
        (tokens, targets), both int64 [B, T].
    """
    without = torch.zeros_like(planes, dtype=torch.bool)
    if config.label_masking != "none":
        without |= (planes & (MISTAKE_NAME if config.label_masking == "parameter" else MISTAKE_STEP)) != 0
    if config.loss_on == "solution":
        without |= (planes & SOLUTION) == 0
    targets = torch.full_like(tokens, IGNORE)
    targets[:, :-1] = tokens[:, 1:].masked_fill(without[:, 1:], IGNORE)
    return tokens, targets


class Objective(nn.Module):
    """Sum of the cross-entropy over a batch's targets, in float32.

    A module of its own, so that torch.compile fuses logits and loss and DistributedDataParallel sees one
    forward pass.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Tensor) -> Tensor:
        *inputs, targets = batch
        logits = self.model(*inputs)
        return F.cross_entropy(logits.flatten(0, -2).float(), targets.flatten(), ignore_index=IGNORE, reduction="sum")
