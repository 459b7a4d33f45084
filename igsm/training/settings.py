"""Runs' configs with what follows from the rest filled in: without torch, so that mistakes in them show at once."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from igsm.checkpoints import CONFIG, find_checkpoint, find_stored, latest_checkpoint
from igsm.config import build_config, load_stored
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.rundir import RunFolder
from igsm.training.config import RunConfig, Start
from igsm.training.continuation import checkpoint_to_continue

AnyRun = TypeVar("AnyRun", bound=RunConfig)


class Resolved(NamedTuple, Generic[AnyRun]):
    """A run whose config says everything, and what its ids stand for."""

    config: AnyRun
    vocabulary: Vocabulary


def resolve(config: AnyRun, folder: str | Path | None = None) -> Resolved[AnyRun]:
    """Fill in what follows from the run that a config starts from, or from its data.

    Args:
        config: of any stage, as it was read.
        folder: the run folder, if there may be one already: a checkpoint there knows its vocabulary, its config what a
            mix of mistakes came to when the run began.

    Raises:
        InputError: settings that do not go together, or no model to start from.
    """
    if folder is not None:
        config = _with_stored_weights(config, RunFolder(folder).config)
    if config.start is None:
        if folder is None or config.continued is None or latest_checkpoint(folder)[0] is not None:
            vocabulary = _own_vocabulary(config.rows, folder)
            return Resolved(config.filled_in(None, vocabulary), vocabulary)
        before = find_checkpoint(config.continued)
        config = _with_stored_weights(config, before / CONFIG)
        vocabulary = read_vocabulary(before, config.rows.problem, config.rows.vocabulary)
        config = config.filled_in(None, vocabulary)
        checkpoint_to_continue(config)
        return Resolved(config, vocabulary)
    start = stored_model(config.start)
    config = config.filled_in(start, start.vocabulary)
    try:
        return Resolved(config, start.vocabulary.extended(config.rows.method.marks))
    except InputError as error:
        raise InputError(f"{start.name}: {error}") from None


def _with_stored_weights(config: AnyRun, stored: Path) -> AnyRun:
    """The config with the weights that the run in the folder has drawn by, where its mix of mistakes is the same."""
    data = getattr(config, "data", None)
    if data is None or data.resolved_already or not stored.is_file():
        return config
    before = build_config(DataConfig, load_stored(stored).get("data") or {}, f"{stored}, data")
    return config.model_copy(update={"data": data.with_weights_of(before)})


def _own_vocabulary(data: DataConfig, folder: str | Path | None) -> Vocabulary:
    """That of the run in the folder once it has a checkpoint; before, this version's for the data."""
    found = latest_checkpoint(folder)[0] if folder is not None else None
    if found is not None:
        return read_vocabulary(found, data.problem, data.vocabulary)
    return load_vocabulary(data.problem, data.vocabulary, data.method.marks)


def stored_model(path: str) -> Start:
    """Shape, data and vocabulary of the model that `igsm.model.load_model` would load from `path`.

    Raises:
        InputError: no checkpoint there, a damaged one, or one of another kind.
    """
    checkpoint, stored = find_stored(path, "model")
    where = str(checkpoint / CONFIG)
    shape = build_config(ModelConfig, stored.get("model") or {}, f"{where}, model")
    if stored.get("lora"):
        shape = build_config(LoRAConfig, stored["lora"], f"{where}, lora").merged(shape)
    data = build_config(DataConfig, stored.get("data") or {}, f"{path}, data")
    return Start(path, shape, data, read_vocabulary(checkpoint, data.problem, data.vocabulary))
