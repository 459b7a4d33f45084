"""The probe: a frozen model, a small update of its input embedding (and query/value), a linear head.

Source: Part 2.2, section 3 and appendix D. Version 1 has rank 8 on the embedding; version 2 has rank 32 on the
embedding and rank 2 on query and value.
"""

from __future__ import annotations

from torch import Tensor, nn

from igsm.model.config import LoRAConfig
from igsm.model.gpt import GPT
from igsm.model.lora import add_lora
from igsm.probing.tree import in_tree

CANNOT, CAN = 0, 1
"""Classes: can the parameter be computed next?"""
WRONG, RIGHT = CANNOT, CAN
"""The same classes for the other question: is this step right?"""


class Probe(nn.Module):
    """Classifies the states of a frozen model.

    Args:
        model: is frozen and gets the updates, in place.
        lora: ranks of the updates.
    """

    def __init__(self, model: GPT, lora: LoRAConfig) -> None:
        super().__init__()
        self.model = add_lora(model, lora)
        self.classifier = nn.Linear(model.config.width, 2)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, ids: Tensor, positions: Tensor, branch: Tensor, visible: Tensor) -> Tensor:
        """Logits of (cannot, can) or (wrong, right) at every token [B, L, 2]; all arguments are [B, L], see `tree`."""
        return self.classifier(self.model.hidden(ids, positions=positions, memory=in_tree(branch, visible)))
