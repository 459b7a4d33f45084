"""How a step is computed on a device: precision, compilation, attention kernels, gradients."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel

from igsm.model import GPT
from igsm.model.gpt import Attention
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.objective import IGNORE, Batch, Objective

_ATTENTION_ORDER = {
    "cudnn": [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION],
    "flash": [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION],
}

SMALL = 1_000_000
"""Weights below which a second thread does not pay: a model of 0.23 M took 0.25 s a step on one thread and up to 3 s on
two of a busy machine."""


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16 (AVX512-BF16 or AMX)."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def has_compiler() -> bool:
    """Whether the C++ compiler is there that torch.compile calls on a CPU."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")) is not None


class Execution:
    """Computes losses and gradients of a model that is already on `ranks.device`."""

    def __init__(self, model: nn.Module, config: TrainingConfig, ranks: Ranks) -> None:
        self.config, self.ranks = config, ranks
        on_cuda = ranks.device.type == "cuda"
        mode = ("default" if on_cuda else "off") if config.compile == "auto" else config.compile
        if mode != "off" and not on_cuda and not has_compiler():
            mode = "off"
            if ranks.first:
                print("no C++ compiler found (g++, or $CXX): training without torch.compile, slower", file=sys.stderr)
        precision = config.precision
        if precision == "auto":
            fast = mode != "off" and multiplies_bfloat16()
            precision = "bfloat16" if on_cuda else "bfloat16_linear" if fast else "float32"
        self._autocast = precision != "float32"
        for module in model.modules():
            if isinstance(module, Attention):
                module.in_float32 = precision == "bfloat16_linear"
        if isinstance(model, GPT):
            model.residual_dtype = torch.bfloat16 if precision == "bfloat16_residual" else None
        torch.set_float32_matmul_precision("high" if self._autocast else "highest")
        if config.deterministic:  # cuBLAS reads this when it is first used
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(config.deterministic)
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._plain = Objective(model)
        self._wrapped: nn.Module = self._plain
        if ranks.world_size > 1:
            self._wrapped = DistributedDataParallel(
                self._plain,
                device_ids=[ranks.device.index] if on_cuda else None,
                gradient_as_bucket_view=True,
            )
        self._forward: Callable[..., Tensor] = self._wrapped
        if mode != "off":
            # The kernels of attention are not part of what torch looks compiled code up by on disk.
            if hasattr(torch.compiler.config, "cache_key_tag"):
                torch.compiler.config.cache_key_tag = f"attention-{config.attention}"
            self._forward = torch.compile(self._wrapped, mode=mode, dynamic=False)

    @contextlib.contextmanager
    def context(self) -> Iterator[None]:
        """To be entered around all training: chooses the attention kernels, the compiled ones too, or the threads."""
        if self.ranks.device.type != "cuda":
            before = torch.get_num_threads()
            torch.set_num_threads(self._threads())
            try:
                yield
            finally:
                torch.set_num_threads(before)
            return
        first = _ATTENTION_ORDER["flash" if self.config.attention == "flash" else "cudnn"]
        others = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
        with sdpa_kernel([*first, *others], set_priority=True):
            yield

    def _threads(self) -> int:
        if self.config.threads is not None:
            return self.config.threads
        weights = sum(p.numel() for p in self._plain.parameters())
        return 1 if weights < SMALL else torch.get_num_threads()

    def _parts(self, batch: Batch, rows: int | None) -> Iterator[Batch]:
        """The batch in pieces of `rows` windows, on the device."""
        size = batch[0].shape[0]
        for start in range(0, size, rows or size):
            part = (tensor[start : start + (rows or size)] for tensor in batch)
            if self.ranks.device.type == "cuda":  # from pinned memory, or the copy waits for the device
                part = (tensor.pin_memory() for tensor in part)
            yield tuple(tensor.to(self.ranks.device, non_blocking=True) for tensor in part)

    def _cast(self) -> Any:
        return torch.autocast(self.ranks.device.type, dtype=torch.bfloat16, enabled=self._autocast)

    def gradients(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Leave the gradient of the mean loss over all processes' targets in the parameters.

        Returns:
            This process's sum of losses, the number of targets of all processes, and the norm of the whole
            gradient before clipping (0-d tensors on the device).
        """
        count = (batch[-1] != IGNORE).sum()
        if self.ranks.device.type == "cuda":
            count = count.pin_memory()
        targets = self.ranks.sum(count.to(self.ranks.device, non_blocking=True))
        # DistributedDataParallel takes the mean over processes.
        scale = self.ranks.world_size / targets.clamp(min=1)
        total = torch.zeros((), device=self.ranks.device)
        rows = self.config.micro_batch
        parts = -(-batch[0].shape[0] // (rows or batch[0].shape[0]))
        for number, part in enumerate(self._parts(batch, rows)):
            last = number == parts - 1
            if isinstance(self._wrapped, DistributedDataParallel) and not last:
                exchange: Any = self._wrapped.no_sync()
            else:
                exchange = contextlib.nullcontext()
            with exchange:
                with self._cast():
                    loss = self._forward(*part)
                (loss * scale).backward()
            total += loss.detach()
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.config.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters, self.config.gradient_clip, norm)
        return total, targets, norm

    @torch.no_grad()
    def mean_loss(self, batches: Iterator[Batch], rows: int = 32) -> float:
        """Mean loss over the targets of all processes' batches, without training and without compiling."""
        self._plain.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.ranks.device)
        for batch in batches:
            for part in self._parts(batch, rows):
                with self._cast():
                    sums[0] += self._plain(*part)
                sums[1] += (part[-1] != IGNORE).sum()
        self._plain.train()
        loss, targets = self.ranks.sum(sums).tolist()
        return loss / max(1, targets)
