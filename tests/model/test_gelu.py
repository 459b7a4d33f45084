"""GELU without its tanh is GELU."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from igsm.model.gelu import gelu


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 0.02)])
def test_values_and_slopes_are_those_of_the_tanh_form(dtype: torch.dtype, tolerance: float) -> None:
    """Guards: another constant (the sigmoid form with 1.702 is off by 0.02), a wrong derivative, overflow far out."""
    x = torch.cat([torch.linspace(-6, 6, 1001), torch.tensor([-1e4, -50.0, 50.0, 1e4])]).to(dtype).requires_grad_()
    upstream = torch.linspace(0.5, 1.5, x.numel()).to(dtype)
    values = gelu(x)
    (slopes,) = torch.autograd.grad(values, x, upstream)
    expected = F.gelu(x, approximate="tanh")
    (expected_slopes,) = torch.autograd.grad(expected, x, upstream)
    assert values.dtype == dtype
    assert torch.allclose(values, expected, rtol=tolerance, atol=tolerance)
    assert torch.allclose(slopes, expected_slopes, rtol=tolerance, atol=tolerance)
