"""Rotary positions (Su et al. 2021), half-split as in GPT-NeoX and Llama.

Angles are computed from the positions in every forward pass: once for all layers, a negligible cost, and
there is no table that a checkpoint could store, a loader could lose, or a long text could run out of.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotation(positions: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotation angles, float32.

    Args:
        positions: integers, [T] (shared by the batch) or [B, T].
        head_size: even size D of a head.
        base: largest wavelength / 2 pi.

    Returns:
        Two tensors [T, D/2] or [B, 1, T, D/2], which broadcast against queries [B, H, T, D].
    """
    if torch.compiler.is_compiling() and positions.device.type == "cpu":
        return _rotation_once(positions, head_size, base)
    return _rotation(positions, head_size, base)


def _rotation(positions: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    exponents = torch.arange(0, head_size, 2, device=positions.device, dtype=torch.float32) / head_size
    angles = positions[..., None].to(torch.float32) / base**exponents
    if positions.dim() == 2:
        angles = angles[:, None]
    return angles.cos(), angles.sin()


@torch.library.custom_op("igsm::rotation", mutates_args=())
def _rotation_once(positions: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """`_rotation` as a step of its own: what the compiler can look into it computes anew for each element, layer and
    pass, powers, sines and cosines and all."""
    return _rotation(positions, head_size, base)


@_rotation_once.register_fake
def _shapes(positions: Tensor, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    return _rotation(positions, head_size, base)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate the pairs (x[..., i], x[..., i + D/2]) of x [B, H, T, D]; the result has x's dtype."""
    first, second = x.chunk(2, dim=-1)
    rotated = torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)
    return rotated.to(x.dtype)
