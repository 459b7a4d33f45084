"""The three implementations of attention over the cache agree."""

from __future__ import annotations

import pytest
import torch

from igsm.decoding.attention import attend, attend_reference
from igsm.decoding.batch import Batch


def case(beams: int, dtype=torch.float32, device="cpu", size=16):
    """Random cache and rows of very different lengths; with beams, a shared prompt and random sources."""
    generator = torch.Generator().manual_seed(beams)
    groups, heads, context = 5, 3, 400
    rows = torch.arange(groups * beams)
    keys, values = torch.randn(2, groups * beams + beams, heads, context, size, generator=generator)
    q, k, v = torch.randn(3, groups * beams, heads, 1, size, generator=generator)
    position = torch.tensor([0, 5, 63, 64, 399]).repeat_interleave(beams)
    shared = position + 1 if beams == 1 else torch.tensor([0, 2, 40, 64, 300]).repeat_interleave(beams)
    source = torch.randint(0, beams, (groups * beams + beams, context), generator=generator).byte()
    source[rows, position] = (rows % beams).byte()
    batch = Batch(rows.to(device), position.to(device), 400, beams, shared.to(device), source.to(device))
    return *(x.to(device, dtype) for x in (q, k, v, keys, values)), batch


def by_hand(q, k, v, keys, values, batch):
    """One row after the other, straight from the definition."""
    out = torch.empty_like(q)
    beams = batch.beams
    for n, row in enumerate(batch.rows.tolist()):
        keys[row, :, batch.position[n]], values[row, :, batch.position[n]] = k[n, :, 0], v[n, :, 0]
    for n, row in enumerate(batch.rows.tolist()):
        length = int(batch.position[n]) + 1
        first = row - row % beams
        holder = [first if p < batch.shared[n] else first + int(batch.source[row, p]) for p in range(length)]
        place = torch.arange(length)
        key, value = keys[holder, :, place].transpose(0, 1), values[holder, :, place].transpose(0, 1)
        weight = (q[n] @ key.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1)
        out[n] = weight @ value
    return out


@pytest.mark.parametrize("beams", [1, 4])
def test_numba_and_torch(beams):
    """Guards lengths, the shared prompt and the sources: any position read from the wrong row shows."""
    *tensors, batch = case(beams)
    expected = by_hand(*(t.clone() for t in tensors), batch)
    q, _, _, keys, values = tensors
    found = attend(*tensors, batch)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(attend_reference(q, keys, values, batch), expected, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_triton_on_the_gpu(beams, dtype):
    """Guards the compiled kernel."""
    *tensors, batch = case(beams, dtype, "cuda", size=64)
    on_host = Batch(*(x.cpu() if isinstance(x, torch.Tensor) else x for x in vars(batch).values()))
    expected = by_hand(*(t.cpu().float() for t in tensors), on_host)
    found = attend(*tensors, batch).cpu()
    assert found.dtype == dtype
    assert torch.allclose(found.float(), expected, atol=2e-2 if dtype == torch.bfloat16 else 1e-4)
