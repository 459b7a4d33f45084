"""GELU in its tanh form (Hendrycks and Gimpel 2016) without the tanh, which CPUs compute slowly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

SLOPE = 2 * (2 / torch.pi) ** 0.5
CUBIC = 0.044715


class _Gelu(torch.autograd.Function):
    """x * sigmoid(a), a = SLOPE * (x + CUBIC * x^3). Float32; the sigmoid is kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        share = (x * x).mul_(SLOPE * CUBIC).add_(SLOPE).mul_(x).sigmoid_()
        ctx.save_for_backward(x, share)
        return x * share

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, share = ctx.saved_tensors
        slope = (x * x).mul_(3 * SLOPE * CUBIC).add_(SLOPE).mul_(x)  # x da/dx
        return slope.mul_(1 - share).add_(1).mul_(share).mul_(gradients[0])


def gelu(x: Tensor) -> Tensor:
    """x [...] times 0.5 * (1 + tanh(SLOPE / 2 * (x + CUBIC * x^3))), computed in float32, in x's dtype.

    On the CPU as x * sigmoid(SLOPE * (x + CUBIC * x^3)), the same function.
    """
    if x.device.type != "cpu":
        return F.gelu(x, approximate="tanh")
    y: Tensor = _Gelu.apply(x.float())
    return y.to(x.dtype)
