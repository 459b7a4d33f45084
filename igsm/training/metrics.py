"""What is measured during training, and when the host looks at it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from igsm.training.distributed import Ranks


@dataclass(frozen=True)
class StepSums:
    """What a step comes to, on the device.

    Attributes:
        loss: this process's sum, 0-d.
        metrics: this process's sums and their denominators, float64 [number of the objective's metrics, 2].
        count: what the losses of all processes are divided by, 0-d.
        gradient_norm: of the whole gradient before clipping, 0-d.
    """

    loss: Tensor
    metrics: Tensor
    count: Tensor
    gradient_norm: Tensor


@dataclass(frozen=True)
class Measurement:
    """One optimizer step, over all processes."""

    step: int
    loss: float
    """Sum over the batch."""
    count: float
    """What the loss is divided by."""
    targets: int
    """Tokens that carry loss."""
    gradient_norm: float
    metrics: Sequence[Sequence[float]] = ()
    """A sum and its denominator for each of the objective's metrics."""

    @property
    def mean_loss(self) -> float:
        return self.loss / (self.count or 1)

    def is_bad(self, explosion_loss: float) -> bool:
        """Not finite, or a mean loss above `explosion_loss`."""
        finite = math.isfinite(self.loss) and math.isfinite(self.gradient_norm)
        return not finite or self.mean_loss > explosion_loss

    def __str__(self) -> str:
        return f"step {self.step}: loss {self.mean_loss:.4g}, gradient norm {self.gradient_norm:.4g}"


class Meter:
    """Keeps sums and norms on the device until they are read: the host need not wait at every step."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._pending: list[tuple[int, int, StepSums]] = []

    def add(self, step: int, targets: int, sums: StepSums) -> None:
        """Note a step, and how many targets of this process carried loss."""
        self._pending.append((step, targets, sums))

    def read(self, stop: bool) -> tuple[list[Measurement], bool]:
        """The steps noted since the last call, and whether any process was asked to stop.

        All processes must call it after the same steps.
        """
        pending, self._pending = self._pending, []
        numbers = [float(stop), *(targets for _, targets, _ in pending)]
        mine = [torch.tensor(numbers, dtype=torch.float64, device=self._ranks.device)]
        same = []
        for _, _, sums in pending:
            mine += [sums.loss.double().view(1), sums.metrics.flatten()]
            same += [sums.count.double(), sums.gradient_norm.double()]
        added = iter(self._ranks.sum(torch.cat(mine)).tolist())
        known = iter(torch.stack(same).tolist() if same else [])
        asked, *targets = itertools.islice(added, len(numbers))
        measured = []
        for (step, _, sums), n_targets in zip(pending, targets, strict=True):
            loss, metrics = next(added), [(next(added), next(added)) for _ in sums.metrics]
            measured.append(Measurement(step, loss, next(known), int(n_targets), next(known), metrics))
        return measured, asked > 0


def means(names: Iterable[str], pairs: Iterable[Sequence[float]]) -> dict[str, float]:
    """The quotients of (sum, number) by name; means over nothing are left out."""
    return {name: total / number for name, (total, number) in zip(names, pairs, strict=True) if number}


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
    steps: int = 0
    """Bad ones too."""
    measured: list[Measurement] = field(default_factory=list)

    def summary(self, names: Sequence[str] = ()) -> dict[str, float]:
        """The part of a metrics line that is measured over the interval; bad steps are left out of it, and without any
        other there is no loss.

        Args:
            names: of the objective's metrics.
        """
        seconds = max(1e-9, time.perf_counter() - self.began - self.away)
        rates = {
            "tokens_per_second": self.positions / seconds,
            "loader_wait_share": min(1.0, self.waited / seconds),
        }
        if not self.measured:
            return rates
        count = sum(one.count for one in self.measured)
        pairs = [[sum(one.metrics[i][j] for one in self.measured) for j in range(2)] for i in range(len(names))]
        positions = self.positions * len(self.measured) / self.steps
        return {
            "loss": sum(one.loss for one in self.measured) / (count or 1),
            **means(names, pairs),
            "gradient_norm": max(one.gradient_norm for one in self.measured),
            "masked_share": 1 - sum(one.targets for one in self.measured) / positions,
            **rates,
        }
