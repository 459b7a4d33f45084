"""The one training loop: pretraining, continued pretraining, LoRA and probing are tasks for it."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from igsm.config import Config
from igsm.errors import InputError, is_out_of_memory
from igsm.progress import Progress, say
from igsm.rundir import JsonlWriter, RunFolder, atomic_write
from igsm.seeds import torch_seed
from igsm.training.config import TrackingConfig, TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.execution import Execution
from igsm.training.folder import note_computation
from igsm.training.metrics import Interval, Measurement, Meter
from igsm.training.objective import Batch
from igsm.training.optimizers import Optimizers
from igsm.training.readable import text, title
from igsm.training.resume import open_run, restore, save
from igsm.training.schedules import learning_rate
from igsm.training.signals import StopRequest, children_spared, this_command
from igsm.training.task import Outcome, Task, TrainingError
from igsm.training.tracking import Tracker


def train(
    task: Task,
    config: TrainingConfig,
    path: str | Path,
    *,
    resolved: Config,
    tracking: TrackingConfig,
    ranks: Ranks,
) -> Outcome:
    """Train `task.model` in the run folder `path`, from its newest checkpoint if there is one.

    Args:
        config: the recipe.
        resolved: the whole config of the run, which is kept in the folder and must be the same at a resume.
        tracking: where else metrics go.
        ranks: this process among those of the run (`distributed.join`).

    Raises:
        InputError: the folder holds something else, another process trains there, or disk or memory are full.
        TrainingError: the loss is not finite or explodes, more often than `skip_bad_steps`.
    """
    folder = RunFolder(path)
    try:
        with open_run(folder, resolved, ranks):
            if folder.done.exists():
                return Outcome("done", config.steps, began_at=config.steps)
            with StopRequest() as stop:
                return _Run(task, config, folder, resolved, tracking, ranks, stop).train()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise InputError(f"{folder}: cannot be written: {error.strerror}; {_last_good(folder)}") from None


def _last_good(folder: RunFolder) -> str:
    steps = folder.checkpoint_steps()
    return f"last good checkpoint: {folder.checkpoint(steps[-1])}" if steps else "there is no checkpoint yet"


class _Run:
    """A run in progress: what the phases of the loop share."""

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        folder: RunFolder,
        resolved: Config,
        tracking: TrackingConfig,
        ranks: Ranks,
        stop: StopRequest,
    ) -> None:
        self.task, self.config, self.folder, self.resolved = task, config, folder, resolved
        self.ranks, self.stop = ranks, stop
        self.model = task.model.to(ranks.device).train()
        self.optimizers = Optimizers(self.model, config)
        self.objective = task.objective(self.model).to(ranks.device)
        self.progress = restore(folder, self.objective, self.optimizers, ranks, task.vocabulary, resolved)
        self.began_at = self.progress.step
        self.execution = Execution(self.objective, config, ranks)
        if ranks.first:
            note_computation(folder, self.execution.computation)
        self.meter, self.interval = Meter(ranks), Interval()
        self.whole = True
        """Whether the weights are those of `progress.step` steps."""
        self.metrics = JsonlWriter(folder.metrics) if ranks.first else None
        self.tracker = Tracker(tracking, folder) if ranks.first else None
        self._say(f"  on {ranks.device}, {self.execution.waited_for}")
        self.bar = Progress(
            total=config.steps,
            initial=self.progress.step,
            desc=folder.path.name,
            unit="steps",
            disable=not ranks.first,
            dynamic_ncols=True,
        )

    def train(self) -> Outcome:
        with children_spared():
            batches = self.task.batches(self.progress.step)
        try:
            with self.execution.context():
                return self._steps(iter(batches))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise InputError(self._out_of_memory()) from None
        finally:
            batches.close()
            self.bar.close()
            if self.metrics is not None:
                self.metrics.close()
            if self.tracker is not None:
                self.tracker.close()

    def _steps(self, batches: Iterator[Batch]) -> Outcome:
        config, progress = self.config, self.progress
        self.interval = Interval()
        while progress.step < config.steps:
            # ---- data
            began = time.perf_counter()
            batch = self._next(batches)
            self.interval.waited += time.perf_counter() - began
            if batch is None:
                break
            # ---- gradients
            torch.manual_seed(torch_seed(self.task.seed, "dropout", progress.step, self.ranks.rank))
            sums = self.execution.gradients(batch)
            self.meter.add(progress.step + 1, batch.n_targets, sums)
            # ---- update
            if not (config.skip_bad_steps and self._read_and_skip()):
                self.whole = False
                self.optimizers.step(learning_rate(config, progress.step))
                self.whole = True
            self.optimizers.zero_grad()
            positions = batch.targets.numel() * self.ranks.world_size
            progress.step += 1
            progress.tokens_seen += positions
            self.interval.positions += positions
            self.interval.steps += 1
            self.bar.update()
            # ---- metrics, evaluation, checkpoint: where the host waits for the device
            done = progress.step == config.steps
            evaluates = done or progress.step % config.evaluate_every == 0
            saves = done or progress.step % config.checkpoint_every == 0
            alone = self.ranks.world_size == 1
            if not (evaluates or saves or progress.step % config.log_every == 0):
                if alone and self.stop.requested:
                    break
                continue
            asked = self._log()
            if evaluates:
                self._evaluate()
            if asked and not done:
                break
            if saves:
                self._save()
        return self._finish()

    def _out_of_memory(self) -> str:
        """What to change; the steps that are done are saved, if they can be."""
        self.optimizers.zero_grad()
        step, saved = self.progress.step, self.folder.checkpoint_steps()
        if self.whole and self.ranks.world_size == 1 and step > max([self.began_at, *saved]):
            with contextlib.suppress(TrainingError):  # a bad step among those not read yet is not saved
                if self.interval.positions:
                    self._log()
                self._save()
        rows = self.config.micro_batch or self.config.batch // self.ranks.world_size
        smaller = f"training.micro_batch smaller than {rows}" if rows > 1 else "the model or the context smaller"
        return (
            f"{self.folder}: out of memory on {self.ranks.device} after step {step}; make {smaller}; "
            f"{_last_good(self.folder)}"
        )

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        """The next batch; None if making it failed because its processes got the signal to stop, too."""
        try:
            return next(batches)
        except Exception:
            if self.stop.requested and self.ranks.world_size == 1:
                return None
            raise

    def _read(self) -> tuple[list[Measurement], bool]:
        """The bad steps among those since the last call, and whether any process was asked to stop."""
        measured, asked = self.meter.read(self.stop.requested)
        bad = [one for one in measured if one.is_bad(self.config.explosion_loss)]
        self.progress.skipped_steps += len(bad)
        if bad and self.progress.skipped_steps > self.config.skip_bad_steps:
            raise TrainingError(
                f"{self.folder}: {bad[0]}; {_last_good(self.folder)} "
                f"(steps left out before: {self.progress.skipped_steps - len(bad)}; "
                "a lower learning_rate, gradient_clip or skip_bad_steps may help)"
            )
        good = [one for one in measured if one not in bad]
        self.progress.targets_seen += sum(one.targets for one in good)
        self.interval.measured += good
        return bad, asked

    def _read_and_skip(self) -> bool:
        """Whether the step just computed is bad and must be left out."""
        bad, asked = self._read()
        self.stop.requested |= asked
        return bool(bad)

    def _log(self) -> bool:
        """Write a line of metrics; returns whether any process was asked to stop."""
        _, asked = self._read()
        line = {
            "step": self.progress.step,
            **self.interval.summary(self.objective.metrics),
            "learning_rate": learning_rate(self.config, self.progress.step - 1),
            "tokens_seen": self.progress.tokens_seen,
            "targets_seen": self.progress.targets_seen,
            "skipped_steps": self.progress.skipped_steps,
        }
        if self.ranks.device.type == "cuda":
            line["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
        self._write(line)
        loss = f"loss {line['loss']:.4f}" if "loss" in line else "left out"
        self.bar.set_postfix_str(f"{loss}, {line['tokens_per_second']:,.0f} tokens/s", refresh=False)
        self.interval = Interval()
        return asked

    def _write(self, line: dict[str, Any]) -> None:
        if self.metrics is not None and self.tracker is not None:
            self.metrics.write(line)
            self.tracker.log(line)

    def _evaluate(self) -> None:
        began = time.perf_counter()
        values: dict[str, float] = {}
        if self.task.held_out is not None:
            values = {f"held_out_{name}": mean for name, mean in self.execution.measure(self.task.held_out()).items()}
        if self.task.evaluate is not None and self.ranks.first:
            self.model.eval()
            with torch.no_grad():
                values |= self.task.evaluate(self.model, self.progress.step)
            self.model.train()
        self.ranks.wait()
        if values:
            self._write({"step": self.progress.step, **values})
            shown = ", ".join(f"{title(name)} {text(name, value)}" for name, value in values.items())
            self._say(f"step {self.progress.step}: {shown}")
        self.interval.away += time.perf_counter() - began

    def _save(self) -> None:
        began = time.perf_counter()
        kept = {name: self.ranks.joined(rows) for name, rows in sorted(self.objective.kept().items())}
        if self.ranks.first:
            about = (self.resolved, self.config, self.task.vocabulary)
            save(self.folder, self.model, self.optimizers, self.progress, kept, *about)
        self.ranks.wait()
        self.interval.away += time.perf_counter() - began

    def _finish(self) -> Outcome:
        if self.progress.step == self.config.steps:
            if self.ranks.first:
                atomic_write(self.folder.done, "")
            self.ranks.wait()
            return Outcome("done", self.progress.step, self.began_at)
        if self.interval.positions:
            self._log()
        self._save()
        place = f"step {self.progress.step} of {self.config.steps}"
        saved = self.folder.checkpoint(self.progress.step)
        self._say(f"asked to stop: saved {saved} ({place}), the same command goes on: {this_command()}")
        return Outcome("interrupted" if self.stop.interrupted else "requeue", self.progress.step, self.began_at)

    def _say(self, line: str) -> None:
        if self.ranks.first:
            say(line)
