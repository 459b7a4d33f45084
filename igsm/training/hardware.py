"""What this machine's CPU and compiler can do for training."""

from __future__ import annotations

import os
import shutil
import sys

import torch


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16 (AVX512-BF16 or AMX)."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def has_compiler() -> bool:
    """Whether the C++ compiler is there that torch.compile calls on a CPU."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")) is not None
