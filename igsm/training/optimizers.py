"""AdamW with decoupled weight decay, and Muon for the matrices of the blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from igsm.training.config import TrainingConfig
from igsm.training.muon import Muon


def _decay_groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on tensors of two and more dimensions only."""
    matrices = [p for p in parameters if p.dim() >= 2]
    others = [p for p in parameters if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


class Optimizers:
    """The optimizers of a model's trainable parameters, used as one.

    With Muon, weights of two dimensions inside `blocks` are orthogonalised, a fused query/key/value weight as
    three matrices; its update is scaled to AdamW's usual size (Liu et al. 2025, arXiv 2502.16982), so
    that one learning rate and weight decay serve both.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self._parts: list[tuple[nn.Parameter, nn.Parameter, int]] = []
        muon_names: set[str] = set()
        if config.optimizer == "muon":
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and parameter.dim() == 2 and name.startswith("blocks."):
                    muon_names.add(name)
                    self._split(parameter, 3 if name.endswith("qkv.weight") else 1)
        rest = [p for n, p in model.named_parameters() if p.requires_grad and n not in muon_names]
        self._optimizers: list[torch.optim.Optimizer] = []
        if rest:
            groups = _decay_groups(rest, config.weight_decay)
            self._optimizers.append(torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True))
        if self._parts:
            self._optimizers.append(
                Muon([part for part, _, _ in self._parts], config.learning_rate, config.weight_decay)
            )

    def _split(self, parameter: nn.Parameter, pieces: int) -> None:
        """Muon's parameters: row ranges that share the memory of the model's own."""
        rows = parameter.shape[0] // pieces
        for i in range(pieces):
            part = nn.Parameter(parameter.detach()[i * rows : (i + 1) * rows])
            self._parts.append((part, parameter, i * rows))

    def step(self, learning_rate: float) -> None:
        """Update the parameters from their gradients."""
        for part, parameter, start in self._parts:
            if parameter.grad is not None:
                part.grad = parameter.grad[start : start + part.shape[0]]
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()

    def zero_grad(self) -> None:
        for parameter in [part for part, _, _ in self._parts] + self.parameters:
            parameter.grad = None

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self._optimizers, states, strict=True):
            optimizer.load_state_dict(state)
