"""Attention dropping: tokens hidden from attention for a step (Chain of Hindsight, arXiv 2302.02676, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.model.contract import look_back
from igsm.model.gpt import Attention
from igsm.training.objective import CrossEntropy, Inputs


class DroppedKeys:
    """A `Memory` of nothing but the tokens at hand, some of which attention does not see.

    Canon layers look back as ever.

    Args:
        dropped: which keys are left out, bool [B, T]. The first token of a row has to stay.
        dropout: of the attention's weights.
    """

    def __init__(self, dropped: Tensor, dropout: float = 0.0) -> None:
        self._dropout = dropout
        causal = torch.ones(dropped.shape[1], dropped.shape[1], dtype=torch.bool, device=dropped.device).tril()
        self._seen = causal & ~dropped[:, None, None, :]

    def attend(self, slot: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `Memory.attend`."""
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self._seen, dropout_p=self._dropout)

    def recall(self, slot: int, x: Tensor, back: int) -> Sequence[Tensor]:
        """See `Memory.recall`."""
        return look_back(x, back)


class CrossEntropyWithDroppedKeys(CrossEntropy):
    """The cross-entropy; inputs by name are the ids and which keys are dropped."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._dropout = next((one.dropout for one in model.modules() if isinstance(one, Attention)), 0.0)

    def logits(self, inputs: Inputs) -> Tensor:
        """See `Objective.logits`."""
        if not isinstance(inputs, Mapping):
            return super().logits(inputs)
        memory = DroppedKeys(inputs["dropped"], self._dropout if self.model.training else 0.0)
        logits: Tensor = self.model(inputs["ids"], memory=memory)
        return logits
