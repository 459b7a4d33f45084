"""How a step is computed on a device: precision, compilation, attention kernels, gradients."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel

from igsm.compilers import missing_compiler
from igsm.model import GPT
from igsm.model.copilot import Copilot
from igsm.model.gpt import Attention
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.hardware import multiplies_bfloat16
from igsm.training.metrics import StepSums, means
from igsm.training.objective import Batch, Loss, Objective

_ATTENTION_ORDER = {
    "cudnn": [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION],
    "flash": [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION],
}

SMALL = 1_000_000
"""Weights below which a second thread does not pay: a model of 0.23 M took 0.25 s a step on one thread and up to 3 s on
two of a busy machine."""


def fitting_threads(model: nn.Module) -> int:
    """Threads of a CPU that do not get in each other's way."""
    return 1 if sum(p.numel() for p in model.parameters()) < SMALL else torch.get_num_threads()


class Execution:
    """Computes losses and gradients of an objective whose model is already on `ranks.device`."""

    def __init__(self, objective: Objective, config: TrainingConfig, ranks: Ranks) -> None:
        self.config, self.ranks = config, ranks
        on_cuda = ranks.device.type == "cuda"
        mode = ("default" if on_cuda else "off") if config.compile == "auto" else config.compile
        if mode != "off" and (missing := missing_compiler(ranks.device.type)):
            mode = "off"
            if ranks.first:
                print(f"no {missing}: training without torch.compile, slower", file=sys.stderr)
        precision = config.precision
        if precision == "auto":
            fast = mode != "off" and multiplies_bfloat16()
            precision = "bfloat16" if on_cuda else "bfloat16_products" if fast else "float32"
        compiled = "not compiled" if mode == "off" else f"compiled ({mode})"
        self.computation = f"on {ranks.device.type} in {precision}, {compiled}"
        """What decides how results are rounded, such as "on cpu in bfloat16_products, compiled (default)"."""
        if config.optimizer == "muon" and not on_cuda and not multiplies_bfloat16():
            self.computation += ", Muon in float32"
        self._autocast = precision != "float32"
        for module in objective.modules():
            if isinstance(module, Attention | Copilot):
                module.in_float32 = precision in ("bfloat16_linear", "bfloat16_products")
                module.in_blocks = precision == "bfloat16_products"
            if isinstance(module, GPT):
                module.residual_dtype = torch.bfloat16 if precision == "bfloat16_residual" else None
        if config.deterministic:  # cuBLAS reads this when it is first used
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(config.deterministic)
        self._parameters = [p for p in objective.parameters() if p.requires_grad]
        self._plain = objective
        self._wrapped: nn.Module = self._plain
        if ranks.world_size > 1:
            self._wrapped = DistributedDataParallel(
                self._plain,
                device_ids=[ranks.device.index] if on_cuda else None,
                gradient_as_bucket_view=True,
            )
        self._forward: Callable[[Batch], Loss] = self._wrapped
        self.waited_for = (
            "compiling the model before the first step (a minute or two)" if mode != "off" else "first step ..."
        )
        """What takes so long before the first step is done."""
        if mode != "off":
            # The kernels of attention are not part of what torch looks compiled code up by on disk.
            if hasattr(torch.compiler.config, "cache_key_tag"):
                torch.compiler.config.cache_key_tag = f"attention-{config.attention}"
            self._forward = torch.compile(self._wrapped, mode=mode, dynamic=False)

    @contextlib.contextmanager
    def context(self) -> Iterator[None]:
        """To be entered around all training: chooses precision, attention kernels (the compiled ones too), threads."""
        precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
        torch.set_float32_matmul_precision("high" if self._autocast else "highest")
        first = _ATTENTION_ORDER["flash" if self.config.attention == "flash" else "cudnn"]
        others = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
        try:
            if self.ranks.device.type == "cuda":
                with sdpa_kernel([*first, *others], set_priority=True):
                    yield
            else:
                torch.set_num_threads(self._threads())
                yield
        finally:
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(precision)

    def _threads(self) -> int:
        if self.config.threads is not None:
            return self.config.threads
        return fitting_threads(self._plain)

    def _parts(self, batch: Batch, rows: int | None) -> Iterator[Batch]:
        """The batch in pieces of `rows` rows, on the device."""
        return (part.mapped(self._on_device) for part in batch.parts(rows))

    def _on_device(self, tensor: Tensor) -> Tensor:
        if self.ranks.device.type == "cuda":  # from pinned memory, or the copy waits for the device
            tensor = tensor.pin_memory()
        return tensor.to(self.ranks.device, non_blocking=True)

    def _cast(self) -> Any:
        return torch.autocast(self.ranks.device.type, dtype=torch.bfloat16, enabled=self._autocast)

    def _no_sums(self) -> Tensor:
        """A sum and its denominator for each of the objective's metrics, float64 [number of them, 2]."""
        return torch.zeros((len(self._plain.metrics), 2), dtype=torch.float64, device=self.ranks.device)

    def _add_metrics(self, sums: Tensor, loss: Loss) -> None:
        for row, name in zip(sums, self._plain.metrics, strict=True):
            row += torch.stack([number.detach().double() for number in loss.metrics[name]])

    def gradients(self, batch: Batch) -> StepSums:
        """Leave the gradient of the loss, the mean over all processes' count, in the parameters."""
        count = self.ranks.sum(self._on_device(batch.count).clone())
        # DistributedDataParallel takes the mean over processes.
        scale = self.ranks.world_size / torch.where(count > 0, count, torch.ones_like(count))
        total = torch.zeros((), device=self.ranks.device)
        metrics = self._no_sums()
        rows = self.config.micro_batch
        parts = -(-len(batch.targets) // (rows or len(batch.targets)))
        for number, part in enumerate(self._parts(batch, rows)):
            last = number == parts - 1
            if isinstance(self._wrapped, DistributedDataParallel) and not last:
                exchange: Any = self._wrapped.no_sync()
            else:
                exchange = contextlib.nullcontext()
            with exchange:
                with self._cast():
                    loss = self._forward(part)
                (loss.sum * scale).backward()
            total += loss.sum.detach()
            self._add_metrics(metrics, loss)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.config.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters, self.config.gradient_clip, norm)
        return StepSums(total, metrics, count, norm)

    @torch.no_grad()
    def measure(self, batches: Iterable[Batch], rows: int = 32) -> dict[str, float]:
        """The mean loss ("loss") and the metrics of all processes' batches, without training and without compiling."""
        self._plain.eval()
        total, metrics = torch.zeros((1, 2), dtype=torch.float64, device=self.ranks.device), self._no_sums()
        for batch in batches:
            total[0, 1] += batch.count
            for part in self._parts(batch, min(rows, self.config.micro_batch or rows)):
                with self._cast():
                    loss = self._plain(part)
                total[0, 0] += loss.sum
                self._add_metrics(metrics, loss)
        self._plain.train()
        return means(("loss", *self._plain.metrics), self.ranks.sum(torch.cat([total, metrics])).tolist())
