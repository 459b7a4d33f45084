"""Runs' configs with what follows from the rest filled in: without torch, so that mistakes in them show at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from igsm.checkpoints import CONFIG, find_checkpoint, latest_checkpoint
from igsm.config import Config, build_config, load_stored
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.training.config import PretrainConfig, TrackingConfig, TrainingConfig


class FinetuneConfig(Config):
    """A fine-tuning run: `mistakes finetune CONFIG from=runs/x`."""

    stage: Literal["finetune"] = "finetune"
    from_: str = Field(alias="from")
    """Run folder or checkpoint of the model to start from."""
    seed: int = 1
    """Of the updates' initial weights."""
    data: DataConfig
    model: ModelConfig | None = None
    """The base model's shape, filled in from there."""
    lora: LoRAConfig | None = None
    """Train low-rank updates only; None: all weights."""
    training: TrainingConfig
    tracking: TrackingConfig = TrackingConfig()


def vocabulary_of(data: DataConfig, path: str | Path | None = None) -> Vocabulary:
    """That of the run `path` once it has a checkpoint; before, this version's for the data."""
    found = latest_checkpoint(path)[0] if path is not None else None
    if found is not None:
        return read_vocabulary(found, data.problem, data.vocabulary)
    return load_vocabulary(data.problem, data.vocabulary, data.method.marks)


def resolve_pretraining(config: PretrainConfig, path: str | Path | None = None) -> PretrainConfig:
    """The config with everything filled in that follows from the rest: `model.vocabulary_size`.

    Args:
        path: the run folder, if there may be one already.

    Raises:
        InputError: settings that do not go together.
    """
    if config.data.tuning_round:
        raise InputError("data.tuning_round: pretraining is round 0; leave it out")
    size = vocabulary_of(config.data, path).size
    if config.model.vocabulary_size is None:
        model = config.model.model_copy(update={"vocabulary_size": size})
        return config.model_copy(update={"model": model})
    if config.model.vocabulary_size < size:
        raise InputError(
            f"model.vocabulary_size is {config.model.vocabulary_size}, "
            f"the {config.data.vocabulary} vocabulary has {size} ids"
        )
    return config


def stored_model(path: str) -> tuple[ModelConfig, DataConfig, Vocabulary]:
    """Shape, data and vocabulary of the model that `igsm.model.load_model` would load from `path`.

    Raises:
        InputError: no checkpoint there, a damaged one, or one of another kind.
    """
    checkpoint = find_checkpoint(path)
    stored, where = load_stored(checkpoint / CONFIG), str(checkpoint / CONFIG)
    shape = build_config(ModelConfig, stored.get("model") or {}, f"{where}, model")
    if stored.get("lora"):
        shape = build_config(LoRAConfig, stored["lora"], f"{where}, lora").merged(shape)
    data = build_config(DataConfig, stored.get("data") or {}, f"{path}, data")
    return shape, data, read_vocabulary(checkpoint, data.problem, data.vocabulary)


def resolve_finetuning(config: FinetuneConfig) -> FinetuneConfig:
    """The config with what follows from the base model: its shape, and `data.tuning_round`.

    Raises:
        InputError: there is no such model, or the data has other token ids than its own.
    """
    shape, data, vocabulary = stored_model(config.from_)
    ours = load_vocabulary(config.data.problem, config.data.vocabulary)
    if (ours.kind, ours.names_fingerprint) != (vocabulary.kind, vocabulary.names_fingerprint):
        raise InputError(
            f"{config.from_}: was trained on another vocabulary ({data.vocabulary}, lexicon "
            f"{data.problem.problem_class.lexicon}) than data.vocabulary ({config.data.vocabulary}, lexicon "
            f"{config.data.problem.problem_class.lexicon}); choose the same"
        )
    try:
        vocabulary.extended(config.data.method.marks)
    except InputError as error:
        raise InputError(f"{config.from_}: {error}") from None
    if config.model not in (None, shape):
        raise InputError(f"model: is that of {config.from_}; leave it out")
    if config.lora is not None and config.lora.empty:
        raise InputError("lora: all ranks are 0, nothing would be trained; give one, or leave lora out")
    tuning_round = data.tuning_round + 1
    if config.data.tuning_round not in (0, tuning_round):
        raise InputError(f"data.tuning_round: from {config.from_} it is {tuning_round}; leave it out")
    filled = config.data.model_copy(update={"tuning_round": tuning_round})
    return config.model_copy(update={"model": shape, "data": filled})
