"""What a step computes: named batches, and the objective, which gives their losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.mistakes.layout import Role
from igsm.training.config import TrainingConfig

IGNORE = -100
"""Target without loss."""

Inputs: TypeAlias = tuple[Tensor, ...] | Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """One process's share of a step. The first dimension of all tensors but `count` is that of its rows.

    Attributes:
        inputs: what the model is called with, by position or by name.
        targets: classes, IGNORE where there is none; the cross-entropy takes the shape of the logits without their last
            dimension.
        count: what the sum of the losses of all processes is divided by: the sum over the processes of this number.
            It is known before anything is computed, so that every micro-batch is scaled by it; parts keep that of the
            whole.
        weights: float, each target's factor of its loss, in the shape of `targets`; None: all 1.
    """

    inputs: Inputs
    targets: Tensor
    count: Tensor
    weights: Tensor | None = None

    @property
    def n_targets(self) -> int:
        """Targets that carry loss."""
        return int((self.targets != IGNORE).sum())

    def mapped(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """The batch with `function` of each tensor that has rows."""
        inputs = self.inputs
        return replace(
            self,
            inputs={name: function(tensor) for name, tensor in inputs.items()}
            if isinstance(inputs, Mapping)
            else tuple(function(tensor) for tensor in inputs),
            targets=function(self.targets),
            weights=None if self.weights is None else function(self.weights),
        )

    def parts(self, rows: int | None) -> Iterator[Batch]:
        """The batch in pieces of `rows` rows; None: whole."""
        size = len(self.targets)
        for start in range(0, size, rows or size):
            piece = slice(start, start + (rows or size))
            yield self.mapped(lambda tensor, piece=piece: tensor[piece])  # type: ignore[misc]


def batch_of(inputs: Inputs, targets: Tensor, weights: Tensor | None = None) -> Batch:
    """A batch whose loss is the mean over its targets, or their weighted mean."""
    carrying = targets != IGNORE
    return Batch(inputs, targets, carrying.sum() if weights is None else weights[carrying].sum(), weights)


def next_token_batch(tokens: Tensor, carrying: Tensor, weights: Tensor | None = None) -> Batch:
    """Inputs and next-token targets of windows. The window's last position has no target.

    Args:
        tokens: ids, int64 [B, T].
        carrying: which tokens carry loss, bool [B, T].
        weights: of the tokens, float [B, T]; None: all 1.
    """
    targets = torch.full_like(tokens, IGNORE)
    targets[:, :-1] = tokens[:, 1:].masked_fill(~carrying[:, 1:], IGNORE)
    return batch_of((tokens,), targets, None if weights is None else F.pad(weights[:, 1:], (0, 1)))


def carries_loss(roles: Tensor, config: TrainingConfig) -> Tensor:
    """Which tokens carry loss, bool [B, T]: not those masked by `label_masking`, or outside by `loss_on: solution`.

    Args:
        roles: bits of `igsm.mistakes.layout.Role`, uint8 [B, T].
    """
    without = torch.zeros_like(roles, dtype=torch.bool)
    if config.label_masking != "none":
        without |= (roles & int(Role.MISTAKE_WORD if config.label_masking == "parameter" else Role.MISTAKE_STEP)) != 0
    if config.loss_on == "solution":
        without |= (roles & int(Role.SOLUTION)) == 0
    return ~without


class Loss(NamedTuple):
    """Of a batch or a part of one.

    Attributes:
        sum: float32, 0-d, over the batch; it is divided by `Batch.count`.
        metrics: for each name of `Objective.metrics` a sum and the number of things it is over, both 0-d. In
            `metrics.jsonl` stands their quotient over all parts, processes and steps since the last line.
    """

    sum: Tensor
    metrics: Mapping[str, tuple[Tensor, Tensor]] = {}


class Objective(nn.Module):
    """What is minimised: a batch -> its `Loss`.

    A module around the model, so that torch.compile fuses logits and loss and DistributedDataParallel sees one forward
    pass. Whatever else is trained belongs into the model, since checkpoints hold that.

    Attributes:
        metrics: names of what is measured beside the loss; every `Loss` has them all.
    """

    metrics: tuple[str, ...] = ()

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def logits(self, inputs: Inputs) -> Tensor:
        """What the model gives for the inputs."""
        logits: Tensor = self.model(**inputs) if isinstance(inputs, Mapping) else self.model(*inputs)
        return logits

    def kept(self) -> Mapping[str, Tensor]:
        """What it keeps from step to step of this process's windows, [rows, ...] each; part of every checkpoint."""
        return {}

    def keep(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what `kept` gave."""

    def forward(self, batch: Batch) -> Loss:
        raise NotImplementedError


class CrossEntropy(Objective):
    """The (weighted) cross-entropy of the targets, in float32."""

    def forward(self, batch: Batch) -> Loss:
        logits, targets = self.logits(batch.inputs).flatten(0, -2).float(), batch.targets.flatten()
        if batch.weights is None:
            return Loss(F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum"))
        each = F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="none")
        return Loss((each * batch.weights.flatten()).sum())
