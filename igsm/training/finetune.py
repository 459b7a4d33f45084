"""Fine-tuning on data with mistakes: LoRA, or all weights (continued pretraining). Part 2.2, Result 7."""

from __future__ import annotations

from pathlib import Path

import torch

from igsm.config import build_config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from igsm.errors import InputError
from igsm.model import GPT, load_model
from igsm.model.checkpoint import find_checkpoint, load_weights
from igsm.model.lora import add_lora, save_peft_adapter
from igsm.rundir import RunFolder
from igsm.seeds import torch_seed
from igsm.training.config import FinetuneConfig
from igsm.training.distributed import Ranks
from igsm.training.loop import Outcome, train
from igsm.training.pretrain import Evaluate, window_task


def resolve(config: FinetuneConfig) -> tuple[FinetuneConfig, GPT, Vocabulary]:
    """The config with what follows from the base model (its shape, `data.tuning_round`), that model and its vocabulary.

    Raises:
        InputError: there is no such model, or the data has other token ids than its own.
    """
    model, base = load_model(config.from_)
    data = build_config(DataConfig, base.get("data") or {}, f"{config.from_}, data")
    vocabulary = read_vocabulary(find_checkpoint(config.from_), data.problem, data.vocabulary)
    ours = load_vocabulary(config.data.problem, config.data.vocabulary)
    if (ours.kind, ours.names_fingerprint) != (vocabulary.kind, vocabulary.names_fingerprint):
        raise InputError(
            f"{config.from_}: was trained on another vocabulary ({data.vocabulary}, lexicon "
            f"{data.problem.problem_class.lexicon}) than data.vocabulary ({config.data.vocabulary}, lexicon "
            f"{config.data.problem.problem_class.lexicon}); choose the same"
        )
    if config.model not in (None, model.config):
        raise InputError(f"model: is that of {config.from_}; leave it out")
    if config.lora is not None and config.lora.empty:
        raise InputError("lora: all ranks are 0, nothing would be trained; give one, or leave lora out")
    tuning_round = data.tuning_round + 1
    if config.data.tuning_round not in (0, tuning_round):
        raise InputError(f"data.tuning_round: from {config.from_} it is {tuning_round}; leave it out")
    filled = config.data.model_copy(update={"tuning_round": tuning_round})
    return config.model_copy(update={"model": model.config, "data": filled}), model, vocabulary


def finetune(config: FinetuneConfig, path: str | Path, ranks: Ranks, *, evaluate: Evaluate | None = None) -> Outcome:
    """Fine-tune in the run folder `path`, from its newest checkpoint if there is one.

    The arguments are those of `pretrain.pretrain`. A finished LoRA run also has its updates as a PEFT adapter in
    `adapter/`, if the model can be exported as GPT-NeoX; `load_model` merges them, so that every command takes the run
    like any other.

    Raises:
        InputError, TrainingError: see `loop.train`.
    """
    config, model, vocabulary = resolve(config)
    torch.manual_seed(torch_seed(config.seed, "low-rank updates"))
    if config.lora is not None:
        add_lora(model, config.lora)
    else:
        model.requires_grad_(True)
    task = window_task(model, config.data, config.training, ranks, config.seed, vocabulary, evaluate)
    outcome = train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)
    if outcome.status == "done" and config.lora is not None and ranks.first and model.config.is_gpt_neox:
        load_weights(find_checkpoint(path), model)  # a run that was finished before has not trained this model
        save_peft_adapter(RunFolder(path).path / "adapter", model, config.lora)
    return outcome
