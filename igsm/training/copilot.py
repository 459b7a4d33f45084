"""Training a Copilot beside its Pilot through the one training loop, and loading it again.

A step is a round of arXiv 2505.16270, section 4: the Pilot notes question, rationale and mistakes, then both learn, the
Pilot from the step's windows, the Copilot from the log. Nothing of the Copilot's loss reaches the Pilot, which ends
with the weights that it would have without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.checkpoints import CONFIG, find_stored
from igsm.config import build_config
from igsm.corpus.vocabulary import SOLUTION_START, Vocabulary
from igsm.errors import InputError
from igsm.model import load_model
from igsm.model.checkpoint import load_weights
from igsm.model.config import CopilotConfig, ModelConfig
from igsm.model.copilot import Copilot, Pair, sources
from igsm.model.sight import Parts, parts_of
from igsm.seeds import numpy_generator, torch_seed
from igsm.training.copilot_config import CopilotRunConfig
from igsm.training.distributed import Ranks
from igsm.training.loop import train
from igsm.training.mistake_log import Entry, MistakeLog, errors_of
from igsm.training.objective import IGNORE, Batch, Loss, Objective
from igsm.training.settings import Resolved
from igsm.training.task import Batches, Outcome, Task
from igsm.training.windows import Evaluate, window_task


class CopilotObjective(Objective):
    """The Pilot's cross-entropy and the Copilot's loss.

    Beside the two means it measures what the Copilot would change with the weight 1 (`put_right`: share of the Pilot's
    wrong tokens whose sum p + f is largest at the right one; `put_wrong`: of its right ones where it no longer is).

    Args:
        pair: what is trained.
        end, solution_start: ids, see `parts_of`.
        rows: windows of a step that this process takes.
    """

    metrics = ("pilot_loss", "copilot_loss", "put_right", "put_wrong")

    def __init__(self, pair: nn.Module, config: CopilotRunConfig, end: int, solution_start: int, rows: int) -> None:
        super().__init__(pair)
        self._loss, self._top_k = config.loss, config.log.top_k
        self._end, self._solution_start = end, solution_start
        self.log = MistakeLog(config.log.rounds, rows, config.log.top_k) if config.log.rounds > 1 else None

    def kept(self) -> Mapping[str, Tensor]:
        return {} if self.log is None else self.log.kept

    def keep(self, kept: Mapping[str, Tensor]) -> None:
        if self.log is not None:
            self.log.kept = dict(kept)

    def forward(self, batch: Batch) -> Loss:
        assert isinstance(batch.inputs, Mapping)
        assert batch.weights is None
        logits, entry = self.noted(batch)
        pilot = F.cross_entropy(logits.flatten(0, -2), batch.targets.flatten(), ignore_index=IGNORE, reduction="sum")
        if self.log is not None and "taken" in batch.inputs:
            entry = self.log.exchange(entry, *(batch.inputs[name] for name in ("rows", "place", "taken")))
        parts, found = self.predicted(entry)
        loss, number = copilot_loss(self._loss, found, entry, parts)
        metrics = {"pilot_loss": (pilot, (batch.targets != IGNORE).sum()), "copilot_loss": (loss, number)}
        metrics |= changed(found.detach(), entry, self._loss == "cross_entropy")
        return Loss(pilot + loss, metrics)

    def noted(self, batch: Batch) -> tuple[Tensor, Entry]:
        """The Pilot's logits, float32 [B, T, vocabulary], and what a step notes of a batch."""
        assert isinstance(batch.inputs, Mapping)
        ids, seen = batch.inputs["ids"], cast("list[Tensor]", [])
        pilot = cast(Pair, self.model).pilot
        logits = pilot.head(pilot.hidden(ids, seen=seen)).float()
        parts, following = parts_of(ids, self._end, self._solution_start), F.pad(ids[:, 1:], (0, 1))
        embedded, *layers = (one.detach() for one in seen)
        errors = errors_of(logits.detach(), following, self._top_k)
        carrying = parts.answering & (batch.targets != IGNORE)
        return logits, Entry(ids, following, carrying, sources(embedded, layers, parts.answering), errors)

    def predicted(self, entry: Entry) -> tuple[Parts, Tensor]:
        """The parts of an entry's windows, and the Copilot's output, float32 [B, T, vocabulary]."""
        parts = parts_of(entry.ids, self._end, self._solution_start)
        return parts, cast(Pair, self.model).copilot(entry.errors, entry.source, parts).float()


def copilot_loss(name: str, found: Tensor, entry: Entry, parts: Parts) -> tuple[Tensor, Tensor]:
    """A sum, and the number of answers or tokens that it is over.

    Args:
        name: of `CopilotRunConfig.loss`.
        found: the Copilot's output f, float32 [B, T, vocabulary].
    """
    tokens = entry.carrying.sum()
    if name == "cross_entropy":
        targets = entry.targets.masked_fill(~entry.carrying, IGNORE).flatten()
        logits = (_log_probabilities(entry) + found).flatten(0, -2)
        return F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum"), tokens
    squared = (found - entry.errors).square().sum(-1) * entry.carrying
    if name == "squared":
        return squared.sum(), tokens
    if name == "sequence":
        documents = torch.zeros(len(squared), squared.shape[1] + 1, device=squared.device)
        squared = documents.scatter_add(1, parts.documents, squared)
    positive = squared > 0
    roots = torch.where(positive, squared, 1.0).sqrt() * positive  # the root has no derivative at 0
    return roots.sum(), tokens if name == "token" else positive.sum()


def _log_probabilities(entry: Entry) -> Tensor:
    return entry.probabilities.clamp_min(torch.finfo(torch.float32).tiny).log()


def changed(found: Tensor, entry: Entry, logits: bool) -> dict[str, tuple[Tensor, Tensor]]:
    """`put_right` and `put_wrong` of `CopilotObjective`.

    Args:
        logits: the output is added to logits, not to probabilities.
    """
    before = _log_probabilities(entry) if logits else entry.probabilities
    was, now = ((one.argmax(-1) == entry.targets) & entry.carrying for one in (before, before + found))
    wrong = entry.carrying & ~was
    return {"put_right": ((wrong & now).sum(), wrong.sum()), "put_wrong": ((was & ~now).sum(), was.sum())}


class CopilotBatches:
    """Windows as the objective takes them, with the round that each of a step's windows is taken from."""

    def __init__(self, windows: Batches, config: CopilotRunConfig, ranks: Ranks, step: int) -> None:
        self._windows, self._config, self._ranks, self._step = windows, config, ranks, step

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._windows:
            yield with_rounds(named(batch), self._config, self._ranks, self._step)
            self._step += 1

    def close(self) -> None:
        self._windows.close()


def named(batch: Batch) -> Batch:
    """The batch of a method, its ids by name."""
    assert isinstance(batch.inputs, tuple)
    return replace(batch, inputs={"ids": batch.inputs[0]})


def with_rounds(batch: Batch, config: CopilotRunConfig, ranks: Ranks, step: int) -> Batch:
    """The batch of a step with its place in the log; a window's draw does not depend on the number of processes."""
    assert isinstance(batch.inputs, Mapping)
    rounds, rows = config.log.rounds, len(batch.targets)
    if rounds == 1:
        return batch
    draws = numpy_generator(config.seed, "mistake log", step).integers(
        min(rounds, step + 1), size=rows * ranks.world_size
    )
    ages = torch.from_numpy(draws)[ranks.rank * rows : (ranks.rank + 1) * rows]
    places = {"place": torch.full((rows,), step % rounds), "taken": (step - ages) % rounds}
    return replace(batch, inputs={**batch.inputs, "rows": torch.arange(rows), **places})


def make_pair(config: CopilotRunConfig) -> Pair:
    """Pilot and Copilot as the run starts."""
    pilot, _ = load_model(config.from_)
    pilot.requires_grad_(config.pilot == "trained")
    torch.manual_seed(torch_seed(config.seed, "copilot"))
    copilot = Copilot(config.copilot, pilot.config)
    if config.copilot.init == "pilot":
        copilot.start_as(pilot)
    copilot.rate = config.rate
    return Pair(pilot, copilot)


def copilot_task(
    config: CopilotRunConfig, vocabulary: Vocabulary, ranks: Ranks, evaluate: Evaluate | None = None
) -> Task:
    """A run of a Copilot as a task for the loop."""
    pair = make_pair(config)
    windows = window_task(pair, config.data, config.training, ranks, config.seed, vocabulary, None)
    rows = config.training.batch // ranks.world_size
    marks = (vocabulary.end, int(vocabulary.from_gpt2[SOLUTION_START]))
    held_out: Callable[[], Iterator[Batch]] | None = None
    if windows.held_out is not None:
        test = windows.held_out
        held_out = lambda: map(named, test())  # noqa: E731
    return replace(
        windows,
        batches=lambda step: CopilotBatches(windows.batches(step), config, ranks, step),
        objective=lambda model: CopilotObjective(model, config, *marks, rows),
        held_out=held_out,
        evaluate=None if evaluate is None else lambda model, step: evaluate(cast(Pair, model).pilot, step),
    )


def train_copilot(
    run: Resolved[CopilotRunConfig], path: str | Path, ranks: Ranks, *, evaluate: Evaluate | None = None
) -> Outcome:
    """Train a Copilot, and its Pilot, in the run folder `path`, from its newest checkpoint if there is one.

    `load_model` gives the Pilot of such a run, so that every command takes it like any other.

    Args:
        run: see `settings.resolve`.
        evaluate: measures the Pilot at every evaluation.

    Raises:
        InputError, TrainingError: see `loop.train`.
    """
    config, vocabulary = run
    task = copilot_task(config, vocabulary, ranks, evaluate)
    return train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)


def load_copilot(path: str | Path) -> tuple[Copilot, ModelConfig]:
    """Rebuild a Copilot from its run folder or checkpoint alone, on the CPU in evaluation mode; its Pilot's shape.

    Raises:
        InputError: there is none, or a damaged one.
    """
    checkpoint, stored = find_stored(path, "copilot")
    where = checkpoint / CONFIG
    pilot = build_config(ModelConfig, stored.get("model") or {}, f"{where}, model")
    settings = build_config(CopilotConfig, stored.get("copilot") or {}, f"{where}, copilot")
    copilot = Copilot(settings, pilot)
    load_weights(checkpoint, copilot, "copilot")
    return copilot.eval(), pilot


def check_pilot(copilot: str | Path, pilot: ModelConfig, shape: ModelConfig) -> None:
    """Raise InputError if the Copilot in a folder was trained beside a Pilot of another shape than this model's.

    Args:
        pilot: the shape of the Pilot that it was trained beside.
        shape: of the model that it is to serve.
    """
    for key, there in pilot.model_dump(exclude={"dropout", "embedding_deviation"}).items():
        if (here := getattr(shape, key)) != there:
            raise InputError(f"{copilot}: is the Copilot of a model with model.{key}={there}, this one has {here}")
