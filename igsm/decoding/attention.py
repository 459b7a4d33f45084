"""Attention of one new token per row over the cache: each row reads exactly the positions it has used.

Cache layout: keys and values [rows, heads, context, head_size]; `batch.py` says which rows a step reads.

Three implementations of one function: numba on CPU, Triton on CUDA, plain torch as the reference.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from igsm import compilation
from igsm.compilation import compiled_with
from igsm.compilers import missing_compiler
from igsm.decoding.batch import Batch, holders


def attend(q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
    """Put the new token's k and v into the cache and return its attention output.

    Args:
        q, k, v: [N, heads, 1, head_size].
        keys, values: one layer's cache, [rows, heads, context, head_size].
        batch: the rows and positions.

    Returns:
        [N, heads, 1, head_size] in q's dtype.
    """
    if q.device.type == "cpu" and q.dtype == torch.float32 and not compilation.disabled:
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        _attend_numba(
            q.contiguous().numpy(),
            k.contiguous().numpy(),
            v.contiguous().numpy(),
            keys.numpy(),
            values.numpy(),
            batch.rows.numpy(),
            batch.position.numpy(),
            batch.shared.numpy(),
            batch.source.numpy(),
            batch.beams,
            out.numpy(),
        )
        return out
    keys[batch.rows, :, batch.position] = k[:, :, 0]
    values[batch.rows, :, batch.position] = v[:, :, 0]
    if q.device.type == "cuda" and q.shape[-1].bit_count() == 1:  # a Triton block's size is a power of two
        kernel = _triton_kernel()
        if kernel is not None:
            return kernel(q, keys, values, batch)
    return attend_reference(q, keys, values, batch)


@cache
def _triton_kernel() -> Callable[..., Tensor] | None:
    """None, and one line on stderr, where Triton lacks or cannot compile."""
    missing = "triton" if find_spec("triton") is None else missing_compiler("cuda")
    if missing:
        print(f"no {missing}: decoding without its Triton kernel, slower", file=sys.stderr)
        return None
    from igsm.decoding import triton_attention

    return triton_attention.attend


def attend_reference(q: Tensor, keys: Tensor, values: Tensor, batch: Batch) -> Tensor:
    """The same in plain torch (the new k and v are already in the cache): gathers and masks."""
    length = min(-(-batch.longest // 64) * 64, keys.shape[2])
    place = torch.arange(length, device=q.device)
    used = place <= batch.position[:, None]
    if batch.beams == 1:
        k, v = keys[batch.rows, :, :length], values[batch.rows, :, :length]
    else:
        holder = holders(batch, place.expand(len(batch.rows), -1))
        k = keys[holder, :, place].transpose(1, 2)
        v = values[holder, :, place].transpose(1, 2)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=used[:, None, None])


@compiled_with(fastmath=True, nogil=True)
def _attend_numba(
    q, k, v, keys, values, rows, position, shared, source, beams, out
) -> None:  # pragma: no cover - compiled
    n_rows, heads, _, size = q.shape
    scale = np.float32(1.0 / math.sqrt(size))
    weight = np.empty(keys.shape[2], np.float32)
    for n in range(n_rows):
        for h in range(heads):
            for d in range(size):
                keys[rows[n], h, position[n], d] = k[n, h, 0, d]
                values[rows[n], h, position[n], d] = v[n, h, 0, d]
    for group in range(0, n_rows, beams):
        first = rows[group]
        for h in range(heads):
            for n in range(group, group + beams):  # beams innermost: the shared prompt stays in the core's cache
                length = position[n] + 1
                split = min(shared[n], length)
                query = q[n, h, 0]
                largest = np.float32(-np.inf)
                for p in range(length):
                    row = first if p < split else first + source[rows[n], p]
                    key = keys[row, h, p]
                    dot = np.float32(0)
                    for d in range(size):
                        dot += query[d] * key[d]
                    weight[p] = dot * scale
                    largest = max(largest, weight[p])
                total = np.float32(0)
                for p in range(length):
                    weight[p] = math.exp(weight[p] - largest)
                    total += weight[p]
                result = out[n, h, 0]
                for d in range(size):
                    result[d] = 0
                for p in range(length):
                    row = first if p < split else first + source[rows[n], p]
                    value = values[row, h, p]
                    for d in range(size):
                        result[d] += weight[p] * value[d]
                for d in range(size):
                    result[d] /= total
