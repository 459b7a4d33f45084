"""Where to decode, and how much of it fits side by side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from igsm.errors import InputError

CPU_CACHE = 2**28  # bytes of keys and values on a CPU core that more rows than 32 may take


def default_devices() -> list[str]:
    """All GPUs, or one CPU worker for each core that torch may use."""
    if torch.cuda.is_available():
        return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["cpu"] * min(cores, torch.get_num_threads())


def check_device(name: str) -> None:
    """Raise InputError unless torch can compute on the device of this name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise InputError(f"devices: '{name}' is none; cpu, cuda or cuda:N is expected")
    count = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(f"devices: there is no '{name}': this machine has {count} CUDA devices that torch can use")


def default_batch(device: str, beams: int, row_bytes: int) -> int:
    """Rows side by side: on CUDA enough to be bound by memory, in at most 60 % of what is free. On a CPU core 32; and
    up to 256 in `CPU_CACHE` bytes, because a step of a small model costs more than its rows."""
    if not device.startswith("cuda"):
        return max(32, 8 * beams, min(max(256, 64 * beams), CPU_CACHE // row_bytes))
    return fitting_batch(free_memory(device), beams, row_bytes)


def fitting_batch(free: int, beams: int, row_bytes: int) -> int:
    """`default_batch` on a GPU with so many free bytes."""
    return max(beams, min(max(256, 64 * beams), int(0.6 * free) // row_bytes))


def check_rows(device: str, rows: int, row_bytes: int) -> None:
    """Raise InputError unless the cache of so many rows fits into what is free on a GPU."""
    if device.startswith("cuda") and (need := rows * row_bytes) > (free := free_memory(device)):
        raise InputError(
            f"{device}: the cache of {rows} rows takes {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; give a "
            f"--batch of at most {max(1, int(0.8 * free) // row_bytes)}, or a smaller --context"
        )


def free_memory(device: torch.device | str) -> int:
    """Bytes of a GPU that a new tensor may take: what is free, and what torch keeps without using it."""
    device = torch.device(device)
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


@contextlib.contextmanager
def kernels_chosen(device: torch.device | str) -> Iterator[None]:
    """To be entered around decoding: logits in full float32, though training leaves them TensorFloat32; and not cuDNN's
    attention, which plans anew for each shape of a prefill."""
    if not str(device).startswith("cuda"):
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    fused = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]
    try:
        with sdpa_kernel([*fused, SDPBackend.MATH], set_priority=True):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
