"""How a run begins in its folder or goes on there, and how it is saved: at intervals, the last few checkpoints kept."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from igsm.checkpoints import find_checkpoint, latest_checkpoint, remove_checkpoint
from igsm.config import Config
from igsm.errors import InputError
from igsm.locks import locked
from igsm.model.checkpoint import load_training_state, load_weights, save_checkpoint
from igsm.rundir import VOCABULARY, RunFolder, atomic_write, read_json, read_jsonl, weights_digest, write_json
from igsm.training.config import RunConfig, TrainingConfig
from igsm.training.continuation import checkpoint_to_continue, metrics_before
from igsm.training.distributed import Ranks
from igsm.training.folder import begin
from igsm.training.objective import Objective
from igsm.training.optimizers import Optimizers


@dataclass
class Progress:
    """How far a run is; part of every checkpoint."""

    step: int = 0
    """Steps done."""
    tokens_seen: int = 0
    targets_seen: int = 0
    """Tokens that carried loss."""
    skipped_steps: int = 0


@contextlib.contextmanager
def open_run(folder: RunFolder, resolved: Config, ranks: Ranks) -> Iterator[None]:
    """Begin a run in the folder, or go on with the run of the same config that is there.

    Inside the ``with`` block no other process can train in this folder.

    Raises:
        InputError: (in all processes) the folder holds another run or something else, or is being trained in.
    """
    problem = None
    with contextlib.ExitStack() as held:
        if ranks.first:
            try:
                held.enter_context(locked(folder.path, "training"))
                begin(folder, resolved)
            except InputError as error:
                problem = str(error)
        problem = ranks.first_says(problem)
        if problem is not None:
            raise InputError(problem)
        yield


def restore(
    folder: RunFolder,
    objective: Objective,
    optimizers: Optimizers,
    ranks: Ranks,
    vocabulary: Mapping[str, Any],
    resolved: Config | None = None,
) -> Progress:
    """Load the newest whole checkpoint, if there is one, and drop metrics written after it.

    Without one, that which the config continues, if it does, with the metrics up to there.

    Args:
        objective: around the model.

    Raises:
        InputError: (in all processes) none can be trained on, or its ids stand for other words than those of
            `vocabulary`.
    """
    found: Path | None = None
    metrics = folder.metrics
    problem = None
    if ranks.first:
        try:
            found, metrics = _beginning(folder, vocabulary, resolved)
        except InputError as error:
            problem = str(error)
    problem = ranks.first_says(problem)
    if problem is not None:
        raise InputError(problem)
    name = ranks.first_says(str(found) if found else None)
    if name is None:
        return Progress()
    load_weights(Path(name), objective.model)
    state = load_training_state(Path(name))
    objective.keep({name: ranks.share(rows) for name, rows in state.get("kept", {}).items()})
    optimizers.load_state_dict(state["optimizers"])
    progress = Progress(**state["progress"])
    if ranks.first:
        print(f"resumed from {name}", file=sys.stderr)
        kept = [line for line in _metrics(metrics) if line["step"] <= progress.step]
        atomic_write(folder.metrics, "".join(json.dumps(line) + "\n" for line in kept))
    return progress


def _beginning(folder: RunFolder, vocabulary: Mapping[str, Any], resolved: Config | None) -> tuple[Path | None, Path]:
    """The checkpoint that a run begins at, its own or another run's, and the metrics up to there; None: it has none.

    Another run's weights are noted in the folder.

    Raises:
        InputError: none can be trained on, or its ids stand for other words.
    """
    for left in folder.checkpoints.glob(".step_*.writing"):  # of a process that was killed while it saved
        shutil.rmtree(left, ignore_errors=True)
    found, broken = latest_checkpoint(folder.path)
    for line in broken:
        print(line, file=sys.stderr)
    if found is None and broken:
        raise InputError(f"{folder}: none of its checkpoints can be trained on; delete them, or choose another folder")
    metrics, config = folder.metrics, resolved if isinstance(resolved, RunConfig) else None
    if found is None and config is not None and (found := checkpoint_to_continue(config)) is not None:
        _note(folder, "continues", found)
        metrics = metrics_before(found)
    if found is None:
        folder.metrics.unlink(missing_ok=True)
        if config is not None and config.start is not None:
            _note(folder, "started_from", find_checkpoint(config.start))
    elif read_json(found / VOCABULARY) != vocabulary:
        raise InputError(f"{found / VOCABULARY}: the data has other ids than this checkpoint; choose another folder")
    return found, metrics


def _note(folder: RunFolder, what: str, checkpoint: Path) -> None:
    """Note in the folder which weights a run begins at: the run they are of may go on."""
    noted = {"checkpoint": str(checkpoint), "weights": weights_digest(checkpoint)}
    write_json(folder.provenance, read_json(folder.provenance) | {what: noted})


def _metrics(path: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(path)) if path.exists() else []


def save(
    folder: RunFolder,
    model: nn.Module,
    optimizers: Optimizers,
    progress: Progress,
    kept: Mapping[str, Tensor],
    resolved: Config,
    config: TrainingConfig,
    vocabulary: Mapping[str, Any],
) -> Path:
    """Write the checkpoint of the current step and delete those that need not be kept.

    Args:
        kept: what the objective keeps, of all processes.
    """
    path = folder.checkpoint(progress.step)
    state: dict[str, Any] = {"progress": asdict(progress), "optimizers": optimizers.state_dict()}
    if kept:
        state["kept"] = dict(kept)
    save_checkpoint(path, model, state, resolved, vocabulary)
    # A later step that is there was passed over as broken: it must not push out a good one.
    steps = [step for step in folder.checkpoint_steps() if step <= progress.step]
    for step in steps[: -config.keep_last]:
        if config.keep_every is None or step % config.keep_every:
            remove_checkpoint(folder.checkpoint(step))
    return path
