"""Runs' configs with what follows from the rest filled in: without torch, so that mistakes in them show at once."""

from __future__ import annotations

from pydantic import Field

from igsm.checkpoints import CONFIG, find_checkpoint
from igsm.config import Config, build_config, load_yaml
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.training.config import PretrainConfig, TrackingConfig, TrainingConfig


class FinetuneConfig(Config):
    """A fine-tuning run: `mistakes finetune CONFIG from=runs/x`."""

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


def resolve_pretraining(config: PretrainConfig) -> PretrainConfig:
    """The config with everything filled in that follows from the rest: `model.vocabulary_size`.

    Raises:
        InputError: settings that do not go together.
    """
    size = load_vocabulary(config.data.problem, config.data.vocabulary).size
    if config.model.vocabulary_size is None:
        model = config.model.model_copy(update={"vocabulary_size": size})
        return config.model_copy(update={"model": model})
    if config.model.vocabulary_size < size:
        raise InputError(
            f"model.vocabulary_size is {config.model.vocabulary_size}, "
            f"the {config.data.vocabulary} vocabulary has {size} ids"
        )
    return config


def stored_shape(path: str) -> tuple[ModelConfig, DataConfig]:
    """Shape and data of the model that `igsm.model.load_model` would load from `path`.

    Raises:
        InputError: no checkpoint there, a damaged one, or one of another kind.
    """
    checkpoint = find_checkpoint(path)
    stored, where = load_yaml(checkpoint / CONFIG), str(checkpoint / CONFIG)
    shape = build_config(ModelConfig, stored.get("model") or {}, f"{where}, model")
    if stored.get("lora"):
        shape = build_config(LoRAConfig, stored["lora"], f"{where}, lora").merged(shape)
    return shape, build_config(DataConfig, stored.get("data") or {}, f"{path}, data")


def resolve_finetuning(config: FinetuneConfig) -> FinetuneConfig:
    """The config with the base model's shape.

    Raises:
        InputError: there is no such model, or the data has other token ids than its own.
    """
    shape, data = stored_shape(config.from_)
    ours, theirs = (
        (one.vocabulary, load_vocabulary(one.problem, one.vocabulary).fingerprint) for one in (config.data, data)
    )
    if ours != theirs:
        raise InputError(
            f"{config.from_}: was trained on another vocabulary ({data.vocabulary}, lexicon "
            f"{data.problem.problem_class.lexicon}) than data.vocabulary ({config.data.vocabulary}, lexicon "
            f"{config.data.problem.problem_class.lexicon}); choose the same"
        )
    if config.model not in (None, shape):
        raise InputError(f"model: is that of {config.from_}; leave it out")
    if config.lora is not None and config.lora.empty:
        raise InputError("lora: all ranks are 0, nothing would be trained; give one, or leave lora out")
    return config.model_copy(update={"model": shape})
