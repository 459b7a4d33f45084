"""Attention in blocks against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.model.blocked_attention import blocked_attention


def _drawn(length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(length)
    q, k, v, gradient = torch.randn(4, 2, 3, length, 8).bfloat16().float()
    return q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), gradient


@pytest.mark.parametrize("length", [1, 3, 4, 5, 10, 64, 101])
def test_it_is_torchs_attention_up_to_rounding(length: int) -> None:
    """Guards: windows that four blocks do not divide, and gradients of keys that several blocks see."""
    q, k, v, gradient = _drawn(length)
    blocked = blocked_attention(q, k, v)
    ours = torch.autograd.grad(blocked, (q, k, v), gradient)
    fused = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    theirs = torch.autograd.grad(fused, (q, k, v), gradient)
    assert blocked.dtype == torch.float32
    for one, other in zip((blocked, *ours), (fused, *theirs), strict=True):
        assert (one - other).norm() <= 0.005 * (other.norm() + gradient.norm())  # bfloat16 rounds by up to 0.4 %


@pytest.mark.parametrize("length", [1, 5, 64, 101])
def test_a_mask_hides_what_it_hides_from_torchs(length: int) -> None:
    """Guards: rows and columns of the mask exchanged, a mask of one window used for all."""
    q, k, v, gradient = _drawn(length)
    seen = (torch.rand(2, 1, length, length) < 0.5).tril() | torch.eye(length, dtype=torch.bool)
    blocked = blocked_attention(q, k, v, seen)
    ours = torch.autograd.grad(blocked, (q, k, v), gradient)
    fused = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    theirs = torch.autograd.grad(fused, (q, k, v), gradient)
    for one, other in zip((blocked, *ours), (fused, *theirs), strict=True):
        assert (one - other).norm() <= 0.005 * (other.norm() + gradient.norm())


def test_large_scores_do_not_overflow() -> None:
    q, k, v, _ = _drawn(10)
    blocked = blocked_attention(100 * q, 100 * k, v)
    fused = F.scaled_dot_product_attention(100 * q, 100 * k, v, is_causal=True)
    assert (blocked - fused).norm() <= 0.01 * fused.norm()


@pytest.mark.parametrize("last", [1, 4, 9])
def test_no_token_sees_what_comes_later(last: int) -> None:
    q, k, v, gradient = _drawn(10)
    before = blocked_attention(q, k, v)
    with torch.no_grad():
        k[..., last:, :] += 3
        v[..., last:, :] -= 5
    after = blocked_attention(q, k, v)
    assert torch.equal(before[..., :last, :], after[..., :last, :])
    (of_k,) = torch.autograd.grad(after[..., :last, :], k, gradient[..., :last, :])
    assert not of_k[..., last:, :].any()
