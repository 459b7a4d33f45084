"""Fine-tuning on data with mistakes: LoRA, or all weights (continued pretraining). Part 2.2, Result 7."""

from __future__ import annotations

from pathlib import Path

import torch

from igsm.checkpoints import find_checkpoint
from igsm.model import load_model
from igsm.model.checkpoint import load_weights
from igsm.model.lora import add_lora, save_peft_adapter
from igsm.rundir import RunFolder
from igsm.seeds import torch_seed
from igsm.training.distributed import Ranks
from igsm.training.loop import Outcome, train
from igsm.training.pretrain import Evaluate, window_task
from igsm.training.settings import FinetuneConfig, resolve_finetuning, stored_model


def finetune(config: FinetuneConfig, path: str | Path, ranks: Ranks, *, evaluate: Evaluate | None = None) -> Outcome:
    """Fine-tune in the run folder `path`, from its newest checkpoint if there is one.

    The arguments are those of `pretrain.pretrain`. A finished LoRA run also has its updates as a PEFT adapter in
    `adapter/`, if the model can be exported as GPT-NeoX; `load_model` merges them, so that every command takes the run
    like any other.

    Raises:
        InputError, TrainingError: see `loop.train`.
    """
    config, (model, _) = resolve_finetuning(config), load_model(config.from_)
    _, _, vocabulary = stored_model(config.from_)
    vocabulary = vocabulary.extended(config.data.method.marks)
    torch.manual_seed(torch_seed(config.seed, "low-rank updates"))
    if config.lora is not None:
        add_lora(model, config.lora)
    else:
        model.requires_grad_(True)
    task = window_task(model, config.data, config.training, ranks, config.seed, vocabulary, evaluate)
    outcome = train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)
    if outcome.status == "done" and config.lora is not None and ranks.first and model.config.is_gpt_neox:
        load_weights(find_checkpoint(path), model)  # a run that was finished before has not trained this model
        save_peft_adapter(RunFolder(path).path / "adapter", model, config.lora, len(vocabulary.known))
    return outcome
