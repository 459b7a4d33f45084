"""The attention of `attention.py` as a Triton kernel: reads each row's used positions once, nothing else.

One program handles a row, a head and a stretch of positions; programs of a problem's beams stand beside each
other, so the shared prompt comes from the L2 cache for all beams but the first. Few rows leave most of the
card idle, so they are cut into stretches whose results are merged by their log-sum-exp.
"""

from __future__ import annotations

import torch
import triton  # type: ignore[import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor

from igsm.decoding.batch import Batch

BLOCK = 64
STRETCH = 256


@triton.jit
def _attend(
    q, keys, values, rows, positions, shared, source, out, logsum,
    scale, context, stretch, stretches,
    HEADS: tl.constexpr, SIZE: tl.constexpr, BEAMS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    entry = tl.program_id(0)
    head = tl.program_id(1)
    part = tl.program_id(2)
    d = tl.arange(0, SIZE)
    row = tl.load(rows + entry)
    length = tl.load(positions + entry) + 1
    split = tl.load(shared + entry)
    first = row - entry % BEAMS
    query = tl.load(q + (entry * HEADS + head) * SIZE + d).to(tl.float32) * scale
    start = part * stretch
    stop = tl.minimum(start + stretch, length)
    largest = tl.full([], -float("inf"), tl.float32)
    total = tl.full([], 0.0, tl.float32)
    result = tl.zeros([SIZE], tl.float32)
    for begin in range(start, stop, BLOCK):
        p = begin + tl.arange(0, BLOCK)
        used = p < stop
        if BEAMS == 1:
            holder = tl.zeros([BLOCK], tl.int64) + row
        else:
            generated = used & (p >= split)
            offset = tl.load(source + row * context + p, mask=generated, other=0)
            holder = first + offset.to(tl.int64)
        place = ((holder * HEADS + head) * context + p)[:, None] * SIZE + d[None, :]
        key = tl.load(keys + place, mask=used[:, None], other=0.0).to(tl.float32)
        score = tl.where(used, tl.sum(key * query[None, :], axis=1), -float("inf"))
        new_largest = tl.maximum(largest, tl.max(score, axis=0))
        weight = tl.exp(score - new_largest)
        shrink = tl.exp(largest - new_largest)
        value = tl.load(values + place, mask=used[:, None], other=0.0).to(tl.float32)
        result = result * shrink + tl.sum(weight[:, None] * value, axis=0)
        total = total * shrink + tl.sum(weight, axis=0)
        largest = new_largest
    target = (entry * HEADS + head) * stretches + part
    any_used = start < stop
    tl.store(out + target * SIZE + d, tl.where(any_used, result / tl.where(any_used, total, 1.0), 0.0))
    tl.store(logsum + target, tl.where(any_used, largest + tl.log(tl.where(any_used, total, 1.0)), -float("inf")))


def attend(q: Tensor, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
    """As `attention.attend`, with the new keys and values already in the cache; head_size a power of two."""
    entries, heads, _, size = q.shape
    context = keys.shape[2]
    stretch = context if entries * heads >= 1024 else STRETCH
    stretches = min(-(-batch.longest // stretch), -(-context // stretch))
    dtype = q.dtype if stretches == 1 else torch.float32
    out = torch.empty(entries, heads, stretches, size, dtype=dtype, device=q.device)
    logsum = torch.empty(entries, heads, stretches, dtype=torch.float32, device=q.device)
    _attend[(entries, heads, stretches)](
        q.contiguous(), keys, values, batch.rows, batch.position, batch.shared, batch.source, out, logsum,
        size**-0.5, context, stretch, stretches,
        HEADS=heads, SIZE=size, BEAMS=batch.beams, BLOCK=BLOCK,
    )  # fmt: skip
    if stretches == 1:
        return out
    merged = (logsum.softmax(-1)[..., None] * out).sum(2, keepdim=True)
    return merged.to(q.dtype)
