"""AdamW with decoupled weight decay, and Muon for the matrices of the blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from igsm.model.trained import Trained, trained_parameters
from igsm.training.config import TrainingConfig
from igsm.training.muon import Muon


class Optimizers:
    """The optimizers of a model's trainable parameters, used as one.

    With Muon, what the model's modules name as matrices (`igsm.model.trained`) is orthogonalised; its update is scaled
    to AdamW's usual size (Liu et al. 2025, arXiv 2502.16982), so that one learning rate and weight decay serve both.
    Weights that learn at a rate of their own have optimizers of their own.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        trained = trained_parameters(model)
        self.parameters = [one.parameter for one in trained]
        self._parts: list[tuple[nn.Parameter, nn.Parameter, int]] = []
        self._optimizers: list[torch.optim.Optimizer] = []
        self._rates: list[float] = []
        for rate in dict.fromkeys(one.rate for one in trained):
            self._add([one for one in trained if one.rate == rate], config, rate)

    def _add(self, trained: list[Trained], config: TrainingConfig, rate: float) -> None:
        """The optimizers of weights that learn at one rate."""
        parts = len(self._parts)
        decayed: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for one in trained:
            if config.optimizer == "muon" and one.matrices:
                self._split(one.parameter, one.matrices)
            else:
                (decayed if one.decays else others).append(one.parameter)
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        if groups := [group for group in groups if group["params"]]:
            self._optimizers.append(torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True))
        if own := [part for part, _, _ in self._parts[parts:]]:
            self._optimizers.append(Muon(own, config.learning_rate, config.weight_decay))
        self._rates += [rate] * (len(self._optimizers) - len(self._rates))

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
        for optimizer, rate in zip(self._optimizers, self._rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * rate
            optimizer.step()

    def zero_grad(self) -> None:
        for parameter in [part for part, _, _ in self._parts] + self.parameters:
            parameter.grad = None

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on from `state_dict`."""
        for optimizer, state in zip(self._optimizers, states, strict=True):
            optimizer.load_state_dict(state)
