"""What is measured during training, and when the host looks at it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from igsm.training.distributed import Ranks


@dataclass(frozen=True)
class Measurement:
    """One optimizer step, over all processes."""

    step: int
    loss: float
    """Sum over the targets."""
    targets: int
    gradient_norm: float

    @property
    def mean_loss(self) -> float:
        return self.loss / max(1, self.targets)

    def is_bad(self, explosion_loss: float) -> bool:
        """Not finite, or a mean loss above `explosion_loss`."""
        finite = math.isfinite(self.loss) and math.isfinite(self.gradient_norm)
        return not finite or self.mean_loss > explosion_loss

    def __str__(self) -> str:
        return f"step {self.step}: loss {self.mean_loss:.4g}, gradient norm {self.gradient_norm:.4g}"


class Meter:
    """Keeps losses and norms on the device until they are read: the host need not wait at every step."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._pending: list[tuple[int, Tensor, Tensor, Tensor]] = []

    def add(self, step: int, loss: Tensor, targets: Tensor, gradient_norm: Tensor) -> None:
        """Note a step: this process's sum of losses, all processes' targets and norm (0-d tensors)."""
        self._pending.append((step, loss, targets, gradient_norm))

    def read(self, stop: bool) -> tuple[list[Measurement], bool]:
        """The steps noted since the last call, and whether any process was asked to stop.

        All processes must call it after the same steps.
        """
        steps, losses, targets, norms = zip(*self._pending, strict=True) if self._pending else ((),) * 4
        self._pending = []
        flag = torch.tensor(float(stop), device=self._ranks.device)
        sums = self._ranks.sum(torch.stack([flag.double(), *(loss.detach().double() for loss in losses)]))
        local = torch.stack([x.detach().double() for x in (*targets, *norms)]) if steps else sums[:0]
        flag_sum, *loss_sums = sums.tolist()
        values = local.tolist()
        counts, gradient_norms = values[: len(steps)], values[len(steps) :]
        measured = [
            Measurement(step, loss, int(count), norm)
            for step, loss, count, norm in zip(steps, loss_sums, counts, gradient_norms, strict=True)
        ]
        return measured, flag_sum > 0


@dataclass
class Interval:
    """Steps since the last line of `metrics.jsonl`."""

    began: float = field(default_factory=time.perf_counter)
    away: float = 0.0
    """Seconds spent evaluating and saving."""
    waited: float = 0.0
    """Seconds spent waiting for data."""
    positions: int = 0
    """Tokens trained on, over all processes."""
    measured: list[Measurement] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """The part of a metrics line that is measured over the interval (bad steps are left out of it)."""
        seconds = max(1e-9, time.perf_counter() - self.began - self.away)
        targets = sum(one.targets for one in self.measured)
        return {
            "loss": sum(one.loss for one in self.measured) / max(1, targets),
            "gradient_norm": max((one.gradient_norm for one in self.measured), default=0.0),
            "tokens_per_second": self.positions / seconds,
            "loader_wait_share": min(1.0, self.waited / seconds),
        }
