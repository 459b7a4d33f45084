"""Muon (Jordan 2024): momentum, orthogonalised, matrices of one shape all at once."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from igsm.training.hardware import multiplies_bfloat16

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration, Jordan's."""
ITERATIONS = 5
EPSILON = 1e-7


def orthogonalised(matrices: Tensor) -> Tensor:
    """Nearly the nearest orthogonal matrices: the singular values of each come to about 1.

    Args:
        matrices: [N, rows, columns] with rows <= columns, which bounds the cost.

    Returns:
        [N, rows, columns] in bfloat16; in float32 on a CPU that would have to emulate it, ten times slower.
    """
    a, b, c = COEFFICIENTS
    x = matrices.to(torch.bfloat16 if matrices.is_cuda or multiplies_bfloat16() else torch.float32)
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """What torch.optim.Muon (torch >= 2.9) computes with adjust_lr_fn="match_rms_adamw", up to rounding.

    That one's loop over single matrices costs a small model on a CPU three times as much. Its saved states can be
    loaded here.

    Args:
        parameters: matrices.
        weight_decay: decoupled.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure is ever evaluated
        """Update the matrices that have a gradient."""
        for group in self.param_groups:
            parameters: list[Tensor] = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._update(parameters, group)

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if not self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(gradient)
        momenta = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        updates = torch._foreach_lerp(gradients, momenta, MOMENTUM)  # Nesterov's
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for parameter, update in zip(parameters, updates, strict=True):
            tall = parameter.shape[0] > parameter.shape[1]
            wide = (parameter.mT, update.mT) if tall else (parameter, update)
            alike[wide[0].shape[0], wide[0].shape[1]].append(wide)
        for (_, columns), pairs in alike.items():
            changes = orthogonalised(torch.stack([update for _, update in pairs]))
            for (weight, _), change in zip(pairs, changes, strict=True):
                weight.add_(change, alpha=-group["lr"] * 0.2 * columns**0.5)
