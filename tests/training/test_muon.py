"""Muon on matrices of one shape at once against torch's on one after another."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from igsm.training.muon import Muon, orthogonalised

SHAPES = [(16, 16), (64, 16), (16, 64), (16, 16), (16, 64), (24, 16)]


def _steps(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], steps: range, without: int = -1) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for i, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if i == without else gradient
        optimizer.step()


def _parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator) * 0.1) for shape in SHAPES]


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch < 2.9 has no Muon")
@pytest.mark.parametrize("without", [-1, 2])
def test_it_computes_what_torch_does_and_takes_its_state(without: int) -> None:
    """Guards: tall matrices not transposed back, one mixed up with another of its shape, the norm taken over the
    batch, another scale, a run begun with torch's Muon that cannot be resumed."""
    ours, theirs = _parameters(), _parameters()
    ours_first = Muon(ours, 0.01, 0.1)
    reference = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    _steps(ours_first, ours, range(4), without)
    _steps(reference, theirs, range(4), without)
    resumed = Muon(ours, 0.01, 0.1)
    resumed.load_state_dict(copy.deepcopy(reference.state_dict()))
    _steps(resumed, ours, range(4, 6))
    _steps(reference, theirs, range(4, 6))
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=0, atol=2e-4)  # five updates of about 0.002 each


def test_singular_values_come_to_about_one() -> None:
    """Guards: an iteration that diverges or leaves a matrix of small norm small."""
    matrices = torch.randn(3, 16, 64, generator=torch.Generator().manual_seed(0))
    matrices *= torch.tensor([1e-4, 1.0, 1e4])[:, None, None]
    values = torch.linalg.svdvals(orthogonalised(matrices).float())
    assert values.min() > 0.6
    assert values.max() < 1.3
