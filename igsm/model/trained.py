"""How a model's weights are trained: its modules say it themselves, wherever they stand in a larger model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class HasMatrices(Protocol):
    """A module with matrices from states to states, which Muon orthogonalises. Embeddings and heads are none."""

    def matrices(self) -> Mapping[nn.Parameter, int]:
        """The weights, and how many matrices lie one below the other in each."""
        ...


@runtime_checkable
class HasRate(Protocol):
    """A module whose weights learn at another rate than the rest of its model."""

    rate: float
    """Learning rate, relative to the recipe's."""


class Trained(NamedTuple):
    """A weight that is trained.

    Attributes:
        parameter: the weight.
        matrices: how many matrices it is for Muon; 0: it is none.
        decays: whether weight decay is meant for it.
        rate: its learning rate, relative to the recipe's.
    """

    parameter: nn.Parameter
    matrices: int
    decays: bool
    rate: float = 1.0


def trained_parameters(model: nn.Module) -> list[Trained]:
    """The weights that require gradients, in the model's order. Those of two dimensions and more decay."""
    matrices: dict[nn.Parameter, int] = {}
    rates: dict[nn.Parameter, float] = {}
    for module in model.modules():
        if isinstance(module, HasMatrices):
            matrices |= module.matrices()
        if isinstance(module, HasRate):
            rates |= dict.fromkeys(module.parameters(), module.rate)
    return [
        Trained(one, matrices.get(one, 0), one.dim() >= 2, rates.get(one, 1.0))
        for one in model.parameters()
        if one.requires_grad
    ]
